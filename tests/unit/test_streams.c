/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=probes__slots,--wrap=probes__threads,--wrap=probes__slot_block_used,--wrap=probes__thread_block_used,--wrap=probes__forget,--wrap=probes__give_back,--wrap=taps__operation,--wrap=identify_stream */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tap/identify.h"
#include "tap/streams.h"

#define MAX_STREAMS 256
#define SECOND 1000000000ull
#define START (1000 * SECOND)
#define TGID 4711
#define OP 3 /* the only one that the fake taps know, and OP + 1 */

/* ---- the BPF programs' memory, and who else is asked ------------------------------------- */

static struct {
	struct tm_slot slots[MAX_STREAMS];
	struct tm_thread threads[TM_MAX_THREADS];
	uint8_t slot_blocks[MAX_STREAMS / TM_BLOCK];
	uint8_t thread_blocks[TM_MAX_THREADS / TM_BLOCK];
	struct tm_stream_key forgotten[8];
	unsigned forgotten_count;
	uint32_t given_back[MAX_STREAMS];
	unsigned given_back_count;
	int labels_known; /* what identify_stream() returns */
	unsigned identified;
	int with_event; /* the last time */
} fake;

struct tm_slot *__wrap_probes__slots(const struct probes *probes);
const struct tm_thread *__wrap_probes__threads(const struct probes *probes);
int __wrap_probes__slot_block_used(const struct probes *probes, uint32_t block);
int __wrap_probes__thread_block_used(const struct probes *probes, uint32_t block);
int __wrap_probes__forget(struct probes *probes, const struct tm_stream_key *key);
int __wrap_probes__give_back(struct probes *probes, uint32_t slot);
const struct profile *__wrap_taps__operation(const struct taps *taps, uint32_t op,
					     const struct operation **operation);
int __wrap_identify_stream(struct probes *probes, struct aside *aside,
			   const struct profile *profile, const struct tm_slot *slot,
			   const struct tm_stream_event *event, struct stream_labels_text *out);

struct tm_slot *__wrap_probes__slots(const struct probes *probes)
{
	(void)probes;
	return fake.slots;
}

const struct tm_thread *__wrap_probes__threads(const struct probes *probes)
{
	(void)probes;
	return fake.threads;
}

int __wrap_probes__slot_block_used(const struct probes *probes, uint32_t block)
{
	(void)probes;
	return fake.slot_blocks[block];
}

int __wrap_probes__thread_block_used(const struct probes *probes, uint32_t block)
{
	(void)probes;
	return fake.thread_blocks[block];
}

int __wrap_probes__forget(struct probes *probes, const struct tm_stream_key *key)
{
	(void)probes;
	assert_true(fake.forgotten_count < 8);
	fake.forgotten[fake.forgotten_count++] = *key;
	return 0;
}

int __wrap_probes__give_back(struct probes *probes, uint32_t slot)
{
	(void)probes;
	/* BPF may use it from here on */
	assert_int_equal(fake.slots[slot].state, TM_SLOT_FREE);
	fake.given_back[fake.given_back_count++] = slot;
	return 0;
}

static const struct operation operations[] = { { .name = "send" }, { .name = "receive" } };
static const struct profile profile = {
	.name = "made-up",
	.operation_count = 2,
	.operations = operations,
};

const struct profile *__wrap_taps__operation(const struct taps *taps, uint32_t op,
					     const struct operation **operation)
{
	(void)taps;
	if (op != OP && op != OP + 1)
		return NULL;
	*operation = &operations[op - OP];
	return &profile;
}

int __wrap_identify_stream(struct probes *probes, struct aside *aside, const struct profile *of,
			   const struct tm_slot *slot, const struct tm_stream_event *event,
			   struct stream_labels_text *out)
{
	(void)probes;
	(void)aside;
	assert_ptr_equal(of, &profile);
	assert_true(slot >= fake.slots && slot < fake.slots + MAX_STREAMS);
	memset(out, 0, sizeof(*out));
	snprintf(out->comm, sizeof(out->comm), "%s", event ? event->comm : "from-proc");
	strcpy(out->endpoint, fake.labels_known < 0 ? "unknown" : "tcp://127.0.0.1:1");
	out->socket_type = "push";
	fake.identified++;
	fake.with_event = event != NULL;
	return fake.labels_known;
}

/* ---- whom it tells ----------------------------------------------------------------------- */

struct told {
	unsigned opened, retired;
	int open_error, retire_error;
	char comm[TM_COMM_LEN];
	const struct operation *operation;
	int has_cgroups;
	uint64_t cgroup;
	void *user;
	uint64_t messages, now_ns;
};

static int on_open(void *arg, const struct stream_identity *identity, void **user)
{
	struct told *told = arg;

	if (told->open_error)
		return told->open_error;
	told->opened++;
	snprintf(told->comm, sizeof(told->comm), "%s", identity->comm);
	assert_string_equal(identity->endpoint,
			    fake.labels_known < 0 ? "unknown" : "tcp://127.0.0.1:1");
	assert_string_equal(identity->socket_type, "push");
	told->operation = identity->operation;
	told->has_cgroups = identity->cgroups != NULL;
	told->cgroup = identity->cgroup;
	*user = &fake.slots[told->opened]; /* something to know it by */
	return 0;
}

static int on_retire(void *arg, void *user, const struct tm_slot *totals, uint64_t now_ns)
{
	struct told *told = arg;

	if (told->retire_error)
		return told->retire_error;
	told->retired++;
	told->user = user;
	told->messages += totals->messages;
	told->now_ns = now_ns;
	return 0;
}

static struct told told;
static struct streams *streams;

static int setup(void **state)
{
	struct stream_callbacks callbacks = { .open = on_open, .retire = on_retire, .arg = &told };

	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&told, 0, sizeof(told));
	fake.labels_known = 1;
	return streams__new(NULL, NULL, MAX_STREAMS, &callbacks, &streams);
}

static int teardown(void **state)
{
	(void)state;
	streams__free(streams);
	return 0;
}

/* ---- what BPF does ----------------------------------------------------------------------- */

static struct tm_slot *begin_stream(uint32_t slot, uint32_t tgid)
{
	struct tm_slot *new = &fake.slots[slot];

	fake.slot_blocks[slot / TM_BLOCK] = 1;
	new->key = (struct tm_stream_key){
		.object = 0x1000 + slot,
		.process = { .tgid = tgid, .start_ns = 5, .exec_id = 1 },
		.op = OP,
	};
	new->cgroup = 99;
	new->state = TM_SLOT_LIVE;
	return new;
}

static void send_event(uint32_t slot, uint32_t generation, size_t size, uint64_t now_ns)
{
	static struct tm_stream_event event;

	memset(&event, 0, sizeof(event));
	event.event.kind = TM_EVENT_STREAM;
	event.event.slot = slot;
	event.generation = generation;
	strcpy(event.comm, "from-bpf");
	streams__event(streams, &event.event, size, now_ns);
}

static void announce(uint32_t slot, uint64_t now_ns)
{
	send_event(slot, fake.slots[slot].generation, sizeof(struct tm_stream_event), now_ns);
}

static struct tm_thread *enter_call(uint32_t thread, uint32_t slot, uint64_t start_ns)
{
	struct tm_thread *entered = &fake.threads[thread];
	struct tm_frame *frame = &entered->frames[entered->depth++];

	fake.thread_blocks[thread / TM_BLOCK] = 1;
	entered->tid = 1 + thread;
	frame->op = OP;
	frame->slot = slot;
	frame->generation = fake.slots[slot].generation;
	frame->start_ns = start_ns;
	return entered;
}

/* ---- what can be seen -------------------------------------------------------------------- */

struct views {
	unsigned count;
	struct stream_view last;
	int error; /* to return */
};

static int note_view(void *arg, const struct stream_view *view)
{
	struct views *views = arg;

	views->count++;
	views->last = *view;
	return views->error;
}

/* The only stream. */
static struct stream_view only_view(void)
{
	struct views views = { 0 };

	assert_int_equal(streams__each(streams, note_view, &views), 0);
	assert_int_equal(views.count, 1);
	return views.last;
}

static unsigned view_count(void)
{
	struct views views = { 0 };

	assert_int_equal(streams__each(streams, note_view, &views), 0);
	return views.count;
}

/* ---- opening ----------------------------------------------------------------------------- */

static void a_new_stream_opens_when_its_event_comes(void **state)
{
	(void)state;
	begin_stream(2, TGID);
	announce(2, START);
	assert_int_equal(told.opened, 1);
	assert_string_equal(told.comm, "from-bpf");
	assert_ptr_equal(told.operation, &operations[0]);
	assert_true(told.has_cgroups);
	assert_int_equal(told.cgroup, 99);
	assert_int_equal(streams__used(streams), 1);
	streams__update(streams, START);
	announce(2, START);
	assert_int_equal(told.opened, 1);
	assert_int_equal(only_view().slot, 2);
	assert_ptr_equal(only_view().user, &fake.slots[1]);
	assert_ptr_equal(only_view().counters, &fake.slots[2]);
	assert_ptr_equal(only_view().profile, &profile);
	assert_ptr_equal(only_view().operation, &operations[0]);
}

static void a_stream_whose_event_was_lost_opens_after_a_while_without(void **state)
{
	(void)state;
	begin_stream(2, TGID);
	streams__update(streams, START);
	streams__update(streams, START + SECOND / 25);
	assert_int_equal(fake.identified, 0);
	assert_null(only_view().user);
	assert_int_equal(streams__used(streams), 1);
	streams__update(streams, START + SECOND / 20);
	assert_int_equal(told.opened, 1);
	assert_string_equal(told.comm, "from-proc");
	assert_false(told.has_cgroups);
	announce(2, START + SECOND);
	assert_int_equal(told.opened, 1);
}

static void a_stream_seen_before_its_event_waits_for_it(void **state)
{
	(void)state;
	begin_stream(2, TGID);
	streams__update(streams, START);
	announce(2, START + 1);
	assert_int_equal(told.opened, 1);
	assert_string_equal(told.comm, "from-bpf");
	assert_int_equal(streams__used(streams), 1);
}

static void opening_is_tried_again_with_the_event(void **state)
{
	(void)state;
	told.open_error = -ENOMEM;
	begin_stream(2, TGID);
	announce(2, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(told.opened, 0);
	assert_null(only_view().user);
	told.open_error = 0;
	streams__update(streams, START + 2 * SECOND);
	assert_int_equal(told.opened, 1);
	assert_string_equal(told.comm, "from-bpf");
}

static void events_that_name_no_stream_change_nothing(void **state)
{
	struct tm_event other = { .kind = 77, .slot = 2 };

	(void)state;
	begin_stream(2, TGID)->generation = 5;
	send_event(2, 4, sizeof(struct tm_stream_event), START);
	send_event(2, 6, sizeof(struct tm_stream_event), START);
	send_event(2, 5, offsetof(struct tm_stream_event, head) - 1, START);
	send_event(MAX_STREAMS, 0, sizeof(struct tm_stream_event), START);
	send_event(UINT32_MAX, 0, sizeof(struct tm_stream_event), START);
	streams__event(streams, &other, sizeof(other), START);
	assert_int_equal(told.opened, 0);
	assert_int_equal(streams__used(streams), 0);
}

static void streams_whose_labels_are_not_known_are_counted(void **state)
{
	(void)state;
	fake.labels_known = 0;
	begin_stream(2, TGID);
	told.open_error = -ENOMEM;
	announce(2, START);
	assert_int_equal(streams__labels_unknown(streams), 0); /* tried again */
	told.open_error = 0;
	streams__update(streams, START);
	assert_int_equal(streams__labels_unknown(streams), 1);
	fake.labels_known = 1;
	begin_stream(3, TGID);
	announce(3, START);
	assert_int_equal(streams__labels_unknown(streams), 1);
}

static void a_process_whose_memory_cannot_be_read_is_asked_again_for_a_while(void **state)
{
	(void)state;
	fake.labels_known = -EAGAIN;
	begin_stream(2, TGID);
	begin_stream(3, TGID);
	announce(2, START);
	announce(3, START);
	streams__update(streams, START + 2 * SECOND);
	assert_int_equal(told.opened, 0);
	assert_int_equal(fake.identified, 4);
	assert_int_equal(streams__labels_unknown(streams), 0);
	streams__update(streams, START + 5 * SECOND - 1);
	assert_int_equal(told.opened, 0);
	/* it is known by what BPF has read */
	fake.slots[3].state = TM_SLOT_FREE;
	streams__update(streams, START + 5 * SECOND);
	assert_int_equal(told.opened, 1);
	assert_string_equal(told.comm, "from-bpf");
	assert_int_equal(streams__labels_unknown(streams), 1);
	fake.slots[3].state = TM_SLOT_LIVE;
	fake.labels_known = 1;
	streams__update(streams, START + 6 * SECOND);
	assert_int_equal(told.opened, 2);
	assert_int_equal(streams__labels_unknown(streams), 1);
}

static void a_stream_of_an_operation_that_nobody_knows_does_not_open(void **state)
{
	(void)state;
	begin_stream(2, TGID)->key.op = OP + 2;
	announce(2, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(told.opened, 0);
	assert_null(only_view().profile);
}

static void slots_that_were_never_used_are_not_looked_at(void **state)
{
	(void)state;
	begin_stream(0, TGID);
	begin_stream(TM_BLOCK - 1, TGID);
	begin_stream(3 * TM_BLOCK, TGID);
	begin_stream(MAX_STREAMS - 1, TGID);
	begin_stream(TM_BLOCK, TGID);
	fake.slot_blocks[1] = 0;
	streams__update(streams, START);
	assert_int_equal(streams__used(streams), 4);
	streams__end_process(streams, &fake.slots[0].key.process);
	assert_int_equal(fake.slots[TM_BLOCK].state, TM_SLOT_LIVE);
	assert_int_equal(fake.slots[MAX_STREAMS - 1].state, TM_SLOT_CLOSED);
}

/* ---- closing ----------------------------------------------------------------------------- */

static void a_closed_stream_is_retired_after_a_second(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID);

	(void)state;
	announce(2, START);
	slot->messages = 10;
	slot->state = TM_SLOT_CLOSED;
	streams__update(streams, START + SECOND);
	assert_int_equal(told.retired, 0);
	assert_int_equal(view_count(), 1);
	slot->messages = 11; /* a call that was on its way */
	streams__update(streams, START + 2 * SECOND - 1);
	assert_int_equal(told.retired, 0);
	streams__update(streams, START + 2 * SECOND);
	assert_int_equal(told.retired, 1);
	assert_int_equal(told.messages, 11);
	assert_int_equal(told.now_ns, START + 2 * SECOND);
	assert_ptr_equal(told.user, &fake.slots[1]);
	assert_int_equal(view_count(), 0);
	assert_int_equal(streams__used(streams), 0);
}

static void a_slot_given_back_is_blank_and_of_the_next_generation(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID), blank = { 0 };

	(void)state;
	slot->generation = UINT32_MAX;
	announce(2, START);
	slot->messages = 10;
	slot->hist[TM_HIST_BUCKETS - 1] = 10;
	slot->errors[0].error = EINTR;
	slot->state = TM_SLOT_CLOSED;
	streams__update(streams, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(fake.given_back_count, 1);
	assert_int_equal(fake.given_back[0], 2);
	blank.generation = 0;
	assert_memory_equal(slot, &blank, sizeof(blank));
	streams__update(streams, START + 2 * SECOND);
	assert_int_equal(fake.given_back_count, 1);
}

static void the_next_stream_in_a_slot_is_another_one(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID);

	(void)state;
	announce(2, START);
	slot->state = TM_SLOT_CLOSED;
	streams__update(streams, START);
	streams__update(streams, START + SECOND);
	begin_stream(2, TGID + 1);
	send_event(2, 0, sizeof(struct tm_stream_event), START + SECOND); /* late, of the old one */
	assert_int_equal(told.opened, 1);
	announce(2, START + SECOND);
	assert_int_equal(told.opened, 2);
	streams__update(streams, START + 9 * SECOND);
	assert_int_equal(told.retired, 1);
	assert_ptr_equal(only_view().user, &fake.slots[2]);
}

static void retiring_is_tried_again_and_the_totals_wait(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID);

	(void)state;
	announce(2, START);
	slot->messages = 10;
	slot->state = TM_SLOT_CLOSED;
	told.retire_error = -ENOMEM;
	streams__update(streams, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(slot->messages, 10);
	assert_int_equal(fake.given_back_count, 0);
	assert_int_equal(view_count(), 1);
	told.retire_error = 0;
	streams__update(streams, START + SECOND);
	assert_int_equal(told.messages, 10);
	assert_int_equal(fake.given_back_count, 1);
}

static void a_stream_closed_before_its_labels_were_known_is_not_lost(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID);

	(void)state;
	slot->messages = 10;
	slot->state = TM_SLOT_CLOSED;
	streams__update(streams, START);
	assert_int_equal(told.opened, 0);
	streams__update(streams, START + SECOND);
	assert_int_equal(told.opened, 1);
	assert_int_equal(told.retired, 1);
	assert_int_equal(told.messages, 10);
}

static void the_end_of_a_process_closes_its_live_streams_only(void **state)
{
	struct tm_process_id ended;

	(void)state;
	begin_stream(0, TGID);
	begin_stream(1, TGID + 1);
	begin_stream(2, TGID)->state = TM_SLOT_CLOSED;
	begin_stream(3, TGID)->key.process.exec_id++; /* the program it has become */
	begin_stream(4, TGID)->key.process.start_ns++; /* the pid's next process */
	begin_stream(200, TGID);
	ended = fake.slots[0].key.process;
	streams__end_process(streams, &ended);
	assert_int_equal(fake.slots[0].state, TM_SLOT_CLOSED);
	assert_int_equal(fake.slots[1].state, TM_SLOT_LIVE);
	assert_int_equal(fake.slots[3].state, TM_SLOT_LIVE);
	assert_int_equal(fake.slots[4].state, TM_SLOT_LIVE);
	assert_int_equal(fake.slots[200].state, TM_SLOT_CLOSED);
	assert_int_equal(fake.forgotten_count, 2);
	assert_memory_equal(&fake.forgotten[0], &fake.slots[0].key, sizeof(struct tm_stream_key));
	assert_memory_equal(&fake.forgotten[1], &fake.slots[200].key, sizeof(struct tm_stream_key));
}

static void the_event_of_a_process_end_closes_its_streams(void **state)
{
	struct tm_event event = { .kind = TM_EVENT_EXIT };

	(void)state;
	begin_stream(0, TGID);
	event.process = fake.slots[0].key.process;
	streams__event(streams, &event, sizeof(event), START);
	assert_int_equal(fake.slots[0].state, TM_SLOT_CLOSED);
	event.kind = TM_EVENT_CLOSED; /* only a hint */
	streams__event(streams, &event, sizeof(event), START);
	streams__update(streams, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(told.retired, 1);
}

static void a_file_that_is_not_tapped_any_more_takes_its_streams_along(void **state)
{
	(void)state;
	begin_stream(0, TGID)->file = 7;
	begin_stream(1, TGID)->file = 8;
	announce(0, START);
	announce(1, START);
	enter_call(0, 0, START); /* nobody will see it return */
	streams__end_file(streams, 7);
	assert_int_equal(fake.slots[0].state, TM_SLOT_CLOSED);
	assert_int_equal(fake.slots[1].state, TM_SLOT_LIVE);
	streams__update(streams, START);
	streams__update(streams, START + SECOND);
	assert_int_equal(told.retired, 1);
	assert_int_equal(fake.given_back[0], 0);
}

/* ---- calls in flight --------------------------------------------------------------------- */

static void calls_in_flight_are_those_in_the_threads_records(void **state)
{
	(void)state;
	begin_stream(0, TGID);
	announce(0, START);
	enter_call(3, 0, START + 20);
	enter_call(70, 0, START + 10);
	enter_call(TM_MAX_THREADS - 1, 0, START + 30);
	streams__update(streams, START + 40);
	assert_int_equal(only_view().in_flight, 3);
	assert_int_equal(only_view().oldest_start_ns, START + 10);
	fake.threads[70].depth = 0;
	fake.threads[3].tid = 0; /* a thread that has ended */
	streams__update(streams, START + 50);
	assert_int_equal(only_view().in_flight, 1);
	assert_int_equal(only_view().oldest_start_ns, START + 30);
	fake.threads[TM_MAX_THREADS - 1].depth = 0;
	streams__update(streams, START + 60);
	assert_int_equal(only_view().in_flight, 0);
	assert_int_equal(only_view().oldest_start_ns, 0);
}

static void frames_that_are_no_calls_of_the_stream_are_not_in_flight(void **state)
{
	struct tm_thread *thread;

	(void)state;
	begin_stream(0, TGID)->generation = 5;
	announce(0, START);
	enter_call(0, 0, START)->frames[0].generation = 4;
	enter_call(1, 0, START)->frames[0].op = UINT16_MAX; /* a call that changes labels */
	enter_call(2, 0, START)->frames[0].slot = MAX_STREAMS;
	enter_call(3, 0, START)->frames[0].slot = UINT32_MAX;
	enter_call(4, 1, START); /* a free slot */
	streams__update(streams, START);
	assert_int_equal(only_view().in_flight, 0);
	/* whatever the memory holds, it is not read beyond the record's end */
	thread = enter_call(5, 0, START);
	thread->depth = UINT32_MAX;
	for (int i = 1; i < TM_MAX_DEPTH; i++)
		thread->frames[i] = thread->frames[0];
	streams__update(streams, START);
	assert_int_equal(only_view().in_flight, TM_MAX_DEPTH);
}

static void a_closed_stream_waits_for_its_calls_in_flight(void **state)
{
	struct tm_slot *slot = begin_stream(2, TGID);
	struct tm_thread *thread;

	(void)state;
	announce(2, START);
	thread = enter_call(0, 2, START);
	slot->state = TM_SLOT_CLOSED;
	streams__update(streams, START);
	streams__update(streams, START + 100 * SECOND);
	assert_int_equal(told.retired, 0);
	slot->messages++;
	thread->depth = 0;
	streams__update(streams, START + 100 * SECOND + 1);
	assert_int_equal(told.retired, 1);
	assert_int_equal(told.messages, 1);
}

/* ---- all --------------------------------------------------------------------------------- */

static void each_stops_at_the_first_error(void **state)
{
	struct views views = { .error = -ENOMEM };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		begin_stream(i, TGID);
		announce(i, START);
	}
	assert_int_equal(streams__each(streams, note_view, &views), -ENOMEM);
	assert_int_equal(views.count, 1);
	views.error = 0;
	assert_int_equal(streams__each(streams, note_view, &views), 0);
	assert_int_equal(views.count, 4);
}

static void streams_that_wait_are_freed_with_the_rest(void **state)
{
	(void)state;
	told.open_error = -ENOMEM;
	begin_stream(0, TGID);
	announce(0, START); /* its event is kept */
	streams__free(NULL);
}

int main(void)
{
#define STREAMS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		STREAMS_TEST(a_new_stream_opens_when_its_event_comes),
		STREAMS_TEST(a_stream_whose_event_was_lost_opens_after_a_while_without),
		STREAMS_TEST(a_stream_seen_before_its_event_waits_for_it),
		STREAMS_TEST(opening_is_tried_again_with_the_event),
		STREAMS_TEST(events_that_name_no_stream_change_nothing),
		STREAMS_TEST(streams_whose_labels_are_not_known_are_counted),
		STREAMS_TEST(a_process_whose_memory_cannot_be_read_is_asked_again_for_a_while),
		STREAMS_TEST(a_stream_of_an_operation_that_nobody_knows_does_not_open),
		STREAMS_TEST(slots_that_were_never_used_are_not_looked_at),
		STREAMS_TEST(a_closed_stream_is_retired_after_a_second),
		STREAMS_TEST(a_slot_given_back_is_blank_and_of_the_next_generation),
		STREAMS_TEST(the_next_stream_in_a_slot_is_another_one),
		STREAMS_TEST(retiring_is_tried_again_and_the_totals_wait),
		STREAMS_TEST(a_stream_closed_before_its_labels_were_known_is_not_lost),
		STREAMS_TEST(the_end_of_a_process_closes_its_live_streams_only),
		STREAMS_TEST(the_event_of_a_process_end_closes_its_streams),
		STREAMS_TEST(a_file_that_is_not_tapped_any_more_takes_its_streams_along),
		STREAMS_TEST(calls_in_flight_are_those_in_the_threads_records),
		STREAMS_TEST(frames_that_are_no_calls_of_the_stream_are_not_in_flight),
		STREAMS_TEST(a_closed_stream_waits_for_its_calls_in_flight),
		STREAMS_TEST(each_stops_at_the_first_error),
		STREAMS_TEST(streams_that_wait_are_freed_with_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
