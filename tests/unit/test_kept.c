/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=pins__map,--wrap=pins__unmap,--wrap=probes__slots,--wrap=probes__give_back,--wrap=probes__transits,--wrap=probes__rpcs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kept.h"

#define STREAMS 8
#define ID 0x1234567800000001ull
#define LABELS_SIZE 992 /* of struct kept_labels: 16 bytes and the texts */

/* ---- memory that outlives agents ------------------------------------------------------------ */

static struct {
	struct {
		char name[32];
		size_t size;
		void *memory;
	} maps[8];
	struct tm_slot slots[STREAMS];
	uint32_t given_back[STREAMS];
	unsigned given_back_count;
} fake;

int __wrap_pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made);
void __wrap_pins__unmap(void *memory, size_t size);
struct tm_slot *__wrap_probes__slots(const struct probes *probes);
int __wrap_probes__give_back(struct probes *probes, uint32_t slot);
struct tm_transit *__wrap_probes__transits(const struct probes *probes);
struct tm_rpc *__wrap_probes__rpcs(const struct probes *probes);

int __wrap_pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made)
{
	size_t i = 0;

	(void)pins;
	while (fake.maps[i].memory && strcmp(fake.maps[i].name, name) != 0)
		i++;
	*made = !fake.maps[i].memory;
	if (*made) {
		snprintf(fake.maps[i].name, sizeof(fake.maps[i].name), "%s", name);
		fake.maps[i].size = size;
		fake.maps[i].memory = calloc(1, size);
	}
	if (fake.maps[i].size != size)
		return -EINVAL;
	*out = fake.maps[i].memory;
	return 0;
}

void __wrap_pins__unmap(void *memory, size_t size)
{
	(void)memory;
	(void)size;
}

struct tm_slot *__wrap_probes__slots(const struct probes *probes)
{
	(void)probes;
	return fake.slots;
}

int __wrap_probes__give_back(struct probes *probes, uint32_t slot)
{
	(void)probes;
	fake.given_back[fake.given_back_count++] = slot;
	return 0;
}

struct tm_transit *__wrap_probes__transits(const struct probes *probes)
{
	(void)probes;
	return NULL;
}

struct tm_rpc *__wrap_probes__rpcs(const struct probes *probes)
{
	(void)probes;
	return NULL;
}

static unsigned char *memory_of(const char *name, size_t *size)
{
	for (size_t i = 0; fake.maps[i].memory; i++)
		if (!strcmp(fake.maps[i].name, name)) {
			*size = fake.maps[i].size;
			return fake.maps[i].memory;
		}
	fail_msg("there is no %s", name);
	return NULL;
}

static int forget_all(void **state)
{
	(void)state;
	for (size_t i = 0; fake.maps[i].memory; i++)
		free(fake.maps[i].memory);
	memset(&fake, 0, sizeof(fake));
	return 0;
}

/* ---- agents, one after the other -------------------------------------------------------------- */

static struct kept *start(void)
{
	struct kept *kept = NULL;

	assert_int_equal(kept__new(NULL, NULL, STREAMS, &kept), 0);
	return kept;
}

/* What a killed agent leaves is what there is: nothing is written at the end. */
static struct kept *restart(struct kept *kept)
{
	kept__free(kept);
	return start();
}

static struct series_labels labels_to(const char *endpoint)
{
	return (struct series_labels){
		.kind = SERIES_MESSAGE,
		.direction = DIRECTION_RECEIVE,
		.kernel_id = "k-1",
		.container = "",
		.pod = "",
		.namespace = "",
		.comm = "python3",
		.system = "zmq",
		.endpoint = endpoint,
		.socket_type = "router",
		.side = "",
		.operation = "",
		.internal = 1,
	};
}

/* What kept__each_total() tells. */
struct told {
	unsigned count;
	uint64_t messages;
	char endpoint[64];
};

static int tell(void *arg, const struct series_labels *labels, const struct counters *totals)
{
	struct told *told = arg;

	told->count++;
	told->messages += totals->messages;
	snprintf(told->endpoint, sizeof(told->endpoint), "%s", labels->endpoint);
	return 0;
}

static struct told totals_of(const struct kept *kept)
{
	struct told told = { 0 };

	assert_int_equal(kept__each_total(kept, tell, &told), 0);
	return told;
}

static void retire(struct kept *kept, const char *endpoint, uint64_t messages, uint32_t slot)
{
	struct series_labels labels = labels_to(endpoint);
	struct counters totals = { .messages = messages };

	fake.slots[slot].state = TM_SLOT_CLOSED;
	fake.slots[slot].generation = 7;
	fake.slots[slot].messages = messages;
	kept__retire(kept, &labels, &totals, KEPT_SLOT, slot);
}

static int recall(const struct kept *kept, uint32_t index, uint64_t id, struct series_labels *out)
{
	uint8_t mark = 0;

	return kept__recall(kept, KEPT_SLOT, index, id, out, &mark);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void labels_are_given_back_as_they_were(void **state)
{
	struct series_labels labels = labels_to("tcp://127.0.0.1:5555"), found;
	struct kept *kept = start();
	uint8_t mark = 0;

	(void)state;
	kept__note(kept, KEPT_SLOT, 3, ID, &labels, 42);
	kept__note(kept, KEPT_SLOT, 4, ID, NULL, 0);
	kept = restart(kept);
	assert_int_equal(kept__recall(kept, KEPT_SLOT, 3, ID, &found, &mark), 1);
	assert_int_equal(mark, 42);
	assert_int_equal(found.kind, SERIES_MESSAGE);
	assert_int_equal(found.direction, DIRECTION_RECEIVE);
	assert_string_equal(found.kernel_id, "k-1");
	assert_string_equal(found.comm, "python3");
	assert_string_equal(found.endpoint, "tcp://127.0.0.1:5555");
	assert_string_equal(found.operation, "");
	assert_int_equal(found.internal, 1);
	assert_int_equal(recall(kept, 4, ID, &found), 0);
	kept__free(kept);
}

static void labels_of_another_or_of_no_stream_are_not_given(void **state)
{
	struct series_labels labels = labels_to("inproc://a"), found;
	struct kept *kept = start();

	(void)state;
	kept__note(kept, KEPT_SLOT, 3, ID, &labels, 0);
	assert_int_equal(recall(kept, 3, ID + 1, &found), -ENOENT);
	assert_int_equal(recall(kept, 2, ID, &found), -ENOENT);
	assert_int_equal(recall(kept, STREAMS, ID, &found), -ENOENT);
	kept__note(kept, KEPT_SLOT, STREAMS, ID, &labels, 0); /* has no place */
	assert_int_equal(kept__recall(kept, KEPT_TRANSIT, 0, ID, &found, &(uint8_t){ 0 }), -ENOENT);
	kept__free(kept);
	assert_int_equal(recall(NULL, 3, ID, &found), -ENOENT);
}

static void labels_that_are_too_long_are_not_kept(void **state)
{
	struct series_labels labels = labels_to("inproc://a"), found;
	struct kept *kept = start();
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	kept__note(kept, KEPT_SLOT, 0, ID, &labels, 0);
	labels.endpoint = text;
	kept__note(kept, KEPT_SLOT, 0, ID, &labels, 0);
	assert_int_equal(recall(kept, 0, ID, &found), -ENOENT); /* nor are those before */
	kept__free(kept);
}

/* Whatever is in there, it is labels or it is not: nothing is read that is not there (ASan looks on). */
static void damaged_labels_are_none(void **state)
{
	struct series_labels labels = labels_to("inproc://a"), found;
	struct kept *kept = start();
	unsigned char *memory, *at;
	size_t size;
	uint32_t huge = 0x7fffffff;

	(void)state;
	kept__note(kept, KEPT_SLOT, 0, ID, &labels, 0);
	memory = memory_of("agent_streams", &size);
	at = memory + size / STREAMS - LABELS_SIZE;
	assert_int_equal(*(uint32_t *)(void *)(at + 4), DIRECTION_RECEIVE);
	memcpy(at, &huge, sizeof(huge));
	assert_int_equal(recall(kept, 0, ID, &found), -ENOENT);
	kept__note(kept, KEPT_SLOT, 0, ID, &labels, 0);
	memcpy(at + 4, &huge, sizeof(huge));
	assert_int_equal(recall(kept, 0, ID, &found), -ENOENT);
	kept__note(kept, KEPT_SLOT, 0, ID, &labels, 0);
	memset(at + 16, 'x', LABELS_SIZE - 16); /* no text ends */
	assert_int_equal(recall(kept, 0, ID, &found), -ENOENT);
	kept__free(kept);
}

/* ---- totals ------------------------------------------------------------------------------------ */

static void totals_live_on_until_they_are_forgotten(void **state)
{
	struct series_labels labels = labels_to("inproc://a");
	struct kept *kept = start();

	(void)state;
	retire(kept, "inproc://a", 100, 1);
	kept__freed(kept);
	retire(kept, "inproc://a", 250, 1); /* with another stream's */
	kept__freed(kept);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).count, 1);
	assert_int_equal(totals_of(kept).messages, 250);
	assert_string_equal(totals_of(kept).endpoint, "inproc://a");
	assert_int_equal(fake.given_back_count, 0); /* the agent had done it */
	kept__forget(kept, &labels);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).count, 0);
	kept__free(kept);
}

static void what_a_killed_agent_was_about_to_do_is_done(void **state)
{
	struct kept *kept = start();

	(void)state;
	retire(kept, "inproc://a", 100, 5);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).messages, 100);
	assert_int_equal(fake.given_back_count, 1);
	assert_int_equal(fake.given_back[0], 5);
	assert_int_equal(fake.slots[5].state, TM_SLOT_FREE);
	assert_int_equal(fake.slots[5].generation, 8);
	assert_int_equal(fake.slots[5].messages, 0);
	kept = restart(kept); /* once */
	assert_int_equal(fake.given_back_count, 1);
	assert_int_equal(totals_of(kept).messages, 100);
	kept__free(kept);
}

/* The kill came before anything of the total was written, or when half of it was. */
static void a_total_that_was_half_written_is_written_again(void **state)
{
	struct kept *kept = start();
	unsigned char *memory;
	size_t size;

	(void)state;
	retire(kept, "inproc://a", 100, 5);
	memory = memory_of("agent_totals", &size);
	memset(memory, 0, 512);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).count, 1);
	assert_int_equal(totals_of(kept).messages, 100);
	kept__free(kept);
}

static void a_damaged_total_is_a_free_place(void **state)
{
	struct kept *kept = start();
	unsigned char *memory;
	size_t size;

	(void)state;
	retire(kept, "inproc://a", 100, 1);
	kept__freed(kept);
	memory = memory_of("agent_totals", &size);
	memory[40] ^= 1; /* a letter of a label */
	kept = restart(kept);
	assert_int_equal(totals_of(kept).count, 0);
	retire(kept, "inproc://b", 7, 1);
	kept__freed(kept);
	assert_int_equal(kept__refused(kept), 0);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).count, 1);
	assert_string_equal(totals_of(kept).endpoint, "inproc://b");
	kept__free(kept);
}

/* Sources, slots and totals that there are not are left alone (ASan looks on). */
static void a_damaged_journal_does_no_harm(void **state)
{
	static const uint32_t journals[][5] = {
		/* busy, source, index, generation, total */
		{ 1, KEPT_SLOT, STREAMS, 7, UINT32_MAX },
		{ 1, KEPT_SLOT, UINT32_MAX, 7, UINT32_MAX },
		{ 1, KEPT_TRANSIT, 0, 7, UINT32_MAX },
		{ 1, KEPT_SOURCES, 0, 7, UINT32_MAX },
		{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
	};
	struct kept *kept = start();
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]); i++) {
		memcpy(memory_of("agent_journal", &size), journals[i], sizeof(journals[i]));
		kept = restart(kept);
		assert_int_equal(fake.given_back_count, 0);
		assert_int_equal(totals_of(kept).count, 0);
		assert_int_equal(*(uint32_t *)(void *)memory_of("agent_journal", &size), 0);
	}
	kept__free(kept);
}

static void series_that_find_no_room_are_counted(void **state)
{
	struct kept *kept = start();
	char endpoint[32];

	(void)state;
	for (unsigned i = 0; i < 4096 + 3; i++) {
		snprintf(endpoint, sizeof(endpoint), "inproc://%u", i);
		retire(kept, endpoint, 1, 0);
		kept__freed(kept);
	}
	assert_int_equal(kept__refused(kept), 3);
	kept = restart(kept);
	assert_int_equal(totals_of(kept).messages, 4096);
	kept__free(kept);
}

static void memory_of_another_size_is_refused(void **state)
{
	struct kept *kept = start();

	(void)state;
	kept__free(kept);
	kept = NULL;
	assert_int_equal(kept__new(NULL, NULL, 2 * STREAMS, &kept), -EINVAL);
	assert_null(kept);
}

static void without_pins_nothing_is_kept(void **state)
{
	struct series_labels labels = labels_to("inproc://a");
	struct counters totals = { .messages = 1 };

	(void)state;
	kept__note(NULL, KEPT_SLOT, 0, ID, &labels, 0);
	kept__retire(NULL, &labels, &totals, KEPT_SLOT, 0);
	kept__freed(NULL);
	kept__forget(NULL, &labels);
	assert_int_equal(kept__refused(NULL), 0);
	assert_int_equal(totals_of(NULL).count, 0);
	kept__free(NULL);
}

#define TEST(name) cmocka_unit_test_teardown(name, forget_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(labels_are_given_back_as_they_were),
		TEST(labels_of_another_or_of_no_stream_are_not_given),
		TEST(labels_that_are_too_long_are_not_kept),
		TEST(damaged_labels_are_none),
		TEST(totals_live_on_until_they_are_forgotten),
		TEST(what_a_killed_agent_was_about_to_do_is_done),
		TEST(a_total_that_was_half_written_is_written_again),
		TEST(a_damaged_total_is_a_free_place),
		TEST(a_damaged_journal_does_no_harm),
		TEST(series_that_find_no_room_are_counted),
		TEST(memory_of_another_size_is_refused),
		TEST(without_pins_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
