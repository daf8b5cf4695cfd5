/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_ARCH_BPF_H
#define TAPMETER_ARCH_BPF_H
/* Registers of a tapped process at a probe: x86-64, System V ABI. */

#include "kernel.bpf.h"

#ifndef __TARGET_ARCH_x86
#error "only x86-64 is supported"
#endif

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#define REGS_RETURN(regs) ((regs)->ax)
#define REGS_SP(regs) ((regs)->sp)
#define REGS_IP(regs) ((regs)->ip)
/* At return the return address is gone from the stack. */
#define RETURN_SP_DELTA 8

static __always_inline void regs_arguments(const struct pt_regs *regs, __u64 args[6])
{
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->cx;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

#endif
