/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "top/trend.h"

static void remembers_the_last_points(void **state)
{
	struct trend trend = { 0 };

	(void)state;
	assert_true(trend_at(&trend, 0) < 0);
	for (int i = 0; i < TREND_POINTS + 10; i++)
		trend_add(&trend, i);
	assert_true(trend_at(&trend, 0) == TREND_POINTS + 9);
	assert_true(trend_at(&trend, TREND_POINTS - 1) == 10);
	assert_true(trend_at(&trend, TREND_POINTS) < 0);
}

static void follows_rows_by_key_and_forgets_those_that_are_gone(void **state)
{
	struct trends trends = { 0 };
	struct trend_point first[] = { { "b", 1 }, { "a", 2 }, { "b", 9 } };
	struct trend_point second[] = { { "c", 3 }, { "b", 4 } };

	(void)state;
	assert_null(trends_find(&trends, "a"));
	assert_int_equal(trends_update(&trends, first, 2), 0);
	assert_int_equal(trends_update(&trends, second, 2), 0);
	assert_null(trends_find(&trends, "a"));
	assert_true(trend_at(trends_find(&trends, "b"), 0) == 4);
	assert_true(trend_at(trends_find(&trends, "b"), 1) == 1);
	assert_true(trend_at(trends_find(&trends, "c"), 1) < 0);
	/* a key given twice is one row */
	assert_int_equal(trends_update(&trends, first, 3), 0);
	assert_int_equal(trends.count, 2);
	assert_int_equal(trends_update(&trends, NULL, 0), 0);
	assert_int_equal(trends.count, 0);
	trends_free(&trends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_the_last_points),
		cmocka_unit_test(follows_rows_by_key_and_forgets_those_that_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
