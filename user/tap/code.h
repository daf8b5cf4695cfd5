/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_CODE_H
#define TAPMETER_TAP_CODE_H
/*
 * What can be proven from a function's machine code (x86-64, System V ABI). In doubt, -ENOENT.
 */
#include <stddef.h>
#include <stdint.h>
#include "tap/elf.h"

/*
 * Where the function at `fn` keeps the local variable whose address it passes as integer argument
 * `arg` (0..5) in its first call to `callee` (by name; direct, through the PLT or through the GOT):
 * *offset from the stack pointer at entry (where the return address lies), so it is negative. All
 * paths through the function are followed, with the registers that are the stack pointer at entry
 * plus a constant; the first call on each must pass the same variable. -ENOENT if this cannot be
 * proven or there is no such call (an inlined one leaves no trace); -EINVAL: broken file; -ENOMEM;
 * errno of reading.
 */
int code_local_offset(struct elf_file *elf, const struct elf_symbol *fn, const char *callee,
		      unsigned arg, int32_t *offset);

/*
 * errno's offset from the thread pointer when `__errno_location` is part of this file (static
 * executables, and libc itself when its offset is a constant, as in musl). -ENOENT when it is read
 * from the GOT or not understood; -EINVAL: broken file; -ENOMEM; errno of reading.
 */
int code_errno_offset(struct elf_file *elf, int64_t *tpoff);

/*
 * Text of the instruction at `address` in AT&T syntax, "" when it cannot be decoded. 96 bytes hold
 * every instruction.
 */
void code_instruction_text(struct elf_file *elf, uint64_t address, char *text, size_t size);

#endif
