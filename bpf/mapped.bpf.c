/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which files are mapped executable, by which process: read through the Linux kernel's own structures, since
 * /proc shows an overlay mount's device and inode where the uprobe sees the real file's.
 *
 * The lock of a process's memory may be held for as long as the process likes. The iterator over tasks does not wait for
 * it and says who could not be looked at. The older one over mappings waits.
 */
#include "lock.bpf.h"
#include "thread.bpf.h"

#define EBUSY 16 /* include/uapi/asm-generic/errno-base.h */
#define MAPPINGS_AT_ONCE \
	256 /* fit the buffer of 32 KiB that a program's output for one task must fit */
#define AREAS_AT_ONCE 8192 /* so that no task takes long */

/* include/linux/mm.h */
#define VM_EXEC 0x4
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

static __always_inline void describe(struct vm_area_struct *vma, struct file *file,
				     struct tm_mapping *mapping)
{
	struct inode *inode = file->f_inode;

	mapping->start = vma->vm_start;
	mapping->end = vma->vm_end;
	mapping->pgoff = (__u64)vma->vm_pgoff << PAGE_SHIFT;
	mapping->inode = inode->i_ino;
	mapping->size = inode->i_size;
	mapping->mtime = inode_mtime(inode);
	mapping->generation = inode->i_generation;
	mapping->device = inode->i_sb->s_dev;
	mapping->fuse = fuse_device(file);
	mapping->inode_at = (__u64)inode;
}

SEC("iter/task_vma")
int mapped_files(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct tm_mapping mapping = {};
	struct file *file;

	if (!task || !vma)
		return 0;
	file = vma->vm_file;
	if (!file || !(vma->vm_flags & VM_EXEC))
		return 0;
	describe(vma, file, &mapping);
	process_identify(task, &mapping.process);
	bpf_seq_write(ctx->meta->seq, &mapping, sizeof(mapping));
	return 0;
}

volatile __u64 mapped_from; /* address: what is mapped below it is left out */

/* 6.7: 4ac454682158 ("bpf: Introduce task_vma open-coded iterator kfuncs"); it tries the lock, and does not wait */
struct bpf_iter_task_vma {
	__u64 opaque[1];
} __attribute__((aligned(8)));

extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task,
				 __u64 addr) __ksym __weak;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym __weak;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym __weak;

static __always_inline void tell(struct seq_file *seq, struct tm_mapping *mapping, __u32 kind)
{
	mapping->kind = kind;
	bpf_seq_write(seq, mapping, sizeof(*mapping));
}

/* Of the task at hand. In memory, so that the verifier need not follow the loop for every number they can have. */
volatile struct {
	__u32 areas, told;
} mapped_progress;

static __always_inline void list_areas(struct seq_file *seq, struct bpf_iter_task_vma *areas,
				       struct tm_mapping *mapping)
{
	struct vm_area_struct *vma;

	mapped_progress.areas = mapped_progress.told = 0;
	while ((vma = bpf_iter_task_vma_next(areas))) {
		struct file *file;

		if (mapped_progress.areas++ >= AREAS_AT_ONCE ||
		    mapped_progress.told >= MAPPINGS_AT_ONCE) {
			mapping->start = vma->vm_start;
			tell(seq, mapping, TM_MAPPING_MORE);
			return;
		}
		file = vma->vm_file;
		if (!file || !(vma->vm_flags & VM_EXEC))
			continue;
		describe(vma, file, mapping);
		tell(seq, mapping, TM_MAPPING_FILE);
		mapped_progress.told++;
	}
}

/* Threads share their memory; the first one may have ended before the others. */
static __always_inline bool stands_for_process(struct task_struct *task)
{
	return task->mm && (task->pid == task->tgid || !BPF_CORE_READ(task, group_leader, mm));
}

SEC("iter/task")
int mapped_files_now(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tm_mapping mapping = {};
	struct bpf_iter_task_vma areas;
	int err;

	if (!task || !stands_for_process(task))
		return 0;
	process_identify(task, &mapping.process);
	mapping.start = mapped_from;
	if (!bpf_ksym_exists(bpf_iter_task_vma_new)) {
		tell(ctx->meta->seq, &mapping,
		     memory_is_held(task->mm) ? TM_MAPPING_BUSY : TM_MAPPING_PROCESS);
		return 0;
	}
	err = bpf_iter_task_vma_new(&areas, task, mapped_from);
	if (!err)
		list_areas(ctx->meta->seq, &areas, &mapping);
	else if (err == -EBUSY)
		tell(ctx->meta->seq, &mapping, TM_MAPPING_BUSY);
	bpf_iter_task_vma_destroy(&areas);
	return 0;
}
