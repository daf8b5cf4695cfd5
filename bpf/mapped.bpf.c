/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which files are mapped executable, by which process: read through the Linux kernel's own structures, since
 * /proc shows an overlay mount's device and inode where the uprobe sees the real file's.
 */
#include "thread.bpf.h"

#define VM_EXEC 0x4 /* include/linux/mm.h */
#define PAGE_SHIFT 12
#define FUSE_SUPER_MAGIC 0x65735546 /* include/uapi/linux/magic.h */
/* include/linux/fs.h: bit 25, since 6.14 bit 24; see fuse_device() */
#define FMODE_BACKING (3 << 24)

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

static __always_inline __u32 device_if_fuse(const struct super_block *sb)
{
	return BPF_CORE_READ(sb, s_magic) == FUSE_SUPER_MAGIC ? BPF_CORE_READ(sb, s_dev) : 0;
}

/*
 * The outermost one, which is asked first. What is mapped may be a file behind the one that was opened: an overlay's own,
 * or the one that a FUSE filesystem has named for passing reads through. Where the other of the two bits is set, there is
 * no path behind the file, but the next file: its operations are taken for a dentry, their code for a superblock, and that
 * does not say FUSE.
 */
static __always_inline __u32 fuse_device(struct file *file)
{
	const struct backing_file *backing = (void *)file;
	__u32 device = 0;

	if (file->f_mode & FMODE_BACKING && bpf_core_field_exists(backing->user_path))
		device = device_if_fuse(BPF_CORE_READ(backing, user_path.dentry, d_sb));
	if (!device)
		device = device_if_fuse(BPF_CORE_READ(file, f_path.dentry, d_sb));
	return device ?: device_if_fuse(BPF_CORE_READ(file, f_inode, i_sb));
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
	mapping.fuse = fuse_device(file);
	process_identify(task, &mapping.process);
	bpf_seq_write(ctx->meta->seq, &mapping, sizeof(mapping));
	return 0;
}
