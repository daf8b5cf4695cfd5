/* SPDX-License-Identifier: Apache-2.0 */
#include "evictions.h"

uint64_t evictions_look(struct evictions *evictions, uint64_t count, uint64_t now_ns)
{
	struct evictions *e = evictions;

	if (count == e->count)
		return 0;
	if (!e->last_ns || now_ns - e->last_ns >= EVICTIONS_CALM_NS) {
		e->first_ns = now_ns;
		e->first_count = e->count;
		e->told = 0;
	}
	e->count = count;
	e->last_ns = now_ns;
	if (e->told || now_ns - e->first_ns > EVICTIONS_WINDOW_NS ||
	    count - e->first_count < EVICTIONS_BURST)
		return 0;
	e->told = 1;
	return count - e->first_count;
}
