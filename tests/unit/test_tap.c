/* SPDX-License-Identifier: Apache-2.0 */
/* The table of gauges in libtapmeter-tap, as it is read from outside. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <tapmeter/tap_table.h>
#include "util/gauge_spec.h"
/* The library itself, which is no part of the agent. */
#include "../../lib/tap.c" /* NOLINT(bugprone-suspicious-include) */

#define THREADS 4

static int64_t variables[TAP_TABLE_GAUGES + 1];

static int clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < TAP_TABLE_GAUGES + 1; i++)
		tap_gauge_remove(&variables[i]);
	return 0;
}

static size_t registered(const char *gauge_name, const int64_t *value)
{
	const struct tap_table *table = &tapmeter_tap_table;
	size_t count = 0;

	for (uint32_t i = 0; i < table->count; i++)
		count += table->gauges[i].address == (uintptr_t)value &&
			 !strcmp(table->gauges[i].name, gauge_name);
	return count;
}

static void what_is_registered_is_in_the_table_once(void **state)
{
	(void)state;
	assert_int_equal(tapmeter_tap_table.magic, TAP_TABLE_MAGIC);
	assert_int_equal(tap_gauge("jobs", &variables[0]), 0);
	assert_int_equal(tap_gauge("jobs", &variables[0]), 0);
	assert_int_equal(tap_gauge("jobs", &variables[1]), 0);
	assert_int_equal(tap_gauge("others", &variables[0]), 0);
	assert_int_equal(registered("jobs", &variables[0]), 1);
	assert_int_equal(registered("jobs", &variables[1]), 1);
	assert_int_equal(registered("others", &variables[0]), 1);
	tap_gauge_remove(&variables[0]);
	assert_int_equal(registered("jobs", &variables[0]), 0);
	assert_int_equal(registered("others", &variables[0]), 0);
	assert_int_equal(registered("jobs", &variables[1]), 1);
	assert_int_equal(tapmeter_tap_table.sequence % 2, 0);
}

static void places_are_used_again_and_there_is_an_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < TAP_TABLE_GAUGES; i++)
		assert_int_equal(tap_gauge("x", &variables[i]), 0);
	assert_int_equal(tap_gauge("x", &variables[TAP_TABLE_GAUGES]), -ENOSPC);
	tap_gauge_remove(&variables[7]);
	assert_int_equal(tap_gauge("y", &variables[TAP_TABLE_GAUGES]), 0);
	assert_int_equal(tapmeter_tap_table.count, TAP_TABLE_GAUGES);
}

/* The library must not take a name that the agent leaves out, nor the other way round. */
static void agent_and_library_mean_the_same_names(void **state)
{
	static const char *const names[] = {
		"a",	    "A_9",	 "9",	    "",	       "a-b",	 "a:b",
		"\xc3\xa4", "total",	 "a_total", "a_count", "a_sum",	 "a_bucket",
		"a_info",   "a_created", "sum",	    "totals",  "_total", "a_timestamp",
	};
	char longest[TAP_TABLE_NAME + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(tap_gauge(names[i], &variables[0]) == 0,
				 gauge_name_valid(names[i]));
	memset(longest, 'x', sizeof(longest));
	longest[TAP_TABLE_NAME] = 0;
	assert_int_equal(tap_gauge(longest, &variables[0]), -EINVAL);
	longest[TAP_TABLE_NAME - 1] = 0;
	assert_int_equal(tap_gauge(longest, &variables[0]), 0);
	assert_true(gauge_name_valid(longest));
	assert_int_equal(tap_gauge(NULL, &variables[0]), -EINVAL);
	assert_int_equal(tap_gauge("a", NULL), -EINVAL);
	tap_event(NULL, 1); /* and is nothing */
}

static void *register_some(void *arg)
{
	int64_t *own = arg;

	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 8; i++)
			tap_gauge("threads", &own[i]);
		for (int i = 0; i < 8 && round < 999; i++)
			tap_gauge_remove(&own[i]);
	}
	return NULL;
}

static void threads_may_register_at_once(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, register_some,
						&variables[(size_t)i * 8]),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS * 8; i++)
		assert_int_equal(registered("threads", &variables[i]), 1);
	assert_int_equal(tapmeter_tap_table.sequence % 2, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_registered_is_in_the_table_once, clean),
		cmocka_unit_test_teardown(places_are_used_again_and_there_is_an_end, clean),
		cmocka_unit_test_teardown(agent_and_library_mean_the_same_names, clean),
		cmocka_unit_test_teardown(threads_may_register_at_once, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
