/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_UNIT_H
#define TAPMETER_SUBJECT_UNIT_H
/*
 * Which systemd unit a process belongs to that is in no container. Pure functions of text that may hold anything.
 *
 * The innermost *.service or *.scope of the cgroup path is the unit. None are init.scope (systemd itself) and
 * what is below user.slice: there units come and go with every login and every program of a desktop, and two
 * users' units of one name would be one kernel.
 */
#include <stddef.h>
#include <tapmeter/abi.h>

#define UNIT_MAX 128 /* bytes, NUL included */

/* From a cgroup path of `len` bytes. 0, or -ENOENT: none, *unit is "". */
int unit_from_path(const char *path, size_t len, char unit[UNIT_MAX]);
/* From the text of /proc/PID/cgroup: v2, else v1's name=systemd, else the memory controller's, else any. */
int unit_from_text(const char *proc_cgroup, char unit[UNIT_MAX]);

#endif
