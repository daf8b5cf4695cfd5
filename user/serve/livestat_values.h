/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_VALUES_H
#define TAPMETER_SERVE_LIVESTAT_VALUES_H
/*
 * What live-stat says of one kernel: the table of all metrics, and their values as pure functions of
 * two points of the kernel. How they are written is the shapes' business, see livestat_write.h.
 */
#include <stddef.h>
#include <stdint.h>
#include "serve/livestat_number.h"
#include "store/snapshot.h"

/* Over less than this, a rate is noise. */
#define LIVESTAT_MIN_SPAN_NS 500000000ull

enum livestat_group { LIVESTAT_GAUGE, LIVESTAT_DIFF, LIVESTAT_RATE, LIVESTAT_GROUPS };

/* How a metric comes from the numbers in the points. */
enum livestat_source {
	LIVESTAT_NOTHING, /* a name of the contract that applies to no kernel yet */
	LIVESTAT_COUNT, /* uint32_t, as it is */
	LIVESTAT_AMOUNT, /* uint64_t, as it is */
	LIVESTAT_SECONDS, /* uint64_t nanoseconds */
	LIVESTAT_MILLISECONDS, /* uint64_t nanoseconds */
	LIVESTAT_PER_SECOND, /* uint64_t counter, over the time between the points */
	LIVESTAT_USED_PER_SECOND, /* the same, over the time between the usages of the points */
	LIVESTAT_CPU_PER_SECOND, /* nanoseconds of CPU time so, as milliseconds per second */
	LIVESTAT_QUANTILE, /* of a histogram between the points; `offset` is LIVESTAT_QUANTILE_OF() */
};

/* Which histogram, and how many percent. */
#define LIVESTAT_QUANTILE_OF(hist, percent) ((size_t)(hist)*100 + (percent))

enum livestat_capacity { LIVESTAT_NO_CAPACITY, LIVESTAT_ONE_CPU, LIVESTAT_MEMORY_LIMIT };

/* What a kernel must have, so that a metric applies to it: enum usage_has, or one of these. */
#define LIVESTAT_NEEDS_MESSAGES (1u << 16)
#define LIVESTAT_NEEDS_CACHE (1u << 17)
#define LIVESTAT_NEEDS_TRANSIT (1u << 18)
#define LIVESTAT_NEEDS_BACKLOG (1u << 19)

/* Which of its stats.* a metric has in Backend.AI's agent's form. */
#define LIVESTAT_STAT_MAX (1u << 0)
#define LIVESTAT_STAT_AVG (1u << 1)
#define LIVESTAT_STAT_RATE (1u << 2)

struct livestat_metric {
	const char *name;
	enum livestat_group group;
	enum livestat_source source;
	size_t offset; /* of the number, in struct kernel_point */
	uint32_t needs;
	enum livestat_capacity capacity;
	unsigned stats;
};

#define LIVESTAT_METRICS 28
/* Sorted by name. A metric's place in it is its bit in a request. */
extern const struct livestat_metric livestat_metrics[LIVESTAT_METRICS];

struct livestat_value {
	struct livestat_number current; /* absent: the metric does not apply to the kernel */
	struct livestat_number capacity; /* absent: the metric has none; null: unlimited */
	struct livestat_number rate; /* per second; only with LIVESTAT_STAT_RATE */
	struct livestat_number max, avg; /* only after livestat_stats() */
};

/*
 * The value of a metric that has a source. `before` is an earlier point of the kernel; its usage may
 * be that of another one (store__before()); of both, mono_ns 0 = none. Null until it can be
 * computed, also if a counter is less than before, and over less than LIVESTAT_MIN_SPAN_NS.
 */
struct livestat_number livestat_current(const struct livestat_metric *metric,
					const struct kernel_point *now,
					const struct kernel_point *before);
/* The values of all metrics whose bit is in `wanted`; the others are absent. */
void livestat_values(const struct kernel_point *now, const struct kernel_point *before,
		     uint32_t wanted, struct livestat_value values[LIVESTAT_METRICS]);
/* Whether some of the metrics are quantiles, which need histograms beside the points. */
int livestat_wants_quantiles(uint32_t wanted);
/* Fills in the quantiles among the values that are there, which are null without. */
void livestat_quantiles(const struct kernel_hists *now, const struct kernel_hists *before,
			struct livestat_value values[LIVESTAT_METRICS]);
/*
 * Adds max and avg over the kernel's history (store__points()), and its point now, to the values
 * that are there. The average is weighted with time.
 */
void livestat_stats(const struct kernel_point *history, size_t count,
		    const struct kernel_point *now, struct livestat_value values[LIVESTAT_METRICS]);
/*
 * The time between the points that the wanted rates of a kernel were computed over, in nanoseconds; 0 =
 * none was. Those of its usage have a time of their own, which only counts if there are no others.
 */
uint64_t livestat_span(const struct kernel_point *now, const struct kernel_point *before,
		       uint32_t wanted);

#endif
