/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_FAILURE_BPF_H
#define TAPMETER_FAILURE_BPF_H
/* Calls that failed: whether one did, and counting it by its errno. */
#include "quick.bpf.h"
#include "errno.bpf.h"

#define EAGAIN 11

static __noinline bool call_failed_evaluated(const struct tm_spec *spec,
					     const struct tm_frame *frame, __u64 ret)
{
	__s64 failed = 0;

	if (spec->failed[0].base && value_read(&spec->failed[0], frame, ret, &failed))
		lost(TM_LOST_UNREADABLE);
	if (!failed && spec->failed[1].base && value_read(&spec->failed[1], frame, ret, &failed))
		lost(TM_LOST_UNREADABLE);
	return failed;
}

static __always_inline bool call_failed(const struct tm_spec *spec, const struct tm_frame *frame,
					__u64 ret)
{
	if (spec->quick.failed == TM_QUICK_RETURN)
		return (__s32)ret < 0;
	return spec->quick.failed != TM_QUICK_ZERO && call_failed_evaluated(spec, frame, ret);
}

static __always_inline void count_errno(struct tm_slot *slot, __u32 error)
{
	int i;

	for (i = 0; i < TM_MAX_ERRNOS; i++) {
		__u32 seen = slot->errors[i].error;

		if (!seen)
			seen = __sync_val_compare_and_swap(&slot->errors[i].error, 0, error);
		if (!seen || seen == error) {
			__sync_fetch_and_add(&slot->errors[i].count, 1);
			return;
		}
	}
	__sync_fetch_and_add(&slot->other_errors, 1);
}

static __noinline void count_failure(struct tm_thread *thread, const struct tm_spec *spec,
				     const struct tm_frame *frame, struct tm_slot *slot)
{
	__s64 nonblocking = 0;
	__u32 error;

	if (!spec->has_errno) {
		__sync_fetch_and_add(&slot->other_errors, 1);
		return;
	}
	error = errno_read(thread, spec, frame);
	if (!error) {
		lost(TM_LOST_ERRNO_UNKNOWN);
		__sync_fetch_and_add(&slot->unknown_errors, 1);
		return;
	}
	if (error != EAGAIN || !spec->nonblocking.base) {
		count_errno(slot, error);
		return;
	}
	value_read(&spec->nonblocking, frame, 0, &nonblocking);
	if (nonblocking)
		__sync_fetch_and_add(&slot->would_block, 1);
	else
		__sync_fetch_and_add(&slot->timeouts, 1);
}

#endif
