/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPPED_H
#define TAPPED_H
/*
 * The functions of tapped.c, the library that tests tap: it knows of nothing but itself. Tests
 * build it at run time (bpf_test.h) and find the functions by dlsym().
 */
#include <setjmp.h>
#include <stdint.h>

/* What functions read and write through a pointer. */
struct tapped_box {
	uint64_t object;
	int64_t wide;
	int32_t medium;
	int16_t narrow;
	int8_t tiny;
	uint8_t flags;
};

typedef void (*tapped_callback)(void *arg);

/* Returns n. */
typedef long tapped_value_fn(long n, long argument, long flags);
/* Writes *with to *box, and returns n. */
typedef long tapped_fill_fn(struct tapped_box *box, const struct tapped_box *with, long n);
/* Keeps n in a local variable 48 bytes below the return address, and returns 0. */
typedef long tapped_local_fn(long n);
/* Sets errno to error and returns -1; 0: returns n. */
typedef long tapped_refuse_fn(int error, long flags, long n);
/* Calls back, and returns n. */
typedef long tapped_call_fn(tapped_callback fn, void *arg, long n);
/* Calls itself until n is 0; returns n. */
typedef long tapped_recurse_fn(long n);
/* Returns to `to` instead of to its caller if that is not NULL. */
typedef long tapped_leave_fn(jmp_buf *to);
/* Something of each argument. */
typedef long tapped_sum_fn(long a, long b, long c, long d, long e, long f, long on_stack);
typedef double tapped_mix_fn(double a, long b, double c);

#endif
