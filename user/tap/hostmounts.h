/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_HOSTMOUNTS_H
#define TAPMETER_TAP_HOSTMOUNTS_H
/*
 * Which filesystems are mounted in the host's own mount namespace. What is mounted there was mounted, or let in, by the
 * host's administrator; what is mounted elsewhere may be a container's own. One thread.
 */
#include <stdint.h>

#define HOST_MOUNTS_MAX 131072 /* that are read; Linux allows 100000, if not told otherwise */

struct host_mounts;

/* `mountinfo`: a text like /proc/1/mountinfo, borrowed; NULL: nothing is mounted. Reads nothing yet. -ENOMEM. */
int host_mounts__new(const char *mountinfo, struct host_mounts **out);
void host_mounts__free(struct host_mounts *mounts); /* accepts NULL */

/* What has been read is old: the next question reads it anew. */
void host_mounts__outdate(struct host_mounts *mounts);
/* 1 if the filesystem of this device (struct tm_mapping) is mounted; 0 if not, or if that cannot be read. */
int host_mounts__have(struct host_mounts *mounts, uint32_t device);

#endif
