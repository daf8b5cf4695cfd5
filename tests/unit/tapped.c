/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled at run time by the tests that tap it, as a shared library, without optimization. */
#include <errno.h>
#include "tapped.h"

tapped_value_fn tapped_value;
tapped_fill_fn tapped_fill;
tapped_refuse_fn tapped_refuse;
tapped_call_fn tapped_outer, tapped_middle, tapped_inner;
tapped_recurse_fn tapped_recurse;
tapped_leave_fn tapped_leave;
tapped_sum_fn tapped_sum;
tapped_mix_fn tapped_mix;

long tapped_value(long n, long argument, long flags)
{
	(void)argument;
	(void)flags;
	return n;
}

/* The same function by another name. */
long tapped_alias(long n, long argument, long flags) __attribute__((alias("tapped_value")));

/* Its name is what C++ makes of tapped::value(long). */
long tapped_mangled(long n) __asm__("_ZN6tapped5valueEl");

long tapped_mangled(long n)
{
	return n;
}

long tapped_fill(struct tapped_box *box, const struct tapped_box *with, long n)
{
	*box = *with;
	return n;
}

__asm__(".globl tapped_local\n"
	".type tapped_local, @function\n"
	"tapped_local:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $40, %rsp\n"
	"	mov %rdi, (%rsp)\n"
	"	leave\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	".size tapped_local, . - tapped_local\n");

long tapped_refuse(int error, long flags, long n)
{
	(void)flags;
	if (!error)
		return n;
	errno = error;
	return -1;
}

/* Three functions that do the same. */
long tapped_outer(tapped_callback fn, void *arg, long n)
{
	fn(arg);
	return n;
}

long tapped_middle(tapped_callback fn, void *arg, long n)
{
	fn(arg);
	return n;
}

long tapped_inner(tapped_callback fn, void *arg, long n)
{
	fn(arg);
	return n;
}

/* long tapped_tail(tapped_callback fn, void *arg, long n): ends in tapped_inner */
__asm__(".globl tapped_tail\n"
	".type tapped_tail, @function\n"
	"tapped_tail:\n"
	"	push %rbp\n"
	"	pop %rbp\n"
	"	jmp tapped_inner@PLT\n"
	".size tapped_tail, . - tapped_tail\n");

long tapped_recurse(long n)
{
	return n ? tapped_recurse(n - 1) + 1 : 0;
}

long tapped_leave(jmp_buf *to)
{
	if (to)
		longjmp(*to, 1);
	return 7;
}

long tapped_sum(long a, long b, long c, long d, long e, long f, long on_stack)
{
	return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * on_stack;
}

double tapped_mix(double a, long b, double c)
{
	return a * (double)b - c;
}
