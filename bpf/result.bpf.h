/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RESULT_BPF_H
#define TAPMETER_RESULT_BPF_H
/*
 * Calls that are more than "went well" or "failed": hits and misses, bytes both ways, the operation
 * chosen by a command's name, conditions under which a call does not count. Functions of a profile that
 * says nothing of the kind never come here.
 */
#include "operation.bpf.h"
#include "counters.bpf.h"
#include "hist.bpf.h"
#include "failure.bpf.h"
#include "slow.bpf.h"

/* At entry only conditions on arguments are known; memory is read at return. */
static __always_inline bool is_known_at_entry(const struct tm_value *condition)
{
	return condition->base == TM_BASE_ARG && !condition->width;
}

static __always_inline bool is_counted(const struct tm_value *condition,
				       const struct tm_frame *frame, __u64 ret)
{
	__s64 value = 0;

	if (!condition->base)
		return true;
	if (value_read(condition, frame, ret, &value))
		lost(TM_LOST_UNREADABLE);
	return value;
}

static __always_inline bool is_inside_profile(const struct tm_result_spec *result,
					      const struct tm_thread *thread)
{
	__u32 i;

	for (i = 0; i < TM_MAX_DEPTH; i++)
		if (i < thread->depth && thread->frames[i].op >= result->first_op &&
		    thread->frames[i].op <= result->last_op)
			return true;
	return false;
}

static __always_inline bool is_nested(const struct tm_result_spec *result,
				      const struct tm_thread *thread, __u32 op)
{
	__u32 i;

	if (result->nested == TM_NESTED_COUNT)
		return false;
	if (result->nested == TM_NESTED_ANY)
		return is_inside_profile(result, thread);
	for (i = 0; i < TM_MAX_DEPTH; i++)
		if (i < thread->depth && thread->frames[i].op == op)
			return true;
	return false;
}

static __noinline __u64 amount_read(const struct tm_amount *amount, const struct tm_frame *frame,
				    __u64 ret)
{
	__s64 first = 0, second = 0;

	if (amount->value[0].base && value_read(&amount->value[0], frame, ret, &first))
		lost(TM_LOST_UNREADABLE);
	if (amount->value[1].base && value_read(&amount->value[1], frame, ret, &second))
		lost(TM_LOST_UNREADABLE);
	return first + second;
}

static __always_inline __u64 amount_moved(const struct tm_amount *amount,
					  const struct tm_frame *frame, __u64 ret, __u64 before)
{
	__s64 moved;

	if (!amount->value[0].base)
		return 0;
	moved = amount->at == TM_AMOUNT_ENTRY ? before : amount_read(amount, frame, ret);
	if (amount->at == TM_AMOUNT_GROWTH)
		moved -= before;
	return moved > 0 ? moved : 0;
}

/* Where the call's failures are counted, and how many there are; the pointers that lead there are followed once. */
static __always_inline void failures_before(const struct tm_result_spec *result,
					    struct tm_frame *frame)
{
	const struct tm_value *value = &result->failed_growth;
	__u64 place = value->arg < 6 ? frame->args[value->arg] : 0;

	if ((value->hops && bpf_probe_read_user(&place, 8, (void *)(place + value->hop))) ||
	    bpf_probe_read_user(&frame->before[2], 8, (void *)(place + value->offset))) {
		lost(TM_LOST_UNREADABLE);
		frame->failed_place = 0;
		return;
	}
	frame->failed_place = place + value->offset;
}

static __always_inline bool call_begin(struct tm_thread *thread, struct tm_frame *frame,
				       const struct tm_spec *spec,
				       const struct tm_result_spec *result)
{
	struct stream_ref ref = {};
	__u64 object = 0;

	if (is_known_at_entry(&result->when[0]) && !is_counted(&result->when[0], frame, 0))
		return false;
	if (is_known_at_entry(&result->when[1]) && !is_counted(&result->when[1], frame, 0))
		return false;
	if (result->name_kind)
		frame->op = operation_choose(result, spec, frame);
	if (is_nested(result, thread, frame->op))
		return false;
	if (spec->object.base && value_read(&spec->object, frame, 0, (__s64 *)&object)) {
		lost(TM_LOST_UNREADABLE);
		object = 0;
	}
	if (stream_get(thread, spec, frame->op, object, &ref))
		return false;
	frame->slot = ref.slot;
	frame->generation = ref.generation;
	if (result->sent.at)
		frame->before[0] = amount_read(&result->sent, frame, 0);
	if (result->received.at)
		frame->before[1] = amount_read(&result->received, frame, 0);
	if (result->failed_growth.base)
		failures_before(result, frame);
	return true;
}

/* The entry of a function with results, its frame filled but for the stream. Returns whether its return is wanted. */
static __noinline bool result_enter(struct tm_thread *thread, struct tm_frame *frame,
				    const struct tm_spec *spec, __u32 depth)
{
	__u32 index = frame->spec;
	struct tm_result_spec *result = bpf_map_lookup_elem(&result_specs, &index);

	if (!result)
		return false;
	if (spec->action == TM_ACTION_SAMPLE) {
		counters_before(thread, frame, spec, result, depth);
		return false;
	}
	if (!call_begin(thread, frame, spec, result))
		return false;
	if (result->counter_mask)
		counters_before(thread, frame, spec, result, depth);
	frame->start_ns = bpf_ktime_get_ns();
	*(volatile __u32 *)&thread->depth = depth + 1;
	return true;
}

static __always_inline void count_value(const struct tm_value *value, const struct tm_frame *frame,
					__u64 ret, __u64 *counter, bool *some)
{
	__s64 n = 0;

	if (!value->base)
		return;
	if (value_read(value, frame, ret, &n))
		lost(TM_LOST_UNREADABLE);
	if (n > 0) {
		__sync_fetch_and_add(counter, n);
		*some = true;
	}
}

static __always_inline bool is_lookup(const struct tm_result_spec *result, __u16 op)
{
	__u16 bit = op - result->first_op;

	return !result->lookups || (bit < 64 && result->lookups >> bit & 1);
}

/* `found`: the process's own counters had hits or misses. Returns whether it was a miss. */
static __noinline bool count_found(const struct tm_result_spec *result,
				   const struct tm_frame *frame, struct tm_slot *slot, __u64 ret,
				   bool found)
{
	bool other = false, missed = false;

	if (is_lookup(result, frame->op)) {
		count_value(&result->hits, frame, ret, &slot->hits, &found);
		count_value(&result->misses, frame, ret, &slot->misses, &missed);
	}
	count_value(&result->evictions, frame, ret, &slot->evictions, &other);
	count_value(&result->expirations, frame, ret, &slot->expirations, &other);
	if (!found && !missed)
		__sync_fetch_and_add(&slot->ok, 1);
	return missed;
}

/* A miss mostly returns NULL: nothing is behind it, and nothing is lost. */
static __always_inline bool is_behind_result(const struct tm_amount *amount)
{
	return amount->value[0].base == TM_BASE_RETURN && amount->value[0].width;
}

static __noinline void count_bytes(const struct tm_result_spec *result,
				   const struct tm_frame *frame, struct tm_slot *slot, __u64 ret,
				   bool missed)
{
	__u64 bytes;

	if (!missed || !is_behind_result(&result->sent)) {
		bytes = amount_moved(&result->sent, frame, ret, frame->before[0]);
		if (bytes)
			__sync_fetch_and_add(&slot->bytes, bytes);
	}
	if (missed)
		return; /* what is there then is no value */
	bytes = amount_moved(&result->received, frame, ret, frame->before[1]);
	if (bytes)
		__sync_fetch_and_add(&slot->received, bytes);
}

static __always_inline bool failed_by_growth(const struct tm_result_spec *result,
					     const struct tm_frame *frame)
{
	__u64 now;

	return result->failed_growth.base && frame->failed_place &&
	       !bpf_probe_read_user(&now, 8, (void *)frame->failed_place) &&
	       (__s64)(now - frame->before[2]) > 0;
}

static __noinline void result_return(struct tm_thread *thread, struct tm_frame *frame,
				     const struct tm_spec *spec, __u64 ret, __u64 duration)
{
	__u32 index = frame->spec;
	struct tm_result_spec *result = bpf_map_lookup_elem(&result_specs, &index);
	struct tm_slot *slot = slot_at(frame->slot);
	struct counters_seen *seen;
	struct growth growth = {};
	bool missed;

	if (!slot || !result)
		return;
	if (slot->generation != frame->generation) {
		lost(TM_LOST_STALE_SLOT);
		return;
	}
	if (result->counter_mask) {
		seen = counters_find(thread, spec);
		if (seen)
			counters_read(result, frame, seen, COUNTERS_OF_CALLS, &growth);
		growth_count(slot, &growth);
	}
	if (!is_counted(&result->when[0], frame, ret) || !is_counted(&result->when[1], frame, ret))
		return;
	if (growth.by[TM_COUNTER_FAILURES] || failed_by_growth(result, frame) ||
	    call_failed(spec, frame, ret)) {
		count_failure(thread, spec, frame, slot);
		slow_check(thread, spec, frame, duration, true);
		return;
	}
	slow_check(thread, spec, frame, duration, false);
	hist_add(slot, duration);
	__sync_fetch_and_add(&slot->sum_ns, duration);
	missed = count_found(result, frame, slot, ret,
			     growth.by[TM_COUNTER_HITS] || growth.by[TM_COUNTER_MISSES]);
	/* what a call inside another has moved, the other has moved */
	if (thread->depth == 1)
		count_bytes(result, frame, slot, ret, missed);
}

#endif
