/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RPC_REQUEST_BPF_H
#define TAPMETER_RPC_REQUEST_BPF_H
/* Counting a request, keeping it until its response comes, and timing that. */
#include "hist.bpf.h"
#include "rpc_maps.bpf.h"

static __noinline __u32 rpc_method(__u32 rule, __u64 op)
{
	struct tm_rpc_name name = { .hash = op, .rule = rule };
	__u32 *found;

	if (rule >= TM_RPC_RULES)
		return 0;
	/* Hidden from the compiler, which would index by another copy: Linux 6.1's verifier has a bound for one only. */
	__asm__("" : "+r"(rule));
	rule &= TM_RPC_RULES - 1;
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

static __noinline void rpc_answer(const struct tm_rpc_request *request, __u64 now, bool result)
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
	if (result)
		__sync_fetch_and_add(&rpc->results, 1);
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
	/* uid and operation, then the result if there is one */
	rpc_answer(request, now, (int)stream->frames - stream->addressed > 2);
	*(volatile __u64 *)&request->start_ns = 0;
	bpf_map_push_elem(&free_rpc_requests, &place, 0);
}

#endif
