/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/build.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#define MAX_FUNCTION 65536 /* bytes of code looked at */
#define MAX_FOUND 17 /* one more than a profile can ask for */
#define REGISTERS 16
/* rbx, rbp, r12 to r15: they keep their value over calls */
#define CALLEE_SAVED 0xf028u

struct scan {
	ZydisDecoder decoder;
	uint64_t object, object_size; /* the variable */
	uint32_t loaded; /* bit per register: gets the variable's address somewhere */
	uint32_t other; /* and something else */
	int sums; /* additions of amounts are looked for */
	size_t count;
	uint64_t found[MAX_FOUND]; /* sorted */
	size_t size;
	uint8_t code[MAX_FUNCTION];
};

struct instruction {
	uint64_t address;
	ZydisDecodedInstruction info;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

typedef void (*instruction_fn)(struct scan *scan, const struct instruction *instruction);

/* -ENOENT if something there is no instruction: then nothing is known about what follows. */
static int each_instruction(struct scan *scan, uint64_t address, instruction_fn fn)
{
	struct instruction in;

	for (size_t at = 0; at < scan->size; at += in.info.length) {
		in.address = address + at;
		if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&scan->decoder, scan->code + at,
							 scan->size - at, &in.info, in.operands)))
			return -ENOENT;
		fn(scan, &in);
	}
	return 0;
}

static int register_number(ZydisRegister name)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);

	return ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR64 ? ZydisRegisterGetId(whole) :
								      -1;
}

static uint64_t absolute(const struct instruction *in, const ZydisDecodedOperand *operand)
{
	ZyanU64 address;

	if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || operand->mem.base != ZYDIS_REGISTER_RIP ||
	    !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&in->info, operand, in->address, &address)))
		return 0;
	return address;
}

/* Which registers get the variable's address, and which something else; pop only gives one back to the caller. */
static void note_writes(struct scan *scan, const struct instruction *in)
{
	for (size_t i = 0; i < in->info.operand_count; i++) {
		const ZydisDecodedOperand *operand = &in->operands[i];
		int number;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		number = register_number(operand->reg.value);
		if (number < 0 || in->info.mnemonic == ZYDIS_MNEMONIC_POP)
			continue;
		if (in->info.mnemonic == ZYDIS_MNEMONIC_LEA &&
		    absolute(in, &in->operands[1]) == scan->object)
			scan->loaded |= 1u << number;
		else
			scan->other |= 1u << number;
	}
}

/* The address in the variable that the operand names, 0 if it is none. */
static uint64_t place_in_object(const struct scan *scan, const struct instruction *in,
				const ZydisDecodedOperand *operand)
{
	uint64_t place = absolute(in, operand);
	int number;

	if (!place && operand->mem.index == ZYDIS_REGISTER_NONE &&
	    operand->mem.segment != ZYDIS_REGISTER_FS) {
		number = register_number(operand->mem.base);
		if (number < 0 || !(scan->loaded & ~scan->other & CALLEE_SAVED & 1u << number))
			return 0;
		place = scan->object + (uint64_t)operand->mem.disp.value;
	}
	return place - scan->object < scan->object_size ? place : 0;
}

/* An addition to 64 bits of memory: of 1, or of what a register holds. */
static int is_addition(const struct instruction *in, int sums)
{
	if (in->operands[0].type != ZYDIS_OPERAND_TYPE_MEMORY || in->operands[0].size != 64)
		return 0;
	if (sums)
		return in->info.mnemonic == ZYDIS_MNEMONIC_ADD &&
		       in->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
	if (in->info.mnemonic == ZYDIS_MNEMONIC_INC)
		return 1;
	return in->info.mnemonic == ZYDIS_MNEMONIC_ADD &&
	       in->operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	       in->operands[1].imm.value.u == 1;
}

static void note_additions(struct scan *scan, const struct instruction *in)
{
	uint64_t place = is_addition(in, scan->sums) ? place_in_object(scan, in, &in->operands[0]) :
						       0;
	size_t at = 0;

	if (!place)
		return;
	while (at < scan->count && scan->found[at] < place)
		at++;
	if ((at < scan->count && scan->found[at] == place) || scan->count == MAX_FOUND)
		return;
	memmove(&scan->found[at + 1], &scan->found[at], (scan->count - at) * sizeof(place));
	scan->found[at] = place;
	scan->count++;
}

static int scan_function(struct scan *scan, struct elf_file *elf, const struct elf_symbol *fn)
{
	long size;
	int err;

	if (!fn->size || fn->size > MAX_FUNCTION)
		return -ENOENT;
	size = elf_file__read(elf, fn->value, scan->code, fn->size);
	if (size < 0)
		return (int)size;
	scan->size = (size_t)size;
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&scan->decoder, ZYDIS_MACHINE_MODE_LONG_64,
					   ZYDIS_STACK_WIDTH_64)))
		return -EINVAL;
	err = each_instruction(scan, fn->value, note_writes);
	return err ? err : each_instruction(scan, fn->value, note_additions);
}

int build_find_counter(const struct profile_counter *counter, struct elf_file *elf,
		       uint64_t *address)
{
	const char *names[] = { counter->object, counter->function };
	struct elf_symbol symbols[2];
	struct scan *scan;
	int err;

	err = elf_file__symbols(elf, names, 2, symbols);
	if (err < 0)
		return err;
	if (err != 2)
		return -ENOENT;
	scan = calloc(1, sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	scan->sums = counter->sums;
	scan->object = symbols[0].value;
	scan->object_size = symbols[0].size;
	err = scan_function(scan, elf, &symbols[1]);
	if (!err && scan->count != counter->of)
		err = -ENOENT;
	if (!err)
		*address = scan->found[counter->nth - 1];
	free(scan);
	return err;
}

/* ---- constants ------------------------------------------------------------------------------ */

static int has_symbol(struct elf_file *elf, const char *name)
{
	struct elf_symbol symbol;

	return elf_file__symbols(elf, &name, 1, &symbol) == 1;
}

static int fits(const struct profile_variant *variant, struct elf_file *elf)
{
	if (variant->build_id &&
	    strncmp(elf_file__build_id(elf), variant->build_id, strlen(variant->build_id)) != 0)
		return 0;
	return !variant->symbol || has_symbol(elf, variant->symbol);
}

static void find_constant(const struct profile_constant *constant, struct elf_file *elf,
			  int64_t *value, uint8_t *known)
{
	for (size_t i = 0; i < constant->variant_count; i++) {
		if (!fits(&constant->variants[i], elf))
			continue;
		*value = constant->variants[i].value;
		*known = 1;
		return;
	}
}

int build_matches(const struct profile *profile, struct elf_file *elf)
{
	const struct profile_match *match = &profile->match;

	for (size_t i = 0; i < match->symbol_count; i++)
		if (!has_symbol(elf, match->symbols[i]))
			return 0;
	for (size_t i = 0; i < match->without_count; i++)
		if (has_symbol(elf, match->without[i]))
			return 0;
	return 1;
}

void build_examine(const struct profile *profile, struct elf_file *elf, struct build *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < profile->constant_count; i++)
		find_constant(&profile->constants[i], elf, &out->constants[i],
			      &out->constant_known[i]);
	for (size_t i = 0; i < TM_COUNTERS; i++)
		if (profile->counters[i].object)
			out->counter_known[i] =
				!build_find_counter(&profile->counters[i], elf, &out->counters[i]);
}
