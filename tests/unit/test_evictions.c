/* SPDX-License-Identifier: Apache-2.0 */
/* user/evictions.c: when a cache's evictions are worth an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "evictions.h"

#define MS 1000000ull
#define S (1000 * MS)

static void one_look_with_many(void **state)
{
	struct evictions e = { 0 };

	(void)state;
	assert_int_equal(evictions_look(&e, 0, 1 * S), 0);
	assert_int_equal(evictions_look(&e, 250, 2 * S), 250);
}

static void many_looks_within_the_window(void **state)
{
	struct evictions e = { 0 };

	(void)state;
	assert_int_equal(evictions_look(&e, 40, 5 * S), 0);
	assert_int_equal(evictions_look(&e, 80, 5 * S + 400 * MS), 0);
	assert_int_equal(evictions_look(&e, 120, 5 * S + 800 * MS), 120);
}

static void a_trickle_is_none(void **state)
{
	struct evictions e = { 0 };
	uint64_t now = 1 * S;

	(void)state;
	for (uint64_t count = 1; count < 5000; count += 30, now += S)
		assert_int_equal(evictions_look(&e, count, now), 0);
}

static void once_until_it_is_calm(void **state)
{
	struct evictions e = { 0 };
	uint64_t now = 1 * S, count = 0;

	(void)state;
	assert_int_equal(evictions_look(&e, count = 500, now), 500);
	for (int i = 0; i < 100; i++)
		assert_int_equal(evictions_look(&e, count += 500, now += 9 * S), 0);
	assert_int_equal(evictions_look(&e, count, now + 5 * S), 0);
	assert_int_equal(evictions_look(&e, count + 100, now + EVICTIONS_CALM_NS), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_look_with_many),
		cmocka_unit_test(many_looks_within_the_window),
		cmocka_unit_test(a_trickle_is_none),
		cmocka_unit_test(once_until_it_is_calm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
