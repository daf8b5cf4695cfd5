/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions: is there an emulated instruction before anything that a probe looks at has changed
 * (find_emulated), and does every way to it lead through the entry (find_obstacle)?
 *
 * The second cannot be answered from the function alone: parts of it may lie elsewhere (compilers
 * put cold code apart), and functions in assembler jump into each other. So all code of the load
 * segment is looked at, each part by the means that fit: the function itself instruction by
 * instruction; what is near enough for a short jump likewise, though it is not known where
 * instructions begin there (decoding falls into step after a few); everything else byte by byte for
 * jumps with a 32-bit distance. Hardly any other bytes look like one that hits the few in question.
 */
#include "tap/place.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <Zydis/Zydis.h>
#include "tap/code.h"

#define MAX_SKIPPED 64 /* bytes */
#define MAX_SKIPPED_INSTRUCTIONS 16
#define MAX_FUNCTION (256u << 10) /* bytes; 10 ms to decode */
#define MAX_SEGMENT (128u << 20) /* bytes looked through for far jumps; 0.1 s */
#define SHORT_REACH 130 /* of a short jump, its own bytes included */
#define FALL_INTO_STEP 64 /* bytes decoded first where it is not known where instructions begin */
#define PIECE_SIZE 16384 /* bytes read at once */
#define FAR_JUMP 6 /* bytes of the longest: 0f 8x rel32 */

struct instruction {
	uint64_t address;
	const uint8_t *bytes;
	ZydisDecodedInstruction info;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* Decodes code of the file from any address on, which it reads in pieces. */
struct reader {
	struct elf_file *elf;
	ZydisDecoder decoder;
	uint64_t start; /* address of the piece in `code` */
	size_t size; /* bytes valid in it */
	uint8_t code[PIECE_SIZE];
};

/* The addresses behind the entry, up to the probe, at which nothing may arrive by a jump. */
struct zone {
	uint64_t first, last;
};

/* ---- instructions ---------------------------------------------------------------------------- */

static int reader_init(struct reader *reader, struct elf_file *elf)
{
	ZyanStatus status;

	reader->elf = elf;
	reader->start = 0;
	reader->size = 0;
	status = ZydisDecoderInit(&reader->decoder, ZYDIS_MACHINE_MODE_LONG_64,
				  ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(status) ? 0 : -EINVAL;
}

/* Brings the code at `address` into `code`. Returns how many bytes it then holds, or -errno. */
static long reader_fill(struct reader *reader, uint64_t address)
{
	uint64_t skip = address - reader->start;
	long n;

	if (skip < reader->size && reader->size - skip >= ZYDIS_MAX_INSTRUCTION_LENGTH)
		return (long)(reader->size - skip);
	reader->size = 0;
	n = elf_file__read(reader->elf, address, reader->code, sizeof(reader->code));
	if (n <= 0)
		return n ? n : -ENOENT;
	reader->start = address;
	reader->size = (size_t)n;
	return n;
}

/* -ENOENT if there is no instruction at `address`, else -errno of reading. */
static int reader_decode(struct reader *reader, uint64_t address, struct instruction *out)
{
	long n = reader_fill(reader, address);
	ZyanStatus status;

	if (n < 0)
		return (int)n;
	out->address = address;
	out->bytes = reader->code + (address - reader->start);
	status = ZydisDecoderDecodeFull(&reader->decoder, out->bytes, (size_t)n, &out->info,
					out->operands);
	return ZYAN_SUCCESS(status) ? 0 : -ENOENT;
}

/*
 * arch/x86/kernel/uprobes.c, branch_setup_xol_ops and push_setup_xol_ops: push of a register, jmp,
 * jcc, call, nop. Left out is what only some versions of the Linux kernel emulate: longer nops
 * (since 6.16; a probe on 66 90 is refused before 6.2) and jumps with prefixes.
 */
static int is_emulated(const struct instruction *instruction)
{
	const uint8_t *bytes = instruction->bytes;

	switch (instruction->info.length) {
	case 1:
		return bytes[0] == 0x90 || (bytes[0] & 0xf8) == 0x50;
	case 2:
		return bytes[0] == 0xeb || (bytes[0] & 0xf0) == 0x70 ||
		       (bytes[0] == 0x41 && (bytes[1] & 0xf8) == 0x50);
	case 5:
		return bytes[0] == 0xe8 || bytes[0] == 0xe9;
	case 6:
		return bytes[0] == 0x0f && (bytes[1] & 0xf0) == 0x80;
	default:
		return 0;
	}
}

/* Whether a probe that stands behind a write to this register still sees what it has to. */
static int may_write(ZydisRegister name)
{
	switch (ZydisRegisterGetClass(name)) {
	case ZYDIS_REGCLASS_FLAGS:
	case ZYDIS_REGCLASS_XMM:
	case ZYDIS_REGCLASS_YMM:
		return 1;
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		break;
	default:
		return 0;
	}
	switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name)) {
	case ZYDIS_REGISTER_RDI:
	case ZYDIS_REGISTER_RSI:
	case ZYDIS_REGISTER_RDX:
	case ZYDIS_REGISTER_RCX:
	case ZYDIS_REGISTER_R8:
	case ZYDIS_REGISTER_R9:
	case ZYDIS_REGISTER_RSP:
		return 0;
	default:
		return 1;
	}
}

/* Instructions of other categories may do more than their operands say. */
static int is_simple(const struct instruction *instruction)
{
	switch (instruction->info.meta.category) {
	case ZYDIS_CATEGORY_BINARY:
	case ZYDIS_CATEGORY_BITBYTE:
	case ZYDIS_CATEGORY_CMOV:
	case ZYDIS_CATEGORY_DATAXFER:
	case ZYDIS_CATEGORY_LOGICAL:
	case ZYDIS_CATEGORY_NOP:
	case ZYDIS_CATEGORY_SETCC:
	case ZYDIS_CATEGORY_SHIFT:
	case ZYDIS_CATEGORY_WIDENOP:
		return 1;
	default:
		return instruction->info.mnemonic == ZYDIS_MNEMONIC_ENDBR64 ||
		       instruction->info.mnemonic == ZYDIS_MNEMONIC_LEA;
	}
}

/* Whether a probe sees the same before and behind this instruction, which does not jump. */
static int may_skip(const struct instruction *instruction)
{
	if (!is_simple(instruction))
		return 0;
	for (size_t i = 0; i < instruction->info.operand_count; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (!(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || !may_write(operand->reg.value))
			return 0;
	}
	return 1;
}

/*
 * Bytes from the entry to the first emulated instruction that is as good as the entry; -ENOENT if
 * there is none. A call only if it is the entry: not every Linux kernel that emulates it enters it
 * on the process's shadow stack, too.
 */
static int find_emulated(struct reader *reader, const struct elf_symbol *fn, uint32_t *skipped)
{
	struct instruction instruction;
	int err;

	*skipped = 0;
	for (unsigned i = 0; i <= MAX_SKIPPED_INSTRUCTIONS && *skipped <= MAX_SKIPPED; i++) {
		err = reader_decode(reader, fn->value + *skipped, &instruction);
		if (err)
			return err;
		if (*skipped && instruction.info.meta.category == ZYDIS_CATEGORY_CALL)
			return -ENOENT;
		if (is_emulated(&instruction))
			return 0;
		if (!may_skip(&instruction))
			return -ENOENT;
		*skipped += instruction.info.length;
	}
	return -ENOENT;
}

/* ---- ways into the zone ---------------------------------------------------------------------- */

static int is_in(const struct zone *zone, uint64_t address)
{
	return address >= zone->first && address <= zone->last;
}

/* Jumps and calls, and lea of an address that might be jumped to. */
static int leads_into(const struct zone *zone, const struct instruction *instruction)
{
	ZyanU64 address;

	if (!(instruction->info.attributes & ZYDIS_ATTRIB_IS_RELATIVE))
		return 0;
	for (size_t i = 0; i < instruction->info.operand_count_visible; i++)
		if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction->info,
							  &instruction->operands[i],
							  instruction->address, &address)) &&
		    is_in(zone, address))
			return 1;
	return 0;
}

static int is_indirect_jump(const struct instruction *instruction)
{
	return instruction->info.meta.category == ZYDIS_CATEGORY_UNCOND_BR &&
	       instruction->operands[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

/* The function itself. */
static const char *look_inside(struct reader *reader, const struct elf_symbol *fn,
			       const struct zone *zone)
{
	uint64_t at = fn->value, end = fn->value + fn->size;
	struct instruction instruction;

	while (at < end) {
		if (reader_decode(reader, at, &instruction))
			return "the function cannot be disassembled";
		if (leads_into(zone, &instruction))
			return "the function branches into its own first bytes";
		if (is_indirect_jump(&instruction))
			return "the function has jumps whose target is not known";
		at += instruction.info.length;
	}
	return at == end ? NULL : "the function cannot be disassembled";
}

/* Code around it: whether it leads into the zone. */
static int leads_near(struct reader *reader, uint64_t from, uint64_t to, const struct zone *zone)
{
	struct instruction instruction;
	int err;

	while (from < to) {
		err = reader_decode(reader, from, &instruction);
		if (err && err != -ENOENT)
			return err;
		if (!err && leads_into(zone, &instruction))
			return 1;
		from += err ? 1 : instruction.info.length;
	}
	return 0;
}

/* Whether a jump or call with a 32-bit distance lies before it, which is code[at]. */
static int is_distance(const uint8_t *code, size_t at)
{
	return (code[at - 1] & 0xfe) == 0xe8 ||
	       (at > 1 && code[at - 2] == 0x0f && (code[at - 1] & 0xf0) == 0x80);
}

/*
 * Such jumps, at any byte. The distance is what they end with, and it is looked at first: hardly
 * any four bytes lead into the zone. The low half of an address is enough, as a segment is smaller.
 */
static int leads_far(const struct elf_file *elf, uint64_t from, uint64_t to,
		     const struct zone *zone)
{
	uint32_t span = (uint32_t)(zone->last - zone->first), beyond, distance;
	uint8_t code[PIECE_SIZE];
	size_t size;
	long n;

	for (;; from += size - FAR_JUMP + 1) {
		size = to - from < sizeof(code) ? to - from : sizeof(code);
		n = elf_file__read(elf, from, code, size);
		if (n != (long)size)
			return n < 0 ? (int)n : -EINVAL;
		beyond = (uint32_t)(from + sizeof(distance) - zone->first);
		for (size_t i = 1; i + sizeof(distance) <= size; i++) {
			memcpy(&distance, code + i, sizeof(distance));
			if (beyond + (uint32_t)i + distance <= span && is_distance(code, i))
				return 1;
		}
		if (from + size == to)
			return 0;
	}
}

/* All code of the load segment, but the function itself. */
static const char *look_around(struct reader *reader, const struct elf_symbol *fn,
			       const struct zone *zone, uint64_t start, uint64_t size)
{
	uint64_t run_up = SHORT_REACH + FALL_INTO_STEP, end = fn->value + fn->size;
	int found;

	found = leads_near(reader, fn->value - start < run_up ? start : fn->value - run_up,
			   fn->value, zone);
	if (!found)
		found = leads_near(reader, end, zone->last + SHORT_REACH, zone);
	if (!found)
		found = leads_far(reader->elf, start, start + size, zone);
	if (found < 0)
		return "the file cannot be read";
	return found ? "other code branches into the function's first bytes" : NULL;
}

/* Why it may not be through the entry that a call comes to the end of the zone; NULL if it is. */
static const char *find_obstacle(struct reader *reader, const struct elf_symbol *fn,
				 const struct zone *zone)
{
	const char *obstacle;
	uint64_t start, size;
	int named;

	if (!fn->size)
		return "the function's size is not known";
	if (elf_file__segment(reader->elf, fn->value, &start, &size) ||
	    zone->last - fn->value >= fn->size || fn->size > size - (fn->value - start))
		return "the function's size is wrong";
	if (fn->size > MAX_FUNCTION || size > MAX_SEGMENT)
		return "there is too much code to look through";
	named = elf_file__names_address(reader->elf, zone->first, zone->last);
	if (named)
		return named < 0 ? "the file's symbols cannot be read" :
				   "a symbol points into the function's first bytes";
	obstacle = look_inside(reader, fn, zone);
	return obstacle ? obstacle : look_around(reader, fn, zone, start, size);
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void put(struct elf_file *elf, const struct elf_symbol *fn, uint32_t skipped,
		struct placement *out)
{
	out->offset = fn->offset + skipped;
	out->skipped = skipped;
	code_instruction_text(elf, fn->value + skipped, out->instruction, sizeof(out->instruction));
}

static void explain(struct placement *out, const char *place, const char *reason)
{
	snprintf(out->reason, sizeof(out->reason), "%s%s", place, reason);
}

static void move(struct elf_file *elf, const struct elf_symbol *fn, uint32_t skipped,
		 struct placement *out)
{
	char past[64];

	/* it has 4 bytes: nothing else is skipped */
	if (skipped == 4 && strcmp(out->instruction, "endbr64") == 0)
		snprintf(past, sizeof(past), "past endbr64, ");
	else
		snprintf(past, sizeof(past), "past %u bytes that change no argument, ", skipped);
	explain(out, past, "to the first instruction that the Linux kernel emulates");
	put(elf, fn, skipped, out);
}

void place_probe(struct elf_file *elf, const struct elf_symbol *fn, struct placement *out)
{
	const char *obstacle;
	struct reader reader;
	struct zone zone;
	uint32_t skipped;

	memset(out, 0, sizeof(*out));
	put(elf, fn, 0, out);
	if (reader_init(&reader, elf) || find_emulated(&reader, fn, &skipped)) {
		explain(out, "function entry: ",
			"no emulated instruction before an argument or the stack changes");
		return;
	}
	zone = (struct zone){ fn->value + 1, fn->value + skipped };
	obstacle = skipped ? find_obstacle(&reader, fn, &zone) : NULL;
	if (obstacle) {
		explain(out, "function entry: moving is not safe: ", obstacle);
		return;
	}
	out->emulated = 1;
	if (skipped)
		move(elf, fn, skipped, out);
	else
		explain(out, "function entry: ", "already cheap");
}
