/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve/exposition.h"

static const struct family_head counter = { "app_bytes", FAMILY_COUNTER, "bytes", "Some bytes." };
static const struct family_head gauge = { "app_age_seconds", FAMILY_GAUGE, "seconds", "An age." };
static const struct family_head info = { "app_build", FAMILY_INFO, "", "A build." };
static const struct family_head histogram = { "app_call_seconds", FAMILY_HISTOGRAM, "seconds",
					      "Calls." };

static struct strbuf out;

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&out);
	return 0;
}

static void write_simple_families(struct exposition *e)
{
	exposition_family(e, &counter);
	exposition_sample(e, "a=\"1\"", 5, NULL, NULL, 3);
	exposition_sample(e, "a=\"1\"", 5, "b", "2", 4);
	exposition_sample(e, "", 0, "b", "2", 5);
	exposition_family(e, &gauge);
	exposition_sample(e, "", 0, NULL, NULL, 1500000000);
	exposition_family(e, &info);
	exposition_sample(e, "v=\"1\"", 5, NULL, NULL, 1);
	exposition_end(e);
}

static void the_text_format_names_samples(void **state)
{
	struct exposition e;

	(void)state;
	exposition_init(&e, EXPOSITION_TEXT, &out);
	write_simple_families(&e);
	assert_string_equal(out.data, "# HELP app_bytes_total Some bytes.\n"
				      "# TYPE app_bytes_total counter\n"
				      "app_bytes_total{a=\"1\"} 3\n"
				      "app_bytes_total{a=\"1\",b=\"2\"} 4\n"
				      "app_bytes_total{b=\"2\"} 5\n"
				      "# HELP app_age_seconds An age.\n"
				      "# TYPE app_age_seconds gauge\n"
				      "app_age_seconds 1.5\n"
				      "# HELP app_build_info A build.\n"
				      "# TYPE app_build_info gauge\n"
				      "app_build_info{v=\"1\"} 1\n");
}

static void openmetrics_names_families_and_units_and_has_an_end(void **state)
{
	struct exposition e;

	(void)state;
	exposition_init(&e, EXPOSITION_OPENMETRICS, &out);
	write_simple_families(&e);
	assert_string_equal(out.data, "# TYPE app_bytes counter\n"
				      "# UNIT app_bytes bytes\n"
				      "# HELP app_bytes Some bytes.\n"
				      "app_bytes_total{a=\"1\"} 3\n"
				      "app_bytes_total{a=\"1\",b=\"2\"} 4\n"
				      "app_bytes_total{b=\"2\"} 5\n"
				      "# TYPE app_age_seconds gauge\n"
				      "# UNIT app_age_seconds seconds\n"
				      "# HELP app_age_seconds An age.\n"
				      "app_age_seconds 1.5\n"
				      "# TYPE app_build info\n"
				      "# HELP app_build A build.\n"
				      "app_build_info{v=\"1\"} 1\n"
				      "# EOF\n");
}

static void a_family_without_samples_leaves_no_trace(void **state)
{
	struct exposition e;

	(void)state;
	exposition_init(&e, EXPOSITION_OPENMETRICS, &out);
	exposition_family(&e, &counter);
	exposition_family(&e, &gauge);
	exposition_end(&e);
	assert_string_equal(out.data, "# EOF\n");
}

/* The bound and the count of each bucket line, in order. */
static size_t read_buckets(char le[][32], unsigned long long *counts, size_t max)
{
	size_t n = 0;

	for (const char *p = out.data; (p = strstr(p, "le=\"")) && n < max; p++, n++)
		assert_int_equal(sscanf(p, "le=\"%31[^\"]\"} %llu\n", le[n], &counts[n]), 2);
	return n;
}

static void write_histogram(enum exposition_format format)
{
	struct exposition e;
	uint64_t buckets[TM_HIST_BUCKETS];

	exposition_init(&e, format, &out);
	/* every bucket counts one: sums say which buckets a bound takes in */
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++)
		buckets[i] = 1;
	exposition_family(&e, &histogram);
	exposition_histogram(&e, "a=\"1\"", 5, buckets, 2500000000);
	exposition_end(&e);
}

static void bounds_are_exactly_the_powers_of_two(void **state)
{
	char le[40][32] = { 0 };
	unsigned long long counts[40] = { 0 };
	double expected = 1.0 / (1 << 23);

	(void)state;
	write_histogram(EXPOSITION_TEXT);
	assert_int_equal(read_buckets(le, counts, 40), 32);
	for (size_t i = 0; i < 31; i++, expected *= 2)
		assert_true(strtod(le[i], NULL) == expected);
	assert_true(expected == 256);
	assert_string_equal(le[31], "+Inf");
}

static void a_bound_takes_in_the_four_buckets_below_it(void **state)
{
	char le[40][32] = { 0 };
	unsigned long long counts[40] = { 0 };

	(void)state;
	write_histogram(EXPOSITION_TEXT);
	assert_int_equal(read_buckets(le, counts, 40), 32);
	for (size_t i = 0; i < 31; i++)
		assert_int_equal(counts[i], 1 + 4 * i);
	assert_int_equal(counts[31], TM_HIST_BUCKETS);
}

static void count_is_the_sum_of_the_buckets(void **state)
{
	(void)state;
	write_histogram(EXPOSITION_TEXT);
	assert_non_null(strstr(out.data, "\napp_call_seconds_sum{a=\"1\"} 2.5\n"
					 "app_call_seconds_count{a=\"1\"} 122\n"));
}

static void whole_bounds_are_floats_in_openmetrics_only(void **state)
{
	(void)state;
	write_histogram(EXPOSITION_OPENMETRICS);
	assert_non_null(strstr(out.data, ",le=\"1.0\"} "));
	assert_non_null(strstr(out.data, ",le=\"128.0\"} "));
	strbuf_clear(&out);
	write_histogram(EXPOSITION_TEXT);
	assert_non_null(strstr(out.data, ",le=\"1\"} "));
	assert_non_null(strstr(out.data, ",le=\"128\"} "));
	assert_null(strstr(out.data, ".0\""));
}

static void lines_of_buckets_are_complete(void **state)
{
	(void)state;
	write_histogram(EXPOSITION_TEXT);
	assert_non_null(strstr(
		out.data, "# TYPE app_call_seconds histogram\n"
			  "app_call_seconds_bucket{a=\"1\",le=\"1.1920928955078125e-07\"} 1\n"
			  "app_call_seconds_bucket{a=\"1\",le=\"2.384185791015625e-07\"} 5\n"));
	assert_int_equal(strlen(out.data), out.len);
}

static void too_small_a_buffer_is_an_error_and_no_more(void **state)
{
	struct strbuf small = { .max = 100 };
	struct exposition e;
	uint64_t buckets[TM_HIST_BUCKETS] = { 1 };

	(void)state;
	exposition_init(&e, EXPOSITION_TEXT, &small);
	exposition_family(&e, &histogram);
	for (size_t i = 0; i < 3; i++)
		exposition_histogram(&e, "a=\"1\"", 5, buckets, 1);
	assert_true(small.err < 0);
	strbuf_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_text_format_names_samples, teardown),
		cmocka_unit_test_teardown(openmetrics_names_families_and_units_and_has_an_end,
					  teardown),
		cmocka_unit_test_teardown(a_family_without_samples_leaves_no_trace, teardown),
		cmocka_unit_test_teardown(bounds_are_exactly_the_powers_of_two, teardown),
		cmocka_unit_test_teardown(a_bound_takes_in_the_four_buckets_below_it, teardown),
		cmocka_unit_test_teardown(count_is_the_sum_of_the_buckets, teardown),
		cmocka_unit_test_teardown(whole_bounds_are_floats_in_openmetrics_only, teardown),
		cmocka_unit_test_teardown(lines_of_buckets_are_complete, teardown),
		cmocka_unit_test_teardown(too_small_a_buffer_is_an_error_and_no_more, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
