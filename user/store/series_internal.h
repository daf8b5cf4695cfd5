/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_SERIES_INTERNAL_H
#define TAPMETER_STORE_SERIES_INTERNAL_H
/* What the snapshot's builder needs to know of a series. Inside store/ only; the agent's thread. */
#include "store/series.h"

struct place;

struct series {
	const struct series_labels *labels; /* one reference */
	struct place *place; /* of the endpoint under the cap, NULL if it needs none */
	struct counters *retired; /* totals of ended streams, NULL before the first one ended */
	uint64_t id;
	uint64_t idle_since_ns; /* when the last live stream ended */
	uint32_t live_streams;
	/*
	 * Where a builder has this series. Never cleared: it only holds if that builder's entry
	 * there names this series.
	 */
	uint32_t builder_index;
	/*
	 * The errnos that are kept apart, in the order of appearance, 0 = free: see
	 * series__admit_errors().
	 */
	uint32_t errnos[TM_MAX_ERRNOS];
};

/* All series, in the order of labels__compare(). */
size_t series_table__count(const struct series_table *table);
struct series *series_table__at(const struct series_table *table, size_t i);

/*
 * Moves failures whose errno is not one of those the series keeps apart to other_errors. The first
 * TM_MAX_ERRNOS that are seen stay for the life of the series; a table chosen anew for each sum
 * would count an errno by name in one snapshot and among the others in the next: a counter that
 * goes backwards.
 */
void series__admit_errors(struct series *series, struct counters *counters);

#endif
