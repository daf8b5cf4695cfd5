/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/*
 * The pair of BPF programs behind every tap, on a library that knows of nothing but itself: every
 * test runs with each of the three ways to attach, and all three must come to the same numbers.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "bpf_test.h"
#include "tap/elf.h"
#include "tapped.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_STREAMS 1024
#define THREADS 8
#define CALLS 21000l /* of each thread: a million in the two tests with three ways */

/* The number of a function is the number of its spec too. */
enum function {
	VALUE,
	SUM,
	FILL,
	LOCAL,
	REFUSE,
	OUTER,
	MIDDLE,
	INNER,
	TAIL,
	RECURSE,
	LEAVE,
	MIX,
	FUNCTIONS,
};

static const char *const names[FUNCTIONS] = {
	[VALUE] = "tapped_value",   [FILL] = "tapped_fill",   [LOCAL] = "tapped_local",
	[REFUSE] = "tapped_refuse", [OUTER] = "tapped_outer", [MIDDLE] = "tapped_middle",
	[INNER] = "tapped_inner",   [TAIL] = "tapped_tail",   [RECURSE] = "tapped_recurse",
	[LEAVE] = "tapped_leave",   [SUM] = "tapped_sum",     [MIX] = "tapped_mix",
};

/* As the children see the library. */
static struct {
	tapped_value_fn *value;
	tapped_fill_fn *fill;
	tapped_local_fn *local;
	tapped_refuse_fn *refuse;
	tapped_call_fn *outer, *middle, *inner, *tail;
	tapped_recurse_fn *recurse;
	tapped_leave_fn *leave;
	tapped_sum_fn *sum;
	tapped_mix_fn *mix;
} lib;

static void *library;
static int library_fd = -1;
static struct elf_symbol symbols[FUNCTIONS];
static int64_t errno_slot; /* address in the file of the GOT slot of __errno_location */

static enum attach_way way;
static struct probes *probes;
static struct probe_link *links;
static char why_not[512]; /* not "": this way cannot be tried here */
static uint64_t lost_before[TM_LOST_COUNT];

/* The numbers of each way, in the order in which the tests have looked at them. */
struct numbers {
	uint64_t frames, messages, bytes, would_block, timeouts, failures;
};
static struct numbers seen[ATTACH_PERF + 1][256];
static size_t seen_count[ATTACH_PERF + 1];

/* ---- fixtures ---------------------------------------------------------------------------- */

static int find_functions(void)
{
	char err[128];
	struct elf_file *elf;
	uint64_t slot = 0;
	int found;

	library_fd = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	if (library_fd < 0 || elf_file__new(library_fd, &elf, err, sizeof(err)))
		return -1;
	found = elf_file__functions(elf, names, FUNCTIONS, symbols);
	if (elf_file__got_slot(elf, "__errno_location", &slot))
		found = -1;
	errno_slot = (int64_t)slot;
	elf_file__free(elf);
	return found == FUNCTIONS ? 0 : -1;
}

static int open_library(void **state)
{
	(void)state;
	if (make_directory(__FILE__) || find_functions())
		return -1;
	library = dlopen(in_directory("tapped.so"), RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return -1;
	lib.value = (tapped_value_fn *)dlsym(library, names[VALUE]);
	lib.fill = (tapped_fill_fn *)dlsym(library, names[FILL]);
	lib.local = (tapped_local_fn *)dlsym(library, names[LOCAL]);
	lib.refuse = (tapped_refuse_fn *)dlsym(library, names[REFUSE]);
	lib.outer = (tapped_call_fn *)dlsym(library, names[OUTER]);
	lib.middle = (tapped_call_fn *)dlsym(library, names[MIDDLE]);
	lib.inner = (tapped_call_fn *)dlsym(library, names[INNER]);
	lib.tail = (tapped_call_fn *)dlsym(library, names[TAIL]);
	lib.recurse = (tapped_recurse_fn *)dlsym(library, names[RECURSE]);
	lib.leave = (tapped_leave_fn *)dlsym(library, names[LEAVE]);
	lib.sum = (tapped_sum_fn *)dlsym(library, names[SUM]);
	lib.mix = (tapped_mix_fn *)dlsym(library, names[MIX]);
	return lib.mix ? 0 : -1;
}

/* Taps the functions from `first` to `last`. */
static int attach(enum function first, enum function last, pid_t pid)
{
	struct probe list[FUNCTIONS];
	unsigned count = 0;

	for (unsigned i = first; i <= last; i++)
		list[count++] = (struct probe){ .offset = symbols[i].offset, .spec = i };
	return probes__attach(probes, library_fd, list, count, pid, &links);
}

static void detach(void)
{
	probe_link__free(links);
	links = NULL;
}

static int open_way(enum attach_way chosen)
{
	struct probes_config config = { .way = chosen, .max_streams = MAX_STREAMS };

	way = chosen;
	if (open_probes(&config, &probes, why_not))
		return -1;
	return probes ? attach(0, FUNCTIONS - 1, 0) : 0;
}

static int open_session(void **state)
{
	return open_library(state) || open_way(ATTACH_SESSION);
}

static int open_multi(void **state)
{
	return open_library(state) || open_way(ATTACH_MULTI);
}

static int open_perf(void **state)
{
	return open_library(state) || open_way(ATTACH_PERF);
}

static int close_way(void **state)
{
	(void)state;
	detach();
	probes__free(probes);
	probes = NULL;
	dlclose(library);
	close(library_fd);
	return remove_directory();
}

static struct tm_value argument(unsigned number)
{
	return (struct tm_value){ .base = TM_BASE_ARG,
				  .arg = (uint8_t)number,
				  .bits = 64,
				  .mask = ~0ull };
}

static struct tm_value returned(void)
{
	return (struct tm_value){ .base = TM_BASE_RETURN,
				  .bits = 64,
				  .mask = ~0ull,
				  .is_signed = 1 };
}

static struct tm_value in_memory(unsigned number, unsigned width, int32_t offset, int is_signed)
{
	struct tm_value value = argument(number);

	value.width = (uint8_t)width;
	value.bits = (uint8_t)(width * 8);
	value.offset = offset;
	value.is_signed = is_signed != 0;
	return value;
}

static struct tm_value masked(struct tm_value value, uint64_t mask)
{
	value.mask = mask;
	return value;
}

static struct tm_value compared(struct tm_value value, enum tm_compare how, int64_t with)
{
	value.compare = (uint8_t)how;
	value.operand = with;
	return value;
}

static struct tm_spec count_as(unsigned op)
{
	return (struct tm_spec){ .action = TM_ACTION_COUNT, .op = (uint16_t)op, .more_known = 1 };
}

/* From here on the function is tapped so. */
static void tap(enum function function, struct tm_spec spec)
{
	assert_int_equal(probes__set_spec(probes, (uint32_t)function, &spec), 0);
}

static int count_nothing(void **state)
{
	(void)state;
	if (!probes)
		return 0;
	/* each an operation of its own: none is inside another */
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		struct tm_spec spec = count_as(1000 + i);

		if (probes__set_spec(probes, i, &spec))
			return -1;
	}
	memcpy(lost_before, probes__losses(probes), sizeof(lost_before));
	return 0;
}

static void ignore_event(void *arg, const struct tm_event *event, size_t size)
{
	(void)arg;
	(void)event;
	(void)size;
}

/* ---- what was counted -------------------------------------------------------------------- */

static int is_of(const struct tm_slot *slot, pid_t tgid, unsigned op)
{
	return slot->state != TM_SLOT_FREE && slot->key.process.tgid == (uint32_t)tgid &&
	       slot->key.op == op;
}

/* How many streams the process has of the operation. */
static unsigned streams_of(pid_t tgid, unsigned op)
{
	const struct tm_slot *slots = probes__slots(probes);
	unsigned count = 0;

	for (unsigned i = 0; i < MAX_STREAMS; i++)
		count += is_of(&slots[i], tgid, op) != 0;
	return count;
}

static struct tm_slot *stream_with(pid_t tgid, unsigned op, uint64_t object)
{
	struct tm_slot *slots = probes__slots(probes);

	for (unsigned i = 0; i < MAX_STREAMS; i++)
		if (is_of(&slots[i], tgid, op) && slots[i].key.object == object)
			return &slots[i];
	fail_msg("no stream of process %d, operation %u, object %#llx", (int)tgid, op,
		 (unsigned long long)object);
	return NULL;
}

/* The only stream of the operation. */
static struct tm_slot *stream_of(pid_t tgid, unsigned op)
{
	struct tm_slot *slots = probes__slots(probes);

	assert_int_equal(streams_of(tgid, op), 1);
	for (unsigned i = 0; i < MAX_STREAMS; i++)
		if (is_of(&slots[i], tgid, op))
			return &slots[i];
	return NULL;
}

static uint64_t frames_of(const struct tm_slot *slot)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < TM_HIST_BUCKETS; i++)
		frames += slot->hist[i];
	return frames;
}

static uint64_t failures_of(const struct tm_slot *slot)
{
	uint64_t failures = slot->other_errors + slot->unknown_errors;

	for (size_t i = 0; i < TM_MAX_ERRNOS; i++)
		failures += slot->errors[i].count;
	return failures;
}

static void check_numbers(const struct tm_slot *slot, const struct numbers *expected)
{
	struct numbers got = {
		.frames = frames_of(slot),
		.messages = slot->messages,
		.bytes = slot->bytes,
		.would_block = slot->would_block,
		.timeouts = slot->timeouts,
		.failures = failures_of(slot),
	};

	assert_int_equal(got.frames, expected->frames);
	assert_int_equal(got.messages, expected->messages);
	assert_int_equal(got.bytes, expected->bytes);
	assert_int_equal(got.would_block, expected->would_block);
	assert_int_equal(got.timeouts, expected->timeouts);
	assert_int_equal(got.failures, expected->failures);
	assert_true(seen_count[way] < COUNT_OF(seen[way]));
	seen[way][seen_count[way]++] = got;
}

/* Calls that did not fail, a message each. */
static void check_calls(const struct tm_slot *slot, uint64_t calls, uint64_t bytes)
{
	struct numbers expected = { .frames = calls, .messages = calls, .bytes = bytes };

	check_numbers(slot, &expected);
}

static void check_lost(enum tm_lost reason, uint64_t expected)
{
	assert_int_equal(probes__losses(probes)[reason] - lost_before[reason], expected);
	lost_before[reason] += expected;
}

/* As the agent does it: see streams.c. */
static int recycle(struct tm_slot *slot)
{
	struct tm_stream_key key = slot->key;

	probes__forget(probes, &key); /* if it is not closed already */
	slot->generation++;
	memset((char *)slot + offsetof(struct tm_slot, key), 0,
	       sizeof(*slot) - offsetof(struct tm_slot, key));
	slot->state = TM_SLOT_FREE;
	return probes__give_back(probes, (uint32_t)(slot - probes__slots(probes)));
}

/* No process of the tests is left in a call, and nothing was lost that has not been looked at. */
static int check_rest(void **state)
{
	(void)state;
	if (!probes)
		return 0;
	probes__events(probes, ignore_event, NULL);
	/* in this order, the first one is on top again, and the next test begins there */
	for (unsigned i = MAX_STREAMS; i--;)
		if (probes__slots(probes)[i].state != TM_SLOT_FREE &&
		    recycle(&probes__slots(probes)[i]))
			return -1;
	for (unsigned i = 0; i < TM_MAX_THREADS; i++)
		if (probes__threads(probes)[i].depth) {
			print_error("thread record %u is left with calls in it\n", i);
			return -1;
		}
	for (int i = 0; i < TM_LOST_COUNT; i++)
		if (probes__losses(probes)[i] != lost_before[i]) {
			print_error(
				"reason %d: lost %llu\n", i,
				(unsigned long long)(probes__losses(probes)[i] - lost_before[i]));
			return -1;
		}
	return 0;
}

/* ---- values ------------------------------------------------------------------------------ */

static void call_values(void *arg)
{
	(void)arg;
	for (long i = 1; i <= 10; i++)
		lib.value(i, 100 * i, 0);
	lib.value(-5, -5, 0);
}

static void bytes_are_what_the_call_returns(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.bytes = returned();
	tap(VALUE, spec);
	check_calls(stream_of(run_child(call_values, NULL), 1), 11, 55);
}

static void call_ints(void *arg)
{
	(void)arg;
	/* an int leaves the upper half of the register as it is */
	lib.value(5, 0, 0);
	lib.value((long)0xabcd00000007, 0, 0);
	lib.value(0, 0, 0);
	lib.value(-1, 0, 0);
	lib.value((long)0xabcd80000000, 0, 0);
}

/* The way most C functions tell their outcome, which the program takes a short way for. */
static void an_int_that_is_returned_is_bytes_or_a_failure(void **state)
{
	struct numbers expected = { .frames = 3, .messages = 3, .bytes = 12, .failures = 2 };
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.bytes = returned();
	spec.bytes.bits = 32;
	spec.failed[0] = compared(spec.bytes, TM_CMP_LT, 0);
	tap(VALUE, spec);
	check_numbers(stream_of(run_child(call_ints, NULL), 1), &expected);
}

static void bytes_are_what_an_argument_was_at_entry(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.bytes = argument(1);
	tap(VALUE, spec);
	check_calls(stream_of(run_child(call_values, NULL), 1), 11, 5500);
}

static void call_fill(void *arg)
{
	/* NOLINTNEXTLINE: an object need not be a pointer here */
	struct tapped_box before = { .object = 0x1111, .medium = 1 };
	const struct tapped_box *with = arg;

	lib.fill(&before, with, 1);
}

static void bytes_in_memory_are_read_at_return_in_every_width(void **state)
{
	static const struct tapped_box with = {
		.object = 0x2222,
		.wide = 1ll << 40,
		.medium = -70000,
		.narrow = -300,
		.tiny = -3,
	};
	static const struct {
		unsigned width;
		size_t offset;
		int is_signed;
		uint64_t bytes;
	} cases[] = {
		{ 8, offsetof(struct tapped_box, wide), 1, 1ull << 40 },
		{ 4, offsetof(struct tapped_box, medium), 0, 4294967296 - 70000 },
		{ 4, offsetof(struct tapped_box, medium), 1, 0 }, /* negative: no bytes */
		{ 2, offsetof(struct tapped_box, narrow), 0, 65536 - 300 },
		{ 2, offsetof(struct tapped_box, narrow), 1, 0 },
		{ 1, offsetof(struct tapped_box, tiny), 0, 256 - 3 },
		{ 1, offsetof(struct tapped_box, tiny), 1, 0 },
	};

	(void)state;
	skip_if(why_not);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct tm_spec spec = count_as(1);

		spec.bytes =
			in_memory(0, cases[i].width, (int32_t)cases[i].offset, cases[i].is_signed);
		tap(FILL, spec);
		check_calls(stream_of(run_child(call_fill, (void *)&with), 1), 1, cases[i].bytes);
	}
}

static void an_object_in_memory_is_read_at_entry(void **state)
{
	static const struct tapped_box with = { .object = 0x2222 };
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.object = in_memory(0, 8, offsetof(struct tapped_box, object), 0);
	tap(FILL, spec);
	assert_int_equal(stream_of(run_child(call_fill, (void *)&with), 1)->key.object, 0x1111);
}

static void call_local(void *arg)
{
	(void)arg;
	lib.local(12345);
}

static void a_local_variable_is_read_at_return(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.bytes = (struct tm_value){ .base = TM_BASE_STACK,
					.width = 8,
					.bits = 64,
					.offset = -48,
					.mask = ~0ull };
	tap(LOCAL, spec);
	check_calls(stream_of(run_child(call_local, NULL), 1), 1, 12345);
}

static void call_fill_null(void *arg)
{
	(void)arg;
	lib.value(1, 0, 0);
}

static void bytes_that_cannot_be_read_are_lost_and_the_call_counts(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.bytes = in_memory(1, 8, 16, 0);
	tap(VALUE, spec);
	check_calls(stream_of(run_child(call_fill_null, NULL), 1), 1, 0);
	check_lost(TM_LOST_UNREADABLE, 1);
}

static void a_failure_that_cannot_be_read_is_lost_and_the_call_counts(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.failed[0] = compared(in_memory(1, 4, 0, 1), TM_CMP_EQ, 6);
	tap(VALUE, spec);
	check_calls(stream_of(run_child(call_fill_null, NULL), 1), 1, 0);
	check_lost(TM_LOST_UNREADABLE, 1);
}

static void every_comparison_compares_signed(void **state)
{
	/* calls of call_values(): 1 .. 10 and -5 */
	static const struct {
		enum tm_compare compare;
		int64_t with;
		uint64_t failures;
	} cases[] = {
		{ TM_CMP_EQ, -5, 1 }, { TM_CMP_NE, 3, 10 },  { TM_CMP_LT, 0, 1 },
		{ TM_CMP_LE, 1, 2 },  { TM_CMP_GT, -5, 10 }, { TM_CMP_GE, 10, 1 },
	};

	(void)state;
	skip_if(why_not);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct numbers expected = { .failures = cases[i].failures };
		struct tm_spec spec = count_as(1);

		spec.failed[0] = compared(returned(), cases[i].compare, cases[i].with);
		tap(VALUE, spec);
		expected.frames = expected.messages = 11 - cases[i].failures;
		check_numbers(stream_of(run_child(call_values, NULL), 1), &expected);
	}
}

static void either_of_two_conditions_is_a_failure(void **state)
{
	struct numbers expected = { .frames = 9, .messages = 9, .failures = 2 };
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.failed[0] = compared(returned(), TM_CMP_LT, 0);
	spec.failed[1] = compared(argument(1), TM_CMP_EQ, 300);
	tap(VALUE, spec);
	check_numbers(stream_of(run_child(call_values, NULL), 1), &expected);
}

/* ---- more -------------------------------------------------------------------------------- */

static void call_flags(void *arg)
{
	(void)arg;
	for (long i = 0; i < 12; i++)
		lib.value(1, 0, i % 4); /* 2 = more: half of them */
}

static void a_frame_with_more_is_no_message(void **state)
{
	struct numbers expected = { .frames = 12, .messages = 6, .bytes = 12 };
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.has_more = 1;
	spec.more = masked(argument(2), 2);
	spec.bytes = returned();
	tap(VALUE, spec);
	check_numbers(stream_of(run_child(call_flags, NULL), 1), &expected);
}

static void frames_whose_more_is_not_known_are_no_messages_but_counted_as_such(void **state)
{
	struct numbers expected = { .frames = 12 };
	struct tm_spec spec = count_as(1);
	const struct tm_slot *slot;

	(void)state;
	skip_if(why_not);
	spec.has_more = 1;
	spec.more_known = 0;
	tap(VALUE, spec);
	slot = stream_of(run_child(call_flags, NULL), 1);
	check_numbers(slot, &expected);
	assert_int_equal(slot->more_unknown, 12);
	check_lost(TM_LOST_MORE_UNKNOWN, 12);

	spec.more_known = 1;
	spec.more = in_memory(1, 1, 43, 0); /* of a null pointer */
	tap(VALUE, spec);
	slot = stream_of(run_child(call_flags, NULL), 1);
	check_numbers(slot, &expected);
	assert_int_equal(slot->more_unknown, 12);
	check_lost(TM_LOST_MORE_UNKNOWN, 12);
}

/* ---- errno ------------------------------------------------------------------------------- */

static struct tm_spec failing(void)
{
	struct tm_spec spec = count_as(1);

	spec.bytes = returned();
	spec.failed[0] = compared(returned(), TM_CMP_LT, 0);
	spec.has_errno = 1;
	spec.errno_got = errno_slot - (int64_t)symbols[REFUSE].value;
	return spec;
}

static uint64_t errors_of(const struct tm_slot *slot, uint32_t error)
{
	for (size_t i = 0; i < TM_MAX_ERRNOS; i++)
		if (slot->errors[i].error == error)
			return slot->errors[i].count;
	return 0;
}

static void *fail_in_thread(void *arg)
{
	(void)arg;
	lib.refuse(ETIMEDOUT, 0, 0);
	lib.refuse(ENOTSUP, 0, 0);
	lib.refuse(0, 0, 5);
	return NULL;
}

static void call_fail(void *arg)
{
	pthread_t thread;

	(void)arg;
	for (int i = 0; i < 3; i++)
		lib.refuse(EINTR, 0, 0);
	lib.refuse(ENOTSUP, 0, 0);
	lib.refuse(156384765, 0, 0); /* ETERM of ZeroMQ */
	pthread_create(&thread, NULL, fail_in_thread, NULL);
	pthread_join(thread, NULL);
}

static void errnos_are_told_apart_in_the_main_thread_and_in_others(void **state)
{
	struct numbers expected = { .frames = 1, .messages = 1, .bytes = 5, .failures = 7 };
	const struct tm_slot *slot;

	(void)state;
	skip_if(why_not);
	tap(REFUSE, failing());
	slot = stream_of(run_child(call_fail, NULL), 1);
	check_numbers(slot, &expected);
	assert_int_equal(errors_of(slot, EINTR), 3);
	assert_int_equal(errors_of(slot, ENOTSUP), 2);
	assert_int_equal(errors_of(slot, 156384765), 1);
	assert_int_equal(errors_of(slot, ETIMEDOUT), 1);
	assert_int_equal(slot->other_errors, 0);
	assert_int_equal(slot->unknown_errors, 0);
}

static void errno_at_a_known_offset_needs_no_got(void **state)
{
	struct tm_spec spec = failing();
	const struct tm_slot *slot;
	uintptr_t thread_pointer;

	(void)state;
	skip_if(why_not);
	__asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
	spec.errno_got = 0;
	spec.errno_tpoff = (int64_t)((uintptr_t)&errno - thread_pointer);
	tap(REFUSE, spec);
	slot = stream_of(run_child(call_fail, NULL), 1);
	assert_int_equal(errors_of(slot, EINTR), 3);
	assert_int_equal(errors_of(slot, ETIMEDOUT), 1);
	assert_int_equal(slot->unknown_errors, 0);
}

static void call_fail_with_many_errnos(void *arg)
{
	(void)arg;
	for (int round = 0; round < 2; round++)
		for (int error = 100; error < 100 + TM_MAX_ERRNOS + 3; error++)
			lib.refuse(error, 0, 0);
}

static void errnos_beyond_the_table_are_others(void **state)
{
	struct numbers expected = { .failures = 2ul * (TM_MAX_ERRNOS + 3) };
	const struct tm_slot *slot;

	(void)state;
	skip_if(why_not);
	tap(REFUSE, failing());
	slot = stream_of(run_child(call_fail_with_many_errnos, NULL), 1);
	check_numbers(slot, &expected);
	for (uint32_t i = 0; i < TM_MAX_ERRNOS; i++)
		assert_int_equal(errors_of(slot, 100 + i), 2);
	assert_int_equal(slot->other_errors, 6);
}

static void an_errno_that_cannot_be_found_is_unknown(void **state)
{
	struct numbers expected = { .frames = 1, .messages = 1, .bytes = 5, .failures = 7 };
	struct tm_spec spec = failing();
	const struct tm_slot *slot;

	(void)state;
	skip_if(why_not);
	spec.errno_got = 0;
	tap(REFUSE, spec);
	slot = stream_of(run_child(call_fail, NULL), 1);
	check_numbers(slot, &expected);
	assert_int_equal(slot->unknown_errors, 7);
	check_lost(TM_LOST_ERRNO_UNKNOWN, 7);

	/* a place that holds something else than the function's address */
	spec.errno_got = -(int64_t)symbols[REFUSE].value;
	tap(REFUSE, spec);
	slot = stream_of(run_child(call_fail, NULL), 1);
	assert_int_equal(slot->unknown_errors, 7);
	check_lost(TM_LOST_ERRNO_UNKNOWN, 7);
}

static void failures_without_errno_are_others(void **state)
{
	struct tm_spec spec = failing();

	(void)state;
	skip_if(why_not);
	spec.has_errno = 0;
	tap(REFUSE, spec);
	assert_int_equal(stream_of(run_child(call_fail, NULL), 1)->other_errors, 7);
}

static void call_again(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		lib.refuse(EAGAIN, 1, 0);
	for (int i = 0; i < 4; i++)
		lib.refuse(EAGAIN, 2, 0);
	lib.refuse(EINTR, 1, 0);
}

static void eagain_means_would_block_or_timeout(void **state)
{
	struct numbers expected = { .would_block = 3, .timeouts = 4, .failures = 1 };
	struct numbers plain = { .failures = 8 };
	struct tm_spec spec = failing();

	(void)state;
	skip_if(why_not);
	spec.nonblocking = masked(argument(1), 1);
	tap(REFUSE, spec);
	check_numbers(stream_of(run_child(call_again, NULL), 1), &expected);

	/* not a word about blocking in the profile: an errno as any other */
	tap(REFUSE, failing());
	check_numbers(stream_of(run_child(call_again, NULL), 1), &plain);
}

/* ---- objects ----------------------------------------------------------------------------- */

static void call_on_objects(void *arg)
{
	(void)arg;
	for (long object = 1; object <= 5; object++)
		for (long i = 0; i < object; i++)
			lib.value(10, object, 0);
	lib.value(10, 0, 0);
}

static void each_object_has_a_stream_of_its_own(void **state)
{
	struct tm_spec spec = count_as(1);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	spec.bytes = returned();
	spec.object = argument(1);
	tap(VALUE, spec);
	pid = run_child(call_on_objects, NULL);
	assert_int_equal(streams_of(pid, 1), 6);
	for (uint64_t object = 1; object <= 5; object++)
		check_calls(stream_with(pid, 1, object), object, 10 * object);
	check_calls(stream_with(pid, 1, 0), 1, 10);
}

static void call_both(void *arg)
{
	(void)arg;
	lib.value(1, 7, 0);
	lib.refuse(0, 7, 2);
}

static void operations_of_one_object_have_a_stream_each(void **state)
{
	struct tm_spec spec = count_as(1);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	spec.object = argument(1);
	spec.bytes = returned();
	tap(VALUE, spec);
	spec.op = 2;
	tap(REFUSE, spec);
	pid = run_child(call_both, NULL);
	check_calls(stream_with(pid, 1, 7), 1, 1);
	check_calls(stream_with(pid, 2, 7), 1, 2);
	spec.op = 1; /* two functions of one operation share the object's stream */
	tap(REFUSE, spec);
	check_calls(stream_of(run_child(call_both, NULL), 1), 2, 3);
}

/* A C++ object: a pointer to its class' functions, before which one to the class' name lies. */
struct fake_object {
	const void *vtable;
	uint32_t tag;
	uint32_t pad;
};

static const char *const type_info[2] = { NULL, "N4fake6real_tE" };
static const void *const vtable[2] = { type_info, NULL };
static struct fake_object object_real = { .vtable = &vtable[1], .tag = 0x12345678 };
static struct fake_object object_dead = { .vtable = &vtable[1], .tag = 0xdeadbeef };
static const char *const other_info[2] = { NULL, "N5other6real_tE" };
static const void *const other_vtable[2] = { other_info, NULL };
static struct fake_object object_other = { .vtable = &other_vtable[1], .tag = 0x12345678 };

/* The first character: a page that was never touched cannot be read by BPF. */
static int touch(const char *text)
{
	return *(const volatile char *)text;
}

static void call_with_pointers(void *arg)
{
	(void)arg;
	touch(type_info[1]);
	touch(other_info[1]);
	lib.value(1, (long)&object_real, 0);
	lib.value(1, (long)&object_real, 0);
	lib.value(1, (long)&object_dead, 0);
	lib.value(1, (long)&object_other, 0);
	lib.value(1, 0x10, 0); /* not mapped */
}

static struct tm_spec with_class(uint16_t class)
{
	struct tm_spec spec = count_as(1);

	spec.object = argument(1);
	spec.object_class = class;
	return spec;
}

static void pointers_to_no_object_of_the_class_share_the_stream_without_object(void **state)
{
	struct tm_object_class class = { .class_prefix = "N4fake" };
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_int_equal(probes__set_class(probes, 1, &class), 0);
	tap(VALUE, with_class(1));
	pid = run_child(call_with_pointers, NULL);
	check_calls(stream_with(pid, 1, (uintptr_t)&object_real), 2, 0);
	check_calls(stream_with(pid, 1, (uintptr_t)&object_dead), 1, 0);
	check_calls(stream_with(pid, 1, 0), 2, 0);
}

/* As in a process that was forked and has not touched its libraries' constants. */
static void call_with_untouched_name(void *arg)
{
	const char *name = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, library_fd, 0);
	const void *info[2] = { NULL, name };
	const void *table[2] = { info, NULL };
	struct fake_object object = { .vtable = &table[1] };

	(void)arg;
	lib.value(1, (long)&object, 0);
}

static void an_object_whose_class_name_cannot_be_read_yet_is_one(void **state)
{
	struct tm_object_class class = { .class_prefix = "N4fake" };
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_int_equal(probes__set_class(probes, 1, &class), 0);
	tap(VALUE, with_class(1));
	pid = run_child(call_with_untouched_name, NULL);
	assert_int_not_equal(stream_of(pid, 1)->key.object, 0);
}

static void an_object_without_the_tag_is_none(void **state)
{
	struct tm_object_class class = {
		.known = 1,
		.tag = 0x12345678,
		.tag_offset = offsetof(struct fake_object, tag),
	};
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_int_equal(probes__set_class(probes, 1, &class), 0);
	tap(VALUE, with_class(1));
	pid = run_child(call_with_pointers, NULL);
	check_calls(stream_with(pid, 1, (uintptr_t)&object_real), 2, 0);
	check_calls(stream_with(pid, 1, (uintptr_t)&object_other), 1, 0);
	check_calls(stream_with(pid, 1, 0), 2, 0);
}

static void an_object_that_cannot_be_read_is_lost_and_the_call_counts_without(void **state)
{
	struct tm_spec spec = count_as(1);

	(void)state;
	skip_if(why_not);
	spec.object = in_memory(1, 8, 0, 0);
	tap(VALUE, spec);
	check_calls(stream_with(run_child(call_fill_null, NULL), 1, 0), 1, 0);
	check_lost(TM_LOST_UNREADABLE, 1);
}

/* ---- closing ----------------------------------------------------------------------------- */

static void call_and_close(void *arg)
{
	(void)arg;
	lib.value(1, 7, 0);
	lib.value(1, 8, 0);
	lib.refuse(0, 7, 1);
	lib.recurse(0); /* counted in another operation */
	lib.sum(7, 0, 0, 0, 0, 0, 0); /* ends object 7 */
	lib.value(1, 7, 0);
	lib.value(1, 7, 0);
}

static struct tm_spec ending(enum tm_action action, unsigned first, unsigned last)
{
	struct tm_spec spec = { .action = (uint8_t)action, .op = UINT16_MAX };

	spec.close_op_first = (uint16_t)first;
	spec.close_op_last = (uint16_t)last;
	spec.object = argument(0);
	return spec;
}

static unsigned streams_in(pid_t tgid, unsigned op, uint64_t object, enum tm_slot_state state)
{
	const struct tm_slot *slots = probes__slots(probes);
	unsigned count = 0;

	for (unsigned i = 0; i < MAX_STREAMS; i++)
		count += is_of(&slots[i], tgid, op) && slots[i].key.object == object &&
			 slots[i].state == state;
	return count;
}

static void tap_two_operations_on_objects(void)
{
	struct tm_spec spec = count_as(1);

	spec.object = argument(1);
	tap(VALUE, spec);
	spec.op = 2;
	tap(REFUSE, spec);
	tap(RECURSE, count_as(3));
}

static void closing_an_object_ends_its_streams_and_no_others(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_two_operations_on_objects();
	tap(SUM, ending(TM_ACTION_CLOSE, 1, 3));
	pid = run_child(call_and_close, NULL);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_CLOSED), 1);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_LIVE), 1); /* of the calls after it */
	assert_int_equal(streams_in(pid, 1, 8, TM_SLOT_LIVE), 1);
	assert_int_equal(streams_in(pid, 2, 7, TM_SLOT_CLOSED), 1);
	assert_int_equal(streams_in(pid, 3, 0, TM_SLOT_LIVE), 1);
	assert_int_equal(streams_of(pid, UINT16_MAX), 0);
}

static void call_right_after_closing(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		lib.value(1, 7, 0);
		lib.value(1, 7, 0);
		lib.sum(7, 0, 0, 0, 0, 0, 0);
	}
}

static void a_call_right_after_closing_begins_a_stream(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_two_operations_on_objects();
	tap(SUM, ending(TM_ACTION_CLOSE, 1, 2));
	pid = run_child(call_right_after_closing, NULL);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_CLOSED), 5);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_LIVE), 0);
}

static void closing_ends_the_streams_of_every_operation_that_a_profile_can_have(void **state)
{
	struct tm_spec spec = count_as(64);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	spec.object = argument(1);
	tap(VALUE, spec);
	tap(SUM, ending(TM_ACTION_CLOSE, 1, 64));
	pid = run_child(call_and_close, NULL);
	assert_int_equal(streams_in(pid, 64, 7, TM_SLOT_CLOSED), 1);
	assert_int_equal(streams_in(pid, 64, 7, TM_SLOT_LIVE), 1);
}

static void a_relabelling_call_ends_the_streams_if_it_did_not_fail(void **state)
{
	struct tm_spec spec = ending(TM_ACTION_RELABEL, 1, 2);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_two_operations_on_objects();
	spec.failed[0] = compared(returned(), TM_CMP_EQ, 7); /* which it returns */
	tap(SUM, spec);
	pid = run_child(call_and_close, NULL);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_CLOSED), 0);
	spec.failed[0].operand = 8;
	tap(SUM, spec);
	pid = run_child(call_and_close, NULL);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_CLOSED), 1);
	assert_int_equal(streams_in(pid, 2, 7, TM_SLOT_CLOSED), 1);
	assert_int_equal(streams_in(pid, 1, 7, TM_SLOT_LIVE), 1);
}

/* ---- calls inside calls ------------------------------------------------------------------ */

static void do_nothing(void *arg)
{
	(void)arg;
}

static void call_inner(void *arg)
{
	(void)arg;
	lib.inner(do_nothing, NULL, 10);
}

static void call_nested(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		lib.outer(call_inner, NULL, 1);
}

static void tap_as(enum function function, unsigned op)
{
	struct tm_spec spec = count_as(op);

	spec.bytes = returned();
	tap(function, spec);
}

static void a_call_inside_one_of_the_same_operation_counts_once(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(OUTER, 1);
	tap_as(INNER, 1);
	check_calls(stream_of(run_child(call_nested, NULL), 1), 5, 5);
}

static void a_call_inside_one_of_another_operation_counts_too(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_as(OUTER, 1);
	tap_as(INNER, 2);
	pid = run_child(call_nested, NULL);
	check_calls(stream_of(pid, 1), 5, 5);
	check_calls(stream_of(pid, 2), 5, 50);
}

static void call_tail(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		lib.tail(do_nothing, NULL, 3);
}

static void a_tail_call_into_another_operation_counts_both(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_as(TAIL, 1);
	tap_as(INNER, 2);
	pid = run_child(call_tail, NULL);
	check_calls(stream_of(pid, 1), 5, 15);
	check_calls(stream_of(pid, 2), 5, 15);
}

static void a_tail_call_within_an_operation_counts_once(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(TAIL, 1);
	tap_as(INNER, 1);
	check_calls(stream_of(run_child(call_tail, NULL), 1), 5, 15);
}

#define RECURSION (2l * TM_MAX_DEPTH)

static void call_recursion(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		if (lib.recurse(RECURSION) != RECURSION)
			_exit(1);
}

static void recursion_of_any_depth_counts_once(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(RECURSE, 1);
	check_calls(stream_of(run_child(call_recursion, NULL), 1), 5, 5 * RECURSION);
}

/* Each of these is called inside the one before, and value() inside the last. */
static tapped_call_fn **const chain[] = { &lib.outer, &lib.middle, &lib.inner, &lib.tail };
static long chain_length;

static void go_deeper(void *arg)
{
	long level = (long)arg;

	if (level < chain_length)
		(*chain[level])(go_deeper, (void *)(level + 1), level + 1);
	else
		lib.value(100, 0, 0);
}

static void tap_chain(void)
{
	tap_as(OUTER, 1);
	tap_as(MIDDLE, 2);
	tap_as(INNER, 3);
	tap_as(TAIL, 4);
	tap_as(VALUE, 100);
}

static void as_many_calls_as_a_thread_has_places_for_count(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_chain();
	chain_length = TM_MAX_DEPTH - 1;
	pid = run_child(go_deeper, NULL);
	for (unsigned op = 1; op < TM_MAX_DEPTH; op++)
		check_calls(stream_of(pid, op), 1, op);
	check_calls(stream_of(pid, 100), 1, 100);
}

static void a_call_nested_too_deep_is_lost_and_those_around_it_count(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_chain();
	chain_length = TM_MAX_DEPTH;
	pid = run_child(go_deeper, NULL);
	for (unsigned op = 1; op <= TM_MAX_DEPTH; op++)
		check_calls(stream_of(pid, op), 1, op);
	assert_int_equal(streams_of(pid, 100), 0);
	check_lost(TM_LOST_INFLIGHT_FULL, 1);
}

static void calls_inside_the_same_operation_take_no_place(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_chain();
	tap_as(MIDDLE, 1);
	tap_as(INNER, 1);
	chain_length = TM_MAX_DEPTH;
	pid = run_child(go_deeper, NULL);
	check_calls(stream_of(pid, 1), 1, 1);
	check_calls(stream_of(pid, 4), 1, 4);
	check_calls(stream_of(pid, 100), 1, 100);
}

/* ---- calls that never return ------------------------------------------------------------- */

static jmp_buf back;

/* A call that is left, and one in the same place that returns. */
static __attribute__((noinline)) void leave_and_return(int rounds)
{
	for (volatile int i = 0; i < rounds; i++) {
		if (!setjmp(back))
			lib.leave(&back);
		lib.leave(NULL);
	}
}

static void call_leave_in_place(void *arg)
{
	(void)arg;
	leave_and_return(10);
}

static void a_call_left_by_longjmp_is_an_orphan_and_the_next_one_counts(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(LEAVE, 1);
	check_calls(stream_of(run_child(call_leave_in_place, NULL), 1), 10, 70);
	check_lost(TM_LOST_ORPHANS, 10);
}

/* Runs fn with its frame further down the stack, whose memory is written anew. */
static __attribute__((noinline)) void lower(void (*fn)(void *))
{
	volatile char room[4096];

	memset((char *)room, 1, sizeof(room));
	fn(NULL);
	room[0] = 0;
}

static void call_leave(void *arg)
{
	(void)arg;
	lib.leave(NULL);
}

static void call_leave_lower(void *arg)
{
	(void)arg;
	for (volatile int i = 0; i < 10; i++) {
		if (!setjmp(back))
			lib.leave(&back);
		lower(call_leave);
	}
}

static void a_call_further_down_the_stack_than_one_left_by_longjmp_counts(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(LEAVE, 1);
	check_calls(stream_of(run_child(call_leave_lower, NULL), 1), 10, 70);
	check_lost(TM_LOST_ORPHANS, 10);
}

static __attribute__((noinline)) void leave_and_call_value(int rounds)
{
	for (volatile int i = 0; i < rounds; i++) {
		if (!setjmp(back))
			lib.leave(&back);
		lib.value(3, 0, 0);
	}
}

static void call_value_after_leave(void *arg)
{
	(void)arg;
	leave_and_call_value(10);
}

static void a_call_in_the_place_of_one_left_by_longjmp_counts(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(LEAVE, 1);
	tap_as(VALUE, 1);
	check_calls(stream_of(run_child(call_value_after_leave, NULL), 1), 10, 30);
	check_lost(TM_LOST_ORPHANS, 10);
}

static void leave_outwards(void *arg)
{
	(void)arg;
	lib.leave(&back);
}

static void call_leave_two(void *arg)
{
	(void)arg;
	for (volatile int i = 0; i < 10; i++) {
		if (!setjmp(back))
			lib.outer(leave_outwards, NULL, 1);
		lib.outer(do_nothing, NULL, 1);
	}
}

static void two_calls_left_at_once_are_two_orphans(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_as(OUTER, 1);
	tap_as(LEAVE, 2);
	pid = run_child(call_leave_two, NULL);
	check_calls(stream_of(pid, 1), 10, 10);
	check_calls(stream_of(pid, 2), 0, 0);
	check_lost(TM_LOST_ORPHANS, 20);
}

static void leave_inside(void *arg)
{
	(void)arg;
	if (!setjmp(back))
		lib.leave(&back);
}

static void call_leave_inside(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++)
		lib.outer(leave_inside, NULL, 1);
}

static void a_call_that_goes_on_after_an_inner_one_was_left_counts(void **state)
{
	pid_t pid;

	(void)state;
	skip_if(why_not);
	tap_as(OUTER, 1);
	tap_as(LEAVE, 2);
	pid = run_child(call_leave_inside, NULL);
	check_calls(stream_of(pid, 1), 10, 10);
	check_calls(stream_of(pid, 2), 0, 0);
	check_lost(TM_LOST_ORPHANS, 10);
}

/* ---- processes and threads that end in the middle ---------------------------------------- */

static struct signal_pipe told, go_on;

static void tell_and_wait(void *arg)
{
	(void)arg;
	tell(&told);
	await(&go_on);
}

static void call_and_wait(void *arg)
{
	(void)arg;
	lib.outer(tell_and_wait, NULL, 1);
}

/* The records of the process' threads; the one with calls in it comes out in *inside. */
static unsigned thread_records(pid_t tgid, const struct tm_thread **inside)
{
	const struct tm_thread *threads = probes__threads(probes);
	unsigned count = 0;

	*inside = NULL;
	for (unsigned i = 0; i < TM_MAX_THREADS; i++) {
		if (!threads[i].tid || threads[i].process.tgid != (uint32_t)tgid)
			continue;
		assert_true(probes__thread_block_used(probes, i / TM_BLOCK));
		count++;
		if (threads[i].depth)
			*inside = &threads[i];
	}
	return count;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void a_call_in_flight_can_be_seen_and_its_time_counts(void **state)
{
	uint64_t before = monotonic_ns(), inside;
	const struct tm_thread *thread;
	struct tm_slot *slot;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(OUTER, 1);
	pid = start_child(call_and_wait, NULL);
	await(&told);
	inside = monotonic_ns();
	slot = stream_of(pid, 1);
	assert_int_equal(frames_of(slot), 0);
	assert_int_equal(thread_records(pid, &thread), 1);
	assert_non_null(thread);
	assert_int_equal(thread->tid, pid);
	assert_int_equal(thread->depth, 1);
	assert_int_equal(thread->frames[0].spec, OUTER);
	assert_int_equal(thread->frames[0].slot, slot - probes__slots(probes));
	assert_int_equal(thread->frames[0].generation, slot->generation);
	assert_in_range(thread->frames[0].start_ns, before, inside);
	assert_in_range(slot->opened_ns, before, inside);
	before = monotonic_ns();
	tell(&go_on);
	finish_child(pid);
	check_calls(slot, 1, 1);
	assert_in_range(slot->sum_ns, before - inside, monotonic_ns() - slot->opened_ns);
	assert_int_equal(thread_records(pid, &thread), 0);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void a_process_killed_in_a_call_leaves_no_call_behind(void **state)
{
	const struct tm_thread *thread;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(OUTER, 1);
	pid = start_child(call_and_wait, NULL);
	await(&told);
	kill_child(pid);
	assert_int_equal(thread_records(pid, &thread), 0);
	check_calls(stream_of(pid, 1), 0, 0);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void end_thread(void *arg)
{
	(void)arg;
	syscall(SYS_exit, 0); /* the thread only */
}

static void *call_and_end(void *arg)
{
	(void)arg;
	lib.outer(end_thread, NULL, 1);
	return NULL;
}

static void call_from_thread_that_ends(void *arg)
{
	pthread_t thread;

	(void)arg;
	pthread_create(&thread, NULL, call_and_end, NULL);
	pthread_join(thread, NULL);
	lib.outer(tell_and_wait, NULL, 1);
}

static void a_thread_that_ends_in_a_call_leaves_the_others_counted(void **state)
{
	const struct tm_thread *thread;
	pid_t pid;

	(void)state;
	skip_if(why_not);
#ifdef __SANITIZE_THREAD__
	skip(); /* its pthread_join() waits for ever: such an end goes past its runtime */
#endif
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(OUTER, 1);
	pid = start_child(call_from_thread_that_ends, NULL);
	await(&told);
	/* before Linux 6.16, one who waits for a thread learns of its end before the tracepoint does */
	while (thread_records(pid, &thread) > 1)
		sched_yield();
	assert_int_equal(thread->tid, pid);
	tell(&go_on);
	finish_child(pid);
	check_calls(stream_of(pid, 1), 1, 1);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void wait_for_cancellation(void *arg)
{
	(void)arg;
	tell(&told);
	await(&go_on); /* never told */
}

static void *call_and_be_cancelled(void *arg)
{
	(void)arg;
	lib.outer(wait_for_cancellation, NULL, 1);
	return NULL;
}

static void cancel_thread(void *arg)
{
	pthread_t thread;
	void *result;

	(void)arg;
	pthread_create(&thread, NULL, call_and_be_cancelled, NULL);
	await(&told);
	pthread_cancel(thread);
	if (pthread_join(thread, &result) || result != PTHREAD_CANCELED)
		_exit(1);
	lib.outer(do_nothing, NULL, 1);
}

static void a_thread_cancelled_in_a_call_leaves_the_others_counted(void **state)
{
	(void)state;
	skip_if(why_not);
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its runtime takes the part of the stack that cancelling has left for still in use */
#endif
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(OUTER, 1);
	check_calls(stream_of(run_child(cancel_thread, NULL), 1), 1, 1);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void *call_after_the_leader(void *arg)
{
	(void)arg;
	tell(&told);
	await(&go_on);
	lib.value(2, 0, 0);
	_exit(0);
}

static void end_the_leader(void *arg)
{
	pthread_t thread;

	(void)arg;
	lib.value(1, 0, 0);
	pthread_create(&thread, NULL, call_after_the_leader, NULL);
	syscall(SYS_exit, 0);
}

static int is_zombie(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return file_has(path, "^State:.*Z");
}

struct exits {
	unsigned count;
	struct tm_process_id last;
};

static void note_exit(void *arg, const struct tm_event *event, size_t size)
{
	struct exits *exits = arg;

	(void)size;
	if (event->kind != TM_EVENT_EXIT)
		return;
	exits->count++;
	exits->last = event->process;
}

static void a_process_without_its_leader_is_the_same_process(void **state)
{
	struct exits exits = { 0 };
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(VALUE, 1);
	pid = start_child(end_the_leader, NULL);
	await(&told);
	while (!is_zombie(pid))
		sched_yield();
	probes__events(probes, note_exit, &exits);
	assert_int_equal(exits.count, 0);
	tell(&go_on);
	finish_child(pid);
	check_calls(stream_of(pid, 1), 2, 3);
	probes__events(probes, note_exit, &exits);
	assert_int_equal(exits.count, 1);
	assert_int_equal(exits.last.tgid, pid);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void exit_with_threads(void *arg)
{
	pthread_t threads[THREADS];

	(void)arg;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, fail_in_thread, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void the_end_of_a_process_is_told_once(void **state)
{
	struct exits exits = { 0 };
	pid_t pid;

	(void)state;
	skip_if(why_not);
	probes__events(probes, ignore_event, NULL);
	pid = run_child(exit_with_threads, NULL);
	probes__events(probes, note_exit, &exits);
	assert_int_equal(exits.count, 1);
	assert_int_equal(exits.last.tgid, pid);
	assert_int_equal(exits.last.start_ns, stream_of(pid, 1000 + REFUSE)->key.process.start_ns);
	run_child(do_nothing, NULL); /* has never called: nobody needs to know */
	probes__events(probes, note_exit, &exits);
	assert_int_equal(exits.count, 1);
}

static void call_and_exec(void *arg)
{
	(void)arg;
	lib.value(1, 0, 0);
	execl("/proc/self/exe", "test_calls", "call", in_directory("tapped.so"), NULL);
	_exit(1);
}

static void call_and_exec_inside(void *arg)
{
	(void)arg;
	lib.outer(call_and_exec, NULL, 1);
}

/* What this program does after an exec: two calls. */
static int call_from_program(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	tapped_value_fn *value = handle ? (tapped_value_fn *)dlsym(handle, names[VALUE]) : NULL;

	if (!value)
		return 1;
	value(1, 0, 0);
	value(1, 0, 0);
	_exit(0);
}

static void exec_begins_new_streams_in_the_same_process(void **state)
{
	struct tm_slot *slots, *old = NULL, *new = NULL;
	struct exits exits = { 0 };
	const struct tm_thread *thread;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	probes__events(probes, ignore_event, NULL);
	tap_as(VALUE, 1);
	tap_as(OUTER, 2);
	pid = run_child(call_and_exec_inside, NULL);
	slots = probes__slots(probes);
	assert_int_equal(streams_of(pid, 1), 2);
	for (unsigned i = 0; i < MAX_STREAMS; i++) {
		if (!is_of(&slots[i], pid, 1))
			continue;
		if (frames_of(&slots[i]) == 1)
			old = &slots[i];
		else
			new = &slots[i];
	}
	assert_non_null(old);
	assert_non_null(new);
	check_calls(new, 2, 2);
	assert_int_equal(old->key.process.start_ns, new->key.process.start_ns);
	assert_int_equal(old->key.process.exec_id + 1, new->key.process.exec_id);
	check_calls(stream_of(pid, 2), 0, 0); /* the call that exec was made in */
	assert_int_equal(thread_records(pid, &thread), 0);
	probes__events(probes, note_exit, &exits);
	assert_int_equal(exits.count, 2);
	assert_int_equal(exits.last.exec_id, new->key.process.exec_id);
}

static void fork_and_call(void *arg)
{
	pid_t pid;

	(void)arg;
	lib.value(1, 0, 0);
	pid = fork();
	if (!pid) {
		lib.value(2, 0, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	*(pid_t *)arg = pid;
}

static void fork_inside(void *arg)
{
	pid_t pid = fork();

	if (!pid) {
		lib.value(2, 0, 0);
		return; /* returns from a call that its process never made */
	}
	waitpid(pid, NULL, 0);
	*(pid_t *)arg = pid;
}

static void call_and_fork_inside(void *arg)
{
	lib.outer(fork_inside, arg, 1);
}

static void a_forked_process_has_streams_of_its_own(void **state)
{
	pid_t *grandchild =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_ptr_not_equal(grandchild, MAP_FAILED);
	tap_as(VALUE, 1);
	tap_as(OUTER, 2);
	pid = run_child(fork_and_call, grandchild);
	check_calls(stream_of(pid, 1), 1, 1);
	check_calls(stream_of(*grandchild, 1), 1, 2);
	pid = run_child(call_and_fork_inside, grandchild);
	check_calls(stream_of(pid, 2), 1, 1);
	check_calls(stream_of(*grandchild, 1), 1, 2);
	assert_int_equal(streams_of(*grandchild, 2), 0);
	munmap(grandchild, 4096);
}

/* fork(), with an id for the child that has the same place in the table of threads as the caller's. */
static pid_t fork_with_like_id(void)
{
	pid_t self = getpid(), places = 1 << TM_THREAD_HINT_BITS;
	pid_t like = self > places ? self - places : self + places;
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&like,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void call_beside_a_like_id(void *arg)
{
	pid_t pid;

	lib.value(1, 0, 0);
	pid = fork_with_like_id();
	if (!pid) {
		lib.value(2, 0, 0);
		lib.value(3, 0, 0);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	lib.value(4, 0, 0);
	*(pid_t *)arg = pid;
}

static void threads_with_the_same_place_in_the_table_are_told_apart(void **state)
{
	pid_t *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tm_spec spec = count_as(1);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_ptr_not_equal(other, MAP_FAILED);
	spec.bytes = returned();
	tap(VALUE, spec);
	pid = run_child(call_beside_a_like_id, other);
	check_calls(stream_of(pid, 1), 2, 5);
	if (*other > 0) /* else another process has that id */
		check_calls(stream_of(*other, 1), 2, 5);
	munmap(other, 4096);
}

static void the_agent_never_counts_itself(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(VALUE, 1);
	assert_int_equal(lib.value(1, 0, 0), 1);
	assert_int_equal(streams_of(getpid(), 1), 0);
}

/* ---- many threads ------------------------------------------------------------------------ */

static void *hammer(void *arg)
{
	for (long i = 0; i < CALLS; i++)
		lib.value(3, (long)arg, i);
	return NULL;
}

static void hammer_from_threads(void *arg)
{
	pthread_t threads[THREADS];

	(void)arg;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hammer, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void no_call_of_many_threads_on_one_stream_is_lost(void **state)
{
	(void)state;
	skip_if(why_not);
	tap_as(VALUE, 1);
	check_calls(stream_of(run_child(hammer_from_threads, NULL), 1), THREADS * CALLS,
		    3ull * THREADS * CALLS);
}

static void no_call_of_many_threads_on_a_stream_each_is_lost(void **state)
{
	struct tm_spec spec = count_as(1);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	spec.bytes = returned();
	spec.object = argument(1);
	tap(VALUE, spec);
	pid = run_child(hammer_from_threads, NULL);
	for (uint64_t i = 1; i <= THREADS; i++)
		check_calls(stream_with(pid, 1, i), CALLS, 3 * CALLS);
}

static void *open_streams(void *arg)
{
	pthread_barrier_t *barrier = arg;

	for (long i = 0; i < 50; i++) {
		pthread_barrier_wait(barrier); /* all at once */
		lib.value(1, i + 1, 0);
	}
	return NULL;
}

static void open_streams_at_once(void *arg)
{
	pthread_barrier_t barrier;
	pthread_t threads[THREADS];

	(void)arg;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, open_streams, &barrier);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void threads_that_open_a_stream_at_once_open_one(void **state)
{
	struct tm_spec spec = count_as(1);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	spec.object = argument(1);
	tap(VALUE, spec);
	pid = run_child(open_streams_at_once, NULL);
	assert_int_equal(streams_of(pid, 1), 50);
	for (uint64_t i = 1; i <= 50; i++)
		check_calls(stream_with(pid, 1, i), THREADS, 0);
}

/* ---- limits ------------------------------------------------------------------------------ */

/* Other probes in place of the group's, until close_others(). No function is tapped by them yet. */
static struct probes *group_probes;
static struct probe_link *group_links;

static void open_others(uint32_t max_streams, int filter)
{
	struct probes_config config = {
		.way = way,
		.max_streams = max_streams,
		.filter = filter,
		.inherit = filter,
	};
	char reason[512];

	group_probes = probes;
	group_links = links;
	links = NULL;
	assert_int_equal(open_probes(&config, &probes, reason), 0);
	assert_non_null(probes);
	assert_int_equal(count_nothing(NULL), 0);
}

static int close_others(void **state)
{
	if (!group_probes)
		return check_rest(state);
	detach();
	probes__free(probes);
	probes = group_probes;
	links = group_links;
	group_probes = NULL;
	/* they have seen the calls of the test, too */
	memcpy(lost_before, probes__losses(probes), sizeof(lost_before));
	return check_rest(state);
}

static void calls_without_a_slot_are_lost_and_counted_as_such(void **state)
{
	const struct tm_slot *slots;
	struct tm_spec spec = count_as(1);
	uint64_t frames = 0;

	(void)state;
	skip_if(why_not);
	open_others(4, 0);
	spec.object = argument(1);
	tap(VALUE, spec);
	assert_int_equal(attach(VALUE, VALUE, 0), 0);
	run_child(call_on_objects, NULL); /* 1 + 2 + 3 + 4 + 5 + 1 calls on 6 objects */
	slots = probes__slots(probes);
	for (int i = 0; i < 4; i++)
		frames += frames_of(&slots[i]);
	assert_int_equal(frames, 1 + 2 + 3 + 4);
	check_lost(TM_LOST_STREAMS_FULL, 5 + 1);
}

static void call_and_wait_and_call(void *arg)
{
	lib.outer(tell_and_wait, arg, 1);
	lib.value(5, 0, 0);
}

static void a_call_that_returns_after_its_slot_was_given_away_is_lost(void **state)
{
	struct tm_slot *slot;
	uint32_t generation;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(OUTER, 1);
	tap_as(VALUE, 2);
	pid = start_child(call_and_wait_and_call, NULL);
	await(&told);
	slot = stream_of(pid, 1);
	generation = slot->generation;
	assert_int_equal(recycle(slot), 0);
	tell(&go_on);
	finish_child(pid);
	check_lost(TM_LOST_STALE_SLOT, 1);
	assert_int_equal(streams_of(pid, 1), 0);
	/* the last one given back is the first one taken */
	assert_ptr_equal(stream_of(pid, 2), slot);
	check_calls(slot, 1, 5);
	assert_int_equal(slot->generation, generation + 1);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void call_twice_with_a_break(void *arg)
{
	(void)arg;
	lib.value(1, 0, 0);
	tell_and_wait(NULL);
	lib.value(2, 0, 0);
}

static void a_stream_whose_slot_was_given_away_gets_another_one(void **state)
{
	struct tm_slot *slot;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(VALUE, 1);
	pid = start_child(call_twice_with_a_break, NULL);
	await(&told);
	slot = stream_of(pid, 1);
	check_calls(slot, 1, 1);
	assert_int_equal(recycle(slot), 0);
	tell(&go_on);
	finish_child(pid);
	check_calls(stream_of(pid, 1), 1, 2);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void with_a_filter_only_allowed_processes_count(void **state)
{
	const struct tm_thread *thread;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	open_others(MAX_STREAMS, 1);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(VALUE, 1);
	assert_int_equal(attach(VALUE, VALUE, 0), 0);
	pid = start_child(call_twice_with_a_break, NULL);
	await(&told);
	assert_int_equal(streams_of(pid, 1), 0);
	assert_int_equal(thread_records(pid, &thread), 0);
	assert_int_equal(probes__allow(probes, (uint32_t)pid, 1), 0);
	tell(&go_on);
	finish_child(pid);
	check_calls(stream_of(pid, 1), 1, 2);
	/* its end has taken it off the list: the pid's next process is another one */
	assert_int_equal(probes__allow(probes, (uint32_t)pid, 0), -ENOENT);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void wait_and_fork(void *arg)
{
	pid_t pid;

	tell_and_wait(NULL);
	pid = fork();
	if (!pid) {
		lib.value(3, 0, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	*(pid_t *)arg = pid;
}

static void with_a_filter_children_of_allowed_processes_count(void **state)
{
	pid_t *grandchild =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_ptr_not_equal(grandchild, MAP_FAILED);
	open_others(MAX_STREAMS, 1);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(VALUE, 1);
	assert_int_equal(attach(VALUE, VALUE, 0), 0);
	pid = start_child(wait_and_fork, grandchild);
	await(&told);
	assert_int_equal(probes__allow(probes, (uint32_t)pid, 1), 0);
	tell(&go_on);
	finish_child(pid);
	check_calls(stream_of(*grandchild, 1), 1, 3);
	assert_int_equal(probes__allow(probes, (uint32_t)*grandchild, 0), -ENOENT);
	munmap(grandchild, 4096);
	close_pipe(&told);
	close_pipe(&go_on);
}

/* ---- links ------------------------------------------------------------------------------- */

static void a_function_tapped_twice_counts_once(void **state)
{
	struct probe again = { .offset = symbols[VALUE].offset, .spec = 4000 };
	struct tm_spec spec = count_as(1);
	struct probe_link *link;

	(void)state;
	skip_if(why_not);
	spec.bytes = returned();
	tap(VALUE, spec);
	assert_int_equal(probes__set_spec(probes, 4000, &spec), 0);
	assert_int_equal(probes__attach(probes, library_fd, &again, 1, 0, &link), 0);
	check_calls(stream_of(run_child(call_values, NULL), 1), 11, 55);
	probe_link__free(link);
}

static void a_link_that_replaces_another_counts_each_call_once(void **state)
{
	struct probe_link *old;

	(void)state;
	skip_if(why_not);
	open_others(MAX_STREAMS, 0);
	tap_as(VALUE, 1);
	assert_int_equal(attach(VALUE, VALUE, 0), 0);
	old = links;
	probes__overlap(probes, 1);
	assert_int_equal(attach(VALUE, VALUE, 0), 0);
	check_calls(stream_of(run_child(call_values, NULL), 1), 11, 55);
	probe_link__free(old);
	probes__overlap(probes, 0);
	check_calls(stream_of(run_child(call_values, NULL), 1), 11, 55);
}

static void a_link_for_one_process_counts_that_one(void **state)
{
	pid_t chosen, other;

	(void)state;
	skip_if(why_not);
	open_others(MAX_STREAMS, 0);
	open_pipe(&told);
	open_pipe(&go_on);
	tap_as(VALUE, 1);
	chosen = start_child(call_twice_with_a_break, NULL);
	await(&told);
	assert_int_equal(attach(VALUE, VALUE, chosen), 0);
	other = run_child(call_values, NULL);
	tell(&go_on);
	finish_child(chosen);
	check_calls(stream_of(chosen, 1), 1, 2);
	assert_int_equal(streams_of(other, 1), 0);
	close_pipe(&told);
	close_pipe(&go_on);
}

static void an_offset_that_cannot_be_probed_is_an_error_and_leaves_nothing(void **state)
{
	struct probe list[2] = {
		{ .offset = symbols[VALUE].offset, .spec = VALUE },
		{ .offset = 1ull << 40, .spec = VALUE },
	};

	(void)state;
	skip_if(why_not);
	open_others(MAX_STREAMS, 0);
	tap_as(VALUE, 1);
	assert_true(probes__attach(probes, library_fd, list, 2, 0, &links) < 0);
	assert_null(links);
	assert_int_equal(streams_of(run_child(call_values, NULL), 1), 0);
}

/* ---- what the tapped process sees -------------------------------------------------------- */

/*
 * Calls fn(n, 0, 0) with known values in the registers that it must keep, and says what came of
 * them.
 */
long call_with_registers(tapped_value_fn *fn, long n, uint64_t kept[6]);
__asm__(".text\n"
	".type call_with_registers, @function\n"
	"call_with_registers:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	push %rdx\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	xor %esi, %esi\n"
	"	xor %edx, %edx\n"
	"	mov $0x1111111111111111, %rbp\n"
	"	mov $0x2222222222222222, %rbx\n"
	"	mov $0x3333333333333333, %r12\n"
	"	mov $0x4444444444444444, %r13\n"
	"	mov $0x5555555555555555, %r14\n"
	"	mov $0x6666666666666666, %r15\n"
	"	call *%rax\n"
	"	pop %rcx\n"
	"	mov %rbp, (%rcx)\n"
	"	mov %rbx, 8(%rcx)\n"
	"	mov %r12, 16(%rcx)\n"
	"	mov %r13, 24(%rcx)\n"
	"	mov %r14, 32(%rcx)\n"
	"	mov %r15, 40(%rcx)\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size call_with_registers, . - call_with_registers\n");

static int registers_are_kept(long n)
{
	uint64_t kept[6] = { 0 };

	if (call_with_registers(lib.value, n, kept) != n)
		return 0;
	for (uint64_t i = 0; i < 6; i++)
		if (kept[i] != (i + 1) * 0x1111111111111111)
			return 0;
	return 1;
}

static int results_are_right(long n)
{
	struct tapped_box box = { 0 }, with = { .wide = n, .flags = 1 };

	errno = 0;
	return registers_are_kept(n) &&
	       lib.sum(n, 2, 3, 4, 5, 6, 7) == n + 4 + 9 + 20 + 35 + 66 + 91 &&
	       lib.mix(1.5, n, 0.25) == 1.5 * (double)n - 0.25 && lib.fill(&box, &with, n) == n &&
	       box.wide == n && box.flags == 1 && lib.refuse(EPERM, 0, n) == -1 && errno == EPERM &&
	       lib.tail(do_nothing, NULL, n) == n && lib.recurse(3) == 3;
}

/* Shared with the process that calls all the time. */
struct load {
	int enough; /* it ends then */
	int asked; /* for a sign of life */
	unsigned long rounds;
};

static void *call_all_the_time(void *arg)
{
	struct load *load = arg;

	for (long n = 1; !__atomic_load_n(&load->enough, __ATOMIC_ACQUIRE); n++) {
		if (!results_are_right(n))
			_exit(1);
		__atomic_fetch_add(&load->rounds, 1, __ATOMIC_RELEASE);
		if (__atomic_exchange_n(&load->asked, 0, __ATOMIC_ACQ_REL))
			tell(&told);
	}
	/* attached for good: from here on all is counted */
	tell(&told);
	await(&go_on);
	for (long n = 0; n < 1000; n++)
		if (!results_are_right(n))
			_exit(1);
	return NULL;
}

static void call_from_two_threads(void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, call_all_the_time, arg);
	call_all_the_time(arg);
	pthread_join(thread, NULL);
}

static void await_round(struct load *load)
{
	__atomic_store_n(&load->asked, 1, __ATOMIC_RELEASE);
	await(&told);
}

static void a_process_runs_as_ever_while_taps_come_and_go(void **state)
{
	/* a hundred times there and back in all; perf events take their time to go */
	static const int
		cycles[] = { [ATTACH_SESSION] = 75, [ATTACH_MULTI] = 20, [ATTACH_PERF] = 5 };
	struct load *load =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t frames;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_ptr_not_equal(load, MAP_FAILED);
	open_others(MAX_STREAMS, 0);
	open_pipe(&told);
	open_pipe(&go_on);
	pid = start_child(call_from_two_threads, load);
	for (int i = 0; i < cycles[way]; i++) {
		await_round(load);
		assert_int_equal(attach(VALUE, SUM, 0), 0);
		await_round(load);
		if (i + 1 < cycles[way])
			detach();
	}
	__atomic_store_n(&load->enough, 1, __ATOMIC_RELEASE);
	await(&told);
	await(&told);
	frames = frames_of(stream_of(pid, 1000 + SUM));
	assert_in_range(frames, 1, load->rounds);
	tell(&go_on);
	tell(&go_on);
	finish_child(pid);
	assert_int_equal(frames_of(stream_of(pid, 1000 + SUM)), frames + 2000);
	munmap(load, 4096);
	close_pipe(&told);
	close_pipe(&go_on);
}

/* ---- all ways ---------------------------------------------------------------------------- */

static void all_ways_come_to_the_same_numbers(void **state)
{
	enum attach_way first = ATTACH_AUTO;

	(void)state;
	for (enum attach_way i = ATTACH_SESSION; i <= ATTACH_PERF; i++) {
		if (!seen_count[i])
			continue; /* not tried on this host */
		if (!first)
			first = i;
		assert_int_equal(seen_count[i], seen_count[first]);
		for (size_t k = 0; k < seen_count[i]; k++)
			assert_memory_equal(&seen[i][k], &seen[first][k], sizeof(seen[i][k]));
	}
	if (!first)
		skip();
}

#define CALL_TEST(function, teardown) \
	cmocka_unit_test_setup_teardown(function, count_nothing, teardown)

static const struct CMUnitTest tests[] = {
	CALL_TEST(bytes_are_what_the_call_returns, check_rest),
	CALL_TEST(an_int_that_is_returned_is_bytes_or_a_failure, check_rest),
	CALL_TEST(bytes_are_what_an_argument_was_at_entry, check_rest),
	CALL_TEST(bytes_in_memory_are_read_at_return_in_every_width, check_rest),
	CALL_TEST(an_object_in_memory_is_read_at_entry, check_rest),
	CALL_TEST(a_local_variable_is_read_at_return, check_rest),
	CALL_TEST(bytes_that_cannot_be_read_are_lost_and_the_call_counts, check_rest),
	CALL_TEST(a_failure_that_cannot_be_read_is_lost_and_the_call_counts, check_rest),
	CALL_TEST(every_comparison_compares_signed, check_rest),
	CALL_TEST(either_of_two_conditions_is_a_failure, check_rest),
	CALL_TEST(a_frame_with_more_is_no_message, check_rest),
	CALL_TEST(frames_whose_more_is_not_known_are_no_messages_but_counted_as_such, check_rest),
	CALL_TEST(errnos_are_told_apart_in_the_main_thread_and_in_others, check_rest),
	CALL_TEST(errno_at_a_known_offset_needs_no_got, check_rest),
	CALL_TEST(errnos_beyond_the_table_are_others, check_rest),
	CALL_TEST(an_errno_that_cannot_be_found_is_unknown, check_rest),
	CALL_TEST(failures_without_errno_are_others, check_rest),
	CALL_TEST(eagain_means_would_block_or_timeout, check_rest),
	CALL_TEST(each_object_has_a_stream_of_its_own, check_rest),
	CALL_TEST(operations_of_one_object_have_a_stream_each, check_rest),
	CALL_TEST(pointers_to_no_object_of_the_class_share_the_stream_without_object, check_rest),
	CALL_TEST(an_object_whose_class_name_cannot_be_read_yet_is_one, check_rest),
	CALL_TEST(an_object_without_the_tag_is_none, check_rest),
	CALL_TEST(an_object_that_cannot_be_read_is_lost_and_the_call_counts_without, check_rest),
	CALL_TEST(closing_an_object_ends_its_streams_and_no_others, check_rest),
	CALL_TEST(a_call_right_after_closing_begins_a_stream, check_rest),
	CALL_TEST(closing_ends_the_streams_of_every_operation_that_a_profile_can_have, check_rest),
	CALL_TEST(a_relabelling_call_ends_the_streams_if_it_did_not_fail, check_rest),
	CALL_TEST(a_call_inside_one_of_the_same_operation_counts_once, check_rest),
	CALL_TEST(a_call_inside_one_of_another_operation_counts_too, check_rest),
	CALL_TEST(a_tail_call_into_another_operation_counts_both, check_rest),
	CALL_TEST(a_tail_call_within_an_operation_counts_once, check_rest),
	CALL_TEST(recursion_of_any_depth_counts_once, check_rest),
	CALL_TEST(as_many_calls_as_a_thread_has_places_for_count, check_rest),
	CALL_TEST(a_call_nested_too_deep_is_lost_and_those_around_it_count, check_rest),
	CALL_TEST(calls_inside_the_same_operation_take_no_place, check_rest),
	CALL_TEST(a_call_left_by_longjmp_is_an_orphan_and_the_next_one_counts, check_rest),
	CALL_TEST(a_call_further_down_the_stack_than_one_left_by_longjmp_counts, check_rest),
	CALL_TEST(a_call_in_the_place_of_one_left_by_longjmp_counts, check_rest),
	CALL_TEST(two_calls_left_at_once_are_two_orphans, check_rest),
	CALL_TEST(a_call_that_goes_on_after_an_inner_one_was_left_counts, check_rest),
	CALL_TEST(a_call_in_flight_can_be_seen_and_its_time_counts, check_rest),
	CALL_TEST(a_process_killed_in_a_call_leaves_no_call_behind, check_rest),
	CALL_TEST(a_thread_that_ends_in_a_call_leaves_the_others_counted, check_rest),
	CALL_TEST(a_thread_cancelled_in_a_call_leaves_the_others_counted, check_rest),
	CALL_TEST(a_process_without_its_leader_is_the_same_process, check_rest),
	CALL_TEST(the_end_of_a_process_is_told_once, check_rest),
	CALL_TEST(exec_begins_new_streams_in_the_same_process, check_rest),
	CALL_TEST(a_forked_process_has_streams_of_its_own, check_rest),
	CALL_TEST(threads_with_the_same_place_in_the_table_are_told_apart, check_rest),
	CALL_TEST(the_agent_never_counts_itself, check_rest),
	CALL_TEST(no_call_of_many_threads_on_one_stream_is_lost, check_rest),
	CALL_TEST(no_call_of_many_threads_on_a_stream_each_is_lost, check_rest),
	CALL_TEST(threads_that_open_a_stream_at_once_open_one, check_rest),
	CALL_TEST(calls_without_a_slot_are_lost_and_counted_as_such, close_others),
	CALL_TEST(a_call_that_returns_after_its_slot_was_given_away_is_lost, check_rest),
	CALL_TEST(a_stream_whose_slot_was_given_away_gets_another_one, check_rest),
	CALL_TEST(with_a_filter_only_allowed_processes_count, close_others),
	CALL_TEST(with_a_filter_children_of_allowed_processes_count, close_others),
	CALL_TEST(a_function_tapped_twice_counts_once, check_rest),
	CALL_TEST(a_link_that_replaces_another_counts_each_call_once, close_others),
	CALL_TEST(a_link_for_one_process_counts_that_one, close_others),
	CALL_TEST(an_offset_that_cannot_be_probed_is_an_error_and_leaves_nothing, close_others),
	CALL_TEST(a_process_runs_as_ever_while_taps_come_and_go, close_others),
};

int main(int argc, char **argv)
{
	const struct CMUnitTest last[] = {
		cmocka_unit_test(all_ways_come_to_the_same_numbers),
	};
	int failed;

	if (argc == 3 && !strcmp(argv[1], "call"))
		return call_from_program(argv[2]);
	failed = cmocka_run_group_tests_name("session", tests, open_session, close_way);
	failed += cmocka_run_group_tests_name("multi", tests, open_multi, close_way);
	failed += cmocka_run_group_tests_name("perf", tests, open_perf, close_way);
	return failed + cmocka_run_group_tests_name("all ways", last, NULL, NULL);
}
