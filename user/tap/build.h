/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_BUILD_H
#define TAPMETER_TAP_BUILD_H
/*
 * What differs between builds of a tapped file: the numbers that a profile has as constants, and the
 * places of the counters that the program keeps. Pure.
 */
#include <stdint.h>
#include "tap/elf.h"
#include "tap/profile.h"

struct build {
	int64_t constants[PROFILE_MAX_CONSTANTS]; /* in the profile's order */
	uint8_t constant_known[PROFILE_MAX_CONSTANTS];
	uint64_t counters[TM_COUNTERS]; /* address in the file */
	uint8_t counter_known[TM_COUNTERS];
};

/* Whether the file is one that the profile's `match` means: by the symbols that it has and has not. */
int build_matches(const struct profile *profile, struct elf_file *elf);

/* Finds out what can be found; the rest is not known. */
void build_examine(const struct profile *profile, struct elf_file *elf, struct build *out);

/*
 * The address in the file of a counter, found in the code that adds 1 to it: in the function, all
 * additions of 1 (or of a register, for `sums`) to 64 bits of the variable are looked for, be they addressed from the
 * instruction or from a register that the function loads with the variable's address and nothing
 * else. -ENOENT if they are not as many as the profile says.
 */
int build_find_counter(const struct profile_counter *counter, struct elf_file *elf,
		       uint64_t *address);

#endif
