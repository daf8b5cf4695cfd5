/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quantile.h"
#include <math.h>
#include <stddef.h>

/* The upper bound of a bucket, in quarters of an octave: log2 of seconds times 4. */
static double bound(size_t bucket, double back)
{
	return exp2((TM_HIST_MIN_K + (double)bucket - back) / 4);
}

double quantile_between(const uint64_t before[TM_HIST_BUCKETS], const uint64_t now[TM_HIST_BUCKETS],
			double q)
{
	uint64_t total = 0, below = 0;
	double rank;

	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		if (now[i] < before[i])
			return -1;
		total += now[i] - before[i];
	}
	if (!total)
		return -1;
	rank = q * (double)total;
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		uint64_t count = now[i] - before[i];

		if (!count || (double)(below + count) < rank) {
			below += count;
			continue;
		}
		if (i == 0)
			return bound(0, 0);
		if (i == TM_HIST_BUCKETS - 1)
			return bound(i, 1);
		/* as far up in the bucket as the rank is among its values */
		return bound(i, 1 - (rank - (double)below) / (double)count);
	}
	return bound(TM_HIST_BUCKETS - 1, 1);
}
