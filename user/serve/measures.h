/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_MEASURES_H
#define TAPMETER_SERVE_MEASURES_H
/*
 * A page of /metrics as mlcommons/endpoints has it: counters, which are one number (gauges too), and series, which are
 * many observations. Names, labels, units, counts and totals are those of /metrics. What a series' observations were is known from
 * the buckets only: see docs/snapshots.md. A function of the page. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

#define MEASURE_PERCENTILES 12
extern const char *const measure_percentiles[MEASURE_PERCENTILES]; /* "99.9", …, "1" */

struct measure_bucket {
	double low, high; /* finite */
	uint64_t count;
};

struct measure_series {
	uint64_t count;
	double total;
	/* all 0 if count is */
	double min, max; /* bounds: nothing was less, or more */
	double sum_sq;
	double percentiles[MEASURE_PERCENTILES];
	size_t bucket_count; /* from the first that is not empty to the last */
	struct measure_bucket buckets[TM_HIST_BUCKETS];
};

struct measure {
	const char *name; /* family{label="value",…} as in the text format */
	int is_series;
	double value; /* of a counter */
	struct measure_series series;
};

/* A number without a fraction that a double tells from its neighbours: 1, and *out. */
int measure_integer(double value, uint64_t *out);

/* What is not 0 ends the walk, and is returned. */
typedef int (*measure_fn)(void *arg, const struct measure *measure);
/* In the order of the page. 0, -EPROTO, -ENOMEM, or what `fn` returned. */
int measures_each(const void *page, size_t len, measure_fn fn, void *arg);

/* Of a histogram's buckets (family_native_buckets()): for tests. */
void measure_series_fill(struct measure_series *series, const uint64_t buckets[TM_HIST_BUCKETS],
			 double total);

#endif
