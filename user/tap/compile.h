/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_COMPILE_H
#define TAPMETER_TAP_COMPILE_H
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/build.h"
#include "tap/elf.h"
#include "tap/profile.h"

/* The numbers under which the BPF programs know a profile's parts; those of a file are left 0 in its specs. */
struct compile_context {
	uint32_t first_op; /* number of the profile's first operation */
	uint32_t skipped; /* bytes from the function's entry to the probe */
	int transit; /* 1: messages are recognised, to know their delivery times */
	uint8_t rpc; /* bit n: messages may be requests or responses by rule n */
	const struct build *build; /* NULL if the profile has neither constants nor counters */
};

struct compiled {
	struct tm_spec spec;
	struct tm_result_spec result; /* for RESULT and SAMPLE, else zero */
	char why[128]; /* not usable, and why: what the profile needs is not known of this file */
};

/*
 * Compiles one function of a profile, found at `symbol` in `elf`, into the specs that the BPF programs work by.
 * What cannot be proven for this file is marked so in the spec (more_known 0; no way to errno), never
 * guessed. 0, or -ENOENT with out->why if without it nothing can be counted.
 */
int spec_compile(const struct profile *profile, const struct profile_function *function,
		 struct elf_file *elf, const struct elf_symbol *symbol,
		 const struct compile_context *context, struct compiled *out);

#endif
