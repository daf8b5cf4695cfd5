/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/measures.h"
#include <errno.h>
#include <math.h>
#include <string.h>
#include "serve/exposition_format.h"
#include "serve/family_reader.h"
#include "util/strbuf.h"

#define EXACT 9007199254740992.0 /* 2^53 */

const char *const measure_percentiles[MEASURE_PERCENTILES] = {
	"99.9", "99", "97", "95", "90", "80", "75", "50", "25", "10", "5", "1",
};
static const double percents[MEASURE_PERCENTILES] = {
	99.9, 99, 97, 95, 90, 80, 75, 50, 25, 10, 5, 1,
};

int measure_integer(double value, uint64_t *out)
{
	if (!(value >= 0 && value < EXACT) || value != floor(value))
		return 0;
	*out = (uint64_t)value;
	return 1;
}

/* ---- series ------------------------------------------------------------------------------------- */

static double bound(int i)
{
	return exp2(CLASSIC_FIRST + (double)i / INNER_PER_CLASSIC);
}

/* The buckets from the first to the last that are not empty; the last one of ours has no upper bound yet. */
static void fill_buckets(struct measure_series *series, const uint64_t buckets[TM_HIST_BUCKETS])
{
	int first = 0, last = TM_HIST_BUCKETS - 1;

	while (first <= last && !buckets[first])
		first++;
	while (last >= first && !buckets[last])
		last--;
	for (int i = first; i <= last; i++) {
		series->buckets[series->bucket_count++] = (struct measure_bucket){
			.low = i ? bound(i - 1) : 0,
			.high = i < TM_HIST_BOUNDS ? bound(i) : INFINITY,
			.count = buckets[i],
		};
		series->count += buckets[i];
	}
}

/*
 * No observation was more than what is left of the total when all others are as small as their buckets let them be. This
 * makes the bucket without an upper bound finite, and others narrower.
 */
static void bound_above(struct measure_series *series)
{
	struct measure_bucket *last = &series->buckets[series->bucket_count - 1];
	double others = 0;
	double most;

	for (size_t i = 0; i < series->bucket_count; i++)
		others += (double)series->buckets[i].count * series->buckets[i].low;
	most = series->total - (others - last->low);
	/* the total is rounded, and times are added up in nanoseconds */
	if (most < last->low)
		most = last->low;
	series->min = series->buckets[0].low;
	series->max = most < last->high ? most : last->high;
	if (isinf(last->high))
		last->high = series->max;
}

/* As if those of a bucket were spread evenly in it; not less than if all were equal. */
static void fill_sum_sq(struct measure_series *series)
{
	double least = series->total * series->total / (double)series->count;

	for (size_t i = 0; i < series->bucket_count; i++) {
		const struct measure_bucket *b = &series->buckets[i];

		series->sum_sq += (double)b->count *
				  (b->low * b->low + b->low * b->high + b->high * b->high) / 3;
	}
	if (series->sum_sq < least)
		series->sum_sq = least;
}

static double percentile(const struct measure_series *series, double percent)
{
	double rank = (double)series->count * percent / 100, below = 0, value = series->max;

	for (size_t i = 0; i < series->bucket_count; i++) {
		const struct measure_bucket *b = &series->buckets[i];

		if (b->count && below + (double)b->count >= rank) {
			value = b->low + (b->high - b->low) * (rank - below) / (double)b->count;
			break;
		}
		below += (double)b->count;
	}
	return value < series->max ? value : series->max;
}

void measure_series_fill(struct measure_series *series, const uint64_t buckets[TM_HIST_BUCKETS],
			 double total)
{
	*series = (struct measure_series){ .total = total };
	fill_buckets(series, buckets);
	if (!series->count)
		return;
	bound_above(series);
	fill_sum_sq(series);
	for (int i = 0; i < MEASURE_PERCENTILES; i++)
		series->percentiles[i] = percentile(series, percents[i]);
}

/* ---- pages ---------------------------------------------------------------------------------------- */

/* One page on its way: what is used again for each metric. */
struct walk {
	measure_fn fn;
	void *arg;
	struct strbuf name;
	struct measure measure;
	uint64_t buckets[TM_HIST_BUCKETS];
};

static int make_name(struct strbuf *name, const Prometheus__MetricFamily *family,
		     const Prometheus__Metric *metric)
{
	strbuf_clear(name);
	strbuf_addstr(name, family->name ? family->name : "");
	for (size_t i = 0; i < metric->n_label; i++) {
		const Prometheus__LabelPair *label = metric->label[i];

		strbuf_addf(name, "%s%s=\"", i ? "," : "{", label->name ? label->name : "");
		strbuf_add_label(name, label->value ? label->value : "");
		strbuf_addch(name, '"');
	}
	if (metric->n_label)
		strbuf_addch(name, '}');
	return name->err;
}

static int fill_series(struct walk *walk, const Prometheus__Histogram *histogram)
{
	int err = family_native_buckets(histogram, walk->buckets);

	if (err)
		return err;
	walk->measure.is_series = 1;
	measure_series_fill(&walk->measure.series, walk->buckets, histogram->sample_sum);
	return 0;
}

static int visit(struct walk *walk, const Prometheus__MetricFamily *family,
		 const Prometheus__Metric *metric)
{
	int err = make_name(&walk->name, family, metric);

	walk->measure.name = walk->name.data;
	walk->measure.is_series = 0;
	if (err)
		return err;
	if (metric->histogram)
		err = fill_series(walk, metric->histogram);
	else if (metric->counter)
		walk->measure.value = metric->counter->value;
	else if (metric->gauge)
		walk->measure.value = metric->gauge->value;
	else
		err = -EPROTO;
	return err ? err : walk->fn(walk->arg, &walk->measure);
}

int measures_each(const void *page, size_t len, measure_fn fn, void *arg)
{
	struct walk walk = { .fn = fn, .arg = arg };
	struct family_reader reader;
	Prometheus__MetricFamily *family;
	int ret;

	family_reader_init(&reader, page, len);
	while ((ret = family_reader_next(&reader, &family)) > 0) {
		int err = 0;

		for (size_t i = 0; i < family->n_metric && !err; i++)
			err = visit(&walk, family, family->metric[i]);
		family_free(family);
		ret = err;
		if (err)
			break;
	}
	strbuf_free(&walk.name);
	return ret;
}
