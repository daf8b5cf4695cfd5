/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_SYSCALLS_H
#define TAPMETER_UTIL_SYSCALLS_H
/* Which system calls a process gives up. docs/security.md has the list. */

/*
 * From now on all threads of this process, and those they start, get EPERM for system calls that a collector never
 * makes, nobody can gain privileges by executing a program, and there are no core dumps. What Linux does not know
 * is left out. -errno.
 */
int syscalls_confine(void);

#endif
