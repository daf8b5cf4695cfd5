/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_STREAMS_H
#define TAPMETER_TAP_STREAMS_H
/*
 * The streams as userspace keeps them: finds new slots, reads what their labels are made of, watches the
 * calls in flight, and takes closed slots back when nothing can count in them any more. The slots
 * themselves say everything that matters; ring buffer events only make it faster. One thread.
 *
 * Life of a slot: BPF makes it live; zmq_close(), a new endpoint, exit or exec close it; a second later, with no call
 * in flight, its totals are handed to retire(), its generation is raised and BPF may use it again.
 * A call that still names the old generation is counted as lost, never to the new stream.
 */
#include <stddef.h>
#include <stdint.h>
#include "tap/probes.h"
#include "tap/taps.h"

struct aside;
struct streams;

/* What the labels of a new stream are made of. Strings live as long as the call. */
struct stream_identity {
	uint32_t slot, generation;
	const struct tm_stream_key *key;
	uint64_t cgroup; /* struct tm_slot.cgroup */
	const struct profile *profile;
	const struct operation *operation;
	const char *comm; /* "" = not known */
	const char (*cgroups)[TM_CGROUP_DEPTH]
			     [TM_CGROUP_NAME]; /* as in tm_stream_event; NULL = not known */
	const char *endpoint; /* "none", "unknown", or "" if there are no texts; an event's name */
	const char *socket_type; /* "unknown", or "" */
};

struct stream_callbacks {
	/* The stream's labels are known (or will never be): *user is handed back with it. 0 or -errno: tried again. */
	int (*open)(void *arg, const struct stream_identity *identity, void **user);
	/*
	 * NULL, or asked first: a former agent has opened the stream; *user as for open(), NULL for a stream of no interest.
	 * -ENOENT: it has not.
	 */
	int (*recall)(void *arg, uint32_t slot, const struct tm_slot *counters, void **user);
	/* The stream has ended with these totals. 0 or -errno: tried again. */
	int (*retire)(void *arg, void *user, const struct tm_slot *totals, uint64_t now_ns);
	/* NULL, or called when a retired slot has been cleared, before it is given back. */
	void (*freed)(void *arg);
	struct aside *aside; /* for what may not come back; NULL: it is waited for. Borrowed. */
	/* A call took long. May be NULL. */
	void (*slow)(void *arg, void *user, const struct tm_slow_event *event);
	void *arg;
};

int streams__new(struct probes *probes, struct taps *taps, uint32_t max_streams,
		 const struct stream_callbacks *callbacks, struct streams **out);
void streams__free(struct streams *streams);

/* An event of the ring buffer. */
void streams__event(struct streams *streams, const struct tm_event *event, size_t size,
		    uint64_t now_ns);
/* The process has ended, or become another program: closes its streams. */
void streams__end_process(struct streams *streams, const struct tm_process_id *process);
/* The file (struct tm_slot.file) is not tapped any more: closes its streams. */
void streams__end_file(struct streams *streams, uint32_t file);
/* Brings everything up to now: new slots, labels, calls in flight, closed slots. */
void streams__update(struct streams *streams, uint64_t now_ns);

/*
 * Clears a slot that is closed, as far as has not been done: it then has the generation after `generation`. It is not
 * given back.
 */
void slot_clear(struct probes *probes, uint32_t slot, uint32_t generation);

struct stream_view {
	uint32_t slot;
	void *user; /* NULL: labels not known yet */
	const struct tm_slot *counters; /* live memory, only grows */
	const struct profile *profile;
	const struct operation *operation;
	uint32_t in_flight;
	uint64_t oldest_start_ns; /* CLOCK_MONOTONIC, 0 = no call in flight */
};
typedef int (*streams_each_fn)(void *arg, const struct stream_view *view);
/* Every stream that has not been retired, as of the last update; stops at the first error, which it returns. */
int streams__each(const struct streams *streams, streams_each_fn fn, void *arg);

/*
 * The stream of a TM_STREAM_ID: *user is what open() has given, NULL before that. -ENOENT: it has been retired.
 */
int streams__user(const struct streams *streams, uint32_t id, void **user);

/* Slots in use, and streams whose labels could not be read because the process had gone. */
uint32_t streams__used(const struct streams *streams);
uint64_t streams__labels_unknown(const struct streams *streams);

#endif
