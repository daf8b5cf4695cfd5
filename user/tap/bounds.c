/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/bounds.h"
#include <stdint.h>

/* 2^(k/4) for k = 0..3, to more digits than a long double holds */
static const long double fourth_roots[4] = {
	1.0L,
	1.18920711500272106671749997056047591L,
	1.41421356237309504880168872420969808L,
	1.68179283050742908606225095246642979L,
};

static long double power_of_two(int exponent)
{
	long double x = 1;

	for (; exponent > 0; exponent--)
		x *= 2;
	for (; exponent < 0; exponent++)
		x /= 2;
	return x;
}

void hist_tables_fill(__u64 bounds_ns[TM_HIST_BOUNDS], __u8 guesses[TM_HIST_GUESSES])
{
	int k, bucket = 0;

	for (int i = 0; i < TM_HIST_BOUNDS; i++) {
		k = TM_HIST_MIN_K + i;
		/* k + 128 is not negative: division and remainder round the same way */
		bounds_ns[i] = (uint64_t)(power_of_two((k + 128) / 4 - 32) *
					  fourth_roots[(k + 128) % 4] * 1e9L);
	}
	for (int i = 0; i < TM_HIST_GUESSES; i++) {
		int exponent = i >> 3, eighth = i & 7;
		/* smallest value with these top bits */
		uint64_t smallest = exponent >= 3 ? (uint64_t)(8 + eighth) << (exponent - 3) :
						    (uint64_t)(8 + eighth) >> (3 - exponent);

		while (bucket < TM_HIST_BOUNDS && smallest > bounds_ns[bucket])
			bucket++;
		guesses[i] = (uint8_t)bucket;
	}
}
