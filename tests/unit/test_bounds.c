/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <tapmeter/hist.h>
#include "tap/bounds.h"

static __u64 bounds[TM_HIST_BOUNDS];
static __u8 guesses[TM_HIST_GUESSES];

static int fill(void **state)
{
	(void)state;
	hist_tables_fill(bounds, guesses);
	return 0;
}

/* the definition, slowly */
static uint32_t first_bound_not_below(uint64_t ns)
{
	uint32_t i = 0;

	while (i < TM_HIST_BOUNDS && ns > bounds[i])
		i++;
	return i;
}

static void whole_powers_of_two_seconds_are_exact(void **state)
{
	(void)state;
	assert_int_equal(bounds[0], 119); /* 2^-23 s = 119.209 ns */
	assert_int_equal(bounds[TM_HIST_BOUNDS - 1], 128000000000);
	assert_int_equal(bounds[-TM_HIST_MIN_K], 1000000000);
	assert_int_equal(bounds[-TM_HIST_MIN_K - 4], 500000000);
	assert_int_equal(bounds[-TM_HIST_MIN_K + 1], 1189207115);
}

static void a_value_at_a_bound_is_in_its_bucket_and_one_more_is_in_the_next(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TM_HIST_BOUNDS; i++) {
		assert_int_equal(hist_bucket(bounds, guesses, bounds[i]), i);
		assert_int_equal(hist_bucket(bounds, guesses, bounds[i] + 1), i + 1);
	}
}

static void agrees_with_the_definition_everywhere(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 200000; ns++)
		assert_int_equal(hist_bucket(bounds, guesses, ns), first_bound_not_below(ns));
	for (int shift = 0; shift < 64; shift++)
		for (uint64_t low = 0; low < 64; low++) {
			uint64_t ns = (1ull << shift) + (low << (shift > 6 ? shift - 6 : 0));

			assert_int_equal(hist_bucket(bounds, guesses, ns),
					 first_bound_not_below(ns));
		}
	assert_int_equal(hist_bucket(bounds, guesses, UINT64_MAX), TM_HIST_BOUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_powers_of_two_seconds_are_exact),
		cmocka_unit_test(a_value_at_a_bound_is_in_its_bucket_and_one_more_is_in_the_next),
		cmocka_unit_test(agrees_with_the_definition_everywhere),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
