/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that differ in how they begin: long f(long). For a probe, the first two are the same
 * at their first cheap instruction as at their entry: the push, the je. The third must be probed
 * at its entry, since it changes its argument there.
 */
	.text

	.globl shape_endbr64
	.type shape_endbr64, @function
shape_endbr64:
	endbr64
	push %rbx
	mov %rdi, %rax
	pop %rbx
	ret
	.size shape_endbr64, .-shape_endbr64

	.p2align 4
	.globl shape_test
	.type shape_test, @function
shape_test:
	mov %rdi, %rax
	test %rdi, %rdi
	je 1f
	add $1, %rax
1:	ret
	.size shape_test, .-shape_test

	.p2align 4
	.globl shape_fixed
	.type shape_fixed, @function
shape_fixed:
	add $1, %rdi
	push %rbx
	mov %rdi, %rax
	pop %rbx
	ret
	.size shape_fixed, .-shape_fixed

	.section .note.GNU-stack, "", @progbits
