/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RPC_BPF_H
#define TAPMETER_RPC_BPF_H
/*
 * Requests and responses in the frames of messages: [peer] uid operation payload… (docs/rpc.md). A message counts only
 * when its last frame has been sent or received and all of them fit.
 */
#include "message.bpf.h"
#include "rpc_match.bpf.h"
#include "rpc_request.bpf.h"

/* ---- frames ---------------------------------------------------------------------------------- */

static __noinline __u64 rpc_name_read(__u64 data, __u64 size, __u32 at)
{
	unsigned char name[TM_RPC_NAME] = {};
	__u64 hash = RPC_NAME_HASH;
	__u32 length = size - at, i;

	/* 1..TM_RPC_NAME - 1; the mask is for the verifier */
	if (bpf_probe_read_user(name, length & (TM_RPC_NAME - 1), (void *)(data + at)))
		return 0;
	for (i = 0; i < TM_RPC_NAME; i++) {
		if (i >= length || !hash)
			break;
		hash = rpc_name_add(hash, name[i]);
	}
	return hash;
}

/* The operation's number, or what its name makes; 0 = it is none. */
static __always_inline __u64 rpc_op(const unsigned char head[TM_RPC_HEAD],
				    const struct payload *payload)
{
	__u32 at;

	if (payload->size == 1)
		return head[0] < 0x80 ? head[0] : 0;
	at = rpc_name_at(head, payload->size);
	return at ? rpc_name_read(payload->data, payload->size, at) : 0;
}

/*
 * A receive that was under way when the tap was placed is not seen: if it brought the peer's identity, the uid would be
 * taken for that. So the first one must not look like a uid; those that libzmq makes never do.
 */
static __always_inline bool rpc_peer_missed(const struct rpc_stream *stream,
					    const struct payload *payload)
{
	unsigned char head[TM_RPC_HEAD] = {};
	__u64 uid;

	if (stream->begun || payload->size > 9)
		return false;
	if (bpf_probe_read_user(head, payload->size & (TM_RPC_HEAD - 1), (void *)payload->data))
		return true;
	return rpc_uid(head, payload->size, &uid);
}

/* Whether this call's frame fits where it stands in its message; *value is what it says there. */
static __noinline bool rpc_frame_fits(const struct rpc_stream *stream, const struct tm_spec *spec,
				      const struct tm_frame *frame, __u64 ret, __u64 *value)
{
	unsigned char head[TM_RPC_HEAD] = {};
	struct payload payload = {};
	int part;

	if (!stream || !spec || !frame || !value)
		return false;
	part = (int)stream->frames - stream->addressed;
	*value = 0;
	if (payload_read(spec, frame, ret, &payload)) {
		lost(TM_LOST_RPC_UNREADABLE);
		return false;
	}
	if (part < 0) {
		if (!payload.size || payload.size > 255 || rpc_peer_missed(stream, &payload))
			return false;
		*value = hash_bytes(transit_seed, payload.data, payload.size);
		return *value;
	}
	if (!payload.size)
		return false;
	if (bpf_probe_read_user(head,
				payload.size < TM_RPC_HEAD ? payload.size & (TM_RPC_HEAD - 1) :
							     TM_RPC_HEAD,
				(void *)payload.data)) {
		lost(TM_LOST_RPC_UNREADABLE);
		return false;
	}
	if (part == 0)
		return rpc_uid(head, payload.size, value);
	if (part > 1)
		return rpc_value_fits(head, payload.size);
	*value = rpc_op(head, &payload);
	return *value;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Entry of a send: the frame is looked at now, and counts when the call returns. */
static __noinline void rpc_enter(const struct tm_spec *spec, const struct tm_frame *frame)
{
	struct rpc_stream *stream;

	if (!spec || !frame)
		return;
	stream = rpc_stream_at(frame->slot);
	if (!stream)
		return;
	rpc_stream_decide(stream, spec, frame);
	if (stream->state > RPC_NO && !stream->spoilt)
		stream->fits = rpc_frame_fits(stream, spec, frame, 0, &stream->value);
}

/* The message is whole. */
static __always_inline void rpc_message(struct rpc_stream *stream, const struct tm_spec *spec,
					const struct tm_frame *frame, __u64 now)
{
	bool receive = spec->payload.receive;
	int parts = (int)stream->frames - stream->addressed;

	if (stream->spoilt || parts < 2)
		return;
	if (receive == (stream->side == TM_RPC_SERVER))
		rpc_request(stream, frame, receive ? now : stream->first_ns);
	else if (parts <= 3)
		rpc_response(stream, frame, now);
}

static __always_inline void rpc_keep(struct rpc_stream *stream, __u64 value)
{
	int part = (int)stream->frames - stream->addressed;

	if (part < 0)
		stream->peer = value;
	else if (part == 0)
		stream->uid = value;
	else if (part == 1)
		stream->op = value;
}

/* Return of a send or a receive that did not fail. */
static __noinline void rpc_returned(const struct tm_spec *spec, const struct tm_frame *frame,
				    __u64 ret, __u64 now, __u64 more)
{
	struct rpc_stream *stream;

	if (!spec || !frame)
		return;
	stream = rpc_stream_at(frame->slot);
	if (!stream)
		return;
	if (spec->payload.receive) {
		rpc_stream_decide(stream, spec, frame);
		if (stream->state > RPC_NO && !stream->spoilt)
			stream->fits = rpc_frame_fits(stream, spec, frame, ret, &stream->value);
	}
	if (stream->state <= RPC_NO || stream->generation != frame->generation)
		return;
	if (!stream->frames)
		stream->first_ns = frame->start_ns;
	if (stream->fits)
		rpc_keep(stream, stream->value);
	else
		stream->spoilt = 1;
	if (stream->frames < 255)
		stream->frames++;
	if (more)
		return;
	rpc_message(stream, spec, frame, now);
	stream->begun = 1;
	stream->frames = 0;
	stream->spoilt = 0;
}

#endif
