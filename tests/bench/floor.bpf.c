/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the cost of a tap is measured against: a program that does nothing, attached in each of
 * the three ways; and, so that a single thing's cost can be told, one that does nothing but that.
 */
#include "kernel.bpf.h"
#include <tapmeter/hist.h>
#include "floor.h"

const volatile struct floor_settings settings = {};

#define THREADS 16384

struct counters {
	__u32 tid, pad;
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

/* Number of a thread's record, by the lowest bits of its id. */
__u16 numbers[THREADS] = {};

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern __u64 *bpf_session_cookie(void) __ksym __weak;

/* How a tap finds the thread's record at entry; the session's cookie has it at return. */
static __always_inline __u32 own_number(void)
{
	__u32 tid = bpf_get_current_task_btf()->pid, number = numbers[tid % THREADS];
	struct counters *record = bpf_map_lookup_elem(&records, &number);

	if (record && record->tid != tid)
		record->tid = tid;
	return number;
}

#define TICKET_VALID (1ull << 32)

static __always_inline void do_parts(__u64 *ticket)
{
	bool at_return = *ticket != 0;
	__u32 number = *ticket, bucket;
	struct counters *record;
	__u64 now = 0;

	if (settings.parts & FLOOR_CLOCK)
		now = bpf_ktime_get_ns();
	if (!at_return) {
		if (settings.parts & FLOOR_THREAD)
			number = own_number();
		*ticket = TICKET_VALID | number;
	}
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
		do_parts(bpf_session_cookie());
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
