/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that begin by fork; threads and processes that end, or become another by exec. */
#include "thread.bpf.h"

static __always_inline void process_ended(struct task_struct *task)
{
	struct tm_process_id *known, id;
	struct tm_event *event;
	__u32 tgid = task->tgid;

	known = bpf_map_lookup_elem(&processes, &tgid);
	if (!known)
		return;
	id = *known;
	bpf_map_delete_elem(&processes, &tgid);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		lost(TM_LOST_EVENTS_FULL);
		return; /* the agent's sweep finds it */
	}
	event->kind = TM_EVENT_EXIT;
	event->slot = 0;
	event->process = id;
	bpf_ringbuf_submit(event, 0);
}

/*
 * TP_PROTO(struct task_struct *parent, struct task_struct *child); once per thread, before it runs.
 * A child maps nothing anew that would tell the agent of it: it is counted like its parent until a
 * sweep finds it.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(life_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	__u8 one = 1;

	if (from != to && bpf_map_lookup_elem(&allowed, &from))
		bpf_map_update_elem(&allowed, &to, &one, BPF_ANY);
	return 0;
}

/* TP_PROTO(struct task_struct *p, ...), include/trace/events/sched.h; once per thread */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(life_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	thread_release(task);
	/* do_exit() has already taken this thread off signal->live */
	if (task->signal->live.counter)
		return 0;
	/*
	 * Not the agent's job: the pid's next process may be there before it has heard of the end.
	 * Not at exec: the agent looks anew then, and may have done so before life_exec runs.
	 */
	bpf_map_delete_elem(&allowed, &tgid);
	process_ended(task);
	return 0;
}

/* TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm); after the other threads are gone */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(life_exec, struct task_struct *task)
{
	thread_release(task);
	process_ended(task);
	return 0;
}
