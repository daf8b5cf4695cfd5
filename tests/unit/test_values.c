/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "gateway/values.h"
#include "gateway/write.h"

static const char *const ids[] = { "a", "b", "c" };
static struct values *values;

static int setup(void **state)
{
	(void)state;
	return values__new(ids, 3, &values);
}

static int teardown(void **state)
{
	(void)state;
	values__free(values);
	return 0;
}

static void finds_asked_ids_only(void **state)
{
	(void)state;
	assert_ptr_equal(values__find(values, "b"), &values->kernels[1]);
	assert_null(values__find(values, "bb"));
	assert_null(values__find(values, ""));
}

static const struct value *value(enum metric metric)
{
	return &values->kernels[0].values[metric];
}

static void the_lowest_rank_wins_in_any_order(void **state)
{
	struct kernel_values *kernel = &values->kernels[0];

	(void)state;
	kernel_values_current(kernel, METRIC_MEM, 2, 1, 0);
	kernel_values_current(kernel, METRIC_MEM, 1, 0, 0);
	kernel_values_current(kernel, METRIC_MEM, 3, 2, 0);
	kernel_values_current(kernel, METRIC_MEM, 4, 0, 0); /* the same series twice */
	assert_true(value(METRIC_MEM)->current == 1);
	kernel_values_capacity(kernel, METRIC_MEM, 20, 1);
	kernel_values_capacity(kernel, METRIC_MEM, 10, 0);
	assert_true(value(METRIC_MEM)->capacity == 10);
}

static void what_is_no_number_replaces_none(void **state)
{
	static const double none[] = { NAN, INFINITY, -INFINITY, -1 };
	struct kernel_values *kernel = &values->kernels[0];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		kernel_values_current(kernel, METRIC_CPU_USED, none[i], 0, 0);
	assert_int_equal(value(METRIC_CPU_USED)->current_state, VALUE_UNKNOWN);
	kernel_values_current(kernel, METRIC_CPU_USED, 5, 3, 0);
	kernel_values_current(kernel, METRIC_CPU_USED, NAN, 0, 0);
	assert_int_equal(value(METRIC_CPU_USED)->current_state, VALUE_NUMBER);
	kernel_values_capacity(kernel, METRIC_CPU_USED, INFINITY, 0);
	assert_int_equal(value(METRIC_CPU_USED)->capacity_state, VALUE_ABSENT);
}

static void statistics_are_those_of_the_first_engine_and_hold_what_is_now(void **state)
{
	struct kernel_values *kernel = &values->kernels[0];
	struct warnings warnings = { 0 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	kernel_values_current(kernel, METRIC_CPU_UTIL, 300, 0, 0);
	kernel_values_stat(kernel, METRIC_CPU_UTIL, STAT_AVG, 99, 1);
	kernel_values_stat(kernel, METRIC_CPU_UTIL, STAT_AVG, 100.5, 0);
	kernel_values_stat(kernel, METRIC_CPU_UTIL, STAT_AVG, NAN, 0);
	kernel_values_stat(kernel, METRIC_CPU_UTIL, STAT_MAX, 250, 0); /* it has grown since */
	kernel_values_current(kernel, METRIC_IO_READ, 5000, 0, 0);
	kernel_values_stat(kernel, METRIC_IO_READ, STAT_RATE, 12.25, 0);
	kernel_values_current(kernel, METRIC_NET_RX, 7, 0, 0);
	write_live_stat(values, METRICS_ALL, LIVESTAT_BACKENDAI_AGENT, 0, &warnings, &out);
	assert_non_null(strstr(out.data,
			       "\"cpu_util\":{\"current\":\"300\",\"capacity\":\"1000\","
			       "\"pct\":\"30\",\"unit_hint\":\"percent\",\"stats.max\":\"300\","
			       "\"stats.avg\":\"100.5\",\"stats.version\":2}"));
	assert_non_null(strstr(out.data, "\"io_read\":{\"current\":\"5000\",\"capacity\":null,"
					 "\"pct\":\"0.00\",\"unit_hint\":\"bytes\","
					 "\"stats.rate\":\"12.25\",\"stats.version\":2}"));
	assert_non_null(strstr(out.data, "\"stats.rate\":\"7\""));
	strbuf_free(&out);
}

static void what_was_never_counted_is_zero_but_what_is_not_known_is_not(void **state)
{
	struct kernel_values *kernel = &values->kernels[0];
	uint32_t failures = METRIC_BIT(METRIC_ZMQ_FAILURES), p50 = METRIC_BIT(METRIC_ZMQ_CALL_P50);

	(void)state;
	kernel->own = METRIC_BIT(METRIC_ZMQ_SEND_MESSAGES);
	kernel->applies = kernel->own | failures | p50;
	values__complete(values, p50);
	assert_int_equal(value(METRIC_ZMQ_FAILURES)->current_state, VALUE_NUMBER);
	assert_true(value(METRIC_ZMQ_FAILURES)->current == 0);
	assert_int_equal(value(METRIC_ZMQ_SEND_MESSAGES)->current_state, VALUE_UNKNOWN);
	assert_int_equal(value(METRIC_ZMQ_CALL_P50)->current_state, VALUE_UNKNOWN);
	assert_int_equal(value(METRIC_CACHE_HITS)->current_state, VALUE_ABSENT);
}

static void writes_the_native_shape(void **state)
{
	struct kernel_values *kernel = &values->kernels[0];
	struct warnings warnings = { 0 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	kernel_values_current(kernel, METRIC_MEM, 1048576, 0, 0);
	kernel_values_capacity(kernel, METRIC_MEM, 8589934592, 0);
	kernel_values_current(kernel, METRIC_CPU_UTIL, 0.1, 0, 10000);
	kernel_values_current(kernel, METRIC_NET_RX, NAN, 0, 10000);
	kernel_values_current(kernel, METRIC_NET_TX, 1, 0, 60000);
	values->kernels[1].known = 1;
	warnings_add(&warnings, "\"%s\"", "half");
	warnings_add(&warnings, "\"half\"");
	write_live_stat(values, METRICS_ALL & ~METRIC_BIT(METRIC_CPU_USED), LIVESTAT_NATIVE,
			1793334567000000000, &warnings, &out);
	assert_string_equal(
		out.data,
		"{\"sampled_at\":1793334567.0,\"by_kernel\":{"
		"\"a\":{\"gauge\":{\"mem\":{\"current\":1048576,\"capacity\":8589934592}},"
		"\"diff\":{\"cpu_util\":{\"current\":0.1,\"capacity\":1000}},"
		"\"rate\":{\"net_rx\":{\"current\":null},\"net_tx\":{\"current\":1.0}}},"
		"\"b\":{\"gauge\":{},\"diff\":{},\"rate\":{}},"
		"\"c\":null},\"window_seconds\":60.0,\"warnings\":[\"\\\"half\\\"\"]}\n");
	strbuf_free(&out);
	warnings_free(&warnings);
}

static void writes_the_manager_s_shape(void **state)
{
	struct kernel_values *kernel = &values->kernels[0];
	struct warnings warnings = { 0 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	kernel_values_current(kernel, METRIC_MEM, 1024, 0, 0);
	kernel_values_capacity(kernel, METRIC_MEM, 8192, 0);
	values->kernels[1].known = 1;
	write_live_stat(values, METRIC_BIT(METRIC_MEM), LIVESTAT_BACKENDAI, 5000000000, &warnings,
			&out);
	assert_string_equal(
		out.data,
		"{\"sampled_at\":5.0,\"by_kernel\":{\"a\":{\"mem\":{\"current\":\"1024\","
		"\"capacity\":\"8192\",\"pct\":\"12.50\",\"unit_hint\":\"bytes\","
		"\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\","
		"\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}},"
		"\"b\":null,\"c\":null},\"window_seconds\":0.0}\n");
	strbuf_free(&out);
}

static void the_api_has_the_same_metrics(void **state)
{
	(void)state;
	assert_int_equal(METRIC_COUNT, LIVESTAT_METRICS);
	for (size_t i = 0; i < LIVESTAT_METRICS; i++)
		assert_int_not_equal(metric_find(livestat_metrics[i].name), METRIC_COUNT);
}

static void metrics_are_found_by_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		assert_int_equal(metric_find(metric_names[i]), i);
	assert_int_equal(metric_find("nonsense"), METRIC_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_asked_ids_only, setup, teardown),
		cmocka_unit_test_setup_teardown(the_lowest_rank_wins_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_number_replaces_none, setup, teardown),
		cmocka_unit_test_setup_teardown(
			statistics_are_those_of_the_first_engine_and_hold_what_is_now, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			what_was_never_counted_is_zero_but_what_is_not_known_is_not, setup,
			teardown),
		cmocka_unit_test_setup_teardown(writes_the_native_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_the_manager_s_shape, setup, teardown),
		cmocka_unit_test(the_api_has_the_same_metrics),
		cmocka_unit_test(metrics_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
