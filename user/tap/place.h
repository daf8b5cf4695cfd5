/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PLACE_H
#define TAPMETER_TAP_PLACE_H
/*
 * Where a function's probe costs least (x86-64). A probe on an instruction that the Linux kernel
 * emulates costs a tenth of one on an instruction that it has to single-step, such as the endbr64
 * that many functions begin with.
 */
#include <stdint.h>
#include "tap/elf.h"

struct placement {
	uint64_t offset; /* of the probe in the file */
	uint32_t skipped; /* bytes from the function's entry to the probe */
	int emulated; /* 1: the Linux kernel emulates the instruction there */
	char instruction[64]; /* its text in AT&T syntax, "" = cannot be decoded */
	char reason[128]; /* why there, in words */
};

/*
 * Chooses the instruction for the probe of function `fn`: its entry, or the first emulated one
 * behind it if that is provably the same for a probe: the registers of integer arguments, the stack
 * pointer and all memory are as at the entry, and each call of the function passes it exactly once.
 * In doubt (also if the file cannot be read) it is the entry. To move a probe, the function, the
 * file's symbols and the load segment that the function is in are read: 1 ms for 1 MB of code.
 */
void place_probe(struct elf_file *elf, const struct elf_symbol *fn, struct placement *out);

#endif
