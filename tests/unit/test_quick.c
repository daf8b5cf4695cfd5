/* SPDX-License-Identifier: Apache-2.0 */
/* Which values are taken the short way; that both ways agree is shown on real calls, in test_calls. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tap/quick.h"

#define ALL UINT64_MAX

static struct tm_value argument(uint8_t arg, uint8_t bits, uint64_t mask)
{
	return (struct tm_value){ .base = TM_BASE_ARG, .arg = arg, .bits = bits, .mask = mask };
}

static struct tm_value result(uint8_t bits, uint8_t is_signed, uint8_t compare, int64_t operand)
{
	return (struct tm_value){
		.base = TM_BASE_RETURN,
		.bits = bits,
		.is_signed = is_signed,
		.compare = compare,
		.operand = operand,
		.mask = ALL,
	};
}

static struct tm_quick quicken(struct tm_spec spec)
{
	memset(&spec.quick, 9, sizeof(spec.quick)); /* what is left over counts for nothing */
	spec_quicken(&spec);
	return spec.quick;
}

static uint8_t object_form(struct tm_value value)
{
	return quicken((struct tm_spec){ .object = value }).object;
}

static uint8_t bytes_form(struct tm_value value)
{
	return quicken((struct tm_spec){ .bytes = value }).bytes;
}

static uint8_t failed_form(struct tm_value first, struct tm_value second)
{
	return quicken((struct tm_spec){ .failed = { first, second } }).failed;
}

static struct tm_quick more_of(struct tm_value value)
{
	return quicken((struct tm_spec){ .has_more = 1, .more_known = 1, .more = value });
}

static void a_value_that_is_absent_is_zero(void **state)
{
	struct tm_quick quick = quicken((struct tm_spec){ .more_known = 1 });

	(void)state;
	assert_int_equal(quick.object, TM_QUICK_ZERO);
	assert_int_equal(quick.bytes, TM_QUICK_ZERO);
	assert_int_equal(quick.more, TM_QUICK_ZERO);
	assert_int_equal(quick.failed, TM_QUICK_ZERO);
}

static void an_object_in_an_argument_is_quick(void **state)
{
	struct tm_quick quick = quicken((struct tm_spec){ .object = argument(5, 64, ALL) });

	(void)state;
	assert_int_equal(quick.object, TM_QUICK_ARG);
	assert_int_equal(quick.object_arg, 5);
}

static void an_object_read_from_memory_or_cut_is_not(void **state)
{
	struct tm_value memory = argument(0, 64, ALL), compared = memory;

	(void)state;
	memory.width = 8;
	compared.compare = TM_CMP_NE;
	assert_int_equal(object_form(memory), TM_QUICK_NONE);
	assert_int_equal(object_form(compared), TM_QUICK_NONE);
	assert_int_equal(object_form(argument(0, 32, ALL)), TM_QUICK_NONE);
	assert_int_equal(object_form(argument(0, 64, 0xff)), TM_QUICK_NONE);
	assert_int_equal(object_form(argument(6, 64, ALL)), TM_QUICK_NONE);
	assert_int_equal(object_form(result(64, 0, TM_CMP_NONE, 0)), TM_QUICK_NONE);
}

static void only_an_int_as_it_is_returned_is_quick_for_bytes(void **state)
{
	(void)state;
	assert_int_equal(bytes_form(result(32, 1, TM_CMP_NONE, 0)), TM_QUICK_RETURN);
	assert_int_equal(bytes_form(result(32, 0, TM_CMP_NONE, 0)), TM_QUICK_NONE);
	assert_int_equal(bytes_form(result(64, 1, TM_CMP_NONE, 0)), TM_QUICK_NONE);
	assert_int_equal(bytes_form(result(32, 1, TM_CMP_GE, 0)), TM_QUICK_NONE);
	assert_int_equal(bytes_form(argument(2, 64, ALL)), TM_QUICK_NONE);
}

static void only_a_negative_int_is_quick_for_failed(void **state)
{
	struct tm_value negative = result(32, 1, TM_CMP_LT, 0), none = { 0 };

	(void)state;
	assert_int_equal(failed_form(negative, none), TM_QUICK_RETURN);
	assert_int_equal(failed_form(negative, negative), TM_QUICK_NONE);
	assert_int_equal(failed_form(none, negative), TM_QUICK_NONE);
	assert_int_equal(failed_form(result(32, 1, TM_CMP_LT, 1), none), TM_QUICK_NONE);
	assert_int_equal(failed_form(result(32, 1, TM_CMP_LE, 0), none), TM_QUICK_NONE);
	assert_int_equal(failed_form(result(64, 1, TM_CMP_LT, 0), none), TM_QUICK_NONE);
}

static void more_is_quick_in_the_bits_of_an_argument(void **state)
{
	static const struct {
		uint8_t bits, is_signed;
		uint64_t mask, expected; /* 0 = not quick */
	} table[] = {
		{ 64, 0, 2, 2 },
		{ 64, 1, ALL, ALL },
		{ 32, 0, 2, 2 },
		{ 32, 0, ALL, UINT32_MAX },
		{ 32, 1, 2, 2 },
		{ 32, 1, ALL, 0 }, /* the sign's copies */
		{ 16, 0, ALL, UINT16_MAX },
		{ 8, 0, 0x1ff, UINT8_MAX },
		{ 8, 1, 0x1ff, 0 },
		{ 0, 0, ALL, ALL }, /* as it is */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct tm_value value = argument(3, table[i].bits, table[i].mask);
		struct tm_quick quick;

		value.is_signed = table[i].is_signed;
		quick = more_of(value);
		assert_int_equal(quick.more, table[i].expected ? TM_QUICK_ARG : TM_QUICK_NONE);
		if (!table[i].expected)
			continue;
		assert_int_equal(quick.more_arg, 3);
		assert_true(quick.more_mask == table[i].expected);
	}
}

static void more_that_is_not_known_is_never_quick(void **state)
{
	struct tm_spec spec = { .has_more = 1 };

	(void)state;
	assert_int_equal(quicken(spec).more, TM_QUICK_NONE);
	spec.more = argument(3, 64, 2);
	assert_int_equal(quicken(spec).more, TM_QUICK_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_that_is_absent_is_zero),
		cmocka_unit_test(an_object_in_an_argument_is_quick),
		cmocka_unit_test(an_object_read_from_memory_or_cut_is_not),
		cmocka_unit_test(only_an_int_as_it_is_returned_is_quick_for_bytes),
		cmocka_unit_test(only_a_negative_int_is_quick_for_failed),
		cmocka_unit_test(more_is_quick_in_the_bits_of_an_argument),
		cmocka_unit_test(more_that_is_not_known_is_never_quick),
	};

	return cmocka_run_group_tests_name("quick", tests, NULL, NULL);
}
