/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_CGROUPFS_H
#define TAPMETER_SUBJECT_CGROUPFS_H
/*
 * What stands in the files of a cgroup (v1 and v2) and in /proc/PID/net/dev. Pure functions of text
 * that may hold anything; -EPROTO: it is not what it should be, and nothing is written.
 */
#include <stdint.h>

#define CGROUPFS_UNLIMITED UINT64_MAX

/* The first word of the text as a decimal number. */
int cgroupfs_number(const char *text, uint64_t *out);
/* The same of a limit: "max" (v2) and the number near 2^63 that v1 has for none are CGROUPFS_UNLIMITED. */
int cgroupfs_limit(const char *text, uint64_t *out);
/* What follows the key in the line "key number"; "", which is no number, if there is none. */
const char *cgroupfs_after(const char *text, const char *key);
/*
 * Sums of blkio.throttle.io_service_bytes, v1: lines "major:minor Read number", and Write; what else
 * there is, as Discard and the totals, is not looked at. -ENODATA: no line of a device.
 */
int cgroupfs_blkio(const char *text, uint64_t *read_bytes, uint64_t *write_bytes);
/* Sums of io.stat, v2: lines "major:minor rbytes=number wbytes=number …". An empty file is all zeros. */
int cgroupfs_io_stat(const char *text, uint64_t *read_bytes, uint64_t *write_bytes);
/* Sums of /proc/PID/net/dev over all interfaces but lo. */
int cgroupfs_net_dev(const char *text, uint64_t *receive_bytes, uint64_t *send_bytes);

#endif
