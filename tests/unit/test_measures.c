/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm -ljansson */
/* Pages as counters and series, and as the JSON of the last snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "serve/exposition.h"
#include "serve/family_reader.h"
#include "serve/final_json.h"
#include "serve/measures.h"

#define LABELS "kernel_id=\"k\",endpoint=\"a\\\"b\""

static const struct family_head messages = { "tapmeter_messages", FAMILY_COUNTER, "", "Sent." };
static const struct family_head backlog = { "tapmeter_backlog", FAMILY_GAUGE, "", "Waiting." };
static const struct family_head calls = { "tapmeter_call_seconds", FAMILY_HISTOGRAM, "seconds",
					  "Calls." };

static uint64_t buckets[TM_HIST_BUCKETS];

static void write_families(struct exposition *e)
{
	exposition_family(e, &messages);
	exposition_sample(e, LABELS, strlen(LABELS), NULL, NULL, 12345678901ull);
	exposition_sample(e, "", 0, "reason", "x", 7);
	exposition_family(e, &backlog);
	exposition_sample(e, "", 0, NULL, NULL, 3);
	exposition_family(e, &calls);
	exposition_histogram(e, LABELS, strlen(LABELS), buckets, 1500000000);
}

static struct strbuf make_page(void)
{
	struct strbuf out = STRBUF_INIT;
	struct exposition e;

	exposition_init(&e, EXPOSITION_PROTOBUF, &out);
	write_families(&e);
	exposition_measured(&e);
	write_families(&e);
	exposition_end(&e);
	exposition_free(&e);
	assert_int_equal(out.err, 0);
	return out;
}

static int setup(void **state)
{
	(void)state;
	memset(buckets, 0, sizeof(buckets));
	return 0;
}

static int check(void *arg, const struct measure *m)
{
	static const char *const names[] = {
		"tapmeter_messages_total{" LABELS "}",
		"tapmeter_messages_total{reason=\"x\"}",
		"tapmeter_backlog",
		"tapmeter_call_seconds{" LABELS "}",
	};
	static const double values[] = { 12345678901, 7, 3 };
	int *i = arg;

	assert_in_range(*i, 0, 3);
	assert_string_equal(m->name, names[*i]);
	assert_int_equal(m->is_series, *i == 3);
	if (*i < 3)
		assert_true(m->value == values[*i]);
	else
		assert_true(m->series.count == 14 && m->series.total == 1.5);
	++*i;
	return 0;
}

static void names_and_values_are_those_of_the_page(void **state)
{
	struct strbuf page;
	int count = 0;

	(void)state;
	buckets[0] = 1;
	buckets[7] = 9;
	buckets[9] = 4;
	page = make_page();
	assert_int_equal(measures_each(page.data, page.len, check, &count), 0);
	assert_int_equal(count, 4);
	strbuf_free(&page);
}

static int keep_buckets(const Prometheus__MetricFamily *family, uint64_t *out)
{
	return family->n_metric && family->metric[0]->histogram ?
		       family_native_buckets(family->metric[0]->histogram, out) :
		       0;
}

static void buckets_come_back_as_they_went(void **state)
{
	uint64_t back[TM_HIST_BUCKETS];

	(void)state;
	srand(1);
	for (int try = 0; try < 300; try++) {
		struct family_reader reader;
		Prometheus__MetricFamily *family;
		struct strbuf page;

		for (int i = 0; i < TM_HIST_BUCKETS; i++)
			buckets[i] = rand() % 3 ? 0 : (uint64_t)rand() << (rand() % 30);
		page = make_page();
		family_reader_init(&reader, page.data, page.len);
		while (family_reader_next(&reader, &family) > 0) {
			assert_int_equal(keep_buckets(family, back), 0);
			family_free(family);
		}
		assert_memory_equal(back, buckets, sizeof(buckets));
		strbuf_free(&page);
	}
}

static int ignore(void *arg, const struct measure *measure)
{
	(void)arg;
	(void)measure;
	return 0;
}

static void a_page_that_was_cut_or_changed_is_refused_or_read(void **state)
{
	struct strbuf page;
	int refused = 0;

	(void)state;
	buckets[7] = 9;
	page = make_page();
	for (size_t len = 1; len < page.len; len++) {
		char *copy = malloc(len); /* so that reading beyond is seen */

		memcpy(copy, page.data, len);
		refused += measures_each(copy, len, ignore, NULL) == -EPROTO;
		copy[len - 1] ^= (char)0x55;
		measures_each(copy, len, ignore, NULL);
		free(copy);
	}
	/* but for those between two families */
	assert_in_range(refused, page.len - 4, page.len - 1);
	strbuf_free(&page);
}

static void of_no_observation_nothing_is_said(void **state)
{
	struct measure_series s;

	(void)state;
	measure_series_fill(&s, buckets, 0);
	assert_true(!s.count && !s.bucket_count && s.min == 0 && s.max == 0 && s.sum_sq == 0);
}

/* Everything that is said of observations must be possible. */
static void check_possible(const struct measure_series *s)
{
	assert_true(isfinite(s->max) && isfinite(s->sum_sq));
	assert_true(s->min <= s->max);
	assert_true(s->sum_sq * (double)s->count >= s->total * s->total * 0.999999);
	for (int i = 0; i < MEASURE_PERCENTILES; i++) {
		assert_true(s->percentiles[i] >= s->min && s->percentiles[i] <= s->max);
		assert_true(!i || s->percentiles[i] <= s->percentiles[i - 1]);
	}
}

static void bounds_hold_the_observations(void **state)
{
	struct measure_series s;

	(void)state;
	buckets[92] = 99; /* 2^(-0.25) to 1 second */
	buckets[96] = 1; /* 2^0.75 to 2 */
	measure_series_fill(&s, buckets, 99 * 0.9 + 1.9);
	check_possible(&s);
	assert_true(s.min > 0.84 && s.min <= 0.9);
	assert_true(s.max >= 1.9 && s.max <= 2);
	assert_int_equal(s.bucket_count, 5);
	assert_true(fabs(s.percentiles[7] - 0.92) < 0.02); /* "50" */
	assert_string_equal(measure_percentiles[7], "50");
	assert_true(fabs(s.sum_sq - (99 * 0.81 + 3.61)) < 5);
}

static void above_the_last_bound_it_stays_finite_and_true(void **state)
{
	struct measure_series s;

	(void)state;
	buckets[TM_HIST_BOUNDS] = 2; /* 200 s and 1000 s */
	buckets[0] = 5;
	measure_series_fill(&s, buckets, 1200);
	check_possible(&s);
	assert_true(s.min == 0 && s.max >= 1000 && s.max <= 1200 - 128);
	buckets[TM_HIST_BOUNDS] = UINT64_MAX / 2;
	measure_series_fill(&s, buckets, 1e10);
	check_possible(&s);
}

static void integers_are_told_from_others(void **state)
{
	uint64_t out;

	(void)state;
	assert_true(measure_integer(0, &out) && out == 0);
	assert_true(measure_integer(9007199254740991.0, &out) && out == 9007199254740991ull);
	assert_false(measure_integer(0.5, &out) || measure_integer(-1, &out) ||
		     measure_integer(NAN, &out) || measure_integer(INFINITY, &out) ||
		     measure_integer(1e18, &out));
}

static void the_last_snapshot_is_json(void **state)
{
	struct strbuf page, text = STRBUF_INIT;
	struct final_snapshot snapshot = {
		.counter = 9,
		.timestamp_ns = 1ull << 60,
		.state = "complete",
		.pending = 2,
	};
	json_t *json, *metrics, *series;

	(void)state;
	buckets[7] = 9;
	page = make_page();
	snapshot.page = page.data;
	snapshot.len = page.len;
	assert_int_equal(final_json_write(&snapshot, &text), 0);
	json = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "timestamp_ns")), 1ll << 60);
	metrics = json_object_get(json, "metrics");
	assert_int_equal(json_array_size(metrics), 4);
	series = json_array_get(metrics, 3);
	assert_string_equal(json_string_value(json_object_get(series, "type")), "series");
	assert_int_equal(json_object_size(json_object_get(series, "percentiles")), 12);
	assert_true(json_number_value(json_object_get(series, "total")) == 1.5);
	json_decref(json);
	strbuf_free(&text);
	strbuf_free(&page);
}

int main(void)
{
#define MEASURES_TEST(function) cmocka_unit_test_setup(function, setup)
	const struct CMUnitTest tests[] = {
		MEASURES_TEST(names_and_values_are_those_of_the_page),
		MEASURES_TEST(buckets_come_back_as_they_went),
		MEASURES_TEST(a_page_that_was_cut_or_changed_is_refused_or_read),
		MEASURES_TEST(of_no_observation_nothing_is_said),
		MEASURES_TEST(bounds_hold_the_observations),
		MEASURES_TEST(above_the_last_bound_it_stays_finite_and_true),
		MEASURES_TEST(integers_are_told_from_others),
		MEASURES_TEST(the_last_snapshot_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
