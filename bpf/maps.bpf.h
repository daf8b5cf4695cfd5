/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_MAPS_BPF_H
#define TAPMETER_MAPS_BPF_H
/* Every map, the settings, and the getters through which the programs reach them. */
#include "kernel.bpf.h"
#include <tapmeter/abi.h>

/* Settings, constant from load on. */
extern const volatile __u32 agent_tgid; /* never counted */
extern volatile __u32 relay_tgid; /* nor is its child; changes when that is started again, 0 = none */
extern const volatile bool filter_processes; /* only those in `allowed` are counted */
extern const volatile __u32 cgroup_streams_limit;
extern const volatile __u64 hist_bounds_ns[TM_HIST_BOUNDS];
extern const volatile __u8 hist_guesses[TM_HIST_GUESSES];

/* A bit per TM_BLOCK slots or thread records that was ever used: what the agent need not look at. */
extern __u64 slot_blocks[TM_STREAMS_MAX / TM_BLOCK / 64];
extern __u64 thread_blocks[TM_MAX_THREADS / TM_BLOCK / 64];

/*
 * Number + 1 of the slot or thread record that was last found from this place, 0 = none. Shared by all threads and
 * only a hint: what it leads to says itself whose it is.
 */
extern __u32 stream_cache[1 << TM_STREAM_CACHE_BITS];
extern __u16 thread_hints[1 << TM_THREAD_HINT_BITS];
_Static_assert(TM_MAX_THREADS < 1 << 16, "a thread record's number + 1 fits a hint");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* nobody maps it, but it begins on a cache line */
	__uint(max_entries, TM_MAX_SPECS);
	__type(key, __u32);
	__type(value, struct tm_spec);
} specs SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TM_MAX_SPECS);
	__type(key, __u32);
	__type(value, struct tm_result_spec);
} result_specs SEC(".maps") __weak;

/* Allow-lists: the operation that a command's name stands for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_MAX_NAMES);
	__type(key, struct tm_name_key);
	__type(value, __u32);
} operation_names SEC(".maps") __weak;

struct counters_key {
	struct tm_process_id process;
	__u32 file;
	__u32 pad;
};

struct counters_seen {
	__u64 value[TM_COUNTERS];
	__u32 valid; /* bit n: value[n] has been read */
	__u32 pad;
};

/* A process's own counters as they were read last. Entries of processes that have ended are replaced. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TM_MAX_PROCESSES);
	__type(key, struct counters_key);
	__type(value, struct counters_seen);
} process_counters SEC(".maps") __weak;

/* How often each spec's probe was hit; memory-mapped. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_MAX_SPECS *TM_RUN_SHARDS);
	__type(key, __u32);
	__type(value, __u64);
} runs SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TM_MAX_OBJECT_CLASSES);
	__type(key, __u32);
	__type(value, struct tm_object_class);
} object_classes SEC(".maps") __weak;

/* Counters, memory-mapped by the agent. Sized by --max-streams, like the two maps after it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tm_slot);
} slots SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_slots SEC(".maps") __weak;

struct stream_ref {
	__u32 slot;
	__u32 generation;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tm_stream_key);
	__type(value, struct stream_ref);
} streams SEC(".maps") __weak;

/* Threads that have called a tapped function, with their calls in flight; memory-mapped. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_MAX_THREADS);
	__type(key, __u32);
	__type(value, struct tm_thread);
} threads SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, TM_MAX_THREADS);
	__type(value, __u32);
} free_threads SEC(".maps") __weak;

/* A thread's index in `threads`; the Linux kernel frees it with the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} thread_index SEC(".maps") __weak;

/* Processes that have called a tapped function: whose end is worth an event. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, struct tm_process_id);
} processes SEC(".maps") __weak;

/* Streams of each container, so that one cannot take all slots. Corrected by the agent every second. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, __u32);
} cgroup_streams SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TM_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, __u8);
} allowed SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TM_LOST_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps") __weak;

static __always_inline struct tm_slot *slot_at(__u32 index)
{
	return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline struct tm_thread *thread_at(__u32 index)
{
	return bpf_map_lookup_elem(&threads, &index);
}

static __always_inline void count_run(__u32 spec)
{
	__u32 shard = bpf_get_smp_processor_id() % TM_RUN_SHARDS;
	__u32 index = shard * TM_MAX_SPECS + spec;
	__u64 *count = bpf_map_lookup_elem(&runs, &index);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* `bits` is a multiple of 64; `index` counts slots or thread records. */
static __always_inline void block_use(__u64 *blocks, __u32 bits, __u32 index)
{
	__u32 block = index / TM_BLOCK;

	if (block < bits && !(blocks[block / 64] >> block % 64 & 1))
		__sync_fetch_and_or(&blocks[block / 64], 1ull << block % 64);
}

/* Not inline: what is rare should not lie between what every call runs. */
static __noinline void lost(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &reason);

	if (count)
		__sync_fetch_and_add(count, 1);
}

#endif
