/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/ring.h"

#define SECOND_NS UINT64_C(1000000000)
#define FORGET_NS (600 * SECOND_NS)
#define RINGS 2

/* 61 points have 60 distances between them: the rings reach back 60 s and 600 s. */
_Static_assert(HISTORY_MAX_POINTS == RINGS * RING_POINTS, "points of all rings");

/*
 * A point goes into a ring when the last one there is at least this old: a little less than the
 * nominal second and ten, because a timer that fires every second fires after 0.999 s now and then.
 */
static const uint64_t ring_step_ns[RINGS] = { 3 * SECOND_NS / 4, 19 * SECOND_NS / 2 };

/* What only grows, unless it begins anew. */
static const struct counter {
	size_t offset; /* in struct kernel_point */
	uint32_t usage; /* enum usage_has: when it is known; 0 = always */
} counters[] = {
	{ offsetof(struct kernel_point, send_messages), 0 },
	{ offsetof(struct kernel_point, recv_messages), 0 },
	{ offsetof(struct kernel_point, send_bytes), 0 },
	{ offsetof(struct kernel_point, recv_bytes), 0 },
	{ offsetof(struct kernel_point, failures), 0 },
	{ offsetof(struct kernel_point, cache_operations), 0 },
	{ offsetof(struct kernel_point, usage.cpu_ns), USAGE_CPU },
	{ offsetof(struct kernel_point, usage.io_read_bytes), USAGE_IO },
	{ offsetof(struct kernel_point, usage.io_write_bytes), USAGE_IO },
	{ offsetof(struct kernel_point, usage.net_rx_bytes), USAGE_NETWORK },
	{ offsetof(struct kernel_point, usage.net_tx_bytes), USAGE_NETWORK },
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

struct kernel_history {
	uint64_t seen_ns; /* time of the last snapshot that had the kernel */
	uint64_t last[COUNTERS]; /* as last known */
	uint32_t instance; /* of the usage last known */
	struct ring rings[RINGS];
	char kernel_id[];
};

struct history {
	struct kernel_history **kernels; /* sorted by kernel_id, as those of a snapshot are */
	size_t count;
	uint64_t refused;
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
	size_t i;

	for (i = 0; i < RINGS; i++)
		ring_free(&kernel->rings[i]);
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

uint64_t history__refused(const struct history *history)
{
	return history->refused;
}

static struct kernel_history *kernel_history_new(const char *kernel_id)
{
	size_t size = strlen(kernel_id) + 1;
	struct kernel_history *kernel = calloc(1, sizeof(*kernel) + size);

	if (kernel)
		memcpy(kernel->kernel_id, kernel_id, size);
	return kernel;
}

/* ---- counters that fall ---- */

static uint64_t *counter_in(struct kernel_point *point, size_t i)
{
	return (uint64_t *)(void *)((char *)point + counters[i].offset);
}

static uint64_t counter_of(const struct kernel_point *point, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)point + counters[i].offset, sizeof(value));
	return value;
}

static int is_known(const struct kernel_point *point, size_t i)
{
	return !counters[i].usage || point->usage.has & counters[i].usage;
}

/* Less than before, or another container's. */
static int begins_anew(const struct kernel_history *kernel, const struct kernel_point *point,
		       size_t i)
{
	if (!is_known(point, i))
		return 0;
	if (counters[i].usage && point->usage.instance != kernel->instance)
		return 1;
	return counter_of(point, i) < kernel->last[i];
}

static void void_older(struct kernel_history *kernel, size_t counter)
{
	size_t i, j;

	for (i = 0; i < RINGS; i++) {
		for (j = 0; j < kernel->rings[i].count; j++)
			*counter_in(&kernel->rings[i].points[j], counter) = HISTORY_VOID;
	}
}

static void note_counters(struct kernel_history *kernel, const struct kernel_point *point)
{
	size_t i;

	for (i = 0; i < COUNTERS; i++) {
		if (begins_anew(kernel, point, i))
			void_older(kernel, i);
		if (is_known(point, i))
			kernel->last[i] = counter_of(point, i);
	}
	if (point->usage.has)
		kernel->instance = point->usage.instance;
}

/* ---- recording ---- */

static int add_point(struct kernel_history *kernel, const struct kernel_sample *sample)
{
	const struct kernel_point *point = &sample->point;
	int err = 0;
	size_t i;

	if (!point->mono_ns) /* means "no such point" */
		return 0;
	kernel->seen_ns = point->mono_ns;
	note_counters(kernel, point);
	for (i = 0; i < RINGS; i++) {
		if (ring_push(&kernel->rings[i], sample, ring_step_ns[i]))
			err = -ENOMEM;
	}
	return err;
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

/* How many kernels of the snapshot the history has already. */
static size_t count_common(const struct history *history, const struct snapshot *s)
{
	size_t i = 0, j = 0, common = 0;

	while (i < history->count && j < s->kernel_count) {
		int order = compare_next(history, i, s, j);

		common += !order;
		i += order <= 0;
		j += order >= 0;
	}
	return common;
}

/* What the merge of the history and a snapshot goes by. */
struct merge {
	uint64_t keep_ns; /* a kernel that is gone for so long is forgotten */
	size_t room; /* for kernels that are new */
};

/* When places get scarce, those who are there come before those who are gone. */
static struct merge plan_merge(const struct history *history, const struct snapshot *s)
{
	struct merge plan = { FORGET_NS, HISTORY_MAX_KERNELS - history->count };
	size_t common;

	if (s->kernel_count <= plan.room)
		return plan;
	common = count_common(history, s);
	if (s->kernel_count - common > plan.room)
		plan = (struct merge){ 0, HISTORY_MAX_KERNELS - common };
	return plan;
}

/* The kernel's new history; NULL without place or memory for it. */
static struct kernel_history *admit(struct history *history, struct merge *plan,
				    const struct kernel_sample *sample, int *err)
{
	struct kernel_history *kernel;

	if (!plan->room) {
		history->refused++;
		return NULL;
	}
	kernel = kernel_history_new(sample->kernel_id);
	if (kernel)
		plan->room--;
	else
		*err = -ENOMEM;
	return kernel;
}

/*
 * Both are sorted, so merging them gives the next state; it is built anew as kernels come and go.
 */
int history__record(struct history *history, const struct snapshot *s)
{
	struct merge plan = plan_merge(history, s);
	struct kernel_history **merged, *kernel;
	size_t i = 0, j = 0, count = 0;
	int err = 0;

	merged = calloc(history->count + s->kernel_count + 1, sizeof(struct kernel_history *));
	if (!merged)
		return -ENOMEM;
	while (i < history->count || j < s->kernel_count) {
		int order = compare_next(history, i, s, j);

		kernel = order > 0 ? admit(history, &plan, &s->kernels[j], &err) :
				     history->kernels[i++];
		if (order >= 0 && kernel && add_point(kernel, &s->kernels[j]))
			err = -ENOMEM;
		if (order >= 0)
			j++;
		if (!kernel)
			continue;
		if (order < 0 && ring_elapsed(s->mono_ns, kernel->seen_ns) >= plan.keep_ns)
			kernel_history_free(kernel);
		else
			merged[count++] = kernel;
	}
	free(history->kernels);
	history->kernels = merged;
	history->count = count;
	return err;
}

/* ---- reading ---- */

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

/* What has begun anew since it was last recorded. */
static void void_fallen(const struct kernel_history *kernel, const struct kernel_point *now,
			struct kernel_point *before)
{
	size_t i;

	if (now->mono_ns < kernel->seen_ns) /* of an older snapshot */
		return;
	for (i = 0; i < COUNTERS; i++) {
		if (begins_anew(kernel, now, i))
			*counter_in(before, i) = HISTORY_VOID;
	}
}

void history__before(const struct history *history, const struct kernel_sample *kernel,
		     uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out)
{
	const struct kernel_history *past = find_kernel(history, kernel->kernel_id);
	struct ring_search points = {
		kernel->point.mono_ns, window_ns, min_age_ns, UINT64_MAX, UINT64_MAX, NULL
	};
	struct ring_search usages = points;
	size_t i;

	*out = (struct kernel_point){ 0 };
	if (!past)
		return;
	usages.now_ns = kernel->point.usage.mono_ns;
	for (i = 0; i < RINGS; i++) {
		ring_search(&past->rings[i], past->rings[i].mono_ns, &points);
		ring_search(&past->rings[i], past->rings[i].usage_ns, &usages);
	}
	if (points.best)
		*out = *points.best;
	out->usage = usages.best ? usages.best->usage : (struct kernel_usage){ 0 };
	void_fallen(past, &kernel->point, out);
}

size_t history__points(const struct history *history, const struct kernel_sample *kernel,
		       struct kernel_point out[HISTORY_MAX_POINTS])
{
	const struct kernel_history *past = find_kernel(history, kernel->kernel_id);
	const struct ring *fine;
	uint64_t fine_ns;
	size_t count, i;

	if (!past || !past->rings[0].count)
		return 0;
	fine = &past->rings[0];
	fine_ns = ring_oldest_ns(fine);
	if (fine_ns > kernel->point.mono_ns)
		fine_ns = kernel->point.mono_ns;
	count = ring_copy(&past->rings[1], fine_ns, out);
	count += ring_copy(fine, kernel->point.mono_ns, out + count);
	for (i = 0; i < count; i++)
		void_fallen(past, &kernel->point, &out[i]);
	return count;
}

int history__histograms(const struct history *history, const char *kernel_id, uint64_t mono_ns,
			struct kernel_hists *out)
{
	const struct kernel_history *kernel = find_kernel(history, kernel_id);
	size_t i;

	for (i = 0; kernel && i < RINGS; i++) {
		if (!ring_hists(&kernel->rings[i], mono_ns, out))
			return 0;
	}
	return -ENOENT;
}
