/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_QUICK_BPF_H
#define TAPMETER_QUICK_BPF_H
/*
 * The values of a call, by the short way if its spec allows it (struct tm_quick), else evaluated. A subprogram costs more
 * than its few instructions: each return of one waits, where the Linux kernel guards returns against
 * speculation. What is rare stays one.
 */
#include "value.bpf.h"

static __always_inline int quick_object(const struct tm_spec *spec, const struct tm_frame *frame,
					__u64 *out)
{
	if (spec->quick.object == TM_QUICK_ARG && spec->quick.object_arg < 6) {
		*out = frame->args[spec->quick.object_arg];
		return 0;
	}
	*out = 0;
	if (spec->quick.object == TM_QUICK_ZERO)
		return 0;
	return value_read(&spec->object, frame, 0, (__s64 *)out);
}

static __always_inline int quick_bytes(const struct tm_spec *spec, const struct tm_frame *frame,
				       __u64 ret, __s64 *out)
{
	*out = (__s32)ret;
	if (spec->quick.bytes == TM_QUICK_RETURN)
		return 0;
	*out = 0;
	if (spec->quick.bytes == TM_QUICK_ZERO)
		return 0;
	return value_read(&spec->bytes, frame, ret, out);
}

static __always_inline int quick_more(const struct tm_spec *spec, const struct tm_frame *frame,
				      __u64 ret, __s64 *out)
{
	if (spec->quick.more == TM_QUICK_ARG && spec->quick.more_arg < 6) {
		*out = frame->args[spec->quick.more_arg] & spec->quick.more_mask;
		return 0;
	}
	*out = 0;
	if (spec->quick.more == TM_QUICK_ZERO)
		return 0;
	return spec->more_known ? value_read(&spec->more, frame, ret, out) : -1;
}

#endif
