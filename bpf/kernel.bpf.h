/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_KERNEL_BPF_H
#define TAPMETER_KERNEL_BPF_H
/*
 * The few fields of the Linux kernel's structures that we read, relocated at load time (CO-RE), so
 * that no headers of the running Linux kernel are needed. Only names matter here, not places.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct thread_struct {
	unsigned long fsbase;
};

struct kernfs_node {
	struct kernfs_node *
		__parent; /* 6.15: 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent.") */
	const char *name;
	__u64 id;
};

struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id {
	memory_cgrp_id = 0, /* the value comes from the running Linux kernel */
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

/* Where there is preemption of everything (PREEMPT_RT), it has no count. */
struct rw_semaphore {
	struct {
		__s64 counter;
	} count;
};

struct task_struct;

struct mm_struct {
	struct rw_semaphore mmap_lock;
	struct task_struct *owner; /* with CONFIG_MEMCG */
};

struct task_struct {
	struct mm_struct *mm;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	char comm[16];
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct thread_struct thread;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct timespec64 {
	__s64 tv_sec;
};

struct rb_node {
	unsigned long __rb_parent_color;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
};

struct address_space {
	struct rb_root_cached i_mmap;
};

struct inode {
	struct address_space *i_mapping;
	unsigned long i_ino;
	__u32 i_generation;
	__s64 i_size;
	struct super_block *i_sb;
	__s64 i_mtime_sec; /* 6.11: 3aa63a569c64 ("fs: switch timespec64 fields in inode to discrete integers") */
};

struct inode___before_6_11 {
	struct timespec64 __i_mtime;
};

struct inode___before_6_7 {
	struct timespec64 i_mtime;
};

struct dentry {
	struct super_block *d_sb;
};

struct path {
	struct dentry *dentry;
};

struct file {
	__u32 f_mode;
	struct inode *f_inode;
	struct path f_path;
};

/* 6.7: def3ae83da02 ("fs: store real path instead of fake path in backing file f_path") */
struct backing_file {
	struct file file;
	struct path user_path;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct mm_struct *vm_mm;
	struct file *vm_file;
	struct {
		struct rb_node rb;
	} shared;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

#pragma clang attribute pop

#endif
