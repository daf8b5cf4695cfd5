/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_SOURCE_H
#define TAPMETER_GATEWAY_SOURCE_H
/*
 * Whose series are asked, and how: the agents' own (tapmeter) or Backend.AI's. A question is put
 * in parts, one query for each, so that they are answered in parallel and fail one by one. A part's query
 * is its terms, joined by "or".
 */
#include <stddef.h>
#include <stdint.h>
#include "gateway/metrics.h"
#include "util/strbuf.h"

enum source_kind { SOURCE_TAPMETER, SOURCE_BACKENDAI }; /* as the flag --source has them */

enum part {
	PART_PRESENCE, /* which kernels there are, and what applies to them */
	PART_GAUGE,
	PART_DIFF,
	PART_RATE,
	PART_QUANTILE,
	PART_PEAK, /* statistics over SOURCE_HISTORY: of gauges */
	PART_STATS, /* and of what is computed over a window */
	PART_COUNT,
};

#define PARTS_OF_STATS (1u << PART_PEAK | 1u << PART_STATS)
/* What statistics are over, as an agent's are: what it remembers, by its coarser step (store/history.h). */
#define SOURCE_HISTORY "10m:10s"

const char *part_name(enum part part);
/* Whether the part's values are computed over a window. */
int part_has_window(enum part part);

struct term {
	enum part part;
	uint32_t metrics; /* what it tells of */
	const char *text; /* PromQL; "$k": matcher of the kernel ids, "$w": window */
	/*
	 * What its series get as the label `value_type`, besides `metric`, which is then its only
	 * one: current, capacity, max, avg, rate; NULL: the series have labels that say both.
	 */
	const char *value_type;
};

/* What a series that is there says about its kernel. */
struct presence {
	const char *family;
	const char *label, *value; /* and with this label; NULL = whatever its labels */
	uint32_t own; /* metrics made of this very series: without a value, they are not known yet */
	uint32_t applies; /* metrics that apply to the kernel: without a series of their own, they are 0 */
};

struct source {
	size_t term_count;
	const struct term *terms;
	size_t presence_count;
	const struct presence *presences;
	uint32_t never_zero; /* metrics that are unknown, not 0, if nothing was counted */
	const char *kernels; /* PromQL for all kernels and their labels */
};

const struct source *source_get(enum source_kind kind);
/*
 * Adds the part's query for the wanted metrics; nothing at all if it does not tell of any of them.
 * Returns how many matchers are in it.
 */
size_t source_add_query(const struct source *source, enum part part, uint32_t wanted,
			const char *matcher, uint64_t window_ns, struct strbuf *out);

#endif
