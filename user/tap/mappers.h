/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_MAPPERS_H
#define TAPMETER_TAP_MAPPERS_H
/*
 * Which processes map a file, as the last sweep found it: who cannot be looked at in the next one still maps what it did. One
 * thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

struct mapper; /* a process */

/* All 0: nobody. */
struct mappers {
	struct mapper *now, *before; /* by the sweep under way, and by the one before it */
	size_t now_count, now_capacity, before_count, before_capacity;
	uint32_t highest; /* number of a process there is now */
};

/* A sweep begins: what is now becomes what was before. */
void mappers__begin(struct mappers *mappers);
/* Quick if processes come in ascending order. 0; -EEXIST: it is there already; -ENOMEM. */
int mappers__add(struct mappers *mappers, const struct tm_process_id *process);
/* 1 if the process mapped it at the sweep before. */
int mappers__had(const struct mappers *mappers, const struct tm_process_id *process);
/* Nobody maps it; frees the memory. */
void mappers__clear(struct mappers *mappers);

#endif
