/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_LOCK_BPF_H
#define TAPMETER_LOCK_BPF_H
#include "kernel.bpf.h"

/*
 * Whether anybody has the lock of this memory now: who would change what is mapped there, as setting a uprobe does, would
 * have to wait. false where that cannot be told (PREEMPT_RT).
 */
static __always_inline bool memory_is_held(struct mm_struct *memory)
{
	if (!bpf_core_field_exists(memory->mmap_lock.count))
		return false;
	return BPF_CORE_READ(memory, mmap_lock.count.counter) != 0;
}

#endif
