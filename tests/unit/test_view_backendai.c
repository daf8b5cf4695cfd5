/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "serve/families.h"
#include "serve/view_backendai.h"

#define NO_LABELS .container = "", .pod = "", .namespace = ""

static const struct kernel_sample kernels[] = {
	{ .kernel_id = "all",
	  NO_LABELS,
	  .point.usage = { .mono_ns = 1,
			   .has = USAGE_CPU | USAGE_MEMORY | USAGE_IO | USAGE_NETWORK,
			   .cpu_ns = 12345678901,
			   .memory_bytes = 1024,
			   .memory_limit_bytes = 8192,
			   .io_read_bytes = 1,
			   .io_write_bytes = 2,
			   .net_rx_bytes = 3,
			   .net_tx_bytes = UINT64_MAX } },
	{ .kernel_id = "no\"thing", NO_LABELS },
	{ .kernel_id = "un\"limited",
	  NO_LABELS,
	  .point.usage = { .mono_ns = 1,
			   .has = USAGE_MEMORY,
			   .memory_bytes = 5,
			   .memory_limit_bytes = USAGE_UNLIMITED } },
};
static const struct snapshot snapshot = { .kernel_count = 3, .kernels = kernels };

#define SAMPLE(metric, kernel, type, value)                                                    \
	"backendai_container_utilization{container_metric_name=\"" metric "\",agent_id=\""     \
	"undefined\",kernel_id=\"" kernel "\",session_id=\"undefined\",user_id=\"undefined\"," \
	"project_id=\"undefined\",value_type=\"" type "\"} " value "\n"

static void raw_measures_with_the_labels_of_backend_ai(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct exposition exposition = { .out = &out, .format = EXPOSITION_TEXT };

	(void)state;
	view_backendai_write(&exposition, &snapshot);
	assert_int_equal(out.err, 0);
	assert_non_null(strstr(out.data, "\n# TYPE backendai_container_utilization gauge\n"));
	assert_string_equal(
		strstr(out.data, "gauge\n") + strlen("gauge\n"),
		SAMPLE("cpu_used", "all", "current",
		       "12345") SAMPLE("cpu_util", "all", "current",
				       "12345") SAMPLE("cpu_util", "all", "capacity", "1000")
			SAMPLE("io_read", "all", "current",
			       "1") SAMPLE("io_write", "all", "current",
					   "2") SAMPLE("mem", "all", "current", "1024")
				SAMPLE("mem", "all", "capacity", "8192") SAMPLE("net_rx", "all",
										"current", "3")
					SAMPLE("net_tx", "all", "current", "18446744073709551615")
						SAMPLE("mem", "un\\\"limited", "current", "5"));
	strbuf_free(&out);
}

static void without_usage_there_is_no_family(void **state)
{
	const struct snapshot empty = { .kernel_count = 1, .kernels = &kernels[1] };
	struct strbuf out = STRBUF_INIT;
	struct exposition exposition = { .out = &out, .format = EXPOSITION_OPENMETRICS };

	(void)state;
	view_backendai_write(&exposition, &empty);
	assert_int_equal(out.len, 0);
	strbuf_free(&out);
}

static void the_view_is_there_only_when_asked_for(void **state)
{
	struct families_input in = { .snapshot = &snapshot, .version = "1", .revision = "2" };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(families_write(&in, EXPOSITION_OPENMETRICS, &out), 0);
	assert_null(strstr(out.data, "backendai_"));
	strbuf_clear(&out);
	in.views = FAMILIES_VIEW_BACKENDAI;
	assert_int_equal(families_write(&in, EXPOSITION_OPENMETRICS, &out), 0);
	assert_non_null(strstr(out.data, "\n" SAMPLE("net_rx", "all", "current", "3")));
	assert_string_equal(out.data + out.len - strlen("# EOF\n"), "# EOF\n");
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_measures_with_the_labels_of_backend_ai),
		cmocka_unit_test(without_usage_there_is_no_family),
		cmocka_unit_test(the_view_is_there_only_when_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
