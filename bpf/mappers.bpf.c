/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who maps a file and holds the lock of its memory. To set or remove a uprobe, Linux goes through all who map the file,
 * waits for each one's lock, and lets no process fork meanwhile: this is asked before.
 *
 * The tree of mappings is read without its lock. What changes meanwhile may be missed, or seen twice, but never stops the
 * walk.
 */
#include "lock.bpf.h"
#include <tapmeter/abi.h>

/* include/linux/mm.h: what valid_vma() of kernel/events/uprobes.c looks at */
#define VM_MAYEXEC 0x40
#define VM_MAYSHARE 0x80
#define VM_HUGETLB 0x400000

_Static_assert(!(TM_MAPPERS_HELD & (TM_MAPPERS_HELD - 1)), "a mask");

#define MAX_STEPS (1 << 18) /* at most three for each mapping */

struct tm_mappers mappers; /* question and answer */

struct walk {
	struct rb_node *at, *from;
};

static __always_inline bool has_code(const struct vm_area_struct *vma)
{
	unsigned long flags = BPF_CORE_READ(vma, vm_flags);

	return (flags & (VM_MAYEXEC | VM_MAYSHARE | VM_HUGETLB)) == VM_MAYEXEC;
}

static __always_inline void visit(struct rb_node *node)
{
	struct vm_area_struct *vma =
		(void *)node - bpf_core_field_offset(struct vm_area_struct, shared.rb);
	struct mm_struct *memory;
	__u32 at = mappers.count;

	memory = BPF_CORE_READ(vma, vm_mm);
	if (at >= TM_MAPPERS_HELD || !memory || !has_code(vma) || !memory_is_held(memory))
		return;
	barrier_var(at); /* or the bound is checked in another register than the one used */
	at &= TM_MAPPERS_HELD - 1;
	mappers.held[at].memory = (__u64)memory;
	if (bpf_core_field_exists(memory->owner))
		mappers.held[at].tgid = BPF_CORE_READ(memory, owner, tgid);
	mappers.count = at + 1;
}

/* In order, without a stack: where it goes on is told by where it came from. */
static long step(__u32 index, void *context)
{
	struct rb_node *left, *right, *parent, *next;
	struct walk *walk = context;
	struct rb_node *at = walk->at;

	if (!at)
		return 1;
	left = BPF_CORE_READ(at, rb_left);
	right = BPF_CORE_READ(at, rb_right);
	parent = (void *)(BPF_CORE_READ(at, __rb_parent_color) & ~3ul);
	if (walk->from == parent && left) {
		next = left;
	} else if (walk->from == parent || walk->from == left) {
		visit(at);
		next = right ?: parent;
	} else {
		next = parent;
	}
	walk->from = at;
	walk->at = next;
	return 0;
}

SEC("syscall")
int file_mappers(void *ctx)
{
	struct walk walk = {};
	const struct inode *inode = (void *)mappers.inode_at;

	mappers.count = 0;
	walk.at = BPF_CORE_READ(inode, i_mapping, i_mmap.rb_root.rb_node);
	bpf_loop(MAX_STEPS, step, &walk, 0);
	return 0;
}
