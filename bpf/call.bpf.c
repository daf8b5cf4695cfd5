/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one pair of programs behind every tap: entry and return of a function, driven by the spec that
 * the probe's cookie names. Attached in one of three ways; all three run the same code.
 */
#include "arch.bpf.h"
#include "value.bpf.h"
#include "hist.bpf.h"
#include "stream.bpf.h"
#include "failure.bpf.h"
#include "result.bpf.h"

#define PAGE_SIZE 4096

const volatile __u32 agent_tgid = 0;
const volatile bool filter_processes = false;
const volatile __u32 cgroup_streams_limit = 0;
const volatile __u64 hist_bounds_ns[TM_HIST_BOUNDS] = {};
const volatile __u8 hist_guesses[TM_HIST_GUESSES] = {};

__u64 slot_blocks[TM_STREAMS_MAX / TM_BLOCK / 64] = {};
__u64 thread_blocks[TM_MAX_THREADS / TM_BLOCK / 64] = {};
/* A file has two links for a moment: one call runs the program twice. */
volatile bool links_overlap = false;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern bool bpf_session_is_return(void) __ksym __weak;

/* Drops the calls further in than `sp`: the stack has been unwound past them (longjmp, a C++ exception). */
static __always_inline void frames_unwind(struct tm_thread *thread, __u64 sp)
{
	int i;

	for (i = 0; i < TM_MAX_DEPTH; i++) {
		__u32 top = thread->depth - 1;

		if (top >= TM_MAX_DEPTH || thread->frames[top].sp >= sp)
			return;
		thread->depth = top;
		lost(TM_LOST_ORPHANS);
	}
}

/*
 * Drops calls that were left in the same way, but whose place on the stack has been used again since. A call still to
 * return has the address of the Linux kernel's trampoline there, which begins a page; a return address hardly
 * ever does.
 */
static __always_inline void frames_drop_left(struct tm_thread *thread, __u64 ip, __u64 sp,
					     __u32 spec)
{
	const struct tm_frame *frame;
	__u64 word;
	int i;

	for (i = 0; i < TM_MAX_DEPTH; i++) {
		__u32 top = thread->depth - 1;

		if (top >= TM_MAX_DEPTH)
			return;
		frame = &thread->frames[top];
		/* two taps on one function, or two links: this very call, which the trampoline has not been set for yet */
		if (frame->ip == ip && frame->sp == sp && (frame->spec != spec || links_overlap))
			return;
		if (bpf_probe_read_user(&word, sizeof(word), (void *)frame->sp) ||
		    (word && !(word & (PAGE_SIZE - 1))))
			return;
		thread->depth = top;
		lost(TM_LOST_ORPHANS);
	}
}

static __always_inline bool inside_same_operation(const struct tm_thread *thread, __u16 op)
{
	__u32 i;

	for (i = 0; i < TM_MAX_DEPTH; i++)
		if (i < thread->depth && thread->frames[i].op == op)
			return true;
	return false;
}

/* Returns whether the return of this call is wanted. */
static __always_inline bool call_enter(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 sp = REGS_SP(ctx), object = 0;
	__u32 spec_index = bpf_get_attach_cookie(ctx);
	struct stream_ref ref = {};
	struct tm_thread *thread;
	struct tm_frame *frame;
	struct tm_spec *spec;
	__u32 depth;

	spec = bpf_map_lookup_elem(&specs, &spec_index);
	if (!spec)
		return false;
	count_run(spec_index);
	thread = thread_find(task);
	if (!thread) {
		if (!process_counted(task->tgid))
			return false;
		thread = thread_new(task);
		if (!thread)
			return false;
	}
	frames_unwind(thread, sp);
	frames_drop_left(thread, REGS_IP(ctx), sp, spec_index);
	if (spec->action == TM_ACTION_COUNT && inside_same_operation(thread, spec->op))
		return false;
	depth = thread->depth;
	if (depth >= TM_MAX_DEPTH) {
		lost(TM_LOST_INFLIGHT_FULL);
		return false;
	}
	frame = &thread->frames[depth];
	frame->sp = sp;
	frame->ip = REGS_IP(ctx);
	regs_arguments(ctx, frame->args);
	frame->spec = spec_index;
	frame->op = spec->op;
	if (spec->action >= TM_ACTION_RESULT)
		return result_enter(thread, frame, spec, depth);
	if (spec->object.base && value_read(&spec->object, frame, 0, (__s64 *)&object)) {
		lost(TM_LOST_UNREADABLE);
		object = 0;
	}
	if (spec->action == TM_ACTION_CLOSE) {
		streams_close(thread, spec, object);
		return false;
	}
	if (spec->action == TM_ACTION_COUNT) {
		if (stream_get(thread, spec, spec->op, object, &ref))
			return false;
		frame->slot = ref.slot;
		frame->generation = ref.generation;
	}
	/* The agent reads frames below `depth` only: the start comes before it. */
	frame->start_ns = bpf_ktime_get_ns();
	*(volatile __u32 *)&thread->depth = depth + 1;
	return true;
}

static __always_inline void count_success(const struct tm_spec *spec, const struct tm_frame *frame,
					  struct tm_slot *slot, __u64 ret, __u64 duration)
{
	__s64 bytes = 0, more = 0;

	/* first: messages never exceed the sum of the buckets for a reader that reads them before */
	hist_add(slot, duration);
	if (spec->bytes.base && value_read(&spec->bytes, frame, ret, &bytes))
		lost(TM_LOST_UNREADABLE);
	if (bytes > 0)
		__sync_fetch_and_add(&slot->bytes, bytes);
	if (spec->has_more && (!spec->more_known || value_read(&spec->more, frame, ret, &more))) {
		lost(TM_LOST_MORE_UNKNOWN);
		__sync_fetch_and_add(&slot->more_unknown, 1);
	} else if (!more) {
		__sync_fetch_and_add(&slot->messages, 1);
	}
	__sync_fetch_and_add(&slot->sum_ns, duration);
}

static __always_inline void call_count(struct tm_thread *thread, const struct tm_spec *spec,
				       const struct tm_frame *frame, __u64 ret, __u64 duration)
{
	struct tm_slot *slot = slot_at(frame->slot);

	if (!slot)
		return;
	if (slot->generation != frame->generation) {
		lost(TM_LOST_STALE_SLOT);
		return;
	}
	if (call_failed(spec, frame, ret))
		count_failure(thread, spec, frame, slot);
	else
		count_success(spec, frame, slot, ret, duration);
}

static __always_inline void call_return(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns(), sp = REGS_SP(ctx) - RETURN_SP_DELTA, ret = REGS_RETURN(ctx);
	struct tm_thread *thread = thread_find(bpf_get_current_task_btf());
	__u32 spec_index = bpf_get_attach_cookie(ctx), top;
	struct tm_frame *frame;
	struct tm_spec *spec;
	__s64 object = 0;

	spec = bpf_map_lookup_elem(&specs, &spec_index);
	if (!thread || !spec)
		return;
	frames_unwind(thread, sp);
	top = thread->depth - 1;
	if (top >= TM_MAX_DEPTH)
		return;
	frame = &thread->frames[top];
	if (frame->sp != sp || frame->spec != spec_index)
		return; /* entered before the tap was there, or inside the same operation */
	if (spec->action == TM_ACTION_RELABEL) {
		if (!call_failed(spec, frame, ret) &&
		    !value_read(&spec->object, frame, ret, &object))
			streams_close(thread, spec, object);
	} else if (spec->action == TM_ACTION_RESULT) {
		result_return(thread, frame, spec, ret, now - frame->start_ns);
	} else {
		call_count(thread, spec, frame, ret, now - frame->start_ns);
	}
	*(volatile __u32 *)&thread->depth = top;
}

SEC("uprobe.multi")
int tap_session(struct pt_regs *ctx)
{
	if (!bpf_session_is_return())
		return call_enter(ctx) ? 0 : 1; /* 1: do not run at return */
	call_return(ctx);
	return 0;
}

SEC("uprobe.multi")
int tap_multi_enter(struct pt_regs *ctx)
{
	call_enter(ctx);
	return 0;
}

SEC("uprobe.multi")
int tap_multi_return(struct pt_regs *ctx)
{
	call_return(ctx);
	return 0;
}

SEC("uprobe")
int tap_perf_enter(struct pt_regs *ctx)
{
	call_enter(ctx);
	return 0;
}

SEC("uprobe")
int tap_perf_return(struct pt_regs *ctx)
{
	call_return(ctx);
	return 0;
}
