/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_SLOW_BPF_H
#define TAPMETER_SLOW_BPF_H
/*
 * Calls that took long, told of one by one; of a stream with many of them at most some a second, with how many there
 * were. Costs nothing where no limit is set, and one comparison where one is.
 */
#include "maps.bpf.h"

#define SLOW_PAUSE_NS 100000000ull /* between two events of a stream */
#define SLOW_STREAMS 4096

extern const volatile __u64 slow_call_ns; /* 0 = nothing is slow */

struct slow_seen {
	__u64 told_ns;
	__u64 untold; /* slow calls since then */
};

/* Of the streams that had slow calls lately. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SLOW_STREAMS);
	__type(key, __u64); /* generation << 32 | slot */
	__type(value, struct slow_seen);
} slow_streams SEC(".maps") __weak;

static __always_inline struct slow_seen *slow_find(__u64 key)
{
	struct slow_seen *seen = bpf_map_lookup_elem(&slow_streams, &key);
	struct slow_seen none = {};

	if (seen)
		return seen;
	bpf_map_update_elem(&slow_streams, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&slow_streams, &key);
}

static __noinline void slow_tell(const struct tm_thread *thread, const struct tm_frame *frame,
				 __u64 duration, bool failed)
{
	struct slow_seen *seen = slow_find((__u64)frame->generation << 32 | frame->slot);
	__u64 now = frame->start_ns + duration, calls;
	struct tm_slow_event *event;

	if (!seen)
		return;
	__sync_fetch_and_add(&seen->untold, 1);
	if (now - seen->told_ns < SLOW_PAUSE_NS)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		lost(TM_LOST_EVENTS_FULL);
		return; /* the next one says how many there were */
	}
	seen->told_ns = now;
	calls = seen->untold;
	__sync_fetch_and_add(&seen->untold, -calls);
	event->event.kind = TM_EVENT_SLOW;
	event->event.slot = frame->slot;
	event->event.process = thread->process;
	event->generation = frame->generation;
	event->failed = failed;
	event->duration_ns = duration;
	event->calls = calls;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void slow_check(const struct tm_thread *thread, const struct tm_spec *spec,
				       const struct tm_frame *frame, __u64 duration, bool failed)
{
	if (slow_call_ns && !spec->quick.waits && duration >= slow_call_ns)
		slow_tell(thread, frame, duration, failed);
}

#endif
