/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RPC_BPF_H
#define TAPMETER_RPC_BPF_H
/*
 * Requests and responses in the frames of messages: [peer] uid operation payload… (docs/rpc.md). A message counts only
 * when its last frame has been sent or received and all of them fit.
 *
 * Whether a socket is one of those that a rule means is decided at its first frame. As long as the place of the
 * endpoint in its file's sockets is not known, by its class alone; the agent, which finds the place, leaves out
 * what was counted for the wrong ones.
 */
#include "hist.bpf.h"
#include "message.bpf.h"
#include "stream.bpf.h"
#include <tapmeter/rpc.h>

extern const volatile __u64 transit_seed;
extern const volatile __u32 rpc_rule_count;
extern const volatile struct tm_rpc_rule rpc_rules[TM_RPC_RULES];
extern __u64 rpc_blocks[TM_RPC_SLOTS / TM_BLOCK / 64];
extern __u64 rpc_request_blocks[TM_RPC_PENDING / TM_BLOCK / 64];

enum rpc_state {
	RPC_UNDECIDED,
	RPC_NO, /* not such a socket */
	RPC_MAYBE, /* of the right class, its endpoint is not known */
	RPC_YES,
};

/* What is known of a stream between its calls; valid for one generation of the slot. */
struct rpc_stream {
	__u32 generation;
	__u8 state; /* enum rpc_state */
	__u8 rule;
	__u8 side; /* enum tm_rpc_side */
	__u8 addressed; /* 1: messages begin with the peer's identity */
	/* of the message under way: */
	__u8 frames; /* how many there were, up to 255 */
	__u8 spoilt; /* one did not fit */
	__u8 fits; /* of the frame being sent: it does */
	__u8 begun; /* a whole message has been seen */
	__u32 pad2;
	__u64 value; /* of the frame being sent */
	__u64 first_ns; /* when the first frame was sent */
	__u64 peer, uid, op;
};

/* By slot; sized like the slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rpc_stream);
} rpc_streams SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_RPC_RULES *TM_RPC_METHODS);
	__type(key, struct tm_rpc_name);
	__type(value, __u32);
} rpc_names SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_RPC_SLOTS);
	__type(key, __u32);
	__type(value, struct tm_rpc);
} rpcs SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TM_RPC_SLOTS);
	__type(value, __u32);
} free_rpcs SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_RPC_SLOTS);
	__type(key, struct tm_rpc_key);
	__type(value, __u32);
} rpc_index SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_RPC_PENDING);
	__type(key, __u32);
	__type(value, struct tm_rpc_request);
} rpc_requests SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TM_RPC_PENDING);
	__type(value, __u32);
} free_rpc_requests SEC(".maps") __weak;

/* Whoever takes a request out of here may give its record back. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_RPC_PENDING);
	__type(key, struct tm_rpc_request_key);
	__type(value, __u32);
} rpc_pending SEC(".maps") __weak;

static __always_inline struct rpc_stream *rpc_stream_at(__u32 slot)
{
	return bpf_map_lookup_elem(&rpc_streams, &slot);
}

static __always_inline struct tm_rpc *rpc_at(__u32 index)
{
	return bpf_map_lookup_elem(&rpcs, &index);
}

static __always_inline struct tm_rpc_request *rpc_request_at(__u32 index)
{
	return bpf_map_lookup_elem(&rpc_requests, &index);
}

/* ---- which sockets ------------------------------------------------------------------------- */

static __always_inline bool rpc_name_equal(const volatile char *a, const char *b)
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

static __noinline __u32 rpc_class_side(__u32 rule, const char *name)
{
	int i;

	if (rule >= TM_RPC_RULES || !name)
		return 0;
	for (i = 0; i < TM_RPC_CLASSES; i++)
		if (rpc_rules[rule].classes[i].side &&
		    rpc_name_equal(rpc_rules[rule].classes[i].name, name))
			return rpc_rules[rule].classes[i].side;
	return 0;
}

struct rpc_endpoint {
	__u64 data;
	__u64 length;
};

static __always_inline bool rpc_port_fits(__u32 rule, const struct rpc_endpoint *endpoint)
{
	char scheme[6] = {}, tail[8] = {};
	__u32 port, i;

	if (endpoint->length < 8 ||
	    bpf_probe_read_user(scheme, sizeof(scheme), (void *)endpoint->data) ||
	    bpf_probe_read_user(tail, sizeof(tail),
				(void *)(endpoint->data + endpoint->length - 8)))
		return false;
	if (scheme[0] != 't' || scheme[1] != 'c' || scheme[2] != 'p' || scheme[3] != ':')
		return false;
	port = rpc_port(tail);
	for (i = 0; port && i < TM_RPC_PORTS; i++)
		if (rpc_rules[rule].ports[i] == port)
			return true;
	return false;
}

static __always_inline bool rpc_prefix_fits(const volatile char *prefix, const char *text)
{
	int i;

	for (i = 0; i < TM_RPC_PREFIX_LEN; i++) {
		if (!prefix[i])
			return i > 0;
		if (prefix[i] != text[i])
			return false;
	}
	return false;
}

static __noinline bool rpc_endpoint_fits(__u32 rule, const struct rpc_endpoint *endpoint)
{
	char text[TM_RPC_PREFIX_LEN] = {};
	__u32 length, i;

	if (rule >= TM_RPC_RULES || !endpoint || endpoint->length >= TM_TEXT_LEN)
		return false;
	if (rpc_port_fits(rule, endpoint))
		return true;
	if (!rpc_rules[rule].prefixes[0][0])
		return false;
	length = endpoint->length;
	if (length > TM_RPC_PREFIX_LEN - 1)
		length = TM_RPC_PREFIX_LEN - 1;
	/* the mask is for the verifier */
	if (!length ||
	    bpf_probe_read_user(text, length & (TM_RPC_PREFIX_LEN - 1), (void *)endpoint->data))
		return false;
	for (i = 0; i < TM_RPC_PREFIXES; i++)
		if (rpc_prefix_fits(rpc_rules[rule].prefixes[i], text))
			return true;
	return false;
}

/* The first rule that means this socket; *stream is RPC_NO before. */
static __noinline void rpc_stream_match(struct rpc_stream *stream, const struct tm_spec *spec,
					const struct tm_object_class *class, __u64 object)
{
	struct rpc_endpoint endpoint = {};
	char name[TM_CLASS_LEN] = {};
	__u32 i, side;

	if (!stream || !spec || !class)
		return;
	class_name_read(object, name, sizeof(name));
	if (!name[0]) {
		stream->state = RPC_UNDECIDED; /* its page may be there next time */
		return;
	}
	stream->addressed = rpc_name_equal(class->addressed[0], name) ||
			    rpc_name_equal(class->addressed[1], name);
	if (class->known &&
	    bpf_probe_read_user(&endpoint, sizeof(endpoint), (void *)(object + class->text_offset)))
		return;
	for (i = 0; i < TM_RPC_RULES; i++) {
		if (i >= rpc_rule_count)
			break;
		if (!(spec->rpc >> i & 1))
			continue;
		side = rpc_class_side(i, name);
		if (!side || (class->known && !rpc_endpoint_fits(i, &endpoint)))
			continue;
		stream->rule = i;
		stream->side = side;
		stream->state = class->known ? RPC_YES : RPC_MAYBE;
		return;
	}
}

static __noinline void rpc_stream_decide(struct rpc_stream *stream, const struct tm_spec *spec,
					 const struct tm_frame *frame)
{
	struct tm_object_class *class;
	struct tm_slot *slot;
	__u32 index;

	if (!stream || !spec || !frame)
		return;
	index = spec->object_class;
	class = bpf_map_lookup_elem(&object_classes, &index);
	slot = slot_at(frame->slot);
	if (stream->generation != frame->generation) {
		stream->generation = frame->generation;
		stream->state = RPC_UNDECIDED;
		stream->frames = 0;
		stream->spoilt = 0;
		stream->begun = 0;
	}
	/* only between messages, and again only if there is news */
	if (stream->frames || (stream->state != RPC_UNDECIDED &&
			       !(stream->state == RPC_MAYBE && class && class->known)))
		return;
	stream->state = RPC_NO;
	if (index && class && slot && slot->key.object)
		rpc_stream_match(stream, spec, class, slot->key.object);
}

/* Whether a call in this stream may be part of a request or response: all that other sockets pay. */
static __always_inline bool rpc_wanted(const struct rpc_stream *stream,
				       const struct tm_frame *frame)
{
	return stream && (stream->state != RPC_NO || stream->generation != frame->generation);
}

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

/* ---- requests -------------------------------------------------------------------------------- */

static __noinline __u32 rpc_method(__u32 rule, __u64 op)
{
	struct tm_rpc_name name = { .hash = op, .rule = rule };
	__u32 *found;

	if (rule >= TM_RPC_RULES)
		return 0;
	if (op < 128)
		return rpc_rules[rule].methods[op & 127];
	found = bpf_map_lookup_elem(&rpc_names, &name);
	return found ? *found : 0;
}

/* The counters of the method on the socket; new ones if need be. 0 and *index, or -1. */
static __noinline int rpc_get(const struct rpc_stream *stream, __u32 id, __u32 *index)
{
	struct tm_rpc_key key = { .stream = id };
	struct tm_rpc *rpc;
	__u32 *found;

	if (!stream || !index)
		return -1;
	key.method = rpc_method(stream->rule, stream->op);
	found = bpf_map_lookup_elem(&rpc_index, &key);
	if (found) {
		*index = *found;
		return 0;
	}
	if (bpf_map_pop_elem(&free_rpcs, index)) {
		lost(TM_LOST_RPC_FULL);
		return -1;
	}
	rpc = rpc_at(*index);
	if (!rpc)
		return -1;
	block_use(rpc_blocks, TM_RPC_SLOTS / TM_BLOCK, *index);
	rpc->stream = id;
	rpc->method = key.method;
	rpc->rule = stream->rule;
	rpc->side = stream->side;
	if (bpf_map_update_elem(&rpc_index, &key, index, BPF_NOEXIST)) {
		bpf_map_push_elem(&free_rpcs, index, 0);
		lost(TM_LOST_RPC_FULL); /* or another thread was faster */
		return -1;
	}
	*(volatile __u32 *)&rpc->state = TM_SLOT_LIVE;
	return 0;
}

static __always_inline void rpc_request_key(struct tm_rpc_request_key *key,
					    const struct tm_slot *slot,
					    const struct rpc_stream *stream)
{
	key->object = slot->key.object;
	key->process = slot->key.process;
	key->peer = stream->addressed ? stream->peer : 0;
	key->uid = stream->uid;
}

/*
 * The record for a request: a free one, or that of an earlier request with the same uid, which then will never be
 * answered (or is of another socket that was at the same address). 0 and *index, or -1.
 */
static __noinline int rpc_request_place(const struct tm_rpc_request_key *key, __u32 *index)
{
	__u32 *found;

	if (!key || !index)
		return -1;
	found = bpf_map_lookup_elem(&rpc_pending, key);
	if (found) {
		*index = *found;
		return 0;
	}
	if (bpf_map_pop_elem(&free_rpc_requests, index)) {
		lost(TM_LOST_RPC_PENDING_FULL);
		return -1;
	}
	block_use(rpc_request_blocks, TM_RPC_PENDING / TM_BLOCK, *index);
	if (bpf_map_update_elem(&rpc_pending, key, index, BPF_NOEXIST)) {
		bpf_map_push_elem(&free_rpc_requests, index, 0);
		lost(TM_LOST_RPC_PENDING_FULL);
		return -1;
	}
	return 0;
}

static __noinline void rpc_request(const struct rpc_stream *stream, const struct tm_frame *frame,
				   __u64 start_ns)
{
	struct tm_rpc_request_key key = {};
	struct tm_rpc_request *request;
	__u32 index = 0, place = 0, id;
	struct tm_slot *slot;
	struct tm_rpc *rpc;

	if (!stream || !frame)
		return;
	id = TM_STREAM_ID(frame->slot, frame->generation);
	slot = slot_at(frame->slot);
	if (!slot || rpc_get(stream, id, &index))
		return;
	rpc = rpc_at(index);
	if (!rpc)
		return;
	__sync_fetch_and_add(&rpc->requests, 1);
	rpc_request_key(&key, slot, stream);
	if (rpc_request_place(&key, &place))
		return;
	request = rpc_request_at(place);
	if (!request)
		return;
	/* first: the agent must not take what is half an earlier request for one whose socket has gone */
	*(volatile __u64 *)&request->start_ns = 0;
	request->key = key;
	request->op = stream->op;
	request->rpc = index;
	request->stream = id;
	/* last: then it is there for the agent */
	*(volatile __u64 *)&request->start_ns = start_ns;
}

static __noinline void rpc_answer(const struct tm_rpc_request *request, __u64 now)
{
	struct tm_rpc *rpc;
	__u32 bucket;
	__u64 ns;

	if (!request)
		return;
	rpc = rpc_at(request->rpc);
	if (!rpc || rpc->state != TM_SLOT_LIVE || rpc->stream != request->stream)
		return; /* its socket has been closed */
	ns = now > request->start_ns ? now - request->start_ns : 0;
	bucket = hist_bucket(hist_bounds_ns, hist_guesses, ns);
	if (bucket < TM_HIST_BUCKETS)
		__sync_fetch_and_add(&rpc->hist[bucket], 1);
	__sync_fetch_and_add(&rpc->sum_ns, ns);
}

static __noinline void rpc_response(const struct rpc_stream *stream, const struct tm_frame *frame,
				    __u64 now)
{
	struct tm_rpc_request_key key = {};
	struct tm_rpc_request *request;
	struct tm_slot *slot;
	__u32 *found, place;

	if (!stream || !frame)
		return;
	slot = slot_at(frame->slot);
	if (!slot)
		return;
	rpc_request_key(&key, slot, stream);
	found = bpf_map_lookup_elem(&rpc_pending, &key);
	if (!found)
		return;
	place = *found;
	request = rpc_request_at(place);
	/* a response repeats the operation */
	if (!request || request->op != stream->op || bpf_map_delete_elem(&rpc_pending, &key))
		return;
	rpc_answer(request, now);
	*(volatile __u64 *)&request->start_ns = 0;
	bpf_map_push_elem(&free_rpc_requests, &place, 0);
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
