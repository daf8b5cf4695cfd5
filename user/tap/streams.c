/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/streams.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tap/identify.h"

#define SLOT_REST_NS 1000000000ull /* from closed to given back */
#define WAIT_FOR_EVENT_NS 50000000ull /* then the labels are looked up without it */
#define WAIT_FOR_MEMORY_NS 5000000000ull /* then what is not known of them stays so */

enum entry_state {
	ENTRY_NONE,
	ENTRY_PENDING, /* labels not known yet */
	ENTRY_OPEN,
};

struct entry {
	enum entry_state state;
	uint32_t generation;
	void *user;
	struct tm_stream_event *event; /* kept while pending */
	uint64_t since_ns;
	uint64_t closed_ns; /* when it was first seen closed, 0 = live */
	uint32_t in_flight;
	int untapped; /* its file is not tapped any more: calls in flight will not be seen to return */
	uint64_t oldest_start_ns;
};

struct streams {
	struct probes *probes;
	struct taps *taps;
	struct stream_callbacks cb;
	uint32_t max_streams;
	uint32_t used;
	uint64_t labels_unknown;
	struct entry *entries;
};

int streams__new(struct probes *probes, struct taps *taps, uint32_t max_streams,
		 const struct stream_callbacks *callbacks, struct streams **out)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->entries = calloc(max_streams, sizeof(*s->entries));
	if (!s->entries) {
		free(s);
		return -ENOMEM;
	}
	s->probes = probes;
	s->taps = taps;
	s->max_streams = max_streams;
	s->cb = *callbacks;
	*out = s;
	return 0;
}

void streams__free(struct streams *streams)
{
	if (!streams)
		return;
	for (uint32_t i = 0; i < streams->max_streams; i++)
		free(streams->entries[i].event);
	free(streams->entries);
	free(streams);
}

static struct tm_slot *slot_of(const struct streams *s, uint32_t index)
{
	return &probes__slots(s->probes)[index];
}

static uint32_t slot_state(const struct tm_slot *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

/* ---- opening ------------------------------------------------------------------------ */

static void entry_begin(struct streams *s, uint32_t index, uint64_t now_ns)
{
	struct entry *entry = &s->entries[index];

	if (entry->state != ENTRY_NONE)
		return;
	entry->state = ENTRY_PENDING;
	entry->generation = slot_of(s, index)->generation;
	entry->since_ns = now_ns;
	entry->closed_ns = 0;
	s->used++;
}

static void entry_opened(struct entry *entry)
{
	entry->state = ENTRY_OPEN;
	free(entry->event);
	entry->event = NULL;
}

/* Finds the labels and opens the stream; without the event once it has been waited for. */
static void entry_resolve(struct streams *s, uint32_t index, uint64_t now_ns)
{
	struct entry *entry = &s->entries[index];
	const struct tm_slot *slot = slot_of(s, index);
	struct stream_labels_text text;
	struct stream_identity identity = { .slot = index,
					    .generation = slot->generation,
					    .key = &slot->key,
					    .cgroup = slot->cgroup };
	int known;

	if (s->cb.recall && !s->cb.recall(s->cb.arg, index, slot, &entry->user)) {
		entry_opened(entry);
		return;
	}
	if (!entry->event && now_ns - entry->since_ns < WAIT_FOR_EVENT_NS)
		return;
	identity.profile = taps__operation(s->taps, slot->key.op, &identity.operation);
	if (!identity.profile)
		return;
	/* the first call is just about to write it */
	if (identity.profile->kind == PROFILE_EVENT &&
	    !__atomic_load_n(&slot->named, __ATOMIC_ACQUIRE))
		return;
	known = identify_stream(s->probes, s->cb.aside, identity.profile, slot, entry->event,
				&text);
	if (known < 0 && now_ns - entry->since_ns < WAIT_FOR_MEMORY_NS)
		return;
	identity.comm = text.comm;
	identity.cgroups = entry->event ? entry->event->cgroup : NULL;
	identity.endpoint = text.endpoint;
	identity.socket_type = text.socket_type;
	if (s->cb.open(s->cb.arg, &identity, &entry->user))
		return;
	if (known <= 0)
		s->labels_unknown++;
	entry_opened(entry);
}

static void on_new_stream(struct streams *s, const struct tm_stream_event *event, size_t size,
			  uint64_t now_ns)
{
	uint32_t index = event->event.slot;
	struct entry *entry;

	if (size < offsetof(struct tm_stream_event, head) || index >= s->max_streams)
		return;
	entry = &s->entries[index];
	if (slot_of(s, index)->generation != event->generation)
		return;
	entry_begin(s, index, now_ns);
	if (entry->state != ENTRY_PENDING || entry->event)
		return;
	entry->event = calloc(1, sizeof(*event));
	if (entry->event)
		memcpy(entry->event, event, size < sizeof(*event) ? size : sizeof(*event));
	entry_resolve(s, index, now_ns);
}

/* ---- closing ---------------------------------------------------------------------------- */

static int same_process(const struct tm_process_id *a, const struct tm_process_id *b)
{
	return a->tgid == b->tgid && a->start_ns == b->start_ns && a->exec_id == b->exec_id;
}

static void slot_close(struct streams *s, struct tm_slot *slot)
{
	probes__forget(s->probes, &slot->key);
	__atomic_store_n(&slot->state, TM_SLOT_CLOSED, __ATOMIC_RELEASE);
}

/* Closes the live streams of a process, or of a file if `process` is NULL. */
static void close_streams(struct streams *s, const struct tm_process_id *process, uint32_t file)
{
	for (uint32_t i = 0; i < s->max_streams; i++) {
		struct tm_slot *slot = slot_of(s, i);

		if (!probes__slot_block_used(s->probes, i / TM_BLOCK)) {
			i |= TM_BLOCK - 1;
			continue;
		}
		if (slot_state(slot) != TM_SLOT_LIVE ||
		    (process ? !same_process(&slot->key.process, process) : slot->file != file))
			continue;
		s->entries[i].untapped = !process;
		slot_close(s, slot);
	}
}

void streams__end_process(struct streams *streams, const struct tm_process_id *process)
{
	close_streams(streams, process, 0);
}

void streams__end_file(struct streams *streams, uint32_t file)
{
	close_streams(streams, NULL, file);
}

static void on_slow_call(struct streams *s, const struct tm_slow_event *event, size_t size)
{
	const struct entry *entry;

	if (size < sizeof(*event) || event->event.slot >= s->max_streams || !s->cb.slow)
		return;
	entry = &s->entries[event->event.slot];
	/* one whose labels are still being looked for is told of at its next slow call */
	if (entry->state == ENTRY_OPEN && entry->generation == event->generation && entry->user)
		s->cb.slow(s->cb.arg, entry->user, event);
}

void streams__event(struct streams *streams, const struct tm_event *event, size_t size,
		    uint64_t now_ns)
{
	if (event->kind == TM_EVENT_STREAM)
		on_new_stream(streams, (const struct tm_stream_event *)event, size, now_ns);
	else if (event->kind == TM_EVENT_EXIT)
		streams__end_process(streams, &event->process);
	else if (event->kind == TM_EVENT_SLOW)
		on_slow_call(streams, (const struct tm_slow_event *)event, size);
	/* TM_EVENT_CLOSED only wakes us: the slot says it */
}

void slot_clear(struct probes *probes, uint32_t slot, uint32_t generation)
{
	struct tm_slot *at = &probes__slots(probes)[slot];

	__atomic_store_n(&at->generation, generation + 1, __ATOMIC_SEQ_CST);
	memset((char *)at + offsetof(struct tm_slot, key), 0,
	       sizeof(*at) - offsetof(struct tm_slot, key));
	__atomic_store_n(&at->state, TM_SLOT_FREE, __ATOMIC_RELEASE);
}

/*
 * Gives the slot back. What still could be on its way to it, a call that has found the stream but not yet written
 * its frame, will find another generation when it returns.
 */
static void slot_recycle(struct streams *s, uint32_t index)
{
	slot_clear(s->probes, index, slot_of(s, index)->generation);
	if (s->cb.freed)
		s->cb.freed(s->cb.arg);
	probes__give_back(s->probes, index);
}

static void entry_close(struct streams *s, uint32_t index, uint64_t now_ns)
{
	struct entry *entry = &s->entries[index];

	if (!entry->closed_ns)
		entry->closed_ns = now_ns;
	if ((entry->in_flight && !entry->untapped) || now_ns - entry->closed_ns < SLOT_REST_NS ||
	    entry->state != ENTRY_OPEN)
		return;
	if (s->cb.retire(s->cb.arg, entry->user, slot_of(s, index), now_ns))
		return;
	memset(entry, 0, sizeof(*entry));
	s->used--;
	slot_recycle(s, index);
}

/* ---- calls in flight ------------------------------------------------------------------------ */

static void thread_calls(struct streams *s, const struct tm_thread *thread)
{
	uint32_t depth = __atomic_load_n(&thread->depth, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < depth && i < TM_MAX_DEPTH; i++) {
		struct tm_frame frame = thread->frames[i];
		struct entry *entry;

		if (frame.slot >= s->max_streams || frame.op == UINT16_MAX)
			continue;
		entry = &s->entries[frame.slot];
		if (entry->state == ENTRY_NONE || frame.generation != entry->generation)
			continue;
		entry->in_flight++;
		if (!entry->oldest_start_ns || frame.start_ns < entry->oldest_start_ns)
			entry->oldest_start_ns = frame.start_ns;
	}
}

static void count_in_flight(struct streams *s)
{
	const struct tm_thread *threads = probes__threads(s->probes);

	for (uint32_t i = 0; i < s->max_streams; i++) {
		s->entries[i].in_flight = 0;
		s->entries[i].oldest_start_ns = 0;
	}
	for (uint32_t block = 0; block < TM_MAX_THREADS / TM_BLOCK; block++) {
		if (!probes__thread_block_used(s->probes, block))
			continue;
		for (uint32_t i = 0; i < TM_BLOCK; i++)
			if (threads[block * TM_BLOCK + i].tid)
				thread_calls(s, &threads[block * TM_BLOCK + i]);
	}
}

/* ---- all ---------------------------------------------------------------------------------------- */

void streams__update(struct streams *streams, uint64_t now_ns)
{
	count_in_flight(streams);
	for (uint32_t i = 0; i < streams->max_streams; i++) {
		uint32_t state;

		if (!probes__slot_block_used(streams->probes, i / TM_BLOCK)) {
			i |= TM_BLOCK - 1;
			continue;
		}
		state = slot_state(slot_of(streams, i));
		if (state == TM_SLOT_FREE)
			continue;
		entry_begin(streams, i, now_ns);
		if (streams->entries[i].state == ENTRY_PENDING)
			entry_resolve(streams, i, now_ns);
		if (state == TM_SLOT_CLOSED)
			entry_close(streams, i, now_ns);
	}
}

int streams__each(const struct streams *streams, streams_each_fn fn, void *arg)
{
	for (uint32_t i = 0; i < streams->max_streams; i++) {
		const struct entry *entry = &streams->entries[i];
		struct stream_view view = {
			.slot = i,
			.user = entry->user,
			.counters = slot_of(streams, i),
			.in_flight = entry->in_flight,
			.oldest_start_ns = entry->oldest_start_ns,
		};
		int err;

		if (entry->state == ENTRY_NONE)
			continue;
		view.profile =
			taps__operation(streams->taps, view.counters->key.op, &view.operation);
		err = fn(arg, &view);
		if (err)
			return err;
	}
	return 0;
}

int streams__user(const struct streams *streams, uint32_t id, void **user)
{
	uint32_t slot = TM_STREAM_ID_SLOT(id);
	const struct entry *entry;

	if (slot >= streams->max_streams)
		return -ENOENT;
	entry = &streams->entries[slot];
	/* one that has no entry yet is new: a retired one has another generation */
	if (TM_STREAM_ID(slot, slot_of(streams, slot)->generation) != id)
		return -ENOENT;
	*user = entry->state == ENTRY_OPEN ? entry->user : NULL;
	return 0;
}

uint32_t streams__used(const struct streams *streams)
{
	return streams->used;
}

uint64_t streams__labels_unknown(const struct streams *streams)
{
	return streams->labels_unknown;
}
