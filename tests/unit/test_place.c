/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl -lZydis */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "tap/place.h"
#include "valgrind.h"

#define CHEAP "function entry: already cheap"
#define NONE "function entry: no emulated instruction before an argument or the stack changes"
#define UNSAFE(why) "function entry: moving is not safe: " why
#define BEHIND(what) "past " what ", to the first instruction that the Linux kernel emulates"
#define SKIPPED(bytes) BEHIND(bytes " bytes that change no argument")
#define ENDBR BEHIND("endbr64")

#define INSIDE UNSAFE("the function branches into its own first bytes")
#define OTHER UNSAFE("other code branches into the function's first bytes")
#define INDIRECT UNSAFE("the function has jumps whose target is not known")
#define SYMBOL UNSAFE("a symbol points into the function's first bytes")
#define NO_CODE UNSAFE("the function cannot be disassembled")

static char directory[64];

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs a command in the directory of the fixtures. */
static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = snprintf(command, sizeof(command), "cd %s && ", directory);
	n += vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	va_end(args);
	assert_in_range(n, 1, sizeof(command) - 1);
	assert_int_equal(system(command), 0);
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static FILE *create(const char *name)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	return file;
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/tapmeter-place-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	shell("rm -r %s", directory);
	return 0;
}

struct opened {
	int fd;
	struct elf_file *elf;
};

static struct opened open_elf(const char *path)
{
	struct opened file;

	file.fd = open(path, O_RDWR | O_CLOEXEC);
	if (file.fd < 0)
		file.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file.fd >= 0);
	assert_int_equal(elf_file__new(file.fd, &file.elf, NULL, 0), 0);
	return file;
}

static void close_elf(struct opened *file)
{
	elf_file__free(file->elf);
	close(file->fd);
}

static struct elf_symbol find(const struct opened *file, const char *function)
{
	struct elf_symbol symbol;

	if (elf_file__functions(file->elf, &function, 1, &symbol) != 1)
		fail_msg("no function %s", function);
	return symbol;
}

static void check_placement(const char *what, const struct placement *placement,
			    const struct elf_symbol *symbol, uint32_t skipped, const char *reason)
{
	if (placement->skipped != skipped || strcmp(placement->reason, reason) != 0)
		fail_msg("%s: %u bytes skipped, %s", what, placement->skipped, placement->reason);
	assert_int_equal(placement->offset, symbol->offset + skipped);
	assert_int_equal(placement->emulated, skipped || strcmp(reason, CHEAP) == 0);
}

/* ---- pieces of code -------------------------------------------------------------------------- */

struct piece {
	const char *what;
	const char *code; /* of the function; before a "^" and after a "|", what lies around it */
	uint32_t skipped;
	const char *reason;
};

static const struct piece pieces[] = {
	{ "push", "push %rbx; pop %rbx; ret", 0, CHEAP },
	{ "push of a new register", "push %r15; pop %r15; ret", 0, CHEAP },
	{ "a short jump", "jmp 1f; 1: ret", 0, CHEAP },
	{ "a long jump", "jmp.d32 1f; 1: ret", 0, CHEAP },
	{ "a jump away", "jmp other", 0, CHEAP },
	{ "a short conditional jump", "jne 1f; 1: ret", 0, CHEAP },
	{ "a long conditional jump", "jle.d32 1f; 1: ret", 0, CHEAP },
	{ "a call", "call other; ret", 0, CHEAP },
	{ "nop", "nop; ret", 0, CHEAP },
	{ "an emulated entry, whatever follows", "push %rax; jmp *%rax; 1: jmp 1b", 0, CHEAP },

	{ "endbr64, push", "endbr64; push %rbp; pop %rbp; ret", 4, ENDBR },
	{ "endbr64, push of a new register", "endbr64; push %r12; pop %r12; ret", 4, ENDBR },
	{ "endbr64, nop", "endbr64; nop; ret", 4, ENDBR },
	{ "endbr64, jump", "endbr64; jmp other", 4, ENDBR },
	{ "test, jump", "test %rdi,%rdi; je 1f; mov $1,%edi; 1: ret", 3, SKIPPED("3") },
	{ "test, long jump", "test %rdi,%rdi; je.d32 1f; mov $1,%edi; 1: ret", 3, SKIPPED("3") },
	{ "a compare with memory", "cmpl $0,8(%rdi); jne 1f; 1: ret", 4, SKIPPED("4") },
	{ "a compare with a global variable", "cmpl $0,variable(%rip); jne 1f; 1: ret", 7,
	  SKIPPED("7") },
	{ "the stack protector's guard", "endbr64; mov %fs:40,%rax; push %rbx; pop %rbx; ret", 13,
	  SKIPPED("13") },
	{ "an argument copied to a register that calls keep", "mov %rdi,%rbx; push %rbp; ud2", 3,
	  SKIPPED("3") },
	{ "the stack pointer read", "lea 8(%rsp),%r10; mov %rsp,%r11; push %rax; pop %rax; ret", 8,
	  SKIPPED("8") },
	{ "arithmetic",
	  "xor %eax,%eax; add %rdi,%rax; imul %rsi,%rax; or $3,%eax; shl $2,%eax; push %rbx; ud2",
	  15, SKIPPED("15") },
	{ "conditional moves", "cmp %rsi,%rdi; cmovb %rsi,%rax; setb %r10b; push %rbx; ud2", 11,
	  SKIPPED("11") },
	{ "moves between kinds of registers", "movq %rdi,%xmm0; movaps %xmm0,%xmm7; push %rbx; ud2",
	  8, SKIPPED("8") },
	{ "long nops", ".byte 0x0f,0x1f,0x44,0,0; xchg %ax,%ax; push %rbx; ud2", 7, SKIPPED("7") },
	{ "endbr64, long nop", "endbr64; .byte 0x0f,0x1f,0x44,0,0; push %rbx; pop %rbx; ret", 9,
	  SKIPPED("9") },
	{ "a jump back to the entry",
	  "1: endbr64; push %rax; pop %rax; test %edi,%edi; jne 1b; ret", 4, ENDBR },
	{ "a jump back behind the probe", "endbr64; push %rax; 1: dec %rdi; jne 1b; pop %rax; ret",
	  4, ENDBR },
	{ "calls through pointers", "endbr64; push %rax; call *%rdi; call *8(%rsi); pop %rax; ret",
	  4, ENDBR },
	{ "64 bytes", ".rept 6; movabs $-1,%r10; .endr; test %rdi,%rdi; nop; ret", 63,
	  SKIPPED("63") },
	{ "16 instructions", ".rept 16; test %rdi,%rdi; .endr; nop; ret", 48, SKIPPED("48") },
	{ "a long function",
	  "endbr64; push %rax; .rept 3000; movabs $-1,%r10; .endr; pop %rax; ret", 4, ENDBR },
	{ "other code that jumps elsewhere",
	  "1: endbr64; 2: push %rax; 3: pop %rax; ret |jmp 1b; jmp 3b; jmp.d32 1b; jmp.d32 3b", 4,
	  ENDBR },

	{ "nothing cheap", "mov %rdi,%rax; ret", 0, NONE },
	{ "a return", "ret", 0, NONE },
	{ "rdi", "xor %edi,%edi; push %rbx; ud2", 0, NONE },
	{ "rsi", "mov %rdi,%rsi; push %rbx; ud2", 0, NONE },
	{ "rdx", "mov $1,%dl; push %rbx; ud2", 0, NONE },
	{ "rcx", "endbr64; mov $1,%ch; push %rbx; ud2", 0, NONE },
	{ "r8", "movzwl %r8w,%r8d; push %rbx; ud2", 0, NONE },
	{ "r9", "add $1,%r9w; push %rbx; ud2", 0, NONE },
	{ "rdx unsaid", "mul %rax; push %rbx; ud2", 0, NONE },
	{ "rdx by sign extension", "cqto; push %rbx; ud2", 0, NONE },
	{ "rdi exchanged", "xchg %rax,%rdi; push %rbx; ud2", 0, NONE },
	{ "rdi perhaps", "cmove %rax,%rdi; push %rbx; ud2", 0, NONE },
	{ "the stack pointer subtracted from", "endbr64; sub $8,%rsp; push %rbx; ud2", 0, NONE },
	{ "the stack pointer aligned", "and $-32,%rsp; push %rbx; ud2", 0, NONE },
	{ "the stack pointer moved by lea", "lea -8(%rsp),%rsp; push %rbx; ud2", 0, NONE },
	{ "the stack pointer replaced", "mov %rax,%rsp; push %rbx; ud2", 0, NONE },
	{ "a pop", "pop %rax; push %rax; ud2", 0, NONE },
	{ "a write into the red zone", "mov %rdi,-8(%rsp); push %rbx; ud2", 0, NONE },
	{ "a write to a stack argument", "mov %rdi,8(%rsp); push %rbx; ud2", 0, NONE },
	{ "a write through an argument", "incl (%rdi); push %rbx; ud2", 0, NONE },
	{ "a write to a global variable", "movups %xmm0,variable(%rip); push %rbx; ud2", 0, NONE },
	{ "a write by an atomic instruction", "lock xadd %eax,(%rdi); push %rbx; ud2", 0, NONE },
	{ "a write by a string instruction", "stosb; push %rbx; ud2", 0, NONE },
	{ "a call that is not the entry", "endbr64; call other; ret", 0, NONE },
	{ "a call through a pointer", "endbr64; call *%rax; push %rbx; ud2", 0, NONE },
	{ "a jump through a pointer", "endbr64; jmp *%rax", 0, NONE },
	{ "a push of a constant", "endbr64; push $1; push %rbx; ud2", 0, NONE },
	{ "a push from memory", "endbr64; pushq (%rdi); push %rbx; ud2", 0, NONE },
	{ "a push with a prefix", "rex.W push %rax; push %rbx; ud2", 0, NONE },
	{ "a jump with a prefix", "endbr64; bnd jmp other", 0, NONE },
	{ "jrcxz", "endbr64; jrcxz 1f; push %rbx; 1: ud2", 0, NONE },
	{ "loop", "endbr64; 1: loop 1b; push %rbx; ud2", 0, NONE },
	{ "a system call", "endbr64; syscall; push %rbx; ud2", 0, NONE },
	{ "a trap", "endbr64; ud2; push %rbx; ud2", 0, NONE },
	{ "the thread pointer", "wrfsbase %rax; push %rbx; ud2", 0, NONE },
	{ "cpuid", "cpuid; push %rbx; ud2", 0, NONE },
	{ "a segment register", "mov %eax,%gs; push %rbx; ud2", 0, NONE },
	{ "the flags loaded", "endbr64; popf; push %rbx; ud2", 0, NONE },
	{ "65 bytes", ".rept 6; movabs $-1,%r10; .endr; mov $0,%eax; nop; ret", 0, NONE },
	{ "17 instructions", ".rept 17; test %rdi,%rdi; .endr; nop; ret", 0, NONE },
	{ "no instruction at all", ".byte 0x06; push %rbx; ud2", 0, NONE },
	{ "no instruction after the first", "endbr64; .byte 0x06; push %rbx; ud2", 0, NONE },

	{ "a loop around the probe", "endbr64; 1: push %rax; pop %rax; dec %rdi; jne 1b; ret", 0,
	  INSIDE },
	{ "a long jump back", "endbr64; 1: push %rax; pop %rax; jmp.d32 1b", 0, INSIDE },
	{ "a loop to an instruction before the probe",
	  "endbr64; 1: test %rdi,%rdi; je 2f; dec %rdi; jmp 1b; 2: ret", 0, INSIDE },
	{ "a loop in a long function",
	  "endbr64; 1: push %rax; .rept 3000; movabs $-1,%r10; .endr; pop %rax; jmp 1b", 0,
	  INSIDE },
	{ "a jump of the probe to itself", "endbr64; 1: jmp 1b", 0, INSIDE },
	{ "a jump between instructions", "1: test %rdi,%rdi; je 2f; jmp 1b+1; 2: ret", 0, INSIDE },
	{ "jrcxz back", "endbr64; 1: push %rax; pop %rax; jrcxz 1b; ret", 0, INSIDE },
	{ "a call of the place", "endbr64; 1: push %rax; pop %rax; call 1b; ret", 0, INSIDE },
	{ "the address of the place taken",
	  "endbr64; 1: push %rax; pop %rax; lea 1b(%rip),%rax; ret", 0, INSIDE },
	{ "a jump by a table", "endbr64; push %rax; pop %rax; jmp *(%rsi,%rdi,8)", 0, INDIRECT },
	{ "a jump through a register", "endbr64; push %rax; pop %rax; notrack jmp *%rsi", 0,
	  INDIRECT },
	{ "a jump through a variable", "endbr64; push %rax; pop %rax; jmp *variable(%rip)", 0,
	  INDIRECT },
	{ "data in the function", "endbr64; push %rax; pop %rax; ret; .byte 0x06,0x06", 0,
	  NO_CODE },
	{ "an instruction cut off by the end", "endbr64; push %rax; pop %rax; .byte 0xe9 |.long 0",
	  0, NO_CODE },

	{ "a short jump from before", "jmp 1f ^endbr64; 1: push %rax; pop %rax; ret", 0, OTHER },
	{ "a conditional jump from before", "jp 1f; ret ^endbr64; 1: push %rax; pop %rax; ret", 0,
	  OTHER },
	{ "a jump over data from before",
	  "jmp 1f; .fill 121,1,0x48 ^endbr64; 1: push %rax; pop %rax; ret", 0, OTHER },
	{ "a jump behind data from before",
	  ".fill 20,1,0x06; jmp 1f ^endbr64; 1: push %rax; pop %rax; ret", 0, OTHER },
	{ "a long jump from before",
	  "jmp 1f; .fill 1000,1,0xcc ^endbr64; 1: push %rax; pop %rax; ret", 0, OTHER },
	{ "a short jump from behind", "endbr64; 1: push %rax; pop %rax; ret |jmp 1b", 0, OTHER },
	{ "a conditional jump from behind", "endbr64; 1: push %rax; pop %rax; ret |nop; jo 1b", 0,
	  OTHER },
	{ "a jump from as far as a short one reaches",
	  "endbr64; 1: push %rax; pop %rax; ret |.fill 123,1,0xcc; jmp 1b", 0, OTHER },
	{ "a long jump from behind",
	  "endbr64; 1: push %rax; pop %rax; ret |.fill 1000,1,0xcc; jmp 1b", 0, OTHER },
	{ "a long conditional jump from behind",
	  "endbr64; 1: push %rax; pop %rax; ret |.fill 1000,1,0xcc; jg 1b", 0, OTHER },
	{ "a call from behind", "endbr64; 1: push %rax; pop %rax; ret |.fill 1000,1,0xcc; call 1b",
	  0, OTHER },
	{ "a part of the function that lies elsewhere",
	  "endbr64; 1: test %rdi,%rdi; je 2f; ret |.pushsection .text.unlikely,\"ax\"; "
	  "2: dec %rdi; jmp 1b; .popsection",
	  0, OTHER },

	{ "a function in the function",
	  "endbr64; .globl inner; .type inner,@function; inner: push %rax; pop %rax; ret", 0,
	  SYMBOL },
	{ "a local label between", "mov %rdi,%rax; local: test %rdi,%rdi; je 1f; 1: ret", 0,
	  SYMBOL },
	{ "a symbol between instructions", "endbr64; .set odd,.-1; push %rax; pop %rax; ret", 0,
	  SYMBOL },
	{ "a symbol behind the probe", "endbr64; push %rax; behind: pop %rax; ret", 4, ENDBR },
};

#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* Each piece is a function piece_N. They lie so far apart that none is near another. */
static void write_piece(FILE *file, size_t number, const char *code)
{
	int before = strchr(code, '^') ? (int)strcspn(code, "^") : -1;
	int end = (int)strcspn(code, "|");

	fprintf(file,
		".fill 400,1,0xcc\n.globl piece_%zu\n.type piece_%zu,@function\n%.*s\npiece_%zu: %.*s\n"
		".size piece_%zu,.-piece_%zu\n%s\n",
		number, number, before < 0 ? 0 : before, code, number, end - before - 1,
		code + before + 1, number, number, code[end] ? code + end + 1 : "");
}

static void write_pieces(void)
{
	FILE *file = create("pieces.s");

	fputs(".globl other\n.type other,@function\nother: ret\n.size other,1\n"
	      ".lcomm variable,16\n",
	      file);
	for (size_t i = 0; i < PIECES; i++)
		write_piece(file, i, pieces[i].code);
	fclose(file);
	shell("gcc -shared -nostdlib -Wl,-Bsymbolic,-z,noexecstack pieces.s -o pieces.so");
}

static void moves_where_nothing_changes_and_stays_where_that_is_not_certain(void **state)
{
	struct opened file;

	(void)state;
	write_pieces();
	file = open_elf(path_of("pieces.so"));
	for (size_t i = 0; i < PIECES; i++) {
		struct elf_symbol symbol;
		struct placement placement;
		char name[32];

		snprintf(name, sizeof(name), "piece_%zu", i);
		symbol = find(&file, name);
		place_probe(file.elf, &symbol, &placement);
		check_placement(pieces[i].what, &placement, &symbol, pieces[i].skipped,
				pieces[i].reason);
	}
	close_elf(&file);
}

/* ---- where a jump may lie -------------------------------------------------------------------- */

#define PIECE_SIZE 16384 /* of what place.c reads at once, */
#define OVERLAP 5 /* the end of which it reads again */
#define FUNCTIONS 48

/* For each function but the last a jump to it, across an end of what is read at once. */
static void write_far_jumps(void)
{
	FILE *file = create("far.s");

	for (int i = 0; i <= FUNCTIONS; i++)
		fprintf(file,
			".globl far_%d\n.type far_%d,@function\nfar_%d: endbr64\nat_%d: push %%rax\n"
			"pop %%rax\nret\n.size far_%d,.-far_%d\n.fill 300,1,0xcc\n",
			i, i, i, i, i, i);
	for (int i = 0; i < FUNCTIONS; i++)
		fprintf(file, ".org %d,0xcc\n%s at_%d\n",
			(i + 1) * (PIECE_SIZE - (i < FUNCTIONS / 2 ? OVERLAP : 0)) +
				i / 2 % (FUNCTIONS / 4) - 7,
			i % 2 ? "jmp" : "jne", i);
	fclose(file);
	shell("gcc -shared -nostdlib -Wl,-Bsymbolic,-z,noexecstack far.s -o far.so && "
	      "strip far.so"); /* of the symbols at the places */
}

static void finds_a_jump_wherever_it_lies(void **state)
{
	struct opened file;

	(void)state;
	write_far_jumps();
	file = open_elf(path_of("far.so"));
	for (int i = 0; i <= FUNCTIONS; i++) {
		struct placement placement;
		struct elf_symbol symbol;
		uint64_t start, size;
		char name[16];

		snprintf(name, sizeof(name), "far_%d", i);
		symbol = find(&file, name);
		assert_int_equal(elf_file__segment(file.elf, symbol.value, &start, &size), 0);
		if (!i)
			assert_int_equal(start, symbol.value);
		place_probe(file.elf, &symbol, &placement);
		check_placement(name, &placement, &symbol, i < FUNCTIONS ? 0 : 4,
				i < FUNCTIONS ? OTHER : ENDBR);
	}
	close_elf(&file);
}

/* ---- what the file says ---------------------------------------------------------------------- */

static struct opened open_simple(void)
{
	FILE *file = create("simple.s");

	fputs(".globl simple\n.type simple,@function\nsimple: endbr64\npush %rax\npop %rax\nret\n"
	      ".size simple,.-simple\n.fill 400,1,0xcc\n",
	      file);
	fclose(file);
	shell("gcc -shared -nostdlib -Wl,-z,noexecstack simple.s -o simple.so");
	return open_elf(path_of("simple.so"));
}

static void check_simple(const struct opened *file, const struct elf_symbol *symbol,
			 uint32_t skipped, const char *reason)
{
	struct placement placement;

	place_probe(file->elf, symbol, &placement);
	check_placement("simple", &placement, symbol, skipped, reason);
}

static void a_size_that_cannot_be_right_is_a_reason_to_stay(void **state)
{
	static const struct {
		uint64_t size;
		const char *reason;
	} sizes[] = {
		{ 0, UNSAFE("the function's size is not known") },
		{ 1, UNSAFE("the function's size is wrong") },
		{ 4, UNSAFE("the function's size is wrong") },
		{ 408, UNSAFE("the function's size is wrong") },
		{ INT64_MAX, UNSAFE("the function's size is wrong") },
		{ UINT64_MAX, UNSAFE("the function's size is wrong") },
		{ UINT64_MAX - 4096, UNSAFE("the function's size is wrong") },
	};
	struct opened file = open_simple();
	struct elf_symbol symbol = find(&file, "simple");

	(void)state;
	check_simple(&file, &symbol, 4, ENDBR);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		symbol.size = sizes[i].size;
		check_simple(&file, &symbol, 0, sizes[i].reason);
	}
	close_elf(&file);
}

static void what_is_not_in_the_file_has_no_cheap_place(void **state)
{
	static const uint64_t addresses[] = { 1ull << 40, UINT64_MAX - 3, UINT64_MAX };
	struct opened file = open_simple();
	struct elf_symbol symbol = find(&file, "simple");

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		symbol.value = addresses[i];
		check_simple(&file, &symbol, 0, NONE);
	}
	close_elf(&file);
}

static void without_symbols_it_stays(void **state)
{
	struct opened file = open_simple();
	struct elf_symbol symbol = find(&file, "simple");
	Elf64_Ehdr header;

	(void)state;
	assert_int_equal(pread(file.fd, &header, sizeof(header), 0), sizeof(header));
	header.e_shnum = 0;
	assert_int_equal(pwrite(file.fd, &header, sizeof(header), 0), sizeof(header));
	close_elf(&file);
	file = open_elf(path_of("simple.so"));
	check_simple(&file, &symbol, 0, UNSAFE("the file's symbols cannot be read"));
	close_elf(&file);
}

static void a_file_that_shrinks_meanwhile_is_a_reason_to_stay(void **state)
{
	struct opened file = open_simple();
	struct elf_symbol symbol = find(&file, "simple");

	(void)state;
	assert_int_equal(ftruncate(file.fd, (off_t)symbol.offset + 300), 0);
	check_simple(&file, &symbol, 0, UNSAFE("the file's symbols cannot be read"));
	assert_int_equal(ftruncate(file.fd, (off_t)symbol.offset + 5), 0);
	check_simple(&file, &symbol, 0, UNSAFE("the file's symbols cannot be read"));
	assert_int_equal(ftruncate(file.fd, 0), 0);
	check_simple(&file, &symbol, 0, NONE);
	close_elf(&file);
}

/* Makes the load segment of the code so large, with a hole in the file. */
static void stretch(struct opened *file, uint64_t address, uint64_t size)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	off_t at;

	assert_int_equal(pread(file->fd, &header, sizeof(header), 0), sizeof(header));
	for (unsigned i = 0; i < header.e_phnum; i++) {
		at = (off_t)(header.e_phoff + i * sizeof(segment));
		assert_int_equal(pread(file->fd, &segment, sizeof(segment), at), sizeof(segment));
		if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
			continue;
		assert_int_equal(segment.p_vaddr, address);
		segment.p_filesz = segment.p_memsz = size;
		assert_int_equal(pwrite(file->fd, &segment, sizeof(segment), at), sizeof(segment));
		assert_int_equal(ftruncate(file->fd, (off_t)(segment.p_offset + size)), 0);
	}
	close_elf(file);
	*file = open_elf(path_of("simple.so"));
}

static void too_much_code_is_a_reason_to_stay(void **state)
{
	struct opened file = open_simple();
	struct elf_symbol symbol = find(&file, "simple");

	(void)state;
	stretch(&file, symbol.value, 1 << 20);
	check_simple(&file, &symbol, 4, ENDBR);
	symbol.size = (256 << 10) + 1;
	check_simple(&file, &symbol, 0, UNSAFE("there is too much code to look through"));
	symbol.size = 7;
	assert_int_equal(ftruncate(file.fd, 1 << 19), 0);
	check_simple(&file, &symbol, 0, UNSAFE("the file cannot be read"));
	stretch(&file, symbol.value, (128 << 20) + 1);
	check_simple(&file, &symbol, 0, UNSAFE("there is too much code to look through"));
	close_elf(&file);
}

/* ---- compiled functions, against a run instruction by instruction ---------------------------- */

static const char source[] =
	"#include <stdarg.h>\n"
	"#include <string.h>\n"
	"#define APART __attribute__((noinline))\n"
	"int quiet;\n"
	"long total;\n"
	"APART long leaf(char *s, long n) { return s[0] * 3 + n; }\n"
	"APART long nested(char *s, long n)\n"
	"{ long a = leaf(s, n); return a + leaf(s, n + a) * n; }\n"
	"APART long checked(char *s, long n)\n"
	"{ if (!s) return -1; if (quiet) return 0; total += n; return leaf(s, n) + total; }\n"
	"APART long length(const char *s) { long n = 0; while (*s++) n++; return n; }\n"
	"APART long spin(char *s, long n) { do { n = n / 2; total ^= n; } while (n); return s[0]; }\n"
	"APART long choose(char *s, long n)\n"
	"{\n"
	"	switch (n) {\n"
	"	case 0: return leaf(s, 1); case 1: return length(s); case 2: return total;\n"
	"	case 3: return leaf(s, 7) * 3; case 4: return n ^ 77; case 5: return length(s) + 3;\n"
	"	default: return -n;\n"
	"	}\n"
	"}\n"
	"APART long down(char *s, long n) { return n > 0 ? down(s, n - 1) + n : s[0]; }\n"
	"APART long tail(char *s, long n) { return n & 1 ? leaf(s, n) : down(s, n); }\n"
	"long (*pointer)(char *, long) = leaf;\n"
	"APART long indirect(char *s, long n) { return pointer(s, n); }\n"
	"APART long many(char *s, long n, ...)\n"
	"{ va_list l; long a; va_start(l, n); a = va_arg(l, long); va_end(l); return a + s[0]; }\n"
	"APART long local(char *s, long n)\n"
	"{ char b[64]; memset(b, (int)n, sizeof(b)); strcpy(b, s); return length(b) + b[40]; }\n"
	"APART long sized(char *s, long n)\n"
	"{ char b[n + 8]; memset(b, 1, n + 8); b[n] = s[0]; b[n + 1] = 0; return length(b); }\n"
	"APART long eight(char *s, long b, long c, long d, long e, long f, long g, long h)\n"
	"{ return s[0] + b * 2 + c * 3 + d * 5 + e * 7 + f * 11 + g * 13 + h * 17; }\n"
	"struct big { long a[9]; };\n"
	"APART struct big made(char *s, long n) { struct big b = { { s[0], n } }; return b; }\n"
	"APART long making(char *s, long n) { return made(s, n).a[1]; }\n"
	"APART double real(char *s, long n) { return s[0] * 1.5 + (double)n; }\n"
	"APART long rare(char *s, long n)\n"
	"{\n"
	"	long i;\n"
	"	for (i = 0; i < n; i++)\n"
	"		if (__builtin_expect(s[i & 3] == 'z', 0))\n"
	"			total += leaf(s, i);\n"
	"	return i;\n"
	"}\n";

static const char *const functions[] = {
	"leaf", "nested", "checked", "length", "spin", "choose", "down", "tail", "indirect",
	"many", "local",  "sized",   "eight",  "made", "making", "real", "rare",
};

#define COMPILED (sizeof(functions) / sizeof(functions[0]))

/* A function whose probe was moved, in the running program. */
struct moved {
	const char *name;
	uint64_t entry, probe;
	struct user_regs_struct at_entry;
	long stack[4];
	int pending; /* entered, the probe not passed yet */
	unsigned calls;
};

struct run {
	pid_t pid;
	size_t count;
	struct moved moved[COMPILED];
};

typedef long call_fn(char *s, long b, long c, long d, long e, long f, long g, long h);

/* `made` returns a struct: its first argument is where to. */
static void call_all(void *const *addresses, size_t made)
{
	static char text[64] = "azure", result[128];

	for (size_t i = 0; i < COMPILED; i++) {
		call_fn *fn = (call_fn *)addresses[i];

		for (long n = 0; n < 4; n++)
			if (i == made)
				fn(result, (long)text, n, 3, 4, 5, 6, 7);
			else
				fn(text, n, 2, 3, 4, 5, 6, 7);
	}
}

static void read_stack(const struct run *run, uint64_t sp, long stack[4])
{
	for (uint64_t i = 0; i < 4; i++)
		stack[i] = ptrace(PTRACE_PEEKDATA, run->pid, (void *)(sp + 8 * i), NULL);
}

static int is_same(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	return a->rdi == b->rdi && a->rsi == b->rsi && a->rdx == b->rdx && a->rcx == b->rcx &&
	       a->r8 == b->r8 && a->r9 == b->r9 && a->rsp == b->rsp;
}

/* What the instruction that runs next means for the function. */
static void step_moved(const struct run *run, struct moved *moved,
		       const struct user_regs_struct *regs)
{
	long stack[4];

	if (regs->rip == moved->entry) {
		if (moved->pending)
			fail_msg("%s: entered twice before the probe", moved->name);
		moved->at_entry = *regs;
		read_stack(run, regs->rsp, moved->stack);
		moved->pending = 1;
	} else if (regs->rip == moved->probe) {
		read_stack(run, regs->rsp, stack);
		if (!moved->pending || !is_same(&moved->at_entry, regs) ||
		    memcmp(stack, moved->stack, sizeof(stack)) != 0)
			fail_msg("%s: not the same at the probe", moved->name);
		moved->pending = 0;
		moved->calls++;
	}
}

/* Steps through the child, which is stopped, until it ends. */
static void step_all(struct run *run)
{
	struct user_regs_struct regs;
	int status;

	for (;;) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, run->pid, NULL, NULL), 0);
		assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
		if (WIFEXITED(status))
			break;
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
		assert_int_equal(ptrace(PTRACE_GETREGS, run->pid, NULL, &regs), 0);
		for (size_t i = 0; i < run->count; i++)
			step_moved(run, &run->moved[i], &regs);
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	for (size_t i = 0; i < run->count; i++)
		if (run->moved[i].pending || run->moved[i].calls < 4)
			fail_msg("%s: the probe was passed %u times", run->moved[i].name,
				 run->moved[i].calls);
}

static void run_stepped(struct run *run, void *const *addresses)
{
	size_t made = 0;
	int status;

	while (strcmp(functions[made], "made") != 0)
		made++;

	run->pid = fork();
	assert_true(run->pid >= 0);
	if (!run->pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		call_all(addresses, made);
		_exit(0);
	}
	assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
	assert_true(WIFSTOPPED(status));
	step_all(run);
}

/* Returns how many functions' probes were moved behind more than endbr64. */
static unsigned check_build(const char *compiler, const char *level, const char *flags, int number)
{
	struct run run = { 0 };
	void *addresses[COMPILED], *library;
	struct placement placement;
	struct opened file;
	unsigned farther = 0;
	char name[32];

	snprintf(name, sizeof(name), "compiled-%d.so", number);
	shell("%s %s %s -w -shared -fPIC -Wl,-Bsymbolic,-z,now compiled.c -o %s", compiler, level,
	      flags, name);
	library = dlopen(path_of(name), RTLD_NOW);
	assert_non_null(library);
	file = open_elf(path_of(name));
	for (size_t i = 0; i < COMPILED; i++) {
		struct elf_symbol symbol = find(&file, functions[i]);

		addresses[i] = dlsym(library, functions[i]);
		place_probe(file.elf, &symbol, &placement);
		if (strcmp(functions[i], "nested") == 0 && strstr(flags, "-fno-omit-frame-pointer"))
			check_placement(name, &placement, &symbol, strstr(flags, "=full") ? 4 : 0,
					strstr(flags, "=full") ? ENDBR : CHEAP);
		farther += placement.skipped > 0 && strcmp(placement.reason, ENDBR) != 0;
		if (placement.skipped)
			run.moved[run.count++] = (struct moved){
				.name = functions[i],
				.entry = (uint64_t)addresses[i],
				.probe = (uint64_t)addresses[i] + placement.skipped,
			};
	}
	run_stepped(&run, addresses);
	close_elf(&file);
	dlclose(library);
	return farther;
}

static void at_the_probe_all_is_as_at_the_entry_when_compiled_code_runs(void **state)
{
	static const char *const compilers[] = { "gcc", "clang" };
	static const char *const levels[] = { "-O0", "-O1", "-O2", "-O3" };
	static const char *const flags[] = {
		"-fcf-protection=full -fomit-frame-pointer",
		"-fcf-protection=full -fstack-protector-all -fno-omit-frame-pointer",
		"-fcf-protection=none -fomit-frame-pointer",
		"-fcf-protection=none -fstack-protector-all -fno-omit-frame-pointer -mno-red-zone",
	};
	unsigned farther = 0;
	int number = 0;
	FILE *file;

	(void)state;
	file = create("compiled.c");
	fputs(source, file);
	fclose(file);
	if (is_translated()) {
		print_message("skipped: each step of valgrind's is not one of the code\n");
		skip();
	}
	for (size_t c = 0; c < 2; c++)
		for (size_t l = 0; l < 4; l++)
			for (size_t f = 0; f < 4; f++)
				farther += check_build(compilers[c], levels[l], flags[f], number++);
	assert_in_range(farther, 20, COMPILED * (size_t)number);
}

/* ---- real libraries -------------------------------------------------------------------------- */

#define NODE "tests/node/node_modules/zeromq/build/linux/x64/node/"

static void in_real_libraries_the_tapped_functions_are_cheap(void **state)
{
	static const struct {
		const char *path;
		const char *function;
		uint32_t skipped;
		const char *instruction;
		const char *reason;
	} places[] = {
		{ "/usr/lib/x86_64-linux-gnu/libzmq.so.5", "zmq_send", 0, "push %r14", CHEAP },
		{ "/usr/lib/x86_64-linux-gnu/libzmq.so.5", "zmq_recv", 0, "push %r15", CHEAP },
		{ "/usr/lib/x86_64-linux-gnu/libzmq.so.5", "zmq_msg_send", 0, "push %r13", CHEAP },
		{ "/usr/lib/x86_64-linux-gnu/libzmq.so.5", "zmq_msg_recv", 0, "push %r12", CHEAP },
		{ "/usr/lib/x86_64-linux-gnu/libhiredis.so.0.14", "redisCommandArgv", 0,
		  "push %r12", CHEAP },
		{ "/usr/lib/x86_64-linux-gnu/libhiredis.so.0.14", "redisFree", 3,
		  "jz 0x0000000000006030", SKIPPED("3") },
		{ "/usr/lib/x86_64-linux-gnu/libhiredis.so.0.14", "redisCommand", 0,
		  "sub $0xD8, %rsp", NONE },
		{ NODE "glibc-127-Release/addon.node", "zmq_send", 4, "push %r15", ENDBR },
		{ NODE "glibc-127-Release/addon.node", "zmq_recv", 4, "push %r15", ENDBR },
		{ NODE "glibc-127-Release/addon.node", "zmq_msg_send", 4, "push %r13", ENDBR },
		{ NODE "glibc-127-Release/addon.node", "zmq_close", 4, "push %rbp", ENDBR },
	};
	int found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct placement placement;
		struct elf_symbol symbol;
		struct opened file;

		if (access(places[i].path, R_OK))
			continue;
		file = open_elf(places[i].path);
		symbol = find(&file, places[i].function);
		place_probe(file.elf, &symbol, &placement);
		check_placement(places[i].function, &placement, &symbol, places[i].skipped,
				places[i].reason);
		assert_string_equal(placement.instruction, places[i].instruction);
		close_elf(&file);
		found = 1;
	}
	if (!found)
		skip();
}

/* ---- hostile files --------------------------------------------------------------------------- */

static void exercise(int fd)
{
	const char *const name = "nested";
	struct placement placement;
	struct elf_symbol symbol;
	struct elf_file *elf;

	if (elf_file__new(fd, &elf, NULL, 0))
		return;
	if (elf_file__functions(elf, &name, 1, &symbol) == 1) {
		place_probe(elf, &symbol, &placement);
		assert_in_range(placement.skipped, 0, 64);
		assert_int_equal(placement.offset, symbol.offset + placement.skipped);
		assert_true(placement.reason[0]);
	}
	elf_file__free(elf);
}

static void survives_random_files(void **state)
{
	static char original[65536], damaged[65536];
	struct elf_symbol symbol;
	struct opened file;
	ssize_t size;
	int fd;

	(void)state;
	shell("gcc -O2 -fcf-protection=full -w -s -shared -fPIC compiled.c -o random.so");
	file = open_elf(path_of("random.so"));
	symbol = find(&file, "nested");
	size = pread(file.fd, original, sizeof(original), 0);
	assert_in_range(size, 1, sizeof(original) - 1);
	fd = memfd_create("random", MFD_CLOEXEC);
	srand(1);
	for (int round = 0; round < 5000; round++) {
		memcpy(damaged, original, (size_t)size);
		for (int n = rand() % 4; n > 0; n--)
			damaged[symbol.offset + (unsigned)rand() % symbol.size] = (char)rand();
		/* headers of the file, of its segments and sections */
		for (int n = rand() % 3; n > 0; n--)
			damaged[rand() % 800] = (char)rand();
		for (int n = rand() % 3; n > 0; n--)
			damaged[size - 1 - rand() % 2000] = (char)rand();
		for (int n = rand() % 3; n > 0; n--)
			damaged[rand() % size] = (char)rand();
		assert_int_equal(pwrite(fd, damaged, (size_t)size, 0), size);
		exercise(fd);
	}
	close(fd);
	close_elf(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_where_nothing_changes_and_stays_where_that_is_not_certain),
		cmocka_unit_test(finds_a_jump_wherever_it_lies),
		cmocka_unit_test(a_size_that_cannot_be_right_is_a_reason_to_stay),
		cmocka_unit_test(what_is_not_in_the_file_has_no_cheap_place),
		cmocka_unit_test(without_symbols_it_stays),
		cmocka_unit_test(a_file_that_shrinks_meanwhile_is_a_reason_to_stay),
		cmocka_unit_test(too_much_code_is_a_reason_to_stay),
		cmocka_unit_test(at_the_probe_all_is_as_at_the_entry_when_compiled_code_runs),
		cmocka_unit_test(in_real_libraries_the_tapped_functions_are_cheap),
		cmocka_unit_test(survives_random_files),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
