/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "serve/livestat_write.h"

#define WHOLE(n)                     \
	{                            \
		LIVESTAT_WHOLE, 0, n \
	}
#define REAL(n, billionths)                  \
	{                                    \
		LIVESTAT_REAL, billionths, n \
	}
#define NONE      \
	{         \
		0 \
	}
#define NOT_KNOWN                   \
	{                           \
		LIVESTAT_NULL, 0, 0 \
	}

static struct livestat_value values[LIVESTAT_METRICS];
static struct strbuf out;

static int setup(void **state)
{
	(void)state;
	memset(values, 0, sizeof(values));
	strbuf_clear(&out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&out);
	return 0;
}

static void set(const char *metric, struct livestat_value value)
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (!strcmp(livestat_metrics[i].name, metric)) {
			values[i] = value;
			return;
		}
	}
	fail_msg("no metric %s", metric);
}

static const char *written(livestat_write_fn write)
{
	strbuf_clear(&out);
	write(&out, values);
	assert_int_equal(out.err, 0);
	return out.data;
}

/* ---- one metric ---- */

/*
 * What Backend.AI itself makes of these numbers: the lines are the output of a program in Python
 * that goes by its rules, with its Decimal.
 */
/* clang-format off */
static const struct row {
	const char *metric;
	struct livestat_value value; /* current, capacity, rate, max, avg */
	const char *manager;
	const char *agent;
} rows[] = {
	{ "cpu_used",
	 { REAL(12345, 678901000), NONE, NONE, NONE, NONE },
	 "{\"current\":\"12345.678901\",\"capacity\":\"9223372036854775807\",\"pct\":\"0.00\",\"unit_hint\":\"msec\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"12345.679\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"msec\",\"stats.version\":2}" },
	{ "cpu_util",
	 { WHOLE(150), WHOLE(1000), NONE, REAL(700, 500000), REAL(104, 761905000) },
	 "{\"current\":\"150\",\"capacity\":\"1000\",\"pct\":\"15.00\",\"unit_hint\":\"percent\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"150\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"150\",\"capacity\":\"1000\",\"pct\":\"15\",\"unit_hint\":\"percent\",\"stats.max\":\"700\",\"stats.avg\":\"104.762\",\"stats.version\":2}" },
	{ "cpu_util",
	 { NOT_KNOWN, WHOLE(1000), NONE, NOT_KNOWN, NOT_KNOWN },
	 "{\"current\":\"0\",\"capacity\":\"1000\",\"pct\":\"0.00\",\"unit_hint\":\"percent\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"0\",\"capacity\":\"1000\",\"pct\":\"0\",\"unit_hint\":\"percent\",\"stats.max\":\"0\",\"stats.avg\":\"0\",\"stats.version\":2}" },
	{ "cpu_util",
	 { REAL(1999, 999500000), WHOLE(1000), NONE, REAL(1999, 999500000), REAL(0, 400000) },
	 "{\"current\":\"1999.9995\",\"capacity\":\"1000\",\"pct\":\"200.00\",\"unit_hint\":\"percent\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"1999.9995\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"2000\",\"capacity\":\"1000\",\"pct\":\"200\",\"unit_hint\":\"percent\",\"stats.max\":\"2000\",\"stats.avg\":\"0\",\"stats.version\":2}" },
	{ "io_read",
	 { WHOLE(3000), NONE, REAL(200, 62500000), NONE, NONE },
	 "{\"current\":\"3000\",\"capacity\":\"9223372036854775807\",\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"3000\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.rate\":\"200.062\",\"stats.version\":2}" },
	{ "io_write",
	 { WHOLE(0), NONE, NOT_KNOWN, NONE, NONE },
	 "{\"current\":\"0\",\"capacity\":\"9223372036854775807\",\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"0\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.rate\":\"0\",\"stats.version\":2}" },
	{ "mem",
	 { WHOLE(1024), WHOLE(8192), NONE, WHOLE(2048), NONE },
	 "{\"current\":\"1024\",\"capacity\":\"8192\",\"pct\":\"12.50\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"1024\",\"capacity\":\"8192\",\"pct\":\"12.5\",\"unit_hint\":\"bytes\",\"stats.max\":\"2048\",\"stats.version\":2}" },
	{ "mem",
	 { WHOLE(1), WHOLE(3), NONE, WHOLE(1), NONE },
	 "{\"current\":\"1\",\"capacity\":\"3\",\"pct\":\"33.33\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"1\",\"capacity\":\"3\",\"pct\":\"33.33\",\"unit_hint\":\"bytes\",\"stats.max\":\"1\",\"stats.version\":2}" },
	{ "mem",
	 { WHOLE(5), NOT_KNOWN, NONE, WHOLE(7), NONE },
	 "{\"current\":\"5\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"5\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.max\":\"7\",\"stats.version\":2}" },
	{ "mem",
	 { WHOLE(5), WHOLE(0), NONE, WHOLE(5), NONE },
	 "{\"current\":\"5\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"bytes\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"5\",\"capacity\":\"0\",\"pct\":\"0.00\",\"unit_hint\":\"bytes\",\"stats.max\":\"5\",\"stats.version\":2}" },
	{ "net_rx",
	 { WHOLE(2048), NONE, WHOLE(2048), NONE, NONE },
	 "{\"current\":\"2048\",\"capacity\":\"9223372036854775807\",\"pct\":\"0.00\",\"unit_hint\":\"bps\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"2048\",\"stats.version\":null}",
	 "{\"current\":\"2048\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bps\",\"stats.rate\":\"2048\",\"stats.version\":2}" },
	{ "net_rx",
	 { NOT_KNOWN, NONE, NOT_KNOWN, NONE, NONE },
	 "{\"current\":\"0\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"bps\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"0\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bps\",\"stats.rate\":\"0\",\"stats.version\":2}" },
	{ "net_tx",
	 { REAL(0, 1667000), NONE, REAL(0, 1667000), NONE, NONE },
	 "{\"current\":\"0.001667\",\"capacity\":\"9223372036854775807\",\"pct\":\"0.00\",\"unit_hint\":\"bps\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0.001667\",\"stats.version\":null}",
	 "{\"current\":\"0.002\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"bps\",\"stats.rate\":\"0.002\",\"stats.version\":2}" },
	{ "zmq_failures",
	 { WHOLE(0), NONE, WHOLE(0), NONE, NONE },
	 "{\"current\":\"0\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"zmq_failures\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"0\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"zmq_failures\",\"stats.rate\":\"0\",\"stats.version\":2}" },
	{ "zmq_in_flight",
	 { WHOLE(3), NONE, NONE, WHOLE(7), NONE },
	 "{\"current\":\"3\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"zmq_in_flight\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"3\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"zmq_in_flight\",\"stats.max\":\"7\",\"stats.version\":2}" },
	{ "zmq_send_messages",
	 { REAL(9800, 500000000), NONE, REAL(9800, 500000000), NONE, NONE },
	 "{\"current\":\"9800.5\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"zmq_send_messages\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"9800.5\",\"stats.version\":null}",
	 "{\"current\":\"9800.5\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"zmq_send_messages\",\"stats.rate\":\"9800.5\",\"stats.version\":2}" },
	{ "zmq_send_messages",
	 { NOT_KNOWN, NONE, NOT_KNOWN, NONE, NONE },
	 "{\"current\":\"0\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"zmq_send_messages\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"0\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"zmq_send_messages\",\"stats.rate\":\"0\",\"stats.version\":2}" },
	{ "zmq_send_oldest_seconds",
	 { REAL(1, 500000000), NONE, NONE, REAL(2, 123456789), NONE },
	 "{\"current\":\"1.5\",\"capacity\":\"0\",\"pct\":\"0\",\"unit_hint\":\"zmq_send_oldest_seconds\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\",\"stats.avg\":\"0\",\"stats.diff\":\"0\",\"stats.rate\":\"0\",\"stats.version\":null}",
	 "{\"current\":\"1.5\",\"capacity\":null,\"pct\":\"0.00\",\"unit_hint\":\"zmq_send_oldest_seconds\",\"stats.max\":\"2.123\",\"stats.version\":2}" },
};
/* clang-format on */

static void assert_written(const char *metric, livestat_write_fn write, const char *value)
{
	const char *text = written(write);
	size_t name_len = strlen(metric), value_len = strlen(value);

	/* {"metric":value} */
	if (strlen(text) != name_len + value_len + 5 || memcmp(text + 2, metric, name_len) != 0 ||
	    memcmp(text + name_len + 4, value, value_len) != 0)
		fail_msg("%s: %s instead of %s", metric, text, value);
}

static void every_rule_of_the_legacy_shapes_is_kept(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		set(rows[i].metric, rows[i].value);
		assert_written(rows[i].metric, livestat_write_backendai, rows[i].manager);
		assert_written(rows[i].metric, livestat_write_agent, rows[i].agent);
	}
}

static void unit_hints_go_by_the_name(void **state)
{
	static const char *const table[][2] = {
		{ "cpu_used", "msec" },	 { "cpu_util", "percent" },
		{ "mem", "bytes" },	 { "net_rx", "bps" },
		{ "net_tx", "bps" },	 { "io_read", "bytes" },
		{ "io_write", "bytes" }, { "cuda_util", "percent" },
		{ "cuda_mem", "bytes" }, { "zmq_send_bytes", "zmq_send_bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(livestat_unit_hint(table[i][0]), table[i][1]);
}

/* ---- a kernel ---- */

static void no_metric_is_no_map(void **state)
{
	(void)state;
	assert_string_equal(written(livestat_write_backendai), "null");
	assert_string_equal(written(livestat_write_agent), "null");
	assert_string_equal(written(livestat_write_native),
			    "{\"gauge\":{},\"diff\":{},\"rate\":{}}");
}

static void names_are_sorted(void **state)
{
	static const char *const names[] = { "\"cpu_util\":{", "\"mem\":{", "\"net_rx\":{",
					     "\"zmq_in_flight\":{" };
	const livestat_write_fn writers[] = { livestat_write_backendai, livestat_write_agent };

	(void)state;
	set("zmq_in_flight", (struct livestat_value){ .current = WHOLE(1) });
	set("net_rx", (struct livestat_value){ .current = WHOLE(1) });
	set("mem", (struct livestat_value){ .current = WHOLE(1) });
	set("cpu_util", (struct livestat_value){ .current = WHOLE(1) });
	for (size_t i = 0; i < 2; i++) {
		const char *at = written(writers[i]);

		for (size_t j = 0; j < 4; j++) {
			at = strstr(at, names[j]);
			assert_non_null(at);
		}
	}
}

static void the_native_shape_has_numbers_in_groups(void **state)
{
	(void)state;
	set("mem", (struct livestat_value){ .current = WHOLE(1048576), .capacity = NOT_KNOWN });
	set("cpu_used", (struct livestat_value){ .current = REAL(12, 0) });
	set("cpu_util",
	    (struct livestat_value){ .current = REAL(150, 0), .capacity = WHOLE(1000) });
	set("net_rx", (struct livestat_value){ .current = NOT_KNOWN });
	set("net_tx", (struct livestat_value){ .current = REAL(2048, 500000000) });
	assert_string_equal(
		written(livestat_write_native),
		"{\"gauge\":{\"cpu_used\":{\"current\":12.0},"
		"\"mem\":{\"current\":1048576,\"capacity\":null}},"
		"\"diff\":{\"cpu_util\":{\"current\":150.0,\"capacity\":1000}},"
		"\"rate\":{\"net_rx\":{\"current\":null},\"net_tx\":{\"current\":2048.5}}}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_rule_of_the_legacy_shapes_is_kept),
		TEST(unit_hints_go_by_the_name),
		TEST(no_metric_is_no_map),
		TEST(names_are_sorted),
		TEST(the_native_shape_has_numbers_in_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
