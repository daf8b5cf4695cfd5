/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_ENVIRON_H
#define TAPMETER_SUBJECT_ENVIRON_H
/*
 * One variable of a process's environment, and no other: an environment holds credentials. It goes by in
 * small pieces, of which only the wanted value is kept, and which are wiped.
 */
#include <stddef.h>
#include <stdint.h>

#define ENVIRON_MAX (4 << 20) /* bytes looked through; Linux allows a quarter of the stack limit */

struct aside;

struct environ_search {
	const char *name;
	char *value; /* the result, once `found` is 1 */
	size_t size; /* of value, NUL included */
	size_t at; /* place in name, or in value */
	int state; /* enum in environ.c; 0 to begin with */
	int found; /* 1: found; -1: found, but too long */
};

/* The next piece of the environment. Returns 1 when the search is over: the first variable of a name counts. */
int environ_feed(struct environ_search *search, const char *piece, size_t len);

/*
 * The variable `name` of root/TGID/environ, if it is a plausible name (plausible.h). -ENOENT: there is none, or it
 * is none; -errno of the file; -ETIMEDOUT, -EBUSY: the process does not let it be read now (aside.h). *value is then "".
 */
int environ_read(struct aside *aside, const char *root, uint32_t tgid, const char *name,
		 char *value, size_t size);

#endif
