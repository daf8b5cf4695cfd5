/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tap/mappers.h"

static struct tm_process_id process(uint32_t tgid, uint64_t start_ms)
{
	const struct tm_process_id id = { .tgid = tgid, .start_ns = start_ms * 1000000 };

	return id;
}

static void add(struct mappers *mappers, uint32_t tgid, int expected)
{
	const struct tm_process_id id = process(tgid, tgid);

	assert_int_equal(mappers__add(mappers, &id), expected);
}

static int had(const struct mappers *mappers, uint32_t tgid)
{
	const struct tm_process_id id = process(tgid, tgid);

	return mappers__had(mappers, &id);
}

static void a_process_is_there_once_in_whatever_order_they_come(void **state)
{
	struct mappers mappers = { 0 };

	(void)state;
	for (uint32_t tgid = 10; tgid < 30; tgid++)
		add(&mappers, tgid, 0);
	for (uint32_t tgid = 10; tgid < 30; tgid++)
		add(&mappers, tgid, -EEXIST);
	add(&mappers, 5, 0);
	add(&mappers, 5, -EEXIST);
	add(&mappers, 29, -EEXIST);
	assert_int_equal(mappers.now_count, 21);
	mappers__clear(&mappers);
	assert_int_equal(mappers.now_count, 0);
}

static void what_is_asked_for_is_the_sweep_before(void **state)
{
	struct mappers mappers = { 0 };

	(void)state;
	add(&mappers, 1, 0);
	add(&mappers, 2, 0);
	assert_false(had(&mappers, 1));
	mappers__begin(&mappers);
	assert_true(had(&mappers, 1));
	assert_true(had(&mappers, 2));
	assert_false(had(&mappers, 3));
	add(&mappers, 3, 0);
	assert_false(had(&mappers, 3));
	mappers__begin(&mappers);
	assert_false(had(&mappers, 1));
	assert_true(had(&mappers, 3));
	mappers__begin(&mappers);
	assert_false(had(&mappers, 3));
	mappers__clear(&mappers);
}

static void another_process_of_the_same_number_is_not_the_same(void **state)
{
	const struct tm_process_id first = process(7, 1000), later = process(7, 1001);
	const struct tm_process_id program = { .tgid = 7, .start_ns = 1000000000, .exec_id = 2 };
	struct mappers mappers = { 0 };

	(void)state;
	assert_int_equal(mappers__add(&mappers, &first), 0);
	mappers__begin(&mappers);
	assert_true(mappers__had(&mappers, &first));
	assert_false(mappers__had(&mappers, &later));
	assert_false(mappers__had(&mappers, &program));
	mappers__clear(&mappers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_there_once_in_whatever_order_they_come),
		cmocka_unit_test(what_is_asked_for_is_the_sweep_before),
		cmocka_unit_test(another_process_of_the_same_number_is_not_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
