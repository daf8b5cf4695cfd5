/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RPC_MATCH_BPF_H
#define TAPMETER_RPC_MATCH_BPF_H
/*
 * Whether a socket is one of those that a rule means: decided at its first frame. As long as the place of the endpoint in
 * its file's sockets is not known, by its class alone; the agent, which finds the place, leaves out what was
 * counted for the wrong ones.
 */
#include "rpc_maps.bpf.h"

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

#endif
