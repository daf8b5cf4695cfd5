/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_TRANSITS_H
#define TAPMETER_TAP_TRANSITS_H
/*
 * The delivery times that BPF counts for each pair of sender and receiver: finds new pairs, takes the entries back when
 * an end has gone. Lives as slots do, see streams.h. One thread.
 */
#include <stdint.h>
#include "tap/probes.h"
#include "tap/streams.h"

struct transits;

struct transit_callbacks {
	/* NULL, or asked first: a former agent has opened the pair. -ENOENT: it has not. */
	int (*recall)(void *arg, const struct tm_transit *entry, void **user);
	/* A new pair. `sender` is NULL if that stream has gone before. 0 or -errno: tried again. */
	int (*open)(void *arg, const struct tm_transit *entry, void *receiver, void *sender,
		    void **user);
	/* Nothing more will be counted. 0 or -errno: tried again. */
	int (*retire)(void *arg, void *user, const struct tm_transit *totals, uint64_t now_ns);
	/* NULL, or called when a retired entry has been cleared, before it is given back. */
	void (*freed)(void *arg);
	void *arg;
};

/* Without config.transit of the probes there are never any. */
int transits__new(struct probes *probes, struct streams *streams,
		  const struct transit_callbacks *callbacks, struct transits **out);
void transits__free(struct transits *transits);
/* Brings everything up to now. Before streams__update(), which may let go of the streams. */
void transits__update(struct transits *transits, uint64_t now_ns);

/* `counters` is live memory that only grows. */
typedef int (*transits_each_fn)(void *arg, void *user, const struct tm_transit *counters);
/* Every pair that has been opened; stops at the first error, which it returns. */
int transits__each(const struct transits *transits, transits_each_fn fn, void *arg);

#endif
