/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <tapmeter/hist.h>
#include "store/quantile.h"
#include "tap/bounds.h"

#define VALUES 10000

static __u64 bounds_ns[TM_HIST_BOUNDS];
static __u8 guesses[TM_HIST_GUESSES];
static const uint64_t zeros[TM_HIST_BUCKETS];

static int set_up(void **state)
{
	(void)state;
	hist_tables_fill(bounds_ns, guesses);
	srand48(1);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The quantile of the histogram is within the bound that quantile.h states. */
static void check_near(uint64_t values[VALUES])
{
	static const double asked[] = { 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1 };
	uint64_t hist[TM_HIST_BUCKETS] = { 0 };

	qsort(values, VALUES, sizeof(*values), compare);
	for (size_t i = 0; i < VALUES; i++)
		hist[hist_bucket(bounds_ns, guesses, values[i])]++;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		size_t rank = (size_t)ceil(asked[i] * VALUES - 1e-6);
		double exact = (double)values[rank - 1] / 1e9;
		double found = quantile_between(zeros, hist, asked[i]);

		/* bounds are whole nanoseconds: a small one is off by as much */
		if (fabs(found - exact) > exact * (exp2(0.25) - 1) + 1e-9)
			print_error("q %g: exact %g, found %g\n", asked[i], exact, found);
		assert_true(fabs(found - exact) <= exact * (exp2(0.25) - 1) + 1e-9);
	}
}

static void constants_at_every_bound_and_beside_it(void **state)
{
	uint64_t values[VALUES];

	(void)state;
	for (size_t bound = 0; bound < TM_HIST_BOUNDS; bound++) {
		for (int off = bound ? -1 : 0; off <= (bound < TM_HIST_BOUNDS - 1); off++) {
			for (size_t i = 0; i < VALUES; i++)
				values[i] = bounds_ns[bound] + (uint64_t)off;
			check_near(values);
		}
	}
}

static void even(void **state)
{
	uint64_t values[VALUES];

	(void)state;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = 1000 + i * 1000;
	check_near(values);
}

static void exponential(void **state)
{
	uint64_t values[VALUES];

	(void)state;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = 200 + (uint64_t)(-log(1 - drand48()) * 1e6);
	check_near(values);
}

static void two_peaks_far_apart(void **state)
{
	uint64_t values[VALUES];

	(void)state;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = i % 100 < 98 ? 5000 + i % 7 : 3000000000 + i % 5;
	check_near(values);
	for (size_t i = 0; i < VALUES; i++)
		values[i] = i % 2 ? 1000 : 1000000000;
	check_near(values);
}

static void a_long_tail(void **state)
{
	uint64_t values[VALUES];

	(void)state;
	for (size_t i = 0; i < VALUES; i++)
		values[i] = (uint64_t)(1000 * pow(1 - drand48(), -1.5));
	for (size_t i = 0; i < VALUES; i++)
		if (values[i] > bounds_ns[TM_HIST_BOUNDS - 1])
			values[i] = bounds_ns[TM_HIST_BOUNDS - 1];
	check_near(values);
}

static void what_came_before_does_not_count(void **state)
{
	uint64_t before[TM_HIST_BUCKETS] = { 0 }, now[TM_HIST_BUCKETS] = { 0 };

	(void)state;
	before[10] = now[10] = 1000000;
	now[50] = 1;
	assert_true(quantile_between(before, now, 0.5) > exp2((TM_HIST_MIN_K + 49) / 4.0));
	assert_true(quantile_between(before, now, 0.5) <= exp2((TM_HIST_MIN_K + 50) / 4.0));
}

static void nothing_and_less_than_nothing_have_none(void **state)
{
	uint64_t before[TM_HIST_BUCKETS] = { 0 }, now[TM_HIST_BUCKETS] = { 0 };

	(void)state;
	assert_true(quantile_between(before, now, 0.5) == -1);
	now[3] = 2;
	assert_true(quantile_between(now, now, 0.99) == -1);
	before[4] = 1;
	assert_true(quantile_between(before, now, 0.5) == -1);
}

static void beyond_the_bounds_the_last_bound_is_told(void **state)
{
	uint64_t now[TM_HIST_BUCKETS] = { 0 };

	(void)state;
	now[0] = 1;
	assert_true(quantile_between(zeros, now, 0.5) == exp2(-23));
	now[TM_HIST_BUCKETS - 1] = 1;
	assert_true(quantile_between(zeros, now, 1) == 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_at_every_bound_and_beside_it),
		cmocka_unit_test(even),
		cmocka_unit_test(exponential),
		cmocka_unit_test(two_peaks_far_apart),
		cmocka_unit_test(a_long_tail),
		cmocka_unit_test(what_came_before_does_not_count),
		cmocka_unit_test(nothing_and_less_than_nothing_have_none),
		cmocka_unit_test(beyond_the_bounds_the_last_bound_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
