/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_MMAPWATCH_H
#define TAPMETER_TAP_MMAPWATCH_H
/*
 * Tells at once when any process maps a file executable: a program started, a library loaded late. By perf's
 * own mapping records, which cost processes nothing when they do not map anything. One thread.
 */
#include <stdint.h>

struct mmap_watch;

/* Opens one ring per CPU. -errno of perf_event_open(2): -EACCES without CAP_PERFMON. */
int mmap_watch__new(struct mmap_watch **out);
void mmap_watch__free(struct mmap_watch *watch);
/* Readable when notices wait. */
int mmap_watch__fd(const struct mmap_watch *watch);

/* Process `tgid` has mapped the file with this device and inode (of the mount, not the real file's). */
typedef void (*mmap_watch_fn)(void *arg, uint32_t tgid, uint32_t major, uint32_t minor,
			      uint64_t inode, uint64_t generation);
/* Hands over all waiting notices; adds the number of those that the rings had no room for to *lost. */
void mmap_watch__read(struct mmap_watch *watch, mmap_watch_fn fn, void *arg, uint64_t *lost);

#endif
