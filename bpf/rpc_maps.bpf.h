/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_RPC_MAPS_BPF_H
#define TAPMETER_RPC_MAPS_BPF_H
/* What the parts of rpc.bpf.h share: settings, maps and their getters. */
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

#endif
