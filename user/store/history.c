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

/*
 * Histograms, packed: for each kind the first bucket that is not zero, how many follow, and their counts as
 * little-endian base 128 numbers.
 */
struct packed {
	uint8_t *bytes; /* owned; NULL = all are empty, or there was no memory */
	int missing; /* 1: there was no memory */
};

#define PACKED_MAX (HIST_KINDS * (2 + 10 * TM_HIST_BUCKETS))

struct ring {
	uint32_t next; /* where the next point goes */
	uint32_t count;
	struct kernel_point points[RING_POINTS];
	struct packed hists[RING_POINTS];
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

static void kernel_history_free(struct kernel_history *kernel)
{
	size_t i, j;

	for (i = 0; i < RINGS; i++)
		for (j = 0; j < RING_POINTS; j++)
			free(kernel->rings[i].hists[j].bytes);
	free(kernel);
}

void history__free(struct history *history)
{
	size_t i;

	if (!history)
		return;
	for (i = 0; i < history->count; i++)
		kernel_history_free(history->kernels[i]);
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

static size_t pack_number(uint8_t *to, uint64_t number)
{
	size_t len = 0;

	for (; number >= 0x80; number >>= 7)
		to[len++] = (uint8_t)(number | 0x80);
	to[len++] = (uint8_t)number;
	return len;
}

static const uint8_t *unpack_number(const uint8_t *from, uint64_t *number)
{
	unsigned shift = 0;

	*number = 0;
	do {
		*number |= (uint64_t)(*from & 0x7f) << shift;
		shift += 7;
	} while (*from++ & 0x80);
	return from;
}

static void pack(const struct hist_view hists[HIST_KINDS], struct packed *out)
{
	uint8_t bytes[PACKED_MAX];
	size_t len = 0, total = 0;

	for (int kind = 0; kind < HIST_KINDS; kind++) {
		total += hists[kind].count;
		bytes[len++] = (uint8_t)hists[kind].first;
		bytes[len++] = (uint8_t)hists[kind].count;
		for (size_t i = 0; i < hists[kind].count; i++)
			len += pack_number(bytes + len, hists[kind].buckets[i]);
	}
	free(out->bytes);
	*out = (struct packed){ 0 };
	if (!total)
		return;
	out->bytes = malloc(len);
	out->missing = !out->bytes;
	if (out->bytes)
		memcpy(out->bytes, bytes, len);
}

static void unpack(const struct packed *packed, struct kernel_hists *out)
{
	const uint8_t *from = packed->bytes;

	memset(out, 0, sizeof(*out));
	for (int kind = 0; from && kind < HIST_KINDS; kind++) {
		size_t first = *from++, count = *from++;

		for (size_t i = 0; i < count; i++)
			from = unpack_number(from, &out->buckets[kind][first + i]);
	}
}

static void ring_push(struct ring *ring, const struct kernel_sample *kernel, uint64_t step_ns)
{
	uint32_t last = (ring->next + RING_POINTS - 1) % RING_POINTS;
	const struct kernel_point *point = &kernel->point;

	if (ring->count && elapsed(point->mono_ns, ring->points[last].mono_ns) < step_ns)
		return;
	ring->points[ring->next] = *point;
	pack(kernel->hists, &ring->hists[ring->next]);
	ring->next = (ring->next + 1) % RING_POINTS;
	if (ring->count < RING_POINTS)
		ring->count++;
}

static void add_point(struct kernel_history *kernel, const struct kernel_sample *sample)
{
	size_t i;

	if (!sample->point.mono_ns) /* means "no such point" */
		return;
	kernel->seen_ns = sample->point.mono_ns;
	for (i = 0; i < RINGS; i++)
		ring_push(&kernel->rings[i], sample, ring_step_ns[i]);
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
			add_point(kernel, &s->kernels[j]);
		if (order >= 0)
			j++;
		if (!kernel)
			err = -ENOMEM;
		else if (elapsed(s->mono_ns, kernel->seen_ns) >= FORGET_NS)
			kernel_history_free(kernel);
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

int history__histograms(const struct history *history, const char *kernel_id, uint64_t mono_ns,
			struct kernel_hists *out)
{
	const struct kernel_history *kernel = find_kernel(history, kernel_id);

	for (size_t i = 0; kernel && i < RINGS; i++) {
		const struct ring *ring = &kernel->rings[i];

		for (size_t j = 0; j < ring->count; j++) {
			if (ring->points[j].mono_ns != mono_ns || ring->hists[j].missing)
				continue;
			unpack(&ring->hists[j], out);
			return 0;
		}
	}
	return -ENOENT;
}
