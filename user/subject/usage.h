/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_USAGE_H
#define TAPMETER_SUBJECT_USAGE_H
/*
 * What a container has used of CPU, memory, disks and network: its cgroup's files (v1, v2, or some of
 * both) and its network namespace's interfaces. The files are opened once and read again and again;
 * a reading costs some system calls, no look-up. An open file does not keep a cgroup from being
 * removed, but it does keep a network namespace: see usage__set_process(). One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "store/snapshot.h"

/* ---- what all containers share ---- */

struct usage_host;

/*
 * `proc_root` is "/proc" or a test's tree, and must outlive the object; max_fds: how many files may
 * stay open. What goes beyond is opened for each reading. -ENOMEM, -errno of proc_root/self/mountinfo.
 */
int usage_host__new(const char *proc_root, size_t max_fds, struct usage_host **out);
/* After all its containers. Accepts NULL. */
void usage_host__free(struct usage_host *host);
/* Now and then: looks whether Linux accounts for disks in v1's blkio at all. */
void usage_host__refresh(struct usage_host *host);
/* Files open now for containers. */
size_t usage_host__fds(const struct usage_host *host);

/* ---- one container ---- */

struct usage;

/*
 * The container of that id (or the systemd unit of that name) that the process is in. Opens the
 * cgroup's files and, unless it is the host's own, the network namespace's. What is missing is left
 * out of the readings. -ENOENT: no cgroup of the process has the name, or it has gone; -ENOMEM.
 */
int usage__new(struct usage_host *host, const char *name, uint32_t tgid, struct usage **out);
/* Closes everything. Accepts NULL. */
void usage__free(struct usage *usage);
/*
 * From now on the network is that of this process of the container; 0 = of none. Call it as soon as the
 * process ends: the open file keeps the network namespace, and with it the interfaces.
 */
void usage__set_process(struct usage *usage, uint32_t tgid);
/* The process whose network it is, 0 = of none. */
uint32_t usage__process(const struct usage *usage);
/*
 * Now and then: notices that the process has gone to another network namespace, looks at the limits
 * further up, opens what had to wait for a place among the open files.
 */
void usage__refresh(struct usage *usage);
/* Reads everything. now_ns is put into out->mono_ns; out->instance is left alone. */
void usage__read(struct usage *usage, uint64_t now_ns, struct kernel_usage *out);
/* 1 if the last reading has found that the cgroup was removed: one of the same name is another one. */
int usage__gone(const struct usage *usage);

#endif
