/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_THREAD_BPF_H
#define TAPMETER_THREAD_BPF_H
/* The record of a thread: which process it belongs to and its calls in flight. */
#include "maps.bpf.h"

static __always_inline void process_identify(struct task_struct *task, struct tm_process_id *id)
{
	id->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	id->tgid = task->tgid;
	/* exec raises it and keeps pid and start time; threads have the value of the thread that made them */
	id->exec_id = BPF_CORE_READ(task, group_leader, self_exec_id);
}

static __always_inline bool process_counted(__u32 tgid)
{
	if (tgid == agent_tgid || tgid == relay_tgid)
		return false;
	return !filter_processes || bpf_map_lookup_elem(&allowed, &tgid);
}

static __always_inline __u16 *thread_hint(const struct task_struct *task)
{
	return &thread_hints[(__u32)task->pid % (1 << TM_THREAD_HINT_BITS)];
}

static __always_inline bool thread_is(const struct tm_thread *thread,
				      const struct task_struct *task)
{
	return thread->tid == (__u32)task->pid && thread->started_ns == task->start_boottime;
}

/* Two threads whose ids share a place: task storage knows each one's record. */
static __noinline struct tm_thread *thread_find_stored(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *index = bpf_task_storage_get(&thread_index, task, 0, 0);

	if (!index || !*index)
		return 0;
	*thread_hint(task) = *index;
	return thread_at(*index - 1);
}

/* The running thread's record, 0 = it has none. */
static __always_inline struct tm_thread *thread_find(struct task_struct *task)
{
	__u32 hint = *thread_hint(task);
	struct tm_thread *thread;

	/* A place is never emptied: no thread that shares it has a record, nor has any of a process not counted. */
	if (!hint)
		return 0;
	thread = thread_at(hint - 1);
	return thread && thread_is(thread, task) ? thread : thread_find_stored();
}

/* A record for a thread seen for the first time, whose registers lie at `registers`. */
static __always_inline struct tm_thread *thread_new(struct task_struct *task, __u64 registers)
{
	struct tm_thread *thread;
	struct tm_process_id id = {};
	__u32 index, *stored;

	stored = bpf_task_storage_get(&thread_index, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!stored || bpf_map_pop_elem(&free_threads, &index)) {
		lost(TM_LOST_INFLIGHT_FULL);
		return 0;
	}
	thread = thread_at(index);
	if (!thread)
		return 0;
	block_use(thread_blocks, TM_MAX_THREADS / TM_BLOCK, index);
	process_identify(task, &id);
	thread->process = id;
	thread->depth = 0;
	thread->errno_tpoff = 0;
	thread->started_ns = task->start_boottime;
	thread->registers = registers;
	thread->index = index;
	thread->tid = task->pid;
	*stored = index + 1;
	*thread_hint(task) = index + 1;
	bpf_map_update_elem(&processes, &id.tgid, &id, BPF_ANY);
	return thread;
}

/* The thread ends or becomes another program: what it was in will never return. */
static __always_inline void thread_release(struct task_struct *task)
{
	__u32 index, *stored = bpf_task_storage_get(&thread_index, task, 0, 0);
	struct tm_thread *thread;

	if (!stored || !*stored)
		return;
	index = *stored - 1;
	*stored = 0;
	thread = thread_at(index);
	if (!thread)
		return;
	thread->depth = 0;
	thread->tid = 0;
	bpf_map_push_elem(&free_threads, &index, 0);
}

#endif
