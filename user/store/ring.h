/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_RING_H
#define TAPMETER_STORE_RING_H
/*
 * The last so many points of a kernel, in the order of their times; memory grows with them. Inside
 * store/ only. Not thread-safe.
 */
#include <stdint.h>
#include "store/packed.h"
#include "store/snapshot.h"

#define RING_POINTS 61

/* All zeroes is an empty one. */
struct ring {
	uint32_t next; /* where the next point goes */
	uint32_t count;
	uint32_t room; /* of points; grows up to RING_POINTS */
	/* the points' times, side by side: looking for one touches few cache lines */
	uint64_t mono_ns[RING_POINTS];
	uint64_t usage_ns[RING_POINTS];
	struct kernel_point *points;
	struct packed *hists; /* of the points */
};

void ring_free(struct ring *ring);
/* How long after `then` it is at `now`; a clock that went back reads as no time at all. */
uint64_t ring_elapsed(uint64_t now_ns, uint64_t then_ns);
/*
 * Adds the kernel's point and histograms, instead of the oldest ones if need be; not if the last one is younger than
 * step_ns. -ENOMEM.
 */
int ring_push(struct ring *ring, const struct kernel_sample *kernel, uint64_t step_ns);
/* The histograms of the point of that time. 0, or -ENOENT. */
int ring_hists(const struct ring *ring, uint64_t mono_ns, struct kernel_hists *out);
/* Of the oldest point; the ring must not be empty. */
uint64_t ring_oldest_ns(const struct ring *ring);
/* Copies the points that are older than until_ns, from the oldest on. Returns how many. */
size_t ring_copy(const struct ring *ring, uint64_t until_ns, struct kernel_point out[RING_POINTS]);

/* What is looked for among the points' times, and what was found: start with off and best_ns at most. */
struct ring_search {
	uint64_t now_ns, window_ns, min_age_ns;
	uint64_t off; /* of the best, from the window */
	uint64_t best_ns;
	const struct kernel_point *best;
};

/* Goes on searching in a ring, by one of its two lists of times; a time of 0 is none. */
void ring_search(const struct ring *ring, const uint64_t times[RING_POINTS],
		 struct ring_search *search);

#endif
