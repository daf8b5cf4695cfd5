/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "serve/families.h"
#include "store/gauges.h"
#include "util/strbuf.h"

static struct gauges *gauges;
static struct strbuf page = STRBUF_INIT;

static int set_up(void **state)
{
	(void)state;
	return gauges__new(&gauges);
}

static int tear_down(void **state)
{
	(void)state;
	gauges__free(gauges);
	strbuf_free(&page);
	return 0;
}

static int give_one(void *arg, struct gauge_list *list)
{
	return gauge_add(list, NULL, 0, *(const double *)arg);
}

static int give_list(void *arg, struct gauge_list *list)
{
	const struct gauge_label left[] = { { "side", "left" }, { "none", "" } };
	const struct gauge_label right[] = { { "side", "right\n" }, { "a", "1" } };
	int err = gauge_add(list, left, 2, *(const double *)arg);

	return err ? err : gauge_add(list, right, 2, 2.5);
}

/* The same labels in another order. */
static int give_right(void *arg, struct gauge_list *list)
{
	const struct gauge_label right[] = { { "a", "1" }, { "side", "right\n" } };

	return gauge_add(list, right, 2, *(const double *)arg);
}

static int give_none(void *arg, struct gauge_list *list)
{
	(void)arg;
	(void)list;
	return 0;
}

static int give_failure(void *arg, struct gauge_list *list)
{
	gauge_add(list, NULL, 0, 1);
	return *(const int *)arg;
}

static int give_label_twice(void *arg, struct gauge_list *list)
{
	const struct gauge_label labels[] = { { "a", "1" }, { "b", "2" }, { "a", "3" } };

	(void)arg;
	return gauge_add(list, labels, 3, 1);
}

/* What /metrics shows of gauges. */
static const char *shown(enum exposition_format format)
{
	struct families_input in = { .version = "1", .revision = "2" };
	struct snapshot_builder *builder;
	struct snapshot *snapshot;
	char *end;

	strbuf_clear(&page);
	assert_int_equal(snapshot_builder__new(1, 1, 1, &builder), 0);
	assert_int_equal(gauges__read(gauges, builder), 0);
	assert_int_equal(snapshot_builder__seal(builder, &snapshot), 0);
	in.snapshot = snapshot;
	assert_int_equal(families_write(&in, format, &page), 0);
	snapshot__unref(snapshot);
	if (format == EXPOSITION_PROTOBUF)
		return page.data;
	end = strstr(page.data, format == EXPOSITION_TEXT ? "# HELP tapmeter_streams " :
							    "# TYPE tapmeter_streams ");
	assert_non_null(end);
	*end = 0;
	return page.data;
}

static void one_value_is_one_sample(void **state)
{
	double value = 42;

	(void)state;
	assert_int_equal(register_gauge(gauges, "jobs", "Jobs.", give_one, &value), 0);
	assert_string_equal(shown(EXPOSITION_TEXT), "# HELP tapmeter_gauge_jobs Jobs.\n"
						    "# TYPE tapmeter_gauge_jobs gauge\n"
						    "tapmeter_gauge_jobs 42\n");
	value = -0.1; /* it is asked anew each time */
	assert_string_equal(shown(EXPOSITION_OPENMETRICS), "# TYPE tapmeter_gauge_jobs gauge\n"
							   "# HELP tapmeter_gauge_jobs Jobs.\n"
							   "tapmeter_gauge_jobs -0.1\n");
}

static void a_list_is_a_sample_each(void **state)
{
	double value = 1;

	(void)state;
	assert_int_equal(register_gauge(gauges, "list", "A \"list\".\nEnd", give_list, &value), 0);
	assert_string_equal(shown(EXPOSITION_TEXT),
			    "# HELP tapmeter_gauge_list A  list . End\n"
			    "# TYPE tapmeter_gauge_list gauge\n"
			    "tapmeter_gauge_list{a=\"1\",side=\"right\\n\"} 2.5\n"
			    "tapmeter_gauge_list{side=\"left\"} 1\n");
}

static void an_empty_list_leaves_no_trace(void **state)
{
	(void)state;
	assert_int_equal(register_gauge(gauges, "none", "None.", give_none, NULL), 0);
	assert_string_equal(shown(EXPOSITION_TEXT), "");
	assert_int_equal(gauges__failed(gauges), 0);
}

static void instances_of_one_name_are_added_up(void **state)
{
	double first = 1, second = 10;

	(void)state;
	assert_int_equal(register_gauge(gauges, "list", "First.", give_list, &first), 0);
	assert_int_equal(register_gauge(gauges, "list", "Second.", give_list, &second), 0);
	assert_int_equal(register_gauge(gauges, "list", "Third.", give_right, &second), 0);
	assert_string_equal(shown(EXPOSITION_TEXT),
			    "# HELP tapmeter_gauge_list First.\n"
			    "# TYPE tapmeter_gauge_list gauge\n"
			    "tapmeter_gauge_list{a=\"1\",side=\"right\\n\"} 15\n"
			    "tapmeter_gauge_list{side=\"left\"} 11\n");
	unregister_gauge(gauges, "list", &first);
	assert_non_null(strstr(shown(EXPOSITION_TEXT), "{side=\"left\"} 10\n"));
}

static void who_fails_loses_only_its_own_family(void **state)
{
	double value = 1;
	int result = -EIO;

	(void)state;
	assert_int_equal(register_gauge(gauges, "a", "A.", give_one, &value), 0);
	assert_int_equal(register_gauge(gauges, "b", "B.", give_one, &value), 0);
	assert_int_equal(register_gauge(gauges, "b", "B.", give_failure, &result), 0);
	assert_int_equal(register_gauge(gauges, "c", "C.", give_label_twice, NULL), 0);
	assert_int_equal(register_gauge(gauges, "d", "D.", give_one, &value), 0);
	assert_null(strstr(shown(EXPOSITION_TEXT), "gauge_b"));
	assert_null(strstr(page.data, "gauge_c"));
	assert_non_null(strstr(page.data, "tapmeter_gauge_a 1\n"));
	assert_non_null(strstr(page.data, "tapmeter_gauge_d 1\n"));
	assert_int_equal(gauges__failed(gauges), 2);
	result = 0;
	assert_non_null(strstr(shown(EXPOSITION_TEXT), "tapmeter_gauge_b 2\n"));
}

static void numbers_are_shown_exactly(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, " 0\n" },
		{ 9007199254740991, " 9007199254740991\n" },
		{ -9.223372036854775808e18, " -9.223372036854776e+18\n" },
		{ 0.1 + 0.2, " 0.30000000000000004\n" },
		{ (double)0.1f, " 0.10000000149011612\n" },
		{ (double)INFINITY, " +Inf\n" },
		{ -(double)INFINITY, " -Inf\n" },
		{ (double)NAN, " NaN\n" },
	};
	double value;

	(void)state;
	assert_int_equal(register_gauge(gauges, "x", "X.", give_one, &value), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		value = cases[i].value;
		assert_non_null(strstr(shown(EXPOSITION_TEXT), cases[i].text));
	}
}

static void protobuf_has_it_too(void **state)
{
	double value = -2.5;
	const char *name;

	(void)state;
	assert_int_equal(register_gauge(gauges, "jobs", "Jobs.", give_one, &value), 0);
	shown(EXPOSITION_PROTOBUF);
	name = memmem(page.data, page.len, "tapmeter_gauge_jobs", 19);
	assert_non_null(name);
	/* field 2, 8 bytes: gauge.value, a double */
	assert_non_null(memmem(name, page.len - (size_t)(name - page.data), &value, sizeof(value)));
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const names[] = { "", "a-b", "a_total", "x_bucket", "total", "ä" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(register_gauge(gauges, names[i], "X.", give_none, NULL), -EINVAL);
	assert_int_equal(register_gauge(gauges, "1st", "X.", give_none, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_value_is_one_sample),
		TEST(a_list_is_a_sample_each),
		TEST(an_empty_list_leaves_no_trace),
		TEST(instances_of_one_name_are_added_up),
		TEST(who_fails_loses_only_its_own_family),
		TEST(numbers_are_shown_exactly),
		TEST(protobuf_has_it_too),
		TEST(what_is_no_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
