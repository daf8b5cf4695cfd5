/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "metrics.pb-c.h"
#include "serve/exposition.h"
/* LDLIBS: -lm */

static const struct family_head counter = { "app_bytes", FAMILY_COUNTER, "bytes", "Some bytes." };
static const struct family_head gauge = { "app_age_seconds", FAMILY_GAUGE, "seconds", "An age." };
static const struct family_head info = { "app_build", FAMILY_INFO, "", "A build." };
static const struct family_head calls = { "app_call_seconds", FAMILY_HISTOGRAM, "seconds",
					  "Calls." };

static struct strbuf out;
static Prometheus__MetricFamily *families[8];
static size_t family_count;

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < family_count; i++)
		prometheus__metric_family__free_unpacked(families[i], NULL);
	family_count = 0;
	strbuf_free(&out);
	return 0;
}

/* Each family behind its length. */
static void read_page(void)
{
	const uint8_t *p = (const uint8_t *)out.data, *end = p + out.len;

	while (p < end) {
		size_t len = 0;

		for (unsigned shift = 0;; shift += 7) {
			assert_true(p < end && shift < 64);
			len |= (size_t)(*p & 0x7f) << shift;
			if (!(*p++ & 0x80))
				break;
		}
		assert_true(len <= (size_t)(end - p));
		families[family_count] = prometheus__metric_family__unpack(NULL, len, p);
		assert_non_null(families[family_count]);
		family_count++;
		p += len;
	}
}

static void make_page(void (*write)(struct exposition *e))
{
	struct exposition e;

	exposition_init(&e, EXPOSITION_PROTOBUF, &out);
	assert_true(e.measuring);
	write(&e);
	assert_int_equal(out.len, 0);
	exposition_measured(&e);
	write(&e);
	exposition_end(&e);
	assert_int_equal(out.err, 0);
	exposition_free(&e);
	read_page();
}

static void write_simple_families(struct exposition *e)
{
	exposition_family(e, &counter);
	exposition_sample(e, "a=\"1\"", 5, NULL, NULL, 3);
	exposition_sample(e, "a=\"1\"", 5, "b", "2", 4);
	exposition_sample(e, "", 0, NULL, NULL, 5);
	exposition_family(e, &calls); /* gets none */
	exposition_family(e, &gauge);
	exposition_sample(e, "", 0, NULL, NULL, 1500000000);
	exposition_family(e, &info);
	exposition_sample(e, "v=\"1\"", 5, NULL, NULL, 1);
}

static void families_have_the_names_types_and_units_of_the_text_format(void **state)
{
	static const struct {
		const char *name, *help, *unit;
		Prometheus__MetricType type;
		size_t metrics;
	} expected[] = {
		{ "app_bytes_total", "Some bytes.", "bytes", PROMETHEUS__METRIC_TYPE__COUNTER, 3 },
		{ "app_age_seconds", "An age.", "seconds", PROMETHEUS__METRIC_TYPE__GAUGE, 1 },
		{ "app_build_info", "A build.", NULL, PROMETHEUS__METRIC_TYPE__GAUGE, 1 },
	};

	(void)state;
	make_page(write_simple_families);
	assert_int_equal(family_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(families[i]->name, expected[i].name);
		assert_string_equal(families[i]->help, expected[i].help);
		assert_int_equal(families[i]->type, expected[i].type);
		assert_int_equal(families[i]->n_metric, expected[i].metrics);
		if (expected[i].unit)
			assert_string_equal(families[i]->unit, expected[i].unit);
		else
			assert_null(families[i]->unit);
	}
}

static void samples_have_their_values_and_labels(void **state)
{
	Prometheus__Metric **metrics;

	(void)state;
	make_page(write_simple_families);
	metrics = families[0]->metric;
	assert_true(metrics[0]->counter->value == 3);
	assert_true(metrics[1]->counter->value == 4);
	assert_int_equal(metrics[0]->n_label, 1);
	assert_int_equal(metrics[1]->n_label, 2);
	assert_int_equal(metrics[2]->n_label, 0);
	assert_string_equal(metrics[1]->label[0]->name, "a");
	assert_string_equal(metrics[1]->label[0]->value, "1");
	assert_string_equal(metrics[1]->label[1]->name, "b");
	assert_string_equal(metrics[1]->label[1]->value, "2");
	assert_true(families[1]->metric[0]->gauge->value == 1.5);
	assert_null(families[1]->metric[0]->counter);
	assert_true(families[2]->metric[0]->gauge->value == 1);
}

#define ODD "x=\"a\\\\n\\\"\\n,=\\\"\",y=\"\",z=\"\xc3\xa9\""

static void write_odd_labels(struct exposition *e)
{
	exposition_family(e, &gauge);
	exposition_sample(e, ODD, sizeof(ODD) - 1, NULL, NULL, 0);
}

static void escapes_are_taken_out_of_labels(void **state)
{
	Prometheus__Metric *metric;

	(void)state;
	make_page(write_odd_labels);
	metric = families[0]->metric[0];
	assert_int_equal(metric->n_label, 3);
	assert_string_equal(metric->label[0]->value, "a\\n\"\n,=\"");
	assert_string_equal(metric->label[1]->value, "");
	assert_string_equal(metric->label[2]->value, "\xc3\xa9");
}

/* ---- histograms ---- */

static uint64_t buckets[TM_HIST_BUCKETS];

static void write_histogram(struct exposition *e)
{
	exposition_family(e, &calls);
	exposition_histogram(e, "a=\"1\"", 5, buckets, 2500000000);
}

static const Prometheus__Histogram *make_histogram(void)
{
	make_page(write_histogram);
	assert_int_equal(family_count, 1);
	assert_int_equal(families[0]->type, PROMETHEUS__METRIC_TYPE__HISTOGRAM);
	return families[0]->metric[0]->histogram;
}

/* What the native buckets count up to and with the bucket of this index. */
static uint64_t native_up_to(const Prometheus__Histogram *h, int64_t last_index)
{
	uint64_t total = h->zero_count;
	int64_t index = 0, count = 0;
	size_t at = 0;

	for (size_t i = 0; i < h->n_positive_span; i++) {
		index += h->positive_span[i]->offset;
		for (uint32_t k = 0; k < h->positive_span[i]->length; k++, index++) {
			assert_true(at < h->n_positive_delta);
			count += h->positive_delta[at++];
			assert_true(count >= 0);
			if (index <= last_index)
				total += (uint64_t)count;
		}
	}
	assert_int_equal(at, h->n_positive_delta);
	return total;
}

/* Both forms must say the same at each bound that both have, whatever the counts are. */
static void check_agreement(void)
{
	const Prometheus__Histogram *h = make_histogram();
	uint64_t total = 0;

	for (size_t i = 0; i < TM_HIST_BUCKETS; i++)
		total += buckets[i];
	assert_int_equal(h->schema, 2);
	assert_true(h->zero_threshold == exp2(-23));
	assert_int_equal(h->zero_count, buckets[0]);
	assert_int_equal(h->sample_count, total);
	assert_true(h->sample_sum == 2.5);
	assert_int_equal(h->n_bucket, 31);
	for (int k = -23; k <= 7; k++) {
		const Prometheus__Bucket *bucket = h->bucket[k + 23];

		assert_true(bucket->upper_bound == exp2(k));
		/* bucket i of schema 2 ends at 2^(i/4) */
		assert_int_equal(native_up_to(h, (int64_t)k * 4), bucket->cumulative_count);
	}
	assert_int_equal(native_up_to(h, INT64_MAX), total);
	teardown(NULL);
}

static void native_and_classic_buckets_agree(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		memset(buckets, 0, sizeof(buckets));
		buckets[i] = 3;
		check_agreement();
	}
	for (size_t round = 0; round < 500; round++) {
		for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			/* the more rounds, the more empty ones */
			buckets[i] = seed >> 40 & 0xff & (seed >> 56 < round / 2 ? 0 : 0xff);
		}
		check_agreement();
	}
}

static void as_many_spans_as_there_can_be_fit(void **state)
{
	(void)state;
	for (size_t gap = 1; gap < 6; gap++) {
		for (size_t i = 0; i < TM_HIST_BUCKETS; i++)
			buckets[i] = i % gap == gap - 1;
		buckets[TM_HIST_BUCKETS - 1] = 1;
		check_agreement();
	}
}

static void few_empty_buckets_are_no_reason_for_a_span(void **state)
{
	const Prometheus__Histogram *h;

	(void)state;
	memset(buckets, 0, sizeof(buckets));
	buckets[1] = 5; /* index -91 */
	buckets[4] = 7; /* two empty ones before it */
	buckets[8] = 1; /* three */
	h = make_histogram();
	assert_int_equal(h->n_positive_span, 2);
	assert_int_equal(h->positive_span[0]->offset, -91);
	assert_int_equal(h->positive_span[0]->length, 4);
	assert_int_equal(h->positive_span[1]->offset, 3);
	assert_int_equal(h->positive_span[1]->length, 1);
	assert_int_equal(h->n_positive_delta, 5);
	assert_int_equal(h->positive_delta[1], -5);
	assert_int_equal(h->positive_delta[3], 7);
	assert_int_equal(h->positive_delta[4], -6);
}

static void calls_beyond_the_highest_bound_are_in_the_bucket_of_infinity(void **state)
{
	const Prometheus__Histogram *h;

	(void)state;
	memset(buckets, 0, sizeof(buckets));
	buckets[TM_HIST_BOUNDS] = 9;
	h = make_histogram();
	assert_int_equal(native_up_to(h, 4096), 0); /* it ends at the largest finite number */
	assert_int_equal(native_up_to(h, 4097), 9);
}

static void a_histogram_without_calls_is_a_native_one_all_the_same(void **state)
{
	const Prometheus__Histogram *h;

	(void)state;
	memset(buckets, 0, sizeof(buckets));
	h = make_histogram();
	assert_int_equal(h->sample_count, 0);
	assert_int_equal(h->n_positive_span, 0);
	assert_true(h->zero_threshold > 0); /* by which it is known */
}

/* ---- errors ---- */

static void a_page_that_grows_after_it_was_measured_is_an_error(void **state)
{
	struct exposition e;

	(void)state;
	exposition_init(&e, EXPOSITION_PROTOBUF, &out);
	exposition_measured(&e);
	write_simple_families(&e);
	assert_true(out.err < 0);
	exposition_free(&e);
}

static void labels_that_are_none_are_an_error(void **state)
{
	static const char *const table[] = { "a", "a=1", "a=\"1\",b" };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct exposition e;

		exposition_init(&e, EXPOSITION_PROTOBUF, &out);
		exposition_family(&e, &gauge);
		exposition_sample(&e, table[i], strlen(table[i]), NULL, NULL, 1);
		assert_true(out.err < 0);
		exposition_free(&e);
		strbuf_clear(&out);
	}
}

static void more_labels_than_there_is_room_for_are_an_error(void **state)
{
	struct strbuf labels = STRBUF_INIT;
	struct exposition e;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		strbuf_addf(&labels, "%sl%zu=\"x\"", i ? "," : "", i);
	exposition_init(&e, EXPOSITION_PROTOBUF, &out);
	exposition_family(&e, &gauge);
	exposition_sample(&e, labels.data, labels.len, NULL, NULL, 1);
	assert_true(out.err < 0);
	exposition_free(&e);
	strbuf_free(&labels);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(families_have_the_names_types_and_units_of_the_text_format),
		TEST(samples_have_their_values_and_labels),
		TEST(escapes_are_taken_out_of_labels),
		TEST(native_and_classic_buckets_agree),
		TEST(as_many_spans_as_there_can_be_fit),
		TEST(few_empty_buckets_are_no_reason_for_a_span),
		TEST(calls_beyond_the_highest_bound_are_in_the_bucket_of_infinity),
		TEST(a_histogram_without_calls_is_a_native_one_all_the_same),
		TEST(a_page_that_grows_after_it_was_measured_is_an_error),
		TEST(labels_that_are_none_are_an_error),
		TEST(more_labels_than_there_is_room_for_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
