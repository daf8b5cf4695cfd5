/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one pair of programs behind every tap: entry and return of a function, driven by the spec that
 * the probe's cookie names. Attached in one of three ways; all three run the same code.
 */
#include "arch.bpf.h"
#include "quick.bpf.h"
#include "hist.bpf.h"
#include "stream.bpf.h"
#include "failure.bpf.h"
#include "slow.bpf.h"
#include "result.bpf.h"
#include "rpc.bpf.h"
#include "transit.bpf.h"

#define PAGE_SIZE 4096

const volatile __u32 agent_tgid = 0;
volatile __u32 relay_tgid = 0;
const volatile bool filter_processes = false;
const volatile __u32 cgroup_streams_limit = 0;
const volatile __u64 hist_bounds_ns[TM_HIST_BOUNDS] = {};
const volatile __u8 hist_guesses[TM_HIST_GUESSES] = {};
const volatile __u64 slow_call_ns = 0;
const volatile __u64 transit_seed = 0;
const volatile __u32 rpc_rule_count = 0;
const volatile struct tm_rpc_rule rpc_rules[TM_RPC_RULES] = {};
const volatile __u32 view_bound_count = 0;
const volatile __u64 view_bounds_ns[TM_VIEW_BOUNDS] = {};

__u64 slot_blocks[TM_STREAMS_MAX / TM_BLOCK / 64] = {};
__u64 thread_blocks[TM_MAX_THREADS / TM_BLOCK / 64] = {};
__u64 rpc_blocks[TM_RPC_SLOTS / TM_BLOCK / 64] = {};
__u64 rpc_request_blocks[TM_RPC_PENDING / TM_BLOCK / 64] = {};
__u32 stream_cache[1 << TM_STREAM_CACHE_BITS] = {};
__u16 thread_hints[1 << TM_THREAD_HINT_BITS] = {};
/* A file has two links for a moment: one call runs the program twice. */
volatile bool links_overlap = false;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern __u64 *bpf_session_cookie(void) __ksym __weak;

/*
 * What a session hands from a call's entry to its return: which record and which spec, so that the return need not look
 * for them. 0 at entry (6.13: 4d756095d3994, "uprobe: Add support for session consumer").
 */
#define TICKET_VALID (1ull << 32)
#define TICKET_THREAD_SHIFT 33

static __always_inline __u64 ticket(const struct tm_thread *thread, __u32 spec_index)
{
	return TICKET_VALID | spec_index | (__u64)thread->index << TICKET_THREAD_SHIFT;
}

/* Drops the calls further in than `sp`: the stack has been unwound past them (longjmp, a C++ exception). */
static __noinline void frames_unwind(struct tm_thread *thread, __u64 sp)
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

/* The running thread's first call, or one of a process that is not counted. */
static __noinline struct tm_thread *thread_begin(__u64 registers)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return process_counted(task->tgid) ? thread_new(task, registers) : 0;
}

/* Calls are in flight in this thread, or were left: sorts that out. Returns whether to follow the new one. */
static __noinline bool call_nests(struct tm_thread *thread, const struct tm_spec *spec, __u64 ip,
				  __u64 sp, __u32 spec_index)
{
	frames_unwind(thread, sp);
	frames_drop_left(thread, ip, sp, spec_index);
	return spec->action != TM_ACTION_COUNT || !inside_same_operation(thread, spec->op);
}

/* Returns the call's ticket, 0 if its return is not wanted. */
static __always_inline __u64 call_enter(struct pt_regs *ctx)
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
		return 0;
	count_run(spec_index);
	thread = thread_find(task);
	if (!thread) {
		thread = thread_begin((__u64)ctx);
		if (!thread)
			return 0;
	}
	if (thread->depth && !call_nests(thread, spec, REGS_IP(ctx), sp, spec_index))
		return 0;
	depth = thread->depth;
	if (depth >= TM_MAX_DEPTH) {
		lost(TM_LOST_INFLIGHT_FULL);
		return 0;
	}
	frame = &thread->frames[depth];
	frame->sp = sp;
	frame->ip = REGS_IP(ctx);
	regs_arguments(ctx, frame->args);
	frame->spec = spec_index;
	frame->op = spec->op;
	if (spec->action >= TM_ACTION_RESULT)
		return result_enter(thread, frame, spec, depth) ? ticket(thread, spec_index) : 0;
	if (quick_object(spec, frame, &object)) {
		lost(TM_LOST_UNREADABLE);
		object = 0;
	}
	if (spec->action == TM_ACTION_CLOSE) {
		streams_close(thread, spec, object);
		return 0;
	}
	if (spec->action == TM_ACTION_COUNT) {
		if (stream_get(thread, spec, spec->op, object, &ref))
			return 0;
		frame->slot = ref.slot;
		frame->generation = ref.generation;
	}
	/* The agent reads frames below `depth` only: the start comes before it. */
	frame->start_ns = bpf_ktime_get_ns();
	if (spec->payload.kind && !spec->payload.receive) {
		if (!spec->no_transit)
			transit_enter(spec, frame);
		if (spec->quick.rpc && rpc_wanted(rpc_stream_at(frame->slot), frame))
			rpc_enter(spec, frame);
	}
	*(volatile __u32 *)&thread->depth = depth + 1;
	return ticket(thread, spec_index);
}

/* Returns what `more` is, -1 = not known. */
static __always_inline __s64 count_success(const struct tm_spec *spec, const struct tm_frame *frame,
					   struct tm_slot *slot, __u64 ret, __u64 duration)
{
	__s64 bytes = 0, more = 0;

	/* first: messages never exceed the sum of the buckets for a reader that reads them before */
	hist_add(slot, duration);
	if (quick_bytes(spec, frame, ret, &bytes))
		lost(TM_LOST_UNREADABLE);
	if (bytes > 0)
		__sync_fetch_and_add(&slot->bytes, bytes);
	if (quick_more(spec, frame, ret, &more)) {
		lost(TM_LOST_MORE_UNKNOWN);
		__sync_fetch_and_add(&slot->more_unknown, 1);
		more = -1;
	} else if (!more) {
		__sync_fetch_and_add(&slot->messages, 1);
	}
	__sync_fetch_and_add(&slot->sum_ns, duration);
	return more;
}

static __always_inline void call_count(struct tm_thread *thread, const struct tm_spec *spec,
				       const struct tm_frame *frame, __u64 ret, __u64 now)
{
	struct tm_slot *slot = slot_at(frame->slot);
	__s64 more = 0;
	bool failed;

	if (!slot)
		return;
	if (slot->generation != frame->generation) {
		lost(TM_LOST_STALE_SLOT);
		return;
	}
	failed = call_failed(spec, frame, ret);
	if (failed)
		count_failure(thread, spec, frame, slot);
	else
		more = count_success(spec, frame, slot, ret, now - frame->start_ns);
	slow_check(thread, spec, frame, now - frame->start_ns, failed);
	if (spec->quick.rpc && !failed && more != -1 &&
	    rpc_wanted(rpc_stream_at(frame->slot), frame))
		rpc_returned(spec, frame, ret, now, more);
	if (!spec->payload.kind || spec->no_transit)
		return;
	if (!spec->payload.receive)
		transit_sent(spec, frame, failed, more);
	else if (!failed && more != -1)
		transit_received(spec, frame, ret, now, more);
}

static __always_inline void call_return(struct pt_regs *ctx, __u64 now, struct tm_thread *thread,
					__u32 spec_index)
{
	__u64 sp = REGS_SP(ctx) - RETURN_SP_DELTA, ret = REGS_RETURN(ctx);
	struct tm_frame *frame;
	struct tm_spec *spec;
	__s64 object = 0;
	__u32 top;

	spec = bpf_map_lookup_elem(&specs, &spec_index);
	if (!thread || !spec)
		return;
	top = thread->depth - 1;
	if (top < TM_MAX_DEPTH && thread->frames[top].sp < sp) {
		frames_unwind(thread, sp);
		top = thread->depth - 1;
	}
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
		call_count(thread, spec, frame, ret, now);
	}
	*(volatile __u32 *)&thread->depth = top;
}

static __noinline struct tm_thread *thread_current(void)
{
	return thread_find(bpf_get_current_task_btf());
}

/*
 * The record that the ticket names, if it is this thread's: a process forked inside the call returns with the same
 * ticket.
 */
static __always_inline struct tm_thread *thread_ticket(const struct pt_regs *ctx, __u64 ticket)
{
	struct tm_thread *thread = thread_at(ticket >> TICKET_THREAD_SHIFT);

	return thread && thread->registers == (__u64)ctx && thread->tid ? thread : thread_current();
}

SEC("uprobe.multi")
int tap_session(struct pt_regs *ctx)
{
	__u64 *ticket = bpf_session_cookie(), now;

	if (!*ticket) {
		*ticket = call_enter(ctx);
		return *ticket ? 0 : 1; /* 1: do not run at return */
	}
	now = bpf_ktime_get_ns();
	call_return(ctx, now, thread_ticket(ctx, *ticket), *ticket);
	return 0;
}

SEC("uprobe.multi")
int tap_multi_enter(struct pt_regs *ctx)
{
	call_enter(ctx);
	return 0;
}

static __always_inline void call_return_found(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	call_return(ctx, now, thread_find(bpf_get_current_task_btf()), bpf_get_attach_cookie(ctx));
}

SEC("uprobe.multi")
int tap_multi_return(struct pt_regs *ctx)
{
	call_return_found(ctx);
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
	call_return_found(ctx);
	return 0;
}
