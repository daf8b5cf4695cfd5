/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_STREAM_BPF_H
#define TAPMETER_STREAM_BPF_H
/* Finding, making and closing streams. */
#include "thread.bpf.h"
#include "label.bpf.h"

static __always_inline void stream_key(struct tm_stream_key *key, const struct tm_thread *thread,
				       __u32 op, __u64 object)
{
	key->object = object;
	key->process = thread->process;
	key->op = op;
	key->pad = 0;
}

static __always_inline void slot_fill(struct tm_slot *slot, const struct tm_stream_key *key,
				      const struct tm_spec *spec, __u64 cgroup)
{
	slot->key = *key;
	slot->cgroup = cgroup;
	slot->file = spec->file;
	slot->object_class = spec->object_class;
	slot->opened_ns = bpf_ktime_get_ns();
}

/* Takes a free slot for a stream seen for the first time. Returns 0 and *ref, or -1. */
static __noinline int stream_new(const struct tm_stream_key *key, const struct tm_spec *spec,
				 struct stream_ref *ref)
{
	struct stream_ref *other;
	struct tm_slot *slot;
	__u64 cgroup = cgroup_key();
	__u32 index, *share;

	share = bpf_map_lookup_elem(&cgroup_streams, &cgroup);
	if (share && *share >= cgroup_streams_limit) {
		lost(TM_LOST_KERNEL_STREAMS_FULL);
		return -1;
	}
	if (bpf_map_pop_elem(&free_slots, &index)) {
		lost(TM_LOST_STREAMS_FULL);
		return -1;
	}
	slot = slot_at(index);
	if (!slot)
		return -1;
	block_use(slot_blocks, TM_STREAMS_MAX / TM_BLOCK, index);
	slot_fill(slot, key, spec, cgroup);
	ref->slot = index;
	ref->generation = slot->generation;
	if (!bpf_map_update_elem(&streams, key, ref, BPF_NOEXIST)) {
		/* last: the agent then reads the rest; unless it was closed meanwhile */
		__sync_val_compare_and_swap(&slot->state, TM_SLOT_FREE, TM_SLOT_LIVE);
		if (share)
			__sync_fetch_and_add(share, 1);
		stream_announce(key, spec, ref);
		return 0;
	}
	/* Another thread was faster, or the index is full. */
	bpf_map_push_elem(&free_slots, &index, 0);
	other = bpf_map_lookup_elem(&streams, key);
	if (!other) {
		lost(TM_LOST_STREAMS_FULL);
		return -1;
	}
	*ref = *other;
	return 0;
}

static __always_inline __u32 *stream_place(const struct tm_thread *thread, __u32 op, __u64 object)
{
	__u64 mixed = object + ((__u64)thread->process.tgid << 32 | op) * 0xbf58476d1ce4e5b9ull;

	/* Knuth's multiplicative hash: addresses that lie evenly spaced end in different places */
	return &stream_cache[mixed * 0x9e3779b97f4a7c15ull >> (64 - TM_STREAM_CACHE_BITS)];
}

static __always_inline bool slot_is(const volatile struct tm_slot *slot,
				    const struct tm_thread *thread, __u32 op, __u64 object)
{
	return slot->key.object == object && slot->key.op == op &&
	       slot->key.process.tgid == thread->process.tgid &&
	       slot->key.process.exec_id == thread->process.exec_id &&
	       slot->key.process.start_ns == thread->process.start_ns;
}

/*
 * The stream of this call, if the place says so and the slot there agrees. The slot may be given away and filled anew
 * while we look: its key changes only while it is not live, and between two lives its generation
 * rises, so a key read from a live slot whose generation is the same before and after is whole. (Loads
 * stay in order, x86 has it so.)
 */
static __always_inline bool stream_cached(const struct tm_thread *thread, __u32 op, __u64 object,
					  const __u32 *place, struct stream_ref *ref)
{
	__u32 index = *place - 1;
	volatile struct tm_slot *slot = slot_at(index);
	__u32 generation;

	if (!slot)
		return false;
	generation = slot->generation;
	if (slot->state != TM_SLOT_LIVE || !slot_is(slot, thread, op, object) ||
	    slot->generation != generation)
		return false;
	ref->slot = index;
	ref->generation = generation;
	return true;
}

/*
 * The stream of this call, looked up. `op` is the operation: not always the spec's. A pointer that is not a live
 * object of the class does not get a stream of its own: all such calls of a process share the one without object.
 */
static __noinline int stream_find(struct tm_thread *thread, const struct tm_spec *spec, __u16 op,
				  __u64 object, struct stream_ref *ref)
{
	struct tm_stream_key key;
	struct stream_ref *found;

	stream_key(&key, thread, op, object);
	found = bpf_map_lookup_elem(&streams, &key);
	if (!found && object && !object_valid(spec, object)) {
		key.object = 0;
		found = bpf_map_lookup_elem(&streams, &key);
	}
	if (found)
		*ref = *found;
	else if (stream_new(&key, spec, ref))
		return -1;
	/* not for a pointer that is no object now: it may be one later */
	if (key.object == object)
		*stream_place(thread, op, object) = ref->slot + 1;
	return 0;
}

static __always_inline int stream_get(struct tm_thread *thread, const struct tm_spec *spec,
				      __u16 op, __u64 object, struct stream_ref *ref)
{
	if (stream_cached(thread, op, object, stream_place(thread, op, object), ref))
		return 0;
	return stream_find(thread, spec, op, object, ref);
}

static __noinline void stream_close(const struct tm_stream_key *key)
{
	struct stream_ref *found = bpf_map_lookup_elem(&streams, key);
	struct tm_event *event;
	struct tm_slot *slot;
	__u32 index;

	if (!found)
		return;
	index = found->slot;
	/* Two closers at once: only the one that removes the key closes the slot. */
	if (bpf_map_delete_elem(&streams, key))
		return;
	slot = slot_at(index);
	if (!slot)
		return;
	slot->state = TM_SLOT_CLOSED;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return; /* only a hint: the slot says it too */
	event->kind = TM_EVENT_CLOSED;
	event->slot = index;
	event->process = key->process;
	bpf_ringbuf_submit(event, 0);
}

/* Ends the object's streams of the operations that the spec names. */
static __always_inline void streams_close(const struct tm_thread *thread,
					  const struct tm_spec *spec, __u64 object)
{
	struct tm_stream_key key;
	__u32 i;

	for (i = 0; i < TM_MAX_OPERATIONS; i++) {
		if (spec->close_op_first + i > spec->close_op_last)
			break;
		stream_key(&key, thread, spec->close_op_first + i, object);
		stream_close(&key);
	}
}

#endif
