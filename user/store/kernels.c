/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From series to kernels: which there are, which systems they use, and the sums that live-stat
 * needs. Series of one kind and kernel are neighbours, so one pass over them finds each kernel once
 * per kind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/snapshot_internal.h"

static int compare_kernel_id(const void *a, const void *b)
{
	const struct kernel_sample *x = a, *y = b;

	return strcmp(x->kernel_id, y->kernel_id);
}

/* Of several entries for one kernel, the one with the most processes comes first, and prevails. */
static int compare_entry(const void *a, const void *b)
{
	const struct kernel_sample *x = a, *y = b;
	int order = compare_kernel_id(a, b);

	if (order)
		return order;
	if (x->processes != y->processes)
		return x->processes > y->processes ? -1 : 1;
	return strcmp(x->container, y->container);
}

/* How often the kernel changes along the series: what kernels_make() has to make place for. */
static size_t count_changes(const struct snapshot *s)
{
	const char *last = "";
	size_t i, changes = 0;

	for (i = 0; i < s->series_count; i++) {
		if (strcmp(s->series[i].labels->kernel_id, last) != 0)
			changes++;
		last = s->series[i].labels->kernel_id;
	}
	return changes;
}

/* Appends a kernel for each change along the series; those without an id are left out. */
static size_t append_from_series(const struct snapshot *s, struct kernel_sample *kernels, size_t n)
{
	const char *last = "";
	size_t i;

	for (i = 0; i < s->series_count; i++) {
		const struct series_labels *labels = s->series[i].labels;

		if (*labels->kernel_id && strcmp(labels->kernel_id, last) != 0) {
			kernels[n++] = (struct kernel_sample){
				.kernel_id = labels->kernel_id,
				.container = labels->container,
				.pod = labels->pod,
				.name = "",
				.namespace = labels->namespace,
			};
		}
		last = labels->kernel_id;
	}
	return n;
}

/* Two entries for one kernel become one: what either knows is kept. */
static void merge_kernel(struct kernel_sample *to, const struct kernel_sample *from)
{
	to->processes += from->processes;
	/* never one container's usage under the other's name */
	if (!to->point.usage.has && !strcmp(to->container, from->container))
		to->point.usage = from->point.usage;
	if (!*to->container)
		to->container = from->container;
	if (!*to->name)
		to->name = from->name;
	if (!*to->pod)
		to->pod = from->pod;
	if (!*to->namespace)
		to->namespace = from->namespace;
}

static size_t merge_sorted(struct kernel_sample *kernels, size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++) {
		if (kept && !compare_kernel_id(&kernels[kept - 1], &kernels[i]))
			merge_kernel(&kernels[kept - 1], &kernels[i]);
		else
			kernels[kept++] = kernels[i];
	}
	return kept;
}

static uint64_t failures(const struct series_sample *sample)
{
	uint64_t sum = sample->other_errors + sample->unknown_errors;
	size_t i;

	for (i = 0; i < sample->error_count; i++)
		sum += sample->errors[i].count;
	return sum;
}

static void add_oldest(uint64_t *oldest_ns, uint64_t age_ns)
{
	if (age_ns > *oldest_ns)
		*oldest_ns = age_ns;
}

static void add_to_point(struct kernel_point *point, const struct series_sample *sample)
{
	if (sample->labels->kind == SERIES_CACHE) {
		point->has_cache = 1;
		point->cache_operations += sample->frames + failures(sample);
		point->cache_hits += sample->cache.hits;
		point->cache_misses += sample->cache.misses;
		point->cache_bytes += sample->bytes + sample->cache.received;
		return;
	}
	if (sample->labels->kind == SERIES_TRANSIT) {
		point->has_transit = 1;
		return;
	}
	if (sample->labels->kind == SERIES_BACKLOG) {
		point->has_backlog = 1;
		point->backlog += sample->backlog;
		return;
	}
	if (sample->labels->kind == SERIES_EVENT)
		return;
	if (sample->labels->kind == SERIES_RPC) {
		point->has_rpc = 1;
		point->rpc_requests += sample->messages;
		point->rpc_unanswered += sample->in_flight;
		add_oldest(&point->rpc_oldest_ns, sample->oldest_ns);
		return;
	}
	point->has_messages = 1;
	point->failures += failures(sample);
	point->in_flight += sample->in_flight;
	if (sample->labels->direction == DIRECTION_SEND) {
		point->send_messages += sample->messages;
		point->send_bytes += sample->bytes;
		add_oldest(&point->send_oldest_ns, sample->oldest_ns);
	} else if (sample->labels->direction == DIRECTION_RECEIVE) {
		point->recv_messages += sample->messages;
		point->recv_bytes += sample->bytes;
		add_oldest(&point->recv_oldest_ns, sample->oldest_ns);
	}
}

/*
 * Puts the system into the kernel's sorted list. There are a handful at most, so a new list each
 * time will do.
 */
static int add_system(struct kernel_sample *kernel, struct arena *arena, const char *system)
{
	size_t count = kernel->system_count, at = 0;
	const char **systems;

	if (!*system)
		return 0;
	while (at < count && strcmp(kernel->systems[at], system) < 0)
		at++;
	if (at < count && !strcmp(kernel->systems[at], system))
		return 0;
	systems = arena_array(arena, count + 1, sizeof(*systems));
	if (!systems)
		return -ENOMEM;
	if (count) {
		memcpy(systems, kernel->systems, at * sizeof(*systems));
		memcpy(systems + at + 1, kernel->systems + at, (count - at) * sizeof(*systems));
	}
	systems[at] = system;
	kernel->systems = systems;
	kernel->system_count++;
	return 0;
}

static enum kernel_hist hist_of(const struct series_sample *sample)
{
	switch (sample->labels->kind) {
	case SERIES_MESSAGE:
		return HIST_CALLS;
	case SERIES_TRANSIT:
		return HIST_TRANSIT;
	case SERIES_CACHE:
		return HIST_CACHE;
	default:
		return HIST_KINDS;
	}
}

/* The sum of the series of one kind and kernel, which are neighbours. Returns the index behind them. */
static size_t sum_hists(const struct snapshot *s, size_t first, uint64_t sum[TM_HIST_BUCKETS])
{
	const struct series_labels *labels = s->series[first].labels;
	size_t i;

	memset(sum, 0, TM_HIST_BUCKETS * sizeof(*sum));
	for (i = first; i < s->series_count; i++) {
		const struct series_sample *sample = &s->series[i];

		if (sample->labels->kind != labels->kind ||
		    strcmp(sample->labels->kernel_id, labels->kernel_id) != 0)
			break;
		for (size_t k = 0; k < sample->hist.count && !sample->labels->internal; k++)
			sum[sample->hist.first + k] += sample->hist.buckets[k];
	}
	return i;
}

static int make_hists(struct snapshot *s, struct arena *arena, struct kernel_sample *kernels)
{
	uint64_t sum[TM_HIST_BUCKETS];
	size_t i, end;

	for (i = 0; i < s->series_count; i = end) {
		struct kernel_sample key = { .kernel_id = s->series[i].labels->kernel_id }, *kernel;
		enum kernel_hist kind = hist_of(&s->series[i]);
		struct hist_view *hist;

		end = sum_hists(s, i, sum);
		if (!*key.kernel_id || kind == HIST_KINDS)
			continue;
		kernel = bsearch(&key, kernels, s->kernel_count, sizeof(key), compare_kernel_id);
		hist = &kernel->hists[kind];
		/* cannot be there already: the order is kind, then kernel */
		if (compact_histogram(arena, sum, hist))
			return -ENOMEM;
	}
	return 0;
}

static int sum_up(struct snapshot *s, struct arena *arena, struct kernel_sample *kernels)
{
	struct kernel_sample *kernel = NULL;
	size_t i;

	for (i = 0; i < s->series_count; i++) {
		const struct series_sample *sample = &s->series[i];
		struct kernel_sample key = { .kernel_id = sample->labels->kernel_id };

		if (!*key.kernel_id)
			continue;
		if (!kernel || strcmp(kernel->kernel_id, key.kernel_id) != 0)
			kernel = bsearch(&key, kernels, s->kernel_count, sizeof(key),
					 compare_kernel_id);
		if (add_system(kernel, arena, sample->labels->system))
			return -ENOMEM;
		if (!sample->labels->internal)
			add_to_point(&kernel->point, sample);
	}
	return 0;
}

int kernels_make(struct snapshot *s, struct arena *arena, const struct kernel_sample *added,
		 size_t added_count)
{
	struct kernel_sample *kernels;
	size_t i, count = added_count;

	kernels = arena_array(arena, added_count + count_changes(s), sizeof(*kernels));
	if (!kernels)
		return -ENOMEM;
	if (added_count)
		memcpy(kernels, added, added_count * sizeof(*kernels));
	count = append_from_series(s, kernels, count);
	qsort(kernels, count, sizeof(*kernels), compare_entry);
	s->kernel_count = merge_sorted(kernels, count);
	for (i = 0; i < s->kernel_count; i++)
		kernels[i].point.mono_ns = s->mono_ns;
	s->kernels = kernels;
	if (make_hists(s, arena, kernels))
		return -ENOMEM;
	return sum_up(s, arena, kernels);
}
