/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_ANALYSIS_H
#define TAPMETER_TAP_ANALYSIS_H
/*
 * What is to be tapped in an ELF file: its functions of all profiles, where each one's probe goes, and its spec, but for the
 * numbers that are given out to files. Reads the file alone, and may be called in any thread.
 */
#include <stddef.h>
#include "tap/compile.h"
#include "tap/elf.h"
#include "tap/place.h"
#include "tap/profile.h"

struct analysed_function {
	const struct profile *profile;
	uint32_t first_op; /* of the profile */
	const struct profile_function *function;
	struct elf_symbol symbol;
	struct placement placement;
	/* why it must not be tapped, "" = see compiled.why; NULL if it may be */
	const char *refused;
	struct compiled compiled; /* spec.file and spec.object_class are 0 */
};

struct analysis {
	size_t count;
	struct analysed_function *functions;
};

/* What there is to look for; all of it outlives the analyses. */
struct analysis_profiles {
	const struct profile *const *list;
	size_t count;
	const uint32_t *first_op; /* by profile */
	int transit; /* 1: messages are recognised, to know their delivery times */
};

/* 0, also if there is nothing to tap or no ELF file, then with a count of 0; -ENOMEM. analysis__clear() in any case. */
int analysis__read(int fd, const struct analysis_profiles *profiles, struct analysis *out);
void analysis__clear(struct analysis *analysis);

#endif
