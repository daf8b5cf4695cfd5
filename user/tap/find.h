/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_FIND_H
#define TAPMETER_TAP_FIND_H
/* Which functions of a profile an ELF file has: by name, by pattern, by C++ name. */
#include <stddef.h>
#include "tap/elf.h"
#include "tap/profile.h"

#define FOUND_MAX 1024 /* functions of one profile in one file */

struct found_function {
	const struct profile_function *function;
	struct elf_symbol symbol;
	int may_throw; /* a C++ exception may pass through it */
};

struct found_functions {
	const struct profile *profile;
	size_t count;
	struct found_function items[FOUND_MAX];
};

/*
 * Fills *out. -EINVAL, -E2BIG: the file is broken somewhere, or has too many; what was found before is there.
 * -ENOMEM.
 */
int find_functions(const struct profile *profile, struct elf_file *elf,
		   struct found_functions *out);

#endif
