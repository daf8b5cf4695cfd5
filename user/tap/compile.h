/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_COMPILE_H
#define TAPMETER_TAP_COMPILE_H
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/elf.h"
#include "tap/profile.h"

/* The numbers under which the BPF programs know a profile's parts and a file. */
struct compile_context {
	uint32_t first_op; /* number of the profile's first operation */
	uint32_t file;
	uint32_t object_class; /* 0 = none */
	uint32_t skipped; /* bytes from the function's entry to the probe */
	int transit; /* 1: messages are recognised, to know their delivery times */
};

/*
 * Compiles one function of a profile, found at `symbol` in `elf`, into the spec that the BPF programs work by. Pure.
 * What cannot be proven for this file is marked so in the spec (more_known 0; no way to errno), never guessed.
 */
void spec_compile(const struct profile *profile, const struct profile_function *function,
		  struct elf_file *elf, const struct elf_symbol *symbol,
		  const struct compile_context *context, struct tm_spec *out);

#endif
