/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_TRANSIT_BPF_H
#define TAPMETER_TRANSIT_BPF_H
/*
 * Delivery times: a send leaves a record under a hash of its message, the receive of the same bytes finds it.
 *
 * The message is what follows the last empty frame that is not the final one, without the first frame of sockets that
 * address by frame (ROUTER): that part is the same at both ends for all patterns of ZeroMQ.
 */
#include "hist.bpf.h"
#include "message.bpf.h"
#include "sent.bpf.h"
#include "stream.bpf.h"

extern const volatile __u64 transit_seed; /* nobody outside can make two messages of one hash */
extern const volatile __u32 view_bound_count;
extern const volatile __u64 view_bounds_ns[TM_VIEW_BOUNDS];

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_TRANSIT_PAIRS);
	__type(key, __u32);
	__type(value, struct tm_transit);
} transits SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TM_TRANSIT_PAIRS);
	__type(value, __u32);
} free_transits SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_TRANSIT_PAIRS);
	__type(key, struct tm_transit_key);
	__type(value, __u32);
} transit_pairs SEC(".maps") __weak;
/* ---- counting ---------------------------------------------------------------------------- */

static __noinline struct tm_transit *transit_new(const struct tm_transit_key *key, __u32 *index)
{
	struct tm_transit *transit;

	if (bpf_map_pop_elem(&free_transits, index)) {
		lost(TM_LOST_TRANSIT_FULL);
		return 0;
	}
	transit = bpf_map_lookup_elem(&transits, index);
	if (!transit)
		return 0;
	transit->receiver = key->receiver;
	transit->sender = key->sender;
	if (bpf_map_update_elem(&transit_pairs, key, index, BPF_NOEXIST)) {
		bpf_map_push_elem(&free_transits, index, 0);
		lost(TM_LOST_TRANSIT_FULL); /* or another thread was faster */
		return 0;
	}
	*(volatile __u32 *)&transit->state = TM_SLOT_LIVE;
	return transit;
}

static __always_inline struct tm_transit *transit_get(struct transit_stream *stream, __u32 receiver,
						      __u32 sender)
{
	struct tm_transit_key key = { .receiver = receiver, .sender = sender };
	struct tm_transit *transit;
	__u32 index, *found;

	if (stream->sender == sender) {
		index = stream->transit;
		transit = bpf_map_lookup_elem(&transits, &index);
		if (transit && transit->state == TM_SLOT_LIVE && transit->sender == sender &&
		    transit->receiver == receiver)
			return transit;
	}
	found = bpf_map_lookup_elem(&transit_pairs, &key);
	if (found) {
		index = *found;
		transit = bpf_map_lookup_elem(&transits, &index);
	} else {
		transit = transit_new(&key, &index);
	}
	if (transit) {
		stream->sender = sender;
		stream->transit = index;
	}
	return transit;
}

static __always_inline void view_add(struct tm_transit *transit, __u64 ns)
{
	__u32 i;

	if (!view_bound_count)
		return;
	for (i = 0; i < TM_VIEW_BOUNDS; i++)
		if (i >= view_bound_count || ns <= view_bounds_ns[i])
			break;
	__sync_fetch_and_add(&transit->view[i], 1);
}

static __noinline void transit_count(struct transit_stream *stream, __u32 receiver, __u64 key,
				     __u64 now)
{
	struct transit_stream *sender;
	struct tm_transit *transit;
	struct sent sent = {};
	__u32 bucket;
	__u64 ns;

	if (sent_take(key, receiver, &sent))
		return;
	sender = transit_stream_at(TM_STREAM_ID_SLOT(sent.sender));
	if (sender && sender->matched != sent.sender)
		sender->matched = sent.sender;
	transit = transit_get(stream, receiver, sent.sender);
	if (!transit)
		return;
	ns = now > sent.sent_ns ? now - sent.sent_ns : 0;
	bucket = hist_bucket(hist_bounds_ns, hist_guesses, ns);
	if (bucket < TM_HIST_BUCKETS)
		__sync_fetch_and_add(&transit->hist[bucket], 1);
	view_add(transit, ns);
	__sync_fetch_and_add(&transit->sum_ns, ns);
}

/* ---- streams -------------------------------------------------------------------------------- */

static __always_inline bool name_equal(const char *a, const char *b)
{
	int i;

	for (i = 0; i < 24; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			return true;
	}
	return false;
}

static __noinline void transit_stream_learn(struct transit_stream *stream,
					    const struct tm_spec *spec, __u64 object)
{
	struct tm_object_class *class;
	char name[TM_CLASS_LEN] = {};
	__u32 index = spec->object_class;

	stream->addressed = 0;
	stream->fan_out = 0;
	stream->ready = 1;
	class = bpf_map_lookup_elem(&object_classes, &index);
	if (!index || !class)
		return;
	class_name_read(object, name, sizeof(name));
	if (!name[0]) {
		stream->ready = 0; /* its page may be there next time */
		return;
	}
	stream->addressed = name_equal(class->addressed[0], name) ||
			    name_equal(class->addressed[1], name);
	stream->fan_out = name_equal(class->fan_out[0], name) ||
			  name_equal(class->fan_out[1], name);
}

static __always_inline struct transit_stream *transit_stream_get(const struct tm_spec *spec,
								 const struct tm_frame *frame)
{
	struct transit_stream *stream = transit_stream_at(frame->slot);
	struct tm_slot *slot;

	if (!stream)
		return 0;
	if (stream->ready && stream->generation == frame->generation)
		return stream;
	slot = slot_at(frame->slot);
	if (!slot)
		return 0;
	stream->generation = frame->generation;
	stream->hash = transit_seed;
	stream->frames = 0;
	stream->spoilt = 0;
	stream->sender = 0;
	transit_stream_learn(stream, spec, slot->key.object);
	return stream->ready ? stream : 0;
}

/* The hash of the message up to and with this call's frame; 0 = could not be read. */
static __always_inline __u64 frame_hash(struct transit_stream *stream, const struct tm_spec *spec,
					const struct tm_frame *frame, __u64 ret, bool more)
{
	struct payload payload = {};
	__u64 hash;

	if (more && stream->addressed && !stream->frames)
		return stream->hash; /* the address */
	if (payload_read(spec, frame, ret, &payload)) {
		lost(TM_LOST_TRANSIT_UNREADABLE);
		return 0;
	}
	if (more && !payload.size)
		return transit_seed; /* what came before was for the way */
	hash = hash_bytes(stream->hash, payload.data, payload.size);
	if (!hash)
		lost(TM_LOST_TRANSIT_UNREADABLE);
	return hash;
}

/* The frame has been sent or received: on to the next one, or to the next message. */
static __always_inline void frame_done(struct transit_stream *stream, __u64 hash, bool more)
{
	if (!more) {
		stream->hash = transit_seed;
		stream->frames = 0;
		stream->spoilt = 0;
		return;
	}
	stream->frames++;
	stream->hash = hash;
	if (!hash)
		stream->spoilt = 1;
}

/* Entry of a send. */
static __noinline void transit_enter(const struct tm_spec *spec, struct tm_frame *frame)
{
	struct transit_stream *stream = transit_stream_get(spec, frame);
	__s64 more = 0;

	frame->transit = 0;
	if (!stream || stream->spoilt)
		return;
	value_read(&spec->more, frame, 0, &more);
	if (!stream->frames)
		stream->first_ns = frame->start_ns;
	frame->transit = frame_hash(stream, spec, frame, 0, more);
	if (frame->transit && !more)
		sent_add(frame->transit, stream, TM_STREAM_ID(frame->slot, frame->generation));
}

/* Return of a send; without `more` in the failed one, where it is not known yet. */
static __noinline void transit_sent(const struct tm_spec *spec, const struct tm_frame *frame,
				    bool failed, __s64 more)
{
	struct transit_stream *stream = transit_stream_at(frame->slot);

	if (!stream || stream->generation != frame->generation || !stream->ready)
		return;
	if (!failed) {
		frame_done(stream, frame->transit, more);
		return;
	}
	value_read(&spec->more, frame, 0, &more);
	if (frame->transit && !more)
		sent_undo(frame->transit);
}

/* Return of a receive that did not fail. */
static __noinline void transit_received(const struct tm_spec *spec, const struct tm_frame *frame,
					__u64 ret, __u64 now, __s64 more)
{
	struct transit_stream *stream = transit_stream_get(spec, frame);
	__u64 hash = 0;

	if (!stream)
		return;
	if (!stream->spoilt)
		hash = frame_hash(stream, spec, frame, ret, more);
	if (hash && !more)
		transit_count(stream, TM_STREAM_ID(frame->slot, frame->generation), hash, now);
	frame_done(stream, hash, more);
}

#endif
