/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which files are mapped executable, by which process: read through the Linux kernel's own structures, since
 * /proc shows an overlay mount's device and inode where the uprobe sees the real file's.
 */
#include "thread.bpf.h"

#define VM_EXEC 0x4 /* include/linux/mm.h */
#define PAGE_SHIFT 12

static __always_inline __s64 inode_mtime(struct inode *inode)
{
	struct inode___before_6_11 *middle = (void *)inode;
	struct inode___before_6_7 *old = (void *)inode;

	if (bpf_core_field_exists(inode->i_mtime_sec))
		return BPF_CORE_READ(inode, i_mtime_sec);
	if (bpf_core_field_exists(middle->__i_mtime))
		return BPF_CORE_READ(middle, __i_mtime.tv_sec);
	return BPF_CORE_READ(old, i_mtime.tv_sec);
}

SEC("iter/task_vma")
int mapped_files(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct tm_mapping mapping = {};
	struct inode *inode;
	struct file *file;

	if (!task || !vma)
		return 0;
	file = vma->vm_file;
	if (!file || !(vma->vm_flags & VM_EXEC))
		return 0;
	inode = file->f_inode;
	mapping.start = vma->vm_start;
	mapping.end = vma->vm_end;
	mapping.pgoff = (__u64)vma->vm_pgoff << PAGE_SHIFT;
	mapping.inode = inode->i_ino;
	mapping.size = inode->i_size;
	mapping.mtime = inode_mtime(inode);
	mapping.generation = inode->i_generation;
	mapping.device = inode->i_sb->s_dev;
	process_identify(task, &mapping.process);
	bpf_seq_write(ctx->meta->seq, &mapping, sizeof(mapping));
	return 0;
}
