/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_PRIVILEGES_H
#define TAPMETER_UTIL_PRIVILEGES_H
/*
 * Which of root's powers a process has, and giving them up. In Linux they belong to a thread; threads begin with those of
 * the thread that starts them. docs/security.md says what each is for.
 */
#include <stdbool.h>
#include <stddef.h>

struct privilege {
	int number; /* CAP_* */
	const char *name;
	const char *needed_to;
	bool admin_does; /* CAP_SYS_ADMIN stands for it, too */
};

/* What tapping needs for its whole life; ends with a name of NULL. */
const struct privilege *privileges_needed(void);
/* Whether this thread has it now, or what stands for it. Any thread. */
bool privilege_is_there(const struct privilege *privilege);
/*
 * What is missing, for people: "CAP_BPF (to load BPF programs), CAP_…", "" if nothing is. Returns how many are missing.
 */
size_t privileges_missing(char *text, size_t size);

/*
 * Keeps in this thread what tapping needs, of that what there is, and CAP_SYS_ADMIN if it stands for one that is missing, or
 * with `perf`: Linux wants it for tapping that way. There is no way back. -errno.
 */
int privileges_keep_needed(bool perf);
/* Gives all up in this thread. -errno. */
int privileges_drop_all(void);
/* Runs the function in a thread without any, as are then threads that it starts; returns what it returns, or -errno. */
int privileges_without(int (*function)(void *arg), void *arg);

#endif
