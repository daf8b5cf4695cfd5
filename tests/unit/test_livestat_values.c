/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "serve/livestat_values.h"
#include "store/history.h"
#include "util/strbuf.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define ALL UINT32_MAX
#define EVERYTHING (USAGE_CPU | USAGE_MEMORY | USAGE_IO | USAGE_NETWORK)

static struct livestat_value values[LIVESTAT_METRICS];

/* A point at `seconds` whose usage was read a tenth of a second before; each counter is at `n`. */
static struct kernel_point point_at(uint64_t seconds, uint64_t n)
{
	return (struct kernel_point){
		.mono_ns = seconds * SECOND,
		.has_messages = 1,
		.send_messages = n,
		.recv_messages = n,
		.usage = { .mono_ns = seconds * SECOND - SECOND / 10,
			   .has = EVERYTHING,
			   .cpu_ns = n * MS,
			   .memory_bytes = 1024,
			   .memory_limit_bytes = 8192,
			   .io_read_bytes = n,
			   .io_write_bytes = 2 * n,
			   .net_rx_bytes = 3 * n,
			   .net_tx_bytes = 4 * n },
	};
}

static struct livestat_value *value_of(const char *metric)
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (!strcmp(livestat_metrics[i].name, metric))
			return &values[i];
	}
	fail_msg("no metric %s", metric);
	return NULL;
}

static uint32_t bit_of(const char *metric)
{
	return 1u << (value_of(metric) - values);
}

static void assert_number(struct livestat_number n, const char *json)
{
	struct strbuf text = STRBUF_INIT;

	livestat_add_json(&text, n);
	assert_string_equal(text.data, json);
	strbuf_free(&text);
}

static void assert_current(const char *metric, const char *json)
{
	assert_int_not_equal(value_of(metric)->current.kind, LIVESTAT_ABSENT);
	assert_number(value_of(metric)->current, json);
}

static void compute(struct kernel_point now, struct kernel_point before)
{
	livestat_values(&now, &before, ALL, values);
}

static void the_table_is_sorted_by_name(void **state)
{
	(void)state;
	for (size_t i = 1; i < LIVESTAT_METRICS; i++)
		assert_true(strcmp(livestat_metrics[i - 1].name, livestat_metrics[i].name) < 0);
}

static void every_resource_has_its_unit_and_its_group(void **state)
{
	static const struct {
		const char *metric;
		enum livestat_group group;
		const char *current;
	} table[] = {
		{ "mem", LIVESTAT_GAUGE, "1024" },
		{ "cpu_used", LIVESTAT_GAUGE, "3000.0" },
		{ "io_read", LIVESTAT_GAUGE, "3000" },
		{ "io_write", LIVESTAT_GAUGE, "6000" },
		{ "cpu_util", LIVESTAT_DIFF, "200.0" },
		{ "net_rx", LIVESTAT_RATE, "600.0" },
		{ "net_tx", LIVESTAT_RATE, "800.0" },
		{ "zmq_send_messages", LIVESTAT_RATE, "200.0" },
	};

	(void)state;
	compute(point_at(110, 3000), point_at(100, 1000));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t at = (size_t)(value_of(table[i].metric) - values);

		assert_current(table[i].metric, table[i].current);
		assert_int_equal(livestat_metrics[at].group, table[i].group);
	}
	assert_number(value_of("mem")->capacity, "8192");
	assert_number(value_of("cpu_util")->capacity, "1000");
	assert_int_equal(value_of("net_rx")->capacity.kind, LIVESTAT_ABSENT);
	assert_int_equal(value_of("cpu_used")->capacity.kind, LIVESTAT_ABSENT);
	assert_number(value_of("io_write")->rate, "400.0");
	assert_number(value_of("net_tx")->rate, "800.0");
}

static void memory_without_a_limit_has_a_capacity_of_null(void **state)
{
	struct kernel_point now = point_at(110, 0);

	(void)state;
	now.usage.memory_limit_bytes = USAGE_UNLIMITED;
	compute(now, point_at(100, 0));
	assert_int_equal(value_of("mem")->capacity.kind, LIVESTAT_NULL);
}

static void what_could_not_be_read_is_left_out(void **state)
{
	static const struct {
		uint32_t bit;
		const char *metrics[4];
	} table[] = {
		{ USAGE_CPU, { "cpu_used", "cpu_util" } },
		{ USAGE_MEMORY, { "mem" } },
		{ USAGE_IO, { "io_read", "io_write" } },
		{ USAGE_NETWORK, { "net_rx", "net_tx" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct kernel_point now = point_at(110, 1);
		size_t present = 0;

		now.has_messages = 0;
		now.usage.has = table[i].bit;
		compute(now, point_at(100, 1));
		for (size_t j = 0; table[i].metrics[j]; j++)
			assert_int_not_equal(value_of(table[i].metrics[j])->current.kind,
					     LIVESTAT_ABSENT);
		for (size_t j = 0; j < LIVESTAT_METRICS; j++)
			present += values[j].current.kind != LIVESTAT_ABSENT;
		assert_int_equal(present, 2 - (table[i].bit == USAGE_MEMORY));
	}
}

static void rates_of_usage_go_by_the_time_when_it_was_read(void **state)
{
	struct kernel_point now = point_at(110, 3000), before = point_at(100, 1000);

	(void)state;
	now.usage.mono_ns = 105 * SECOND;
	before.usage.mono_ns = 85 * SECOND;
	compute(now, before);
	assert_current("cpu_util", "100.0");
	assert_current("zmq_send_messages", "200.0");
	assert_int_equal(livestat_span(&now, &before, ALL), 10 * SECOND);
	assert_int_equal(livestat_span(&now, &before, bit_of("cpu_util")), 20 * SECOND);
	assert_int_equal(livestat_span(&now, &before, bit_of("mem")), 0);
	/* one reading: no rate, however far apart the snapshots are */
	before.usage = now.usage;
	compute(now, before);
	assert_current("cpu_util", "null");
	assert_current("net_rx", "null");
	assert_current("cpu_used", "3000.0");
	assert_current("zmq_send_messages", "200.0");
}

static void the_first_sample_shows_no_cumulative_value_as_a_rate(void **state)
{
	(void)state;
	compute(point_at(110, 3000), (struct kernel_point){ 0 });
	assert_current("cpu_util", "null");
	assert_current("net_rx", "null");
	assert_current("net_tx", "null");
	assert_current("zmq_send_messages", "null");
	assert_current("mem", "1024");
	assert_int_equal(value_of("io_read")->rate.kind, LIVESTAT_NULL);
}

static void what_was_not_known_before_has_no_rate(void **state)
{
	struct kernel_point before = point_at(100, 0);

	(void)state;
	before.usage.has = USAGE_MEMORY | USAGE_CPU;
	compute(point_at(110, 1000), before);
	assert_current("net_rx", "null");
	assert_current("cpu_util", "100.0");
}

static void a_counter_that_has_begun_anew_has_no_rate(void **state)
{
	struct kernel_point before = point_at(100, 5000);

	(void)state;
	compute(point_at(110, 10), before);
	assert_current("cpu_util", "null");
	assert_current("net_rx", "null");
	assert_current("zmq_recv_messages", "null");
	before.usage.cpu_ns = HISTORY_VOID;
	compute(point_at(110, 6000), before);
	assert_current("cpu_util", "null");
	assert_current("net_rx", "300.0");
}

static void between_two_containers_there_is_no_rate(void **state)
{
	struct kernel_point now = point_at(110, 2000);

	(void)state;
	now.usage.instance = 1;
	compute(now, point_at(100, 1000));
	assert_current("cpu_util", "null");
	assert_current("net_tx", "null");
	assert_current("zmq_send_messages", "100.0");
}

static void a_rate_over_too_short_a_time_is_null(void **state)
{
	struct kernel_point now = point_at(100, 2000), before = point_at(100, 1000);

	(void)state;
	now.usage.mono_ns = before.usage.mono_ns + LIVESTAT_MIN_SPAN_NS - 1;
	compute(now, before);
	assert_current("cpu_util", "null");
	now.usage.mono_ns++;
	compute(now, before);
	assert_current("cpu_util", "2000.0");
}

static void only_what_is_wanted_is_computed(void **state)
{
	struct kernel_point now = point_at(110, 1), before = point_at(100, 1);

	(void)state;
	compute(now, before);
	livestat_values(&now, &before, bit_of("mem"), values);
	for (size_t i = 0; i < LIVESTAT_METRICS; i++)
		assert_int_equal(values[i].current.kind != LIVESTAT_ABSENT,
				 !strcmp(livestat_metrics[i].name, "mem"));
}

static void statistics_are_over_all_of_the_history(void **state)
{
	struct kernel_point history[4] = {
		point_at(100, 0), /* then 100, 700 and 50 ms per second */
		point_at(110, 1000),
		point_at(111, 1700),
		point_at(120, 2150),
	};
	struct kernel_point now = point_at(121, 2200);

	(void)state;
	history[0].usage.memory_bytes = 9999;
	history[1].in_flight = 7;
	compute(now, history[1]);
	livestat_stats(history, 4, &now, values);
	assert_number(value_of("cpu_util")->max, "700.0");
	assert_number(value_of("cpu_util")->avg, "104.761905"); /* 2200 ms in 21 s */
	assert_number(value_of("mem")->max, "9999");
	assert_number(value_of("zmq_in_flight")->max, "7");
	/* of the rates that could be computed */
	history[0].usage.cpu_ns = history[1].usage.cpu_ns = HISTORY_VOID;
	history[2].usage.has = 0;
	livestat_stats(history, 4, &now, values);
	assert_number(value_of("cpu_util")->max, "109.090909"); /* what is current */
	assert_number(value_of("cpu_util")->avg, "50.0");
	/* nothing but now */
	livestat_stats(history, 0, &now, values);
	assert_number(value_of("mem")->max, "1024");
	assert_number(value_of("cpu_util")->avg, "109.090909");
}

static void requests_are_shown_where_there_are_some(void **state)
{
	struct kernel_point now = point_at(110, 0), before = point_at(100, 0);

	(void)state;
	compute(now, before);
	assert_int_equal(value_of("rpc_requests")->current.kind, LIVESTAT_ABSENT);
	assert_int_equal(value_of("rpc_unanswered")->current.kind, LIVESTAT_ABSENT);
	now.has_rpc = before.has_rpc = 1;
	now.rpc_requests = 500;
	before.rpc_requests = 100;
	now.rpc_unanswered = 3;
	now.rpc_oldest_ns = 2500 * MS;
	compute(now, before);
	assert_current("rpc_requests", "40.0");
	assert_current("rpc_unanswered", "3");
	assert_current("rpc_oldest_seconds", "2.5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sorted_by_name),
		cmocka_unit_test(every_resource_has_its_unit_and_its_group),
		cmocka_unit_test(memory_without_a_limit_has_a_capacity_of_null),
		cmocka_unit_test(what_could_not_be_read_is_left_out),
		cmocka_unit_test(rates_of_usage_go_by_the_time_when_it_was_read),
		cmocka_unit_test(the_first_sample_shows_no_cumulative_value_as_a_rate),
		cmocka_unit_test(what_was_not_known_before_has_no_rate),
		cmocka_unit_test(a_counter_that_has_begun_anew_has_no_rate),
		cmocka_unit_test(between_two_containers_there_is_no_rate),
		cmocka_unit_test(a_rate_over_too_short_a_time_is_null),
		cmocka_unit_test(only_what_is_wanted_is_computed),
		cmocka_unit_test(requests_are_shown_where_there_are_some),
		cmocka_unit_test(statistics_are_over_all_of_the_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
