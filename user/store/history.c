/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
#define FORGET_NS (600 * SECOND_NS)

/* 61 points have 60 distances between them: the rings reach back 60 s and 600 s. */
#define RING_POINTS 61
#define RINGS 2

/*
 * A point goes into a ring when the last one there is at least this old: a little less than the
 * nominal second and ten, because a timer that fires every second fires after 0.999 s now and then.
 */
static const uint64_t ring_step_ns[RINGS] = { 3 * SECOND_NS / 4, 19 * SECOND_NS / 2 };

struct ring {
	uint32_t next; /* where the next point goes */
	uint32_t count;
	struct kernel_point points[RING_POINTS];
};

struct kernel_history {
	uint64_t seen_ns; /* time of the last snapshot that had the kernel */
	struct ring rings[RINGS];
	char kernel_id[];
};

struct history {
	struct kernel_history **kernels; /* sorted by kernel_id, as those of a snapshot are */
	size_t count;
};

int history__new(struct history **out)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history)
		return -ENOMEM;
	*out = history;
	return 0;
}

void history__free(struct history *history)
{
	size_t i;

	if (!history)
		return;
	for (i = 0; i < history->count; i++)
		free(history->kernels[i]);
	free(history->kernels);
	free(history);
}

static struct kernel_history *kernel_history_new(const char *kernel_id)
{
	size_t size = strlen(kernel_id) + 1;
	struct kernel_history *kernel = calloc(1, sizeof(*kernel) + size);

	if (kernel)
		memcpy(kernel->kernel_id, kernel_id, size);
	return kernel;
}

/* How long after `then` it is at `now`; a clock that went back reads as no time at all. */
static uint64_t elapsed(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static void ring_push(struct ring *ring, const struct kernel_point *point, uint64_t step_ns)
{
	uint32_t last = (ring->next + RING_POINTS - 1) % RING_POINTS;

	if (ring->count && elapsed(point->mono_ns, ring->points[last].mono_ns) < step_ns)
		return;
	ring->points[ring->next] = *point;
	ring->next = (ring->next + 1) % RING_POINTS;
	if (ring->count < RING_POINTS)
		ring->count++;
}

static void add_point(struct kernel_history *kernel, const struct kernel_point *point)
{
	size_t i;

	if (!point->mono_ns) /* means "no such point" */
		return;
	kernel->seen_ns = point->mono_ns;
	for (i = 0; i < RINGS; i++)
		ring_push(&kernel->rings[i], point, ring_step_ns[i]);
}

/* <0: the next kernel is only in the history, >0: only in the snapshot, 0: in both. */
static int compare_next(const struct history *history, size_t i, const struct snapshot *s, size_t j)
{
	if (j == s->kernel_count)
		return -1;
	if (i == history->count)
		return 1;
	return strcmp(history->kernels[i]->kernel_id, s->kernels[j].kernel_id);
}

/*
 * Both are sorted, so merging them gives the next state; it is built anew as kernels come and go.
 */
int history__record(struct history *history, const struct snapshot *s)
{
	struct kernel_history **merged, *kernel;
	size_t i = 0, j = 0, count = 0;
	int err = 0;

	merged = calloc(history->count + s->kernel_count + 1, sizeof(struct kernel_history *));
	if (!merged)
		return -ENOMEM;
	while (i < history->count || j < s->kernel_count) {
		int order = compare_next(history, i, s, j);

		kernel = order > 0 ? kernel_history_new(s->kernels[j].kernel_id) :
				     history->kernels[i++];
		if (order >= 0 && kernel)
			add_point(kernel, &s->kernels[j].point);
		if (order >= 0)
			j++;
		if (!kernel)
			err = -ENOMEM;
		else if (elapsed(s->mono_ns, kernel->seen_ns) >= FORGET_NS)
			free(kernel);
		else
			merged[count++] = kernel;
	}
	free(history->kernels);
	history->kernels = merged;
	history->count = count;
	return err;
}

static const struct kernel_history *find_kernel(const struct history *history,
						const char *kernel_id)
{
	size_t low = 0, high = history->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(history->kernels[middle]->kernel_id, kernel_id);

		if (!order)
			return history->kernels[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int history__point(const struct history *history, const char *kernel_id, uint64_t now_ns,
		   uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out)
{
	const struct kernel_history *kernel = find_kernel(history, kernel_id);
	uint64_t best = UINT64_MAX;
	size_t i, j;

	if (!kernel)
		return -ENOENT;
	*out = (struct kernel_point){ 0 };
	for (i = 0; i < RINGS; i++) {
		for (j = 0; j < kernel->rings[i].count; j++) {
			const struct kernel_point *point = &kernel->rings[i].points[j];
			uint64_t age = elapsed(now_ns, point->mono_ns);
			uint64_t off = age > window_ns ? age - window_ns : window_ns - age;

			/* of two that are equally far off, the older: a rate gets steadier */
			if (age < min_age_ns || off > best ||
			    (off == best && point->mono_ns >= out->mono_ns))
				continue;
			best = off;
			*out = *point;
		}
	}
	return 0;
}
