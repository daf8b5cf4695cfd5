/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H
#include <tapmeter/abi.h>

/* What the program of floor.bpf.c does in a session beyond nothing; a bit mask. */
#define FLOOR_THREAD 1 /* find the number of the thread's record at entry and at return */
#define FLOOR_CLOCK 2 /* read the clock at entry and at return */
#define FLOOR_HISTOGRAM 4 /* find the bucket of the time between the two, and count it */

/* Constant from load on. */
struct floor_settings {
	__u32 parts;
	__u64 bounds_ns[TM_HIST_BOUNDS];
	__u8 guesses[TM_HIST_GUESSES];
};

#endif
