/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local variables are found by running the function on abstract registers: each is either unknown
 * or the stack pointer at entry plus a constant. Compilers address locals by such registers only,
 * so few instructions have to be understood (push, pop, add, sub, lea, mov); any other makes the
 * registers it writes unknown. Memory is not tracked: what is stored and loaded again is unknown.
 *
 * Each instruction is run once, with the registers of the first path that reaches it. A path that
 * reaches it with another stack pointer shows that something was misunderstood (a function that
 * does not return, say, behind whose call another block begins), and the function is given up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>
#include "tap/code.h"

#define MAX_FUNCTION 16384 /* bytes looked at; zmq_recv has 600 */
#define MAX_INSTRUCTIONS 2000
#define MAX_BRANCHES 256
#define MAX_ERRNO_CODE 40 /* bytes of __errno_location; 22 in glibc with endbr64 */
#define REGISTERS 16

/* Of the argument registers rdi, rsi, rdx, rcx, r8, r9: their numbers in the instruction set. */
static const uint8_t argument_registers[] = { 7, 6, 2, 1, 8, 9 };
/* rax, rcx, rdx, rsi, rdi, r8 to r11: a call may change them. */
#define CALLER_SAVED 0x0fc7u
#define RSP 4

struct instruction {
	uint64_t address;
	ZydisDecodedInstruction info;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

struct registers {
	uint32_t known; /* a bit per register */
	int64_t offset[REGISTERS]; /* from the stack pointer at entry */
};

struct branch {
	uint32_t at;
	struct registers registers;
};

struct walk {
	ZydisDecoder decoder;
	uint64_t address; /* of the function */
	size_t size; /* bytes valid in code */
	uint64_t callee; /* its address, 0 = not in this file */
	uint64_t callee_slot; /* its GOT slot, 0 = none */
	unsigned argument; /* number of a register */
	int found;
	int64_t result;
	size_t instructions;
	size_t branch_count;
	struct branch branches[MAX_BRANCHES]; /* still to follow */
	uint8_t seen[MAX_FUNCTION]; /* 1: an instruction that was run starts here */
	int64_t stack[MAX_FUNCTION]; /* with this in rsp */
	uint8_t code[MAX_FUNCTION];
};

/* ---- instructions ---------------------------------------------------------------------------- */

static int decode(const ZydisDecoder *decoder, const void *code, size_t size, uint64_t address,
		  struct instruction *out)
{
	ZyanStatus status;

	out->address = address;
	status = ZydisDecoderDecodeFull(decoder, code, size, &out->info, out->operands);
	return ZYAN_SUCCESS(status) ? 0 : -ENOENT;
}

static int decoder_init(ZydisDecoder *decoder)
{
	ZyanStatus status;

	status = ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(status) ? 0 : -EINVAL;
}

static int is_whole(ZydisRegister name)
{
	return ZydisRegisterGetClass(name) == ZYDIS_REGCLASS_GPR64;
}

/* Number of the general-purpose register that `name` is part of, -1 = of none. */
static int register_number(ZydisRegister name)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);

	return is_whole(whole) ? ZydisRegisterGetId(whole) : -1;
}

static int is_whole_register(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER && is_whole(operand->reg.value);
}

/* The address that a jump, a call or a rip-relative operand names; 0 = computed at run time. */
static uint64_t named_address(const struct instruction *instruction)
{
	const ZydisDecodedOperand *operand = &instruction->operands[0];
	ZyanU64 address;

	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.base != ZYDIS_REGISTER_RIP)
		return 0;
	if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction->info, operand,
						   instruction->address, &address)))
		return 0;
	return address;
}

/* ---- abstract registers ---------------------------------------------------------------------- */

static int is_known(const struct registers *registers, int number)
{
	return number >= 0 && registers->known & 1u << number;
}

static void set_register(struct registers *registers, int number, int64_t offset)
{
	registers->known |= 1u << number;
	registers->offset[number] = offset;
}

static void forget_written(struct registers *registers, const struct instruction *instruction)
{
	for (size_t i = 0; i < instruction->info.operand_count; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];
		int number;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		number = register_number(operand->reg.value);
		if (number >= 0)
			registers->known &= ~(1u << number);
	}
	if (instruction->info.meta.category == ZYDIS_CATEGORY_CALL)
		registers->known &= ~CALLER_SAVED;
}

/* 1 and *offset if the source operand is the stack pointer at entry plus a constant. */
static int source_offset(const struct registers *registers, const ZydisDecodedOperand *source,
			 int64_t *offset)
{
	ZydisRegister base = source->reg.value;
	int64_t displacement = 0;
	int number;

	if (source->type == ZYDIS_OPERAND_TYPE_MEMORY) { /* of lea */
		if (source->mem.index != ZYDIS_REGISTER_NONE)
			return 0;
		base = source->mem.base;
		displacement = source->mem.disp.value;
	}
	number = is_whole(base) ? ZydisRegisterGetId(base) : -1;
	if (!is_known(registers, number))
		return 0;
	*offset = registers->offset[number] + displacement;
	return 1;
}

/* What add, sub, lea or mov leaves in a register: 1 and *offset if known. */
static int computed_offset(const struct registers *before, const struct instruction *instruction,
			   int64_t *offset)
{
	const ZydisDecodedOperand *target = &instruction->operands[0];
	const ZydisDecodedOperand *source = &instruction->operands[1];
	int add = instruction->info.mnemonic == ZYDIS_MNEMONIC_ADD;

	if (!is_whole_register(target))
		return 0;
	switch (instruction->info.mnemonic) {
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (source->type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
		    !source_offset(before, target, offset))
			return 0;
		*offset += add ? source->imm.value.s : -source->imm.value.s;
		return 1;
	case ZYDIS_MNEMONIC_LEA:
		return source_offset(before, source, offset);
	case ZYDIS_MNEMONIC_MOV:
		return source->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		       source_offset(before, source, offset);
	default:
		return 0;
	}
}

static void run(struct registers *registers, const struct instruction *instruction)
{
	const struct registers before = *registers;
	const ZydisDecodedOperand *target = &instruction->operands[0];
	int64_t offset, width = instruction->info.operand_width / 8;

	forget_written(registers, instruction);
	switch (instruction->info.mnemonic) {
	case ZYDIS_MNEMONIC_CALL: /* pushes the return address, which ret takes off again */
		if (is_known(&before, RSP))
			set_register(registers, RSP, before.offset[RSP]);
		break;
	case ZYDIS_MNEMONIC_PUSH:
		if (is_known(&before, RSP))
			set_register(registers, RSP, before.offset[RSP] - width);
		break;
	case ZYDIS_MNEMONIC_POP:
		if (is_known(&before, RSP) && target->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    register_number(target->reg.value) != RSP)
			set_register(registers, RSP, before.offset[RSP] + width);
		break;
	default:
		if (computed_offset(&before, instruction, &offset))
			set_register(registers, ZydisRegisterGetId(target->reg.value), offset);
	}
}

/* ---- local variables ------------------------------------------------------------------------- */

static int is_call_to_callee(const struct elf_file *elf, const struct walk *walk,
			     const struct instruction *instruction)
{
	uint64_t target = named_address(instruction), slot;

	if (!target || instruction->info.meta.category != ZYDIS_CATEGORY_CALL)
		return 0;
	if (instruction->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
		return target == walk->callee_slot;
	return target == walk->callee ||
	       (walk->callee_slot && elf_file__stub_slot(elf, target, &slot) == 0 &&
		slot == walk->callee_slot);
}

static int note_argument(struct walk *walk, const struct registers *registers)
{
	int64_t offset = registers->offset[walk->argument];

	if (!is_known(registers, (int)walk->argument) || offset >= 0 || offset < INT32_MIN)
		return -ENOENT;
	if (walk->found && offset != walk->result)
		return -ENOENT;
	walk->found = 1;
	walk->result = offset;
	return 0;
}

/* Remembers that the path forks. A target outside of the function is not followed. */
static int note_branch(struct walk *walk, const struct registers *registers, uint64_t target)
{
	if (target < walk->address || target - walk->address >= walk->size)
		return 0;
	if (walk->branch_count == MAX_BRANCHES)
		return -ENOENT;
	walk->branches[walk->branch_count++] = (struct branch){
		.at = (uint32_t)(target - walk->address),
		.registers = *registers,
	};
	return 0;
}

/* 1 if the instruction at `at` was not run before. */
static int is_new(struct walk *walk, const struct registers *registers, size_t at)
{
	int64_t stack = is_known(registers, RSP) ? registers->offset[RSP] : INT64_MAX;

	if (walk->seen[at])
		return walk->stack[at] == stack ? 0 : -ENOENT;
	if (walk->instructions++ == MAX_INSTRUCTIONS)
		return -ENOENT;
	walk->seen[at] = 1;
	walk->stack[at] = stack;
	return 1;
}

/* Whether the next instruction may follow this one. */
static int goes_on(const struct instruction *instruction)
{
	switch (instruction->info.meta.category) {
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_INTERRUPT:
		return 0;
	default:
		return instruction->info.mnemonic != ZYDIS_MNEMONIC_UD2 &&
		       instruction->info.mnemonic != ZYDIS_MNEMONIC_HLT;
	}
}

/* Runs from `branch` to the call, to the end of the function or to what was run before. */
static int follow(const struct elf_file *elf, struct walk *walk, const struct branch *branch)
{
	struct registers registers = branch->registers;
	struct instruction instruction;
	size_t at = branch->at;
	int err;

	while (at < walk->size) {
		err = is_new(walk, &registers, at);
		if (err <= 0)
			return err;
		if (decode(&walk->decoder, walk->code + at, walk->size - at, walk->address + at,
			   &instruction))
			return 0;
		if (is_call_to_callee(elf, walk, &instruction))
			return note_argument(walk, &registers);
		run(&registers, &instruction);
		if (instruction.info.meta.category == ZYDIS_CATEGORY_COND_BR ||
		    instruction.info.meta.category == ZYDIS_CATEGORY_UNCOND_BR) {
			err = note_branch(walk, &registers, named_address(&instruction));
			if (err)
				return err;
		}
		if (!goes_on(&instruction))
			return 0;
		at += instruction.info.length;
	}
	return 0;
}

/* Reads the function and finds out how calls of `callee` look in this file. */
static int walk_init(struct elf_file *elf, const struct elf_symbol *fn, const char *callee,
		     struct walk *walk)
{
	struct elf_symbol symbol;
	long size;
	int err;

	err = decoder_init(&walk->decoder);
	if (err)
		return err;
	err = elf_file__functions(elf, &callee, 1, &symbol);
	if (err < 0)
		return err;
	walk->callee = symbol.value;
	err = elf_file__got_slot(elf, callee, &walk->callee_slot);
	if (err && err != -ENOENT)
		return err;
	size = elf_file__read(elf, fn->value, walk->code,
			      fn->size && fn->size < MAX_FUNCTION ? fn->size : MAX_FUNCTION);
	if (size < 0)
		return (int)size;
	walk->address = fn->value;
	walk->size = (size_t)size;
	walk->branch_count = 1; /* the entry; its registers are unknown but for the stack pointer */
	set_register(&walk->branches[0].registers, RSP, 0);
	return 0;
}

int code_local_offset(struct elf_file *elf, const struct elf_symbol *fn, const char *callee,
		      unsigned arg, int32_t *offset)
{
	struct branch branch;
	struct walk *walk;
	int err;

	if (arg >= sizeof(argument_registers))
		return -EINVAL;
	walk = calloc(1, sizeof(*walk));
	if (!walk)
		return -ENOMEM;
	walk->argument = argument_registers[arg];
	err = walk_init(elf, fn, callee, walk);
	while (!err && walk->branch_count) {
		branch = walk->branches[--walk->branch_count];
		err = follow(elf, walk, &branch);
	}
	if (!err && !walk->found)
		err = -ENOENT;
	if (!err)
		*offset = (int32_t)walk->result;
	free(walk);
	return err;
}

/* ---- errno ----------------------------------------------------------------------------------- */

/* What rax holds in __errno_location. */
struct errno_value {
	int known;
	int has_base; /* the thread pointer is part of the sum */
	int64_t constant;
};

/* %fs:0, where the ABI keeps a copy of the thread pointer. */
static int is_thread_pointer(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.segment == ZYDIS_REGISTER_FS &&
	       operand->mem.base == ZYDIS_REGISTER_NONE &&
	       operand->mem.index == ZYDIS_REGISTER_NONE && operand->mem.disp.value == 0;
}

static int is_rax(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       operand->reg.value == ZYDIS_REGISTER_RAX;
}

static void run_mov(struct errno_value *rax, const ZydisDecodedOperand *source)
{
	*rax = (struct errno_value){ .known = 1 };
	if (is_thread_pointer(source))
		rax->has_base = 1;
	else if (source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		rax->constant = source->imm.value.s;
	else
		rax->known = 0;
}

static void run_add(struct errno_value *rax, const ZydisDecodedOperand *source)
{
	if (is_thread_pointer(source) && !rax->has_base)
		rax->has_base = 1;
	else if (source->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		rax->constant += source->imm.value.s;
	else
		rax->known = 0;
}

static void run_lea(struct errno_value *rax, const ZydisDecodedOperand *source)
{
	if (source->mem.base == ZYDIS_REGISTER_RAX && source->mem.index == ZYDIS_REGISTER_NONE)
		rax->constant += source->mem.disp.value;
	else
		rax->known = 0;
}

/* 1: goes on, 0: returns rax, -ENOENT: not understood. */
static int run_errno(struct errno_value *rax, const struct instruction *instruction)
{
	const ZydisDecodedOperand *operands = instruction->operands;

	switch (instruction->info.mnemonic) {
	case ZYDIS_MNEMONIC_ENDBR64:
	case ZYDIS_MNEMONIC_NOP:
		return 1;
	case ZYDIS_MNEMONIC_RET:
		return 0;
	case ZYDIS_MNEMONIC_MOV:
		run_mov(rax, &operands[1]);
		break;
	case ZYDIS_MNEMONIC_ADD:
		run_add(rax, &operands[1]);
		break;
	case ZYDIS_MNEMONIC_LEA:
		run_lea(rax, &operands[1]);
		break;
	default:
		return -ENOENT;
	}
	return is_rax(&operands[0]) ? 1 : -ENOENT;
}

int code_errno_offset(struct elf_file *elf, int64_t *tpoff)
{
	static const char *const name = "__errno_location";
	struct errno_value rax = { 0 };
	struct instruction instruction;
	struct elf_symbol symbol;
	uint8_t code[MAX_ERRNO_CODE];
	ZydisDecoder decoder;
	long size, at = 0;
	int err;

	err = decoder_init(&decoder);
	if (err)
		return err;
	err = elf_file__functions(elf, &name, 1, &symbol);
	if (err <= 0)
		return err ? err : -ENOENT;
	size = elf_file__read(elf, symbol.value, code, sizeof(code));
	if (size < 0)
		return (int)size;
	do {
		err = decode(&decoder, code + at, (size_t)(size - at), symbol.value + (uint64_t)at,
			     &instruction);
		if (err)
			return err;
		err = run_errno(&rax, &instruction);
		at += instruction.info.length;
	} while (err > 0);
	if (err || !rax.known || !rax.has_base || !rax.constant)
		return -ENOENT;
	*tpoff = rax.constant;
	return 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

void code_instruction_text(struct elf_file *elf, uint64_t address, char *text, size_t size)
{
	uint8_t code[ZYDIS_MAX_INSTRUCTION_LENGTH];
	struct instruction instruction;
	ZydisFormatter formatter;
	ZydisDecoder decoder;
	ZyanU8 count;
	long n;

	if (!size)
		return;
	text[0] = '\0';
	n = elf_file__read(elf, address, code, sizeof(code));
	if (n <= 0 || decoder_init(&decoder) ||
	    decode(&decoder, code, (size_t)n, address, &instruction) ||
	    !ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)))
		return;
	count = instruction.info.operand_count_visible;
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &instruction.info,
							  instruction.operands, count, text, size,
							  address, NULL)))
		text[0] = '\0';
}
