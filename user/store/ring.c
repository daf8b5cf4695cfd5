/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ring.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ring_free(struct ring *ring)
{
	for (uint32_t i = 0; i < ring->count; i++)
		packed_free(&ring->hists[i]);
	free(ring->hists);
	free(ring->points);
	*ring = (struct ring){ 0 };
}

uint64_t ring_elapsed(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static int ring_grow(struct ring *ring)
{
	uint32_t room = ring->room ? 2 * ring->room : 4;
	void *points, *hists;

	if (room > RING_POINTS)
		room = RING_POINTS;
	points = reallocarray(ring->points, room, sizeof(ring->points[0]));
	if (!points)
		return -ENOMEM;
	ring->points = points;
	hists = reallocarray(ring->hists, room, sizeof(ring->hists[0]));
	if (!hists)
		return -ENOMEM;
	ring->hists = hists;
	memset(ring->hists + ring->room, 0, (room - ring->room) * sizeof(ring->hists[0]));
	ring->room = room;
	return 0;
}

int ring_push(struct ring *ring, const struct kernel_sample *kernel, uint64_t step_ns)
{
	const struct kernel_point *point = &kernel->point;
	uint32_t last = (ring->next + RING_POINTS - 1) % RING_POINTS;

	if (ring->count && ring_elapsed(point->mono_ns, ring->mono_ns[last]) < step_ns)
		return 0;
	if (ring->next == ring->room && ring->room < RING_POINTS && ring_grow(ring))
		return -ENOMEM;
	ring->points[ring->next] = *point;
	packed_fill(&ring->hists[ring->next], kernel->hists);
	ring->mono_ns[ring->next] = point->mono_ns;
	ring->usage_ns[ring->next] = point->usage.mono_ns;
	ring->next = (ring->next + 1) % RING_POINTS;
	if (ring->count < RING_POINTS)
		ring->count++;
	return 0;
}

int ring_hists(const struct ring *ring, uint64_t mono_ns, struct kernel_hists *out)
{
	for (uint32_t i = 0; i < ring->count; i++) {
		if (ring->mono_ns[i] == mono_ns)
			return packed_read(&ring->hists[i], out);
	}
	return -ENOENT;
}

static uint32_t oldest(const struct ring *ring)
{
	return ring->count < RING_POINTS ? 0 : ring->next;
}

uint64_t ring_oldest_ns(const struct ring *ring)
{
	return ring->mono_ns[oldest(ring)];
}

size_t ring_copy(const struct ring *ring, uint64_t until_ns, struct kernel_point out[RING_POINTS])
{
	uint32_t i, at = oldest(ring);
	size_t count = 0;

	for (i = 0; i < ring->count; i++, at = (at + 1) % RING_POINTS) {
		if (ring->mono_ns[at] < until_ns)
			out[count++] = ring->points[at];
	}
	return count;
}

void ring_search(const struct ring *ring, const uint64_t times[RING_POINTS],
		 struct ring_search *search)
{
	uint32_t i;

	for (i = 0; i < ring->count; i++) {
		uint64_t age = ring_elapsed(search->now_ns, times[i]);
		uint64_t off = age > search->window_ns ? age - search->window_ns :
							 search->window_ns - age;

		/* of two that are equally far off, the older: a rate gets steadier */
		if (!times[i] || age < search->min_age_ns || off > search->off ||
		    (off == search->off && times[i] >= search->best_ns))
			continue;
		search->off = off;
		search->best_ns = times[i];
		search->best = &ring->points[i];
	}
}
