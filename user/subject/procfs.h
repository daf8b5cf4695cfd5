/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_PROCFS_H
#define TAPMETER_SUBJECT_PROCFS_H
/*
 * Small files of /proc/PID. `root` is "/proc" or a test's tree. What they hold is partly in the hands of the
 * process; reading is bounded. Any thread.
 */
#include <stddef.h>
#include <stdint.h>

#define PROCFS_TICK_NS \
	10000000ull /* USER_HZ is 100 on every architecture we know: include/asm-generic/param.h */

struct aside;

struct procfs_stat {
	char state;
	uint32_t parent; /* 0 = none, or outside our pid namespace */
	uint32_t threads;
	uint64_t start_ticks; /* since boot */
};

/* At most size - 1 bytes of root/TGID/name, ended with NUL. Returns the length, -ENOENT if it is empty, -errno. */
long procfs_read(const char *root, uint32_t tgid, const char *name, char *buf, size_t size);

/* `aside` may be NULL (aside.h). -ENOENT: it has gone. -EINVAL: not understood. -ETIMEDOUT, -EBUSY: it cannot be told now. */
int procfs_stat(struct aside *aside, const char *root, uint32_t tgid, struct procfs_stat *out);
/* 1 if it runs: a leader that has ended, as a zombie, while other threads go on, runs too. */
int procfs_runs(const struct procfs_stat *stat);
/* 1 if the process of that number is alive and the one that started then, or that cannot be told now. */
int procfs_alive(struct aside *aside, const char *root, uint32_t tgid, uint64_t start_ticks);

/* 1 if the process is pid 1 of its own pid namespace, which is not the host's: NSpid of its status. */
int procfs_is_first(struct aside *aside, const char *root, uint32_t tgid);

#endif
