/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the cost of a tap is measured against: a program that does nothing, attached in each of
 * the three ways; and, so that a single thing's cost can be told, one that does nothing but that.
 */
#include "kernel.bpf.h"
#include <tapmeter/hist.h>
#include "floor.h"

const volatile struct floor_settings settings = {};

struct counters {
	__u64 started_ns;
	__u64 hist[TM_HIST_BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct counters);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} storage SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern bool bpf_session_is_return(void) __ksym __weak;

/* How a tap finds the thread's record: task storage holds its number. */
static __always_inline __u32 own_number(void)
{
	__u32 *number = bpf_task_storage_get(&storage, bpf_get_current_task_btf(), 0,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);

	return number ? *number : 0;
}

static __always_inline void do_parts(bool at_return)
{
	__u32 number = 0, bucket;
	struct counters *record;
	__u64 now = 0;

	if (settings.parts & FLOOR_THREAD)
		number = own_number();
	if (settings.parts & FLOOR_CLOCK)
		now = bpf_ktime_get_ns();
	record = bpf_map_lookup_elem(&records, &number);
	if (!record)
		return;
	if (!at_return) {
		record->started_ns = now;
		return;
	}
	if (!(settings.parts & FLOOR_HISTOGRAM))
		return;
	bucket = hist_bucket(settings.bounds_ns, settings.guesses, now - record->started_ns);
	if (bucket < TM_HIST_BUCKETS)
		__sync_fetch_and_add(&record->hist[bucket], 1);
}

SEC("uprobe.multi")
int floor_session(void *ctx)
{
	if (settings.parts)
		do_parts(bpf_session_is_return());
	return 0;
}

SEC("uprobe.multi")
int floor_multi(void *ctx)
{
	return 0;
}

SEC("uprobe")
int floor_perf(void *ctx)
{
	return 0;
}
