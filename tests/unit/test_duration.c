/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include "util/duration.h"

static void understands_numbers_with_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} table[] = {
		{ "0s", 0 },
		{ "10s", 10000000000 },
		{ "100ms", 100000000 },
		{ "10m", 600000000000 },
		{ "1h", 3600000000000 },
		{ "1.5s", 1500000000 },
		{ "0.000000001s", 1 },
		{ "0.000001ms", 1 },
		{ "0.123456789s", 123456789 },
		{ "007s", 7000000000 },
		{ "18446744073.709551615s", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t ns = 42;

		assert_int_equal(duration_parse(table[i].text, &ns), 0);
		assert_true(ns == table[i].ns);
	}
}

static void refuses_everything_else_and_leaves_the_result_alone(void **state)
{
	static const struct {
		const char *text;
		int err;
	} table[] = {
		{ "", -EINVAL },
		{ "10", -EINVAL },
		{ "s", -EINVAL },
		{ "-1s", -EINVAL },
		{ "+1s", -EINVAL },
		{ " 1s", -EINVAL },
		{ "1s ", -EINVAL },
		{ "1 s", -EINVAL },
		{ "1S", -EINVAL },
		{ "1.s", -EINVAL },
		{ ".5s", -EINVAL },
		{ "1..5s", -EINVAL },
		{ "1,5s", -EINVAL },
		{ "1e3s", -EINVAL },
		{ "0x1s", -EINVAL },
		{ "1m30s", -EINVAL },
		{ "1us", -EINVAL },
		{ "0.0000000001s", -EINVAL },
		{ "0.0000001ms", -EINVAL },
		{ "infs", -EINVAL },
		{ "99999999999999999999s", -EINVAL },
		{ "18446744073.709551616s", -ERANGE },
		{ "9999999999999999999h", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t ns = 42;

		assert_int_equal(duration_parse(table[i].text, &ns), table[i].err);
		assert_int_equal(ns, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_numbers_with_a_unit),
		cmocka_unit_test(refuses_everything_else_and_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
