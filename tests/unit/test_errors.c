/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include "serve/errors.h"

static void knows_the_names_of_the_system_and_of_zeromq(void **state)
{
	static const struct {
		uint32_t error;
		const char *name;
	} table[] = {
		{ EINTR, "EINTR" },
		{ EAGAIN, "EAGAIN" },
		{ EFAULT, "EFAULT" },
		{ ENOTSOCK, "ENOTSOCK" },
		{ EHOSTUNREACH, "EHOSTUNREACH" },
		{ 156384763, "EFSM" },
		{ 156384764, "ENOCOMPATPROTO" },
		{ 156384765, "ETERM" },
		{ 156384766, "EMTHREAD" },
	};
	char text[ERROR_NAME_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(error_name(table[i].error, text), table[i].name);
}

static void numbers_without_a_name_show_the_number(void **state)
{
	char text[ERROR_NAME_LEN];

	(void)state;
	assert_string_equal(error_name(0, text), "errno_0");
	assert_string_equal(error_name(9999, text), "errno_9999");
	assert_string_equal(error_name(156384762, text), "errno_156384762");
	assert_string_equal(error_name(UINT32_MAX, text), "errno_4294967295");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_names_of_the_system_and_of_zeromq),
		cmocka_unit_test(numbers_without_a_name_show_the_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
