/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_HIST_H
#define TAPMETER_HIST_H
/*
 * Which bucket a duration belongs to; the same code in BPF and in the agent (so that it can be tested
 * there). The two tables are made by hist_tables_fill() in user/tap/bounds.c.
 */
#include <tapmeter/abi.h>

static inline __attribute__((always_inline)) __u32 hist_log2(__u64 v)
{
	__u32 r = (v > 0xffffffff) << 5, shift;

	v >>= r;
	shift = (v > 0xffff) << 4;
	v >>= shift;
	r |= shift;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (v >> 1);
}

/*
 * The first bucket whose upper bound is >= ns (bounds are inclusive, as Prometheus' le). An eighth of an octave
 * holds at most one bound, so a guess from the top four bits is right or one too low.
 */
static inline __attribute__((always_inline)) __u32
hist_bucket(const volatile __u64 *bounds_ns, const volatile __u8 *guesses, __u64 ns)
{
	__u32 exponent = hist_log2(ns | 1);
	__u64 top = exponent >= 3 ? ns >> (exponent - 3) : ns << (3 - exponent);
	__u32 place = exponent << 3 | (top & 7), bucket;

	/* Hidden from the compiler, which would mask both parts: Linux 6.1's verifier finds no bound for their union. */
	__asm__("" : "+r"(place));
	bucket = guesses[place & (TM_HIST_GUESSES - 1)];
	if (bucket < TM_HIST_BOUNDS && ns > bounds_ns[bucket])
		bucket++;
	return bucket;
}

#endif
