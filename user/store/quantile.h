/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_QUANTILE_H
#define TAPMETER_STORE_QUANTILE_H
/*
 * Quantiles of a histogram with the bounds of <tapmeter/abi.h>. Pure.
 *
 * The result lies in the same bucket as the exact quantile (the smallest value that at least q of all values do not
 * exceed), so it is off by less than a bucket's width: at most 2^(1/4) - 1, 19 %, of the exact value, between 2^-23
 * seconds (119 ns) and 2^7 seconds. Less than that reads as 2^-23 seconds, more as 2^7 seconds.
 */
#include <stdint.h>
#include <tapmeter/abi.h>

/*
 * The q-quantile (0 < q <= 1) in seconds of what has come between two readings of the same counters, interpolated
 * in the exponential scale. -1 if nothing has, or if a counter has become less.
 */
double quantile_between(const uint64_t before[TM_HIST_BUCKETS], const uint64_t now[TM_HIST_BUCKETS],
			double q);

#endif
