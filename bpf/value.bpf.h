/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_VALUE_BPF_H
#define TAPMETER_VALUE_BPF_H
/* Evaluating a profile's expressions. Knows no library: all knowledge is in struct tm_value. */
#include "maps.bpf.h"

static __always_inline __s64 value_narrow(__s64 x, __u8 bits, __u8 is_signed)
{
	switch (bits) {
	case 8:
		return is_signed ? (__s64)(__s8)x : (__s64)(__u8)x;
	case 16:
		return is_signed ? (__s64)(__s16)x : (__s64)(__u16)x;
	case 32:
		return is_signed ? (__s64)(__s32)x : (__s64)(__u32)x;
	default:
		return x;
	}
}

static __always_inline __s64 value_compare(__s64 x, __u8 compare, __s64 operand)
{
	switch (compare) {
	case TM_CMP_EQ:
		return x == operand;
	case TM_CMP_NE:
		return x != operand;
	case TM_CMP_LT:
		return x < operand;
	case TM_CMP_LE:
		return x <= operand;
	case TM_CMP_GT:
		return x > operand;
	case TM_CMP_GE:
		return x >= operand;
	default:
		return x;
	}
}

/*
 * The value in this call; `ret` is the return register (0 at entry). Memory of the process that cannot be
 * read gives 0 and -EFAULT.
 */
static __noinline int value_read(const struct tm_value *v, const struct tm_frame *frame, __u64 ret,
				 __s64 *out)
{
	__u64 x = 0;

	*out = 0;
	switch (v->base) {
	case TM_BASE_CONST:
		x = v->operand;
		break;
	case TM_BASE_ARG:
		if (v->arg < 6)
			x = frame->args[v->arg];
		break;
	case TM_BASE_RETURN:
		x = ret;
		break;
	case TM_BASE_STACK:
		x = frame->sp;
		break;
	case TM_BASE_PROBE:
		x = frame->ip;
		break;
	default:
		return 0;
	}
	if (v->base == TM_BASE_CONST) {
		*out = x;
		return 0;
	}
	if (v->hops && bpf_probe_read_user(&x, sizeof(x), (void *)(x + v->hop)))
		return -14; /* -EFAULT */
	if (v->width) {
		__u64 place = x + v->offset;

		x = 0;
		/* Little-endian: a short read fills the low bytes. */
		if (v->width > 8 || bpf_probe_read_user(&x, v->width, (void *)place))
			return -14; /* -EFAULT */
	}
	x = value_narrow(x, v->bits, v->is_signed) & v->mask;
	*out = value_compare(x, v->compare, v->operand);
	return 0;
}

#endif
