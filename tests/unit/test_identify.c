/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=probes__set_class,--wrap=aside__read_memory */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap/identify.h"
#include "util/aside.h"

#define TAG 0xbaddecaf
#define CLASS 17

/* ---- what BPF is told -------------------------------------------------------------------- */

static struct {
	unsigned count;
	uint32_t index;
	struct tm_object_class class;
	int error; /* to return */
} told;

int __wrap_probes__set_class(struct probes *probes, uint32_t index,
			     const struct tm_object_class *class);

int __wrap_probes__set_class(struct probes *probes, uint32_t index,
			     const struct tm_object_class *class)
{
	(void)probes;
	told.count++;
	told.index = index;
	told.class = *class;
	return told.error;
}

/* ---- the process's memory ---------------------------------------------------------------- */

static ssize_t memory_error; /* 0: it can be read */

ssize_t __real_aside__read_memory(struct aside *aside, uint32_t tgid, uint64_t address, void *buf,
				  size_t size);
ssize_t __wrap_aside__read_memory(struct aside *aside, uint32_t tgid, uint64_t address, void *buf,
				  size_t size);

ssize_t __wrap_aside__read_memory(struct aside *aside, uint32_t tgid, uint64_t address, void *buf,
				  size_t size)
{
	if (memory_error)
		return memory_error;
	return __real_aside__read_memory(aside, tgid, address, buf, size);
}

/* ---- an object of a C++ library, in our own memory --------------------------------------- */

struct fake_string {
	const char *data;
	uint64_t length;
	union {
		char brief[16];
		uint64_t capacity;
	};
};

struct fake_object {
	const void *vtable;
	uint64_t numbers[20];
	uint32_t tag;
	uint32_t pad;
	struct fake_string text;
	char rest[TM_OBJECT_HEAD];
};

static const char *info[2] = { NULL, "N3zmq6push_tE" };
static const void *const table[2] = { info, NULL };
static struct fake_object object;
static char long_text[] = "tcp://[2001:db8::1234:5678]:54321";

static const struct profile_label_value classes[] = {
	{ "N3zmq6push_tE", "push" },
	{ "N3zmq6pull_tE", "pull" },
};
static const char *const prefixes[] = { "tcp://", "ipc://" };
static struct profile profile = {
	.name = "made-up",
	.object = {
		.given = 1,
		.class_prefix = "N3zmq",
		.tag = TAG,
		.within = 1024,
		.class_count = 2,
		.classes = classes,
		.prefix_count = 2,
		.prefixes = prefixes,
	},
};
static const struct profile without_object = { .name = "plain" };

static struct tm_slot slot;
static struct tm_stream_event event;
static struct stream_labels_text labels;

static void set_text(const char *text)
{
	memset(&object.text, 0, sizeof(object.text));
	object.text.length = strlen(text);
	if (object.text.length < sizeof(object.text.brief)) {
		memcpy(object.text.brief, text, object.text.length);
		object.text.data = object.text.brief;
	} else {
		object.text.data = text;
		object.text.capacity = object.text.length;
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	memory_error = 0;
	memset(&slot, 0, sizeof(slot));
	memset(&event, 0, sizeof(event));
	memset(&object, 0, sizeof(object));
	memset(&labels, 0x55, sizeof(labels));
	object.vtable = &table[1];
	object.tag = TAG;
	set_text(long_text);
	slot.key.object = (uintptr_t)&object;
	slot.key.process.tgid = (uint32_t)getpid();
	slot.object_class = CLASS;
	strcpy(event.comm, "from-bpf");
	strcpy(event.class_name, "N3zmq6push_tE");
	return 0;
}

static int identify(const struct tm_stream_event *with)
{
	return identify_stream(NULL, NULL, &profile, &slot, with, &labels);
}

/* As BPF hands it over as long as it does not know where things are. */
static void hand_over_head(void)
{
	memcpy(event.head, &object, sizeof(event.head));
	event.head_len = sizeof(event.head);
}

static void check_layout_told(void)
{
	assert_int_equal(told.count, 1);
	assert_int_equal(told.index, CLASS);
	assert_int_equal(told.class.known, 1);
	assert_int_equal(told.class.tag, TAG);
	assert_int_equal(told.class.tag_offset, offsetof(struct fake_object, tag));
	assert_int_equal(told.class.text_offset, offsetof(struct fake_object, text));
	assert_string_equal(told.class.class_prefix, "N3zmq");
}

/* ---- from what BPF has read -------------------------------------------------------------- */

static void a_text_that_bpf_has_read_is_the_endpoint(void **state)
{
	(void)state;
	event.text_ok = 1;
	strcpy(event.text, "ipc:///run/x");
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "ipc:///run/x");
	assert_string_equal(labels.socket_type, "push");
	assert_string_equal(labels.comm, "from-bpf");
	assert_int_equal(told.count, 0);
}

static void a_text_that_is_empty_is_no_endpoint(void **state)
{
	(void)state;
	event.text_ok = 1;
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "none");
}

static void the_longest_texts_fit(void **state)
{
	(void)state;
	event.text_ok = 1;
	memset(event.text, 'x', sizeof(event.text) - 1);
	memset(event.comm, 'c', sizeof(event.comm) - 1);
	memset(event.class_name, 'n', sizeof(event.class_name) - 1);
	assert_int_equal(identify(&event), 1);
	assert_int_equal(strlen(labels.endpoint), TM_TEXT_LEN - 1);
	assert_int_equal(strlen(labels.comm), TM_COMM_LEN - 1);
	assert_string_equal(labels.socket_type, "unknown");
}

static void a_class_that_the_profile_does_not_name_is_unknown(void **state)
{
	(void)state;
	event.text_ok = 1;
	strcpy(event.class_name, "N3zmq5newerE");
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.socket_type, "unknown");
}

static void a_class_name_that_bpf_could_not_read_is_read_from_the_process(void **state)
{
	(void)state;
	event.text_ok = 1;
	event.class_name[0] = 0;
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.socket_type, "push");
}

static void the_first_object_shows_where_the_text_is(void **state)
{
	(void)state;
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, long_text);
	check_layout_told();
}

static void a_short_text_lies_in_the_object_itself(void **state)
{
	(void)state;
	set_text("ipc:///x");
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "ipc:///x");
	check_layout_told();
}

static void an_object_with_an_empty_text_has_no_endpoint(void **state)
{
	(void)state;
	set_text("");
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "none");
	check_layout_told();
}

static void an_object_without_any_text_shows_nothing_and_has_no_endpoint(void **state)
{
	(void)state;
	memset(&object.text, 0, sizeof(object.text));
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "none");
	assert_int_equal(told.count, 0);
}

static void an_object_without_the_tag_has_an_unknown_endpoint(void **state)
{
	(void)state;
	object.tag = 0xdeadbeef;
	hand_over_head();
	assert_int_equal(identify(&event), 0);
	assert_string_equal(labels.endpoint, "unknown");
	assert_int_equal(told.count, 0);
}

static void what_lies_beyond_the_part_to_scan_is_not_seen(void **state)
{
	(void)state;
	profile.object.within = offsetof(struct fake_object, text);
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "none");
	profile.object.within = 1024;
}

static void half_a_head_is_enough_if_all_is_in_it(void **state)
{
	(void)state;
	hand_over_head();
	event.head_len = TM_OBJECT_HEAD / 2;
	memset(event.head + event.head_len, 0xff, sizeof(event.head) - event.head_len);
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, long_text);
}

static void an_endpoint_is_known_even_if_bpf_cannot_be_told_of_its_place(void **state)
{
	(void)state;
	told.error = -ENOMEM;
	hand_over_head();
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, long_text);
}

/* ---- from the process -------------------------------------------------------------------- */

static void without_the_event_everything_is_read_from_the_process(void **state)
{
	char name[TM_COMM_LEN] = "";

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(identify(NULL), 1);
	assert_string_equal(labels.comm, name);
	assert_string_equal(labels.endpoint, long_text);
	assert_string_equal(labels.socket_type, "push");
	check_layout_told();
}

static void a_name_with_a_line_break_is_the_same_from_the_process_as_from_bpf(void **state)
{
	char name[TM_COMM_LEN] = "";

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(prctl(PR_SET_NAME, "two\nlines"), 0);
	identify(NULL);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	assert_string_equal(labels.comm, "two\nlines");
}

static void an_event_without_the_object_has_it_read_from_the_process(void **state)
{
	(void)state;
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, long_text);
}

static void an_object_at_the_end_of_its_mapping_can_be_read(void **state)
{
	size_t size = offsetof(struct fake_object, rest);
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(munmap(memory + 4096, 4096), 0);
	memcpy(memory + 4096 - size, &object, size);
	slot.key.object = (uintptr_t)memory + 4096 - size;
	assert_int_equal(identify(NULL), 1);
	assert_string_equal(labels.endpoint, long_text);
	munmap(memory, 4096);
}

static void pointers_into_nowhere_are_read_as_unknown(void **state)
{
	(void)state;
	slot.key.object = 0x10;
	assert_int_equal(identify(NULL), 0);
	assert_string_equal(labels.endpoint, "unknown");
	assert_string_equal(labels.socket_type, "unknown");
	slot.key.object = UINT64_MAX - 1;
	assert_int_equal(identify(NULL), 0);
	slot.key.object = (uintptr_t)&object;
	object.vtable = (void *)0x10;
	object.text.data = (void *)0x10;
	assert_int_equal(identify(NULL), 1);
	assert_string_equal(labels.endpoint, "none"); /* what is there is no text */
	assert_string_equal(labels.socket_type, "unknown");
}

static void a_process_that_has_gone_has_no_labels(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	slot.key.process.tgid = (uint32_t)pid;
	assert_int_equal(identify(NULL), 0);
	assert_string_equal(labels.comm, "");
	assert_string_equal(labels.endpoint, "unknown");
	assert_string_equal(labels.socket_type, "unknown");
	/* BPF has seen it alive, but not its object */
	assert_int_equal(identify(&event), 0);
	assert_string_equal(labels.comm, "from-bpf");
	assert_string_equal(labels.endpoint, "unknown");
	assert_string_equal(labels.socket_type, "push");
}

static void memory_that_cannot_be_read_now_is_asked_for_again(void **state)
{
	static const ssize_t errors[] = { -ETIMEDOUT, -EBUSY, -EAGAIN, -ENOMEM };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		memory_error = errors[i];
		assert_int_equal(identify(NULL), -EAGAIN);
		assert_string_equal(labels.endpoint, "unknown");
		assert_string_equal(labels.socket_type, "unknown");
	}
	memory_error = 0;
	assert_int_equal(identify(NULL), 1);
	assert_string_equal(labels.endpoint, long_text);
}

/* An endpoint of "none" would be wrong, as would be the place of the next text. */
static void a_text_that_cannot_be_read_now_is_not_taken_for_none(void **state)
{
	(void)state;
	hand_over_head();
	memory_error = -EBUSY;
	assert_int_equal(identify(&event), -EAGAIN);
	assert_string_equal(labels.endpoint, "unknown");
	assert_string_equal(labels.socket_type, "push");
	assert_string_equal(labels.comm, "from-bpf");
	assert_int_equal(told.count, 0);
}

static void a_class_that_cannot_be_read_now_is_asked_for_again(void **state)
{
	(void)state;
	event.text_ok = 1;
	strcpy(event.text, "ipc:///run/x");
	event.class_name[0] = 0;
	memory_error = -ETIMEDOUT;
	assert_int_equal(identify(&event), -EAGAIN);
	assert_string_equal(labels.endpoint, "ipc:///run/x");
	assert_string_equal(labels.socket_type, "unknown");
}

/* ---- streams without an object ----------------------------------------------------------- */

static void calls_with_a_pointer_that_is_no_object_have_unknown_labels(void **state)
{
	(void)state;
	slot.key.object = 0;
	assert_int_equal(identify(&event), 1);
	assert_string_equal(labels.endpoint, "unknown");
	assert_string_equal(labels.socket_type, "unknown");
	assert_string_equal(labels.comm, "from-bpf");
}

static void a_profile_without_objects_has_a_name_only(void **state)
{
	(void)state;
	assert_int_equal(identify_stream(NULL, NULL, &without_object, &slot, &event, &labels), 1);
	assert_string_equal(labels.comm, "from-bpf");
	assert_string_equal(labels.endpoint, "");
	assert_string_equal(labels.socket_type, "");
	assert_int_equal(told.count, 0);
}

int main(void)
{
#define IDENTIFY_TEST(function) cmocka_unit_test_setup(function, setup)
	const struct CMUnitTest tests[] = {
		IDENTIFY_TEST(a_text_that_bpf_has_read_is_the_endpoint),
		IDENTIFY_TEST(a_text_that_is_empty_is_no_endpoint),
		IDENTIFY_TEST(the_longest_texts_fit),
		IDENTIFY_TEST(a_class_that_the_profile_does_not_name_is_unknown),
		IDENTIFY_TEST(a_class_name_that_bpf_could_not_read_is_read_from_the_process),
		IDENTIFY_TEST(the_first_object_shows_where_the_text_is),
		IDENTIFY_TEST(a_short_text_lies_in_the_object_itself),
		IDENTIFY_TEST(an_object_with_an_empty_text_has_no_endpoint),
		IDENTIFY_TEST(an_object_without_any_text_shows_nothing_and_has_no_endpoint),
		IDENTIFY_TEST(an_object_without_the_tag_has_an_unknown_endpoint),
		IDENTIFY_TEST(what_lies_beyond_the_part_to_scan_is_not_seen),
		IDENTIFY_TEST(half_a_head_is_enough_if_all_is_in_it),
		IDENTIFY_TEST(an_endpoint_is_known_even_if_bpf_cannot_be_told_of_its_place),
		IDENTIFY_TEST(without_the_event_everything_is_read_from_the_process),
		IDENTIFY_TEST(a_name_with_a_line_break_is_the_same_from_the_process_as_from_bpf),
		IDENTIFY_TEST(an_event_without_the_object_has_it_read_from_the_process),
		IDENTIFY_TEST(an_object_at_the_end_of_its_mapping_can_be_read),
		IDENTIFY_TEST(pointers_into_nowhere_are_read_as_unknown),
		IDENTIFY_TEST(a_process_that_has_gone_has_no_labels),
		IDENTIFY_TEST(memory_that_cannot_be_read_now_is_asked_for_again),
		IDENTIFY_TEST(a_text_that_cannot_be_read_now_is_not_taken_for_none),
		IDENTIFY_TEST(a_class_that_cannot_be_read_now_is_asked_for_again),
		IDENTIFY_TEST(calls_with_a_pointer_that_is_no_object_have_unknown_labels),
		IDENTIFY_TEST(a_profile_without_objects_has_a_name_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
