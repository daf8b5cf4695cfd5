/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_COUNTERS_BPF_H
#define TAPMETER_COUNTERS_BPF_H
/*
 * Counters that the tapped process keeps itself, as a server does of its hits. They are read where a
 * call begins and ends; what they have grown by since the last reading belongs to whoever ran meanwhile:
 * the innermost call, or nobody ("background").
 */
#include "stream.bpf.h"

#define COUNTER_BIT(counter) (1u << (counter))
/* Those that tell calls apart. Of the others only the sum matters: they are read by samples only. */
#define COUNTERS_OF_CALLS                                                \
	(COUNTER_BIT(TM_COUNTER_HITS) | COUNTER_BIT(TM_COUNTER_MISSES) | \
	 COUNTER_BIT(TM_COUNTER_FAILURES))

struct growth {
	__u64 by[TM_COUNTERS];
};

static __always_inline struct counters_seen *counters_find(const struct tm_thread *thread,
							   const struct tm_spec *spec)
{
	struct counters_key key = { .process = thread->process, .file = spec->file };
	struct counters_seen *seen = bpf_map_lookup_elem(&process_counters, &key);
	struct counters_seen none = {};

	if (seen)
		return seen;
	bpf_map_update_elem(&process_counters, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&process_counters, &key);
}

/* Hits and misses mostly lie side by side: one reading for both. Returns whether it was one. */
static __always_inline bool pair_read(const struct tm_result_spec *result,
				      const struct tm_frame *frame, __u64 pair[2])
{
	__u64 place = frame->ip + result->counters[TM_COUNTER_HITS];

	return result->counters[TM_COUNTER_MISSES] == result->counters[TM_COUNTER_HITS] + 8 &&
	       !bpf_probe_read_user(pair, 16, (void *)place);
}

/* Reads the counters of `mask`; the first reading of one shows no growth. */
static __noinline void counters_read(const struct tm_result_spec *result,
				     const struct tm_frame *frame, struct counters_seen *seen,
				     __u32 mask, struct growth *growth)
{
	__u64 pair[2] = {};
	bool paired = pair_read(result, frame, pair);
	__u32 i;

	for (i = 0; i < TM_COUNTERS; i++) {
		__u64 now, place = frame->ip + result->counters[i];

		growth->by[i] = 0;
		if (!(result->counter_mask & COUNTER_BIT(i)) ||
		    (!(mask & COUNTER_BIT(i)) && seen->valid & COUNTER_BIT(i)))
			continue;
		if (paired && i <= TM_COUNTER_MISSES) {
			now = pair[i];
		} else if (bpf_probe_read_user(&now, sizeof(now), (void *)place)) {
			lost(TM_LOST_UNREADABLE);
			continue;
		}
		/* set back to 0 meanwhile (CONFIG RESETSTAT): it has grown from there */
		if (seen->valid & COUNTER_BIT(i))
			growth->by[i] = now >= seen->value[i] ? now - seen->value[i] : now;
		seen->valid |= COUNTER_BIT(i);
		seen->value[i] = now;
	}
}

static __always_inline void growth_count(struct tm_slot *slot, const struct growth *growth)
{
	if (growth->by[TM_COUNTER_HITS])
		__sync_fetch_and_add(&slot->hits, growth->by[TM_COUNTER_HITS]);
	if (growth->by[TM_COUNTER_MISSES])
		__sync_fetch_and_add(&slot->misses, growth->by[TM_COUNTER_MISSES]);
	if (growth->by[TM_COUNTER_EVICTIONS])
		__sync_fetch_and_add(&slot->evictions, growth->by[TM_COUNTER_EVICTIONS]);
	if (growth->by[TM_COUNTER_EXPIRATIONS])
		__sync_fetch_and_add(&slot->expirations, growth->by[TM_COUNTER_EXPIRATIONS]);
	if (growth->by[TM_COUNTER_SENT])
		__sync_fetch_and_add(&slot->bytes, growth->by[TM_COUNTER_SENT]);
	if (growth->by[TM_COUNTER_RECEIVED])
		__sync_fetch_and_add(&slot->received, growth->by[TM_COUNTER_RECEIVED]);
}

static __always_inline bool has_grown(const struct growth *growth)
{
	__u64 any = 0;
	__u32 i;

	for (i = 0; i < TM_COUNTERS; i++)
		any |= growth->by[i];
	return any;
}

/* What has grown while no call was counted. */
static __noinline void background_count(struct tm_thread *thread, const struct tm_spec *spec,
					const struct tm_result_spec *result,
					const struct growth *growth)
{
	struct stream_ref ref = {};
	struct tm_slot *slot;

	if (!result->background_op || !has_grown(growth) ||
	    stream_get(thread, spec, result->background_op, 0, &ref))
		return;
	slot = slot_at(ref.slot);
	if (!slot)
		return;
	growth_count(slot, growth);
	if (growth->by[TM_COUNTER_FAILURES])
		__sync_fetch_and_add(&slot->other_errors, growth->by[TM_COUNTER_FAILURES]);
}

/* Before a call begins, or for a sample, `depth` calls being in flight: what has grown until now is theirs. */
static __always_inline void counters_before(struct tm_thread *thread, const struct tm_frame *frame,
					    const struct tm_spec *spec,
					    const struct tm_result_spec *result, __u32 depth)
{
	struct counters_seen *seen = counters_find(thread, spec);
	__u32 outer = depth - 1;
	struct growth growth = {};
	struct tm_slot *slot;

	if (!seen)
		return;
	counters_read(result, frame, seen,
		      spec->action == TM_ACTION_SAMPLE ? ~0u : COUNTERS_OF_CALLS, &growth);
	if (!has_grown(&growth))
		return;
	if (outer >= TM_MAX_DEPTH) {
		background_count(thread, spec, result, &growth);
		return;
	}
	slot = slot_at(thread->frames[outer].slot);
	if (slot && slot->generation == thread->frames[outer].generation)
		growth_count(slot, &growth);
}

#endif
