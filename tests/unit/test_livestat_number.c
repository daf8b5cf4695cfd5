/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "serve/livestat_number.h"

#define SECOND UINT64_C(1000000000)
#define NUMBER(whole, billionths)                            \
	(struct livestat_number)                             \
	{                                                    \
		LIVESTAT_REAL, (billionths), UINT64_C(whole) \
	}
#define ABSENT                   \
	(struct livestat_number) \
	{                        \
		0                \
	}

static struct strbuf out;

static int setup(void **state)
{
	(void)state;
	strbuf_clear(&out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&out);
	return 0;
}

static const char *as_json(struct livestat_number n)
{
	strbuf_clear(&out);
	livestat_add_json(&out, n);
	return out.data;
}

static const char *as_decimal(struct livestat_number n)
{
	strbuf_clear(&out);
	livestat_add_decimal(&out, n);
	return out.data;
}

static const char *as_rounded(struct livestat_number n)
{
	strbuf_clear(&out);
	livestat_add_rounded(&out, n);
	return out.data;
}

static void a_real_number_shows_a_point_in_json_and_a_whole_one_none(void **state)
{
	(void)state;
	assert_string_equal(as_json(livestat_whole(0)), "0");
	assert_string_equal(as_json(livestat_whole(UINT64_MAX)), "18446744073709551615");
	assert_string_equal(as_json(NUMBER(0, 0)), "0.0");
	assert_string_equal(as_json(NUMBER(150, 0)), "150.0");
	assert_string_equal(as_json(NUMBER(1, 500000000)), "1.5");
	assert_string_equal(as_json(NUMBER(0, 1)), "0.000000001");
	assert_string_equal(as_json(LIVESTAT_IS_NULL), "null");
	assert_string_equal(as_json(ABSENT), "null");
}

static void a_decimal_has_neither_point_nor_zeroes_at_its_end(void **state)
{
	(void)state;
	assert_string_equal(as_decimal(NUMBER(150, 0)), "150");
	assert_string_equal(as_decimal(NUMBER(2048, 120000000)), "2048.12");
	assert_string_equal(as_decimal(LIVESTAT_IS_NULL), "0");
	assert_string_equal(as_decimal(ABSENT), "0");
}

static void thousandths_are_rounded_halves_to_even(void **state)
{
	(void)state;
	assert_string_equal(as_rounded(NUMBER(150, 0)), "150");
	assert_string_equal(as_rounded(NUMBER(1, 499999)), "1");
	assert_string_equal(as_rounded(NUMBER(1, 500000)), "1");
	assert_string_equal(as_rounded(NUMBER(1, 500001)), "1.001");
	assert_string_equal(as_rounded(NUMBER(1, 1500000)), "1.002");
	assert_string_equal(as_rounded(NUMBER(1, 120000000)), "1.12");
	assert_string_equal(as_rounded(NUMBER(1, 999500000)), "2");
	assert_string_equal(as_rounded(NUMBER(2, 998500000)), "2.998");
	assert_string_equal(as_rounded(LIVESTAT_IS_NULL), "0");
}

static void a_part_of_a_unit_keeps_all_its_digits(void **state)
{
	(void)state;
	assert_string_equal(as_json(livestat_scaled(1, 1000000000)), "0.000000001");
	assert_string_equal(as_json(livestat_scaled(12345678901, 1000000)), "12345.678901");
	assert_string_equal(as_json(livestat_scaled(UINT64_MAX, 1000000000)),
			    "18446744073.709551615");
}

static void a_ratio_is_rounded_to_millionths(void **state)
{
	(void)state;
	assert_string_equal(as_json(livestat_ratio(98000, 1000000000, 10 * SECOND)), "9800.0");
	assert_string_equal(as_json(livestat_ratio(1, 1000000000, 600 * SECOND)), "0.001667");
	assert_string_equal(as_json(livestat_ratio(1500000000, 1000, 10 * SECOND)), "150.0");
	assert_string_equal(as_json(livestat_ratio(0, 1000000000, 1)), "0.0");
	assert_string_equal(as_json(livestat_ratio(UINT64_MAX, 1000000000, SECOND)),
			    "18446744073709551615.0");
	assert_string_equal(as_json(livestat_ratio(UINT64_MAX, 1000000000, SECOND / 2)),
			    "18446744073709551615.0");
}

static void a_double_is_rounded_to_millionths(void **state)
{
	(void)state;
	assert_string_equal(as_json(livestat_real(0)), "0.0");
	assert_string_equal(as_json(livestat_real(150.25)), "150.25");
	assert_string_equal(as_json(livestat_real(1e-7)), "0.0");
	assert_string_equal(as_json(livestat_real(1e30)), "18446744073709551615.0");
	assert_true(livestat_double(NUMBER(2, 500000000)) == 2.5);
	assert_true(livestat_double(LIVESTAT_IS_NULL) == 0);
}

static void the_greater_number_is_the_maximum(void **state)
{
	(void)state;
	assert_string_equal(as_json(livestat_max(NUMBER(1, 5), NUMBER(1, 6))), "1.000000006");
	assert_string_equal(as_json(livestat_max(NUMBER(2, 0), NUMBER(1, 6))), "2.0");
	assert_string_equal(as_json(livestat_max(LIVESTAT_IS_NULL, NUMBER(0, 0))), "0.0");
	assert_string_equal(as_json(livestat_max(NUMBER(0, 0), LIVESTAT_IS_NULL)), "0.0");
	assert_string_equal(as_json(livestat_max(LIVESTAT_IS_NULL, ABSENT)), "null");
}

/* What Python says of f"{Decimal(current) / Decimal(capacity) * 100:.2f}". */
static void a_percentage_is_rounded_halves_to_even(void **state)
{
	static const struct {
		struct livestat_number current;
		uint64_t capacity;
		uint64_t hundredths;
	} table[] = {
		{ { LIVESTAT_WHOLE, 0, 150 }, 1000, 1500 },
		{ { LIVESTAT_WHOLE, 0, 1024 }, 8192, 1250 },
		{ { LIVESTAT_WHOLE, 0, 2048 }, INT64_MAX, 0 },
		{ { LIVESTAT_WHOLE, 0, 1 }, 3, 3333 },
		{ { LIVESTAT_WHOLE, 0, 2 }, 3, 6667 },
		{ { LIVESTAT_REAL, 50000000, 0 }, 1000, 0 }, /* 0.005 % */
		{ { LIVESTAT_REAL, 150000000, 0 }, 1000, 2 }, /* 0.015 % */
		{ { LIVESTAT_REAL, 250000000, 0 }, 1000, 2 }, /* 0.025 % */
		{ { LIVESTAT_REAL, 250000001, 0 }, 1000, 3 },
		{ { LIVESTAT_WHOLE, 0, 3 }, 2, 15000 },
		{ { LIVESTAT_WHOLE, 0, 0 }, 1000, 0 },
		{ { LIVESTAT_NULL, 0, 7 }, 1000, 0 },
		{ { LIVESTAT_WHOLE, 0, UINT64_MAX }, 1, UINT64_MAX },
		{ { LIVESTAT_WHOLE, 0, UINT64_MAX }, UINT64_MAX, 10000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t found =
			livestat_percent(table[i].current, livestat_whole(table[i].capacity));

		if (found != table[i].hundredths)
			fail_msg("line %zu: %ju", i, (uintmax_t)found);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_real_number_shows_a_point_in_json_and_a_whole_one_none),
		TEST(a_decimal_has_neither_point_nor_zeroes_at_its_end),
		TEST(thousandths_are_rounded_halves_to_even),
		TEST(a_part_of_a_unit_keeps_all_its_digits),
		TEST(a_ratio_is_rounded_to_millionths),
		TEST(a_double_is_rounded_to_millionths),
		TEST(the_greater_number_is_the_maximum),
		TEST(a_percentage_is_rounded_halves_to_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
