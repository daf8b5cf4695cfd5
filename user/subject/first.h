/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_FIRST_H
#define TAPMETER_SUBJECT_FIRST_H
/* The first process of a container: the one whose environment is what the container was started with. */
#include <stdint.h>

struct aside;

struct first_process {
	uint32_t tgid; /* 0 = none */
	uint32_t pad;
	uint64_t start_ticks;
};

/*
 * Given any process of the container with that id: pid 1 of the container's own pid namespace, which is most often the
 * process or an ancestor; without one, the container's oldest process, for which all of `root` is looked through.
 * -ENOENT: the process has gone and no other is left; -E2BIG: too many processes to tell; -errno. `aside` may be
 * NULL (aside.h).
 */
int first_process_find(struct aside *aside, const char *root, uint32_t tgid, const char *container,
		       struct first_process *out);

#endif
