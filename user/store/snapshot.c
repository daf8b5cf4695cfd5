/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot_internal.h"
#include <stdlib.h>
#include <string.h>
#include "store/labels.h"

static const char *const lost_names[] = {
	[TM_LOST_STREAMS_FULL] = "streams_full",
	[TM_LOST_KERNEL_STREAMS_FULL] = "kernel_streams_full",
	[TM_LOST_EVENTS_FULL] = "events_full",
	[TM_LOST_INFLIGHT_FULL] = "inflight_full",
	[TM_LOST_MORE_UNKNOWN] = "more_unknown",
	[TM_LOST_ERRNO_UNKNOWN] = "errno_unknown",
	[TM_LOST_UNREADABLE] = "unreadable",
	[TM_LOST_ORPHANS] = "orphans",
	[TM_LOST_STALE_SLOT] = "stale_slot",
	[TM_LOST_LABELS_UNKNOWN] = "labels_unknown",
	[TM_LOST_MMAP_EVENTS] = "mmap_events",
	[TM_LOST_HISTORY_FULL] = "history_full",
	[TM_LOST_KERNEL_ID_CONFLICT] = "kernel_id_conflict",
	[TM_LOST_TRANSIT_AMBIGUOUS] = "transit_ambiguous",
	[TM_LOST_TRANSIT_OVERWRITTEN] = "transit_overwritten",
	[TM_LOST_TRANSIT_BUSY] = "transit_busy",
	[TM_LOST_TRANSIT_UNREADABLE] = "transit_unreadable",
	[TM_LOST_TRANSIT_FULL] = "transit_full",
	[TM_LOST_RPC_FULL] = "rpc_full",
	[TM_LOST_RPC_PENDING_FULL] = "rpc_pending_full",
	[TM_LOST_RPC_UNREADABLE] = "rpc_unreadable",
	[TM_LOST_RELAY_FULL] = "relay_full",
	[TM_LOST_RELAY_GONE] = "relay_gone",
	[TM_LOST_PUBLISH] = "publish",
	[TM_LOST_OTLP] = "otlp",
	[TM_LOST_GAUGE_FAILED] = "gauge_failed",
	[TM_LOST_GAUGE_UNREADABLE] = "gauge_unreadable",
	[TM_LOST_GAUGES_FULL] = "gauges_full",
	[TM_LOST_FILES_LATE] = "files_late",
	[TM_LOST_FILES_FULL] = "files_full",
	[TM_LOST_FILES_UNSAFE] = "files_unsafe",
	[TM_LOST_FILES_BUSY] = "files_busy",
};
_Static_assert(sizeof(lost_names) / sizeof(lost_names[0]) == TM_LOST_COUNT, "a name for each loss");

const char *lost_name(enum tm_lost reason)
{
	return (unsigned int)reason < TM_LOST_COUNT ? lost_names[reason] : "";
}

void sealed_free(struct sealed *sealed)
{
	size_t i;

	if (!sealed)
		return;
	for (i = 0; i < sealed->s.series_count; i++)
		labels__unref(sealed->s.series[i].labels);
	free(sealed->rows);
	arena_free(&sealed->arena);
	free(sealed);
}

const struct kernel_sample *snapshot__kernel(const struct snapshot *s, const char *kernel_id)
{
	size_t low = 0, high = s->kernel_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(s->kernels[middle].kernel_id, kernel_id);

		if (!order)
			return &s->kernels[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void kernel_hists_expand(const struct kernel_sample *kernel, struct kernel_hists *out)
{
	memset(out, 0, sizeof(*out));
	for (int kind = 0; kind < HIST_KINDS; kind++) {
		const struct hist_view *hist = &kernel->hists[kind];

		if (hist->count)
			memcpy(out->buckets[kind] + hist->first, hist->buckets,
			       hist->count * sizeof(*hist->buckets));
	}
}

static struct sealed *sealed_of(struct snapshot *s)
{
	return (struct sealed *)((char *)s - offsetof(struct sealed, s));
}

struct snapshot *snapshot__ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&sealed_of(s)->refs, 1, memory_order_relaxed);
	return s;
}

struct snapshot *snapshot__unref(struct snapshot *s)
{
	if (!s)
		return NULL;
	/* release: our last use comes before the free; acquire: everybody else's too */
	if (atomic_fetch_sub_explicit(&sealed_of(s)->refs, 1, memory_order_acq_rel) == 1)
		sealed_free(sealed_of(s));
	return NULL;
}
