/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_EVICTIONS_H
#define TAPMETER_EVICTIONS_H
/* Notices when a cache begins to evict much. Pure. */
#include <stdint.h>

#define EVICTIONS_BURST 100 /* so many within EVICTIONS_WINDOW_NS of the first are a burst */
#define EVICTIONS_WINDOW_NS 1000000000ull
#define EVICTIONS_CALM_NS 10000000000ull /* without any: what comes then is the first again */

/* Of one stream; all 0 at its start. Times are CLOCK_MONOTONIC. */
struct evictions {
	uint64_t count; /* as of the last look */
	uint64_t last_ns; /* when it had grown; 0 = never */
	uint64_t first_ns, first_count; /* the first after a calm: when, and what had been before */
	int told;
};

/*
 * `count` is the stream's total now. Returns how many there were since the calm when that has just become a burst, 0
 * otherwise: a cache that evicts all the time is told of once.
 */
uint64_t evictions_look(struct evictions *evictions, uint64_t count, uint64_t now_ns);

#endif
