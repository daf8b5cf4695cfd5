/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl -lZydis */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tap/code.h"

static char directory[64];

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs a command in the directory of the fixtures. */
static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	int n;

	n = snprintf(command, sizeof(command), "cd %s && ", directory);
	va_start(args, format);
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

static void write_source(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/tapmeter-code-XXXXXX");
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

static int local_offset(struct elf_file *elf, const char *function, const char *callee,
			unsigned arg, int32_t *offset)
{
	struct elf_symbol symbol;

	assert_int_equal(elf_file__functions(elf, &function, 1, &symbol), 1);
	return code_local_offset(elf, &symbol, callee, arg, offset);
}

/* ---- against the truth of a run -------------------------------------------------------------- */

/*
 * receive() is made like zmq_recv(). measure() notes the stack pointer that it begins with, and the
 * function that gets the local variable's address notes the distance.
 */
static const char receive_source[] =
	"#include <errno.h>\n"
	"#include <string.h>\n"
	"struct message { unsigned char bytes[64]; };\n"
	"long entry, distance;\n"
	"#define APART __attribute__((noinline))\n"
	"APART int message_init(struct message *m)\n"
	"{ distance = (long)m - entry; memset(m, 7, sizeof(*m)); return 0; }\n"
	"APART int message_receive(struct message *m, void *s, int f)\n"
	"{ m->bytes[f & 63] += *(char *)s; return m->bytes[3]; }\n"
	"APART unsigned long message_size(struct message *m) { return m->bytes[0]; }\n"
	"APART int message_close(struct message *m) { m->bytes[0] = 0; return m->bytes[1]; }\n"
	"APART int check(void *s) { return *(int *)s != 3; }\n"
	"int receive(void *s, char *buf, unsigned long len, int flags)\n"
	"{\n"
	"	struct message m;\n"
	"	char text[24];\n"
	"	unsigned long size;\n"
	"	if (!s || !check(s)) {\n"
	"		errno = ENOTSOCK;\n"
	"		return -1;\n"
	"	}\n"
	"	if (flags & 4)\n"
	"		memset(text, flags, sizeof(text));\n"
	"	else\n"
	"		memset(text, 0, sizeof(text));\n"
	"	if (message_init(&m) != 0)\n"
	"		return -1;\n"
	"	if (message_receive(&m, s, flags) < 0) {\n"
	"		int saved = errno;\n"
	"		message_close(&m);\n"
	"		errno = saved;\n"
	"		return -1;\n"
	"	}\n"
	"	size = message_size(&m);\n"
	"	if (size > 0x7fffffff)\n"
	"		size = 0x7fffffff;\n"
	"	if (buf)\n"
	"		memcpy(buf, m.bytes, size < len ? size : len);\n"
	"	for (unsigned i = 0; buf && i < sizeof(text); i++)\n"
	"		buf[i] += text[i];\n"
	"	return message_close(&m) ? (int)size : -1;\n"
	"}\n"
	"APART int take(int a, int b, int c, int d, int e, struct message *m)\n"
	"{ distance = (long)m - entry; return a + b + c + d + e + m->bytes[0]; }\n"
	"int sixth(void *s, char *buf, unsigned long len, int flags)\n"
	"{\n"
	"	struct message other = { { 1 } }, m = { { 2 } };\n"
	"	if (message_close(&other))\n"
	"		return -1;\n"
	"	return take(1, 2, 3, flags, len != 0, &m) + other.bytes[2] + (s == buf);\n"
	"}\n"
	"/* void measure(function *) */\n"
	"__asm__(\".globl measure\\n.type measure,@function\\nmeasure:\\n\"\n"
	"	\"push %rbp\\nmov %rsp,%rbp\\nlea -8(%rsp),%rax\\n\"\n"
	"	\"mov entry@GOTPCREL(%rip),%rcx\\nmov %rax,(%rcx)\\n\"\n"
	"	\"mov %rdi,%rax\\nmov %rcx,%rdi\\nxor %esi,%esi\\n\"\n"
	"	\"xor %edx,%edx\\nxor %ecx,%ecx\\ncall *%rax\\npop %rbp\\nret\\n\");\n";

static void check_function(struct elf_file *elf, void *library, const char *function,
			   const char *callee, unsigned arg)
{
	void (*measure)(void *) = (void (*)(void *))dlsym(library, "measure");
	int32_t offset = 0;

	measure(dlsym(library, function));
	assert_int_equal(local_offset(elf, function, callee, arg, &offset), 0);
	assert_int_equal(offset, *(long *)dlsym(library, "distance"));
}

static void check_build(const char *compiler, const char *level, const char *flags, int number)
{
	struct opened file;
	char name[32];
	void *library;

	/* a name for each: the dynamic linker knows files by inode, and those are reused */
	snprintf(name, sizeof(name), "receive-%d.so", number);
	shell("%s %s %s -shared -fPIC receive.c -o %s", compiler, level, flags, name);
	library = dlopen(path_of(name), RTLD_NOW);
	assert_non_null(library);
	file = open_elf(path_of(name));
	check_function(file.elf, library, "receive", "message_init", 0);
	check_function(file.elf, library, "sixth", "take", 5);
	close_elf(&file);
	dlclose(library);
}

static void finds_where_the_local_variable_is_when_the_function_runs(void **state)
{
	static const char *const compilers[] = { "gcc", "clang" };
	static const char *const levels[] = { "-O0", "-O1", "-O2", "-O3", "-Os" };
	static const char *const flags[] = {
		"-fcf-protection -fstack-protector-all -fomit-frame-pointer -Wl,-z,ibtplt,-z,now",
		"-fcf-protection=none -fno-stack-protector -fno-omit-frame-pointer -Wl,-Bsymbolic",
		"-fno-plt -fstack-protector-strong -fno-omit-frame-pointer",
		"-fomit-frame-pointer -mno-red-zone -s",
	};
	int number = 0;

	(void)state;
	write_source("receive.c", receive_source);
	/* half of the combinations: all would take too long */
	for (size_t c = 0; c < 2; c++)
		for (size_t l = 0; l < 5; l++)
			for (size_t f = l % 2; f < 4; f += 2)
				check_build(compilers[c], levels[l], flags[f], number++);
}

/* ---- small pieces of code -------------------------------------------------------------------- */

struct piece {
	const char *what;
	const char *code;
	int32_t offset; /* 0: cannot be proven */
};

static const struct piece pieces[] = {
	{ "the stack pointer itself", "sub $24,%rsp; mov %rsp,%rdi; call callee", -24 },
	{ "push and pop", "push %rbx; push %rax; push $1; pop %rcx; mov %rsp,%rdi; call callee",
	  -16 },
	{ "sub of a negative number",
	  "sub $-128,%rsp; add $-256,%rsp; lea (%rsp),%rdi; call callee", -128 },
	{ "a frame pointer",
	  "push %rbp; mov %rsp,%rbp; sub $96,%rsp; lea -80(%rbp),%rdi; call callee", -88 },
	{ "a register that a call keeps",
	  "sub $24,%rsp; mov %rsp,%r12; call other; mov %r12,%rdi; call callee", -24 },
	{ "the callee through the GOT", "sub $24,%rsp; mov %rsp,%rdi; call *callee@GOTPCREL(%rip)",
	  -24 },
	{ "the first of two calls",
	  "sub $24,%rsp; mov %rsp,%rdi; call callee; lea 8(%rsp),%rdi; call callee", -24 },
	{ "behind a jump that is taken",
	  "sub $24,%rsp; test %edi,%edi; jne 1f; add $24,%rsp; ret; 1: mov %rsp,%rdi; call callee",
	  -24 },
	{ "behind a jump back",
	  "sub $24,%rsp; jmp 2f; 1: mov %rsp,%rdi; call callee; 2: test %edi,%edi; jmp 1b", -24 },
	{ "around a loop", "sub $24,%rsp; 1: dec %edi; jne 1b; mov %rsp,%rdi; call callee", -24 },
	{ "both branches with the same variable",
	  "sub $24,%rsp; mov %rsp,%rdi; test %esi,%esi; jne 1f; call callee; 1: call callee", -24 },

	{ "branches with different variables",
	  "sub $24,%rsp; mov %rsp,%rdi; test %esi,%esi; jne 1f; call callee; ret; "
	  "1: lea 8(%rsp),%rdi; call callee",
	  0 },
	{ "no call", "sub $24,%rsp; mov %rsp,%rdi; call other; ret", 0 },
	{ "a call behind the return", "sub $24,%rsp; mov %rsp,%rdi; ret; call callee", 0 },
	{ "a call behind a trap", "sub $24,%rsp; mov %rsp,%rdi; ud2; call callee", 0 },
	{ "a jump to nowhere", "sub $24,%rsp; mov %rsp,%rdi; jmp *%rax; call callee", 0 },
	{ "an argument", "call callee", 0 },
	{ "not a local variable", "lea 8(%rsp),%rdi; call callee", 0 },
	{ "a constant", "mov $1,%rdi; call callee", 0 },
	{ "a global variable", "lea 64(%rip),%rdi; call callee", 0 },
	{ "from memory", "sub $24,%rsp; mov %rsp,(%rsp); mov (%rsp),%rdi; call callee", 0 },
	{ "half of an address", "sub $24,%rsp; mov %esp,%edi; call callee", 0 },
	{ "half of a sum", "sub $24,%rsp; lea 8(%esp),%rdi; call callee", 0 },
	{ "a byte of it overwritten", "sub $24,%rsp; mov %rsp,%rdi; mov $1,%dil; call callee", 0 },
	{ "an index", "sub $24,%rsp; lea (%rsp,%rax,8),%rdi; call callee", 0 },
	{ "a sum of registers", "sub $24,%rsp; mov %rsp,%rdi; add %rax,%rdi; call callee", 0 },
	{ "an aligned stack", "sub $24,%rsp; and $-32,%rsp; mov %rsp,%rdi; call callee", 0 },
	{ "alloca", "sub %rax,%rsp; mov %rsp,%rdi; call callee", 0 },
	{ "a register that a call may change",
	  "sub $24,%rsp; mov %rsp,%rdi; call other; call callee", 0 },
	{ "exchanged", "sub $24,%rsp; mov %rsp,%rdi; xchg %rdi,%rax; call callee", 0 },
	{ "perhaps overwritten", "sub $24,%rsp; mov %rsp,%rdi; cmove %rax,%rdi; call callee", 0 },
	{ "popped over", "sub $24,%rsp; mov %rsp,%rdi; pop %rdi; call callee", 0 },
	{ "the stack pointer popped", "sub $24,%rsp; pop %rsp; mov %rsp,%rdi; call callee", 0 },
	{ "overwritten by a string operation",
	  "sub $24,%rsp; mov %rsp,%rdi; rep stosb; call callee", 0 },
	{ "another stack depth at the same place",
	  "test %edi,%edi; jne 1f; push %rax; 1: lea -8(%rsp),%rdi; call callee", 0 },
	{ "another function", "sub $24,%rsp; mov %rsp,%rdi; call *other@GOTPCREL(%rip)", 0 },
	{ "not code", ".byte 0x06, 0x06, 0x06", 0 },
};

#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* Each piece is a function piece_N in one library that exports `callee`. */
static void write_pieces(void)
{
	FILE *file = fopen(path_of("pieces.s"), "w");

	assert_non_null(file);
	fputs(".globl callee, other\n.type callee,@function\n.type other,@function\n"
	      "callee: ret\n.size callee,1\nother: ret\n.size other,1\n",
	      file);
	for (size_t i = 0; i < PIECES; i++)
		fprintf(file,
			".globl piece_%zu\n.type piece_%zu,@function\npiece_%zu: %s\nud2\n"
			".size piece_%zu,.-piece_%zu\n",
			i, i, i, pieces[i].code, i, i);
	fclose(file);
	/* calls of exported functions go through the PLT */
	shell("sed -i -E 's/call (callee|other)/call \\1@PLT/g' pieces.s");
	shell("gcc -shared -nostdlib -Wl,-z,now,-z,noexecstack pieces.s -o pieces.so");
	shell("gcc -shared -nostdlib -Wl,-Bsymbolic,-z,noexecstack pieces.s -o direct.so");
}

static void check_pieces(const char *name)
{
	struct opened file = open_elf(path_of(name));

	for (size_t i = 0; i < PIECES; i++) {
		char function[32];
		int32_t offset = 0;
		int err;

		snprintf(function, sizeof(function), "piece_%zu", i);
		err = local_offset(file.elf, function, "callee", 0, &offset);
		if (err != (pieces[i].offset ? 0 : -ENOENT) || offset != pieces[i].offset)
			fail_msg("%s, %s: %d, offset %d", name, pieces[i].what, err, offset);
	}
	close_elf(&file);
}

static void proves_what_can_be_proven_and_nothing_else(void **state)
{
	(void)state;
	write_pieces();
	check_pieces("pieces.so");
	check_pieces("direct.so");
}

static void an_argument_that_is_not_in_a_register_is_refused(void **state)
{
	struct opened file;
	int32_t offset;

	(void)state;
	write_pieces();
	file = open_elf(path_of("pieces.so"));
	assert_int_equal(local_offset(file.elf, "piece_0", "callee", 6, &offset), -EINVAL);
	assert_int_equal(local_offset(file.elf, "piece_0", "callee", 5, &offset), -ENOENT);
	assert_int_equal(local_offset(file.elf, "piece_0", "absent", 0, &offset), -ENOENT);
	close_elf(&file);
}

/* ---- real libraries -------------------------------------------------------------------------- */

/* In all of them the flags byte of the message lies 93 bytes below the stack pointer at entry. */
static void finds_the_message_in_zmq_recv_of_real_libraries(void **state)
{
	static const char *const paths[] = {
		"/usr/lib/x86_64-linux-gnu/libzmq.so.5",
		"tests/node/node_modules/zeromq/build/linux/x64/node/glibc-115-Release/addon.node",
		"tests/node/node_modules/zeromq/build/linux/x64/node/glibc-127-Release/addon.node",
		"tests/node/node_modules/zeromq/build/linux/x64/node/musl-127-Release/addon.node",
	};
	int found = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct opened file;
		int32_t offset;

		if (access(paths[i], R_OK))
			continue;
		file = open_elf(paths[i]);
		assert_int_equal(local_offset(file.elf, "zmq_recv", "zmq_msg_init", 0, &offset), 0);
		assert_int_equal(offset, -136);
		close_elf(&file);
		found = 1;
	}
	if (!found)
		skip();
}

/* There zmq_msg_init() is compiled into zmq_recv(), and its own callee is seen instead. */
static void an_inlined_callee_is_not_found(void **state)
{
	const char *path =
		"tests/node/node_modules/zeromq/build/linux/x64/node/glibc-147-Release/addon.node";
	struct opened file;
	int32_t offset;

	(void)state;
	if (access(path, R_OK))
		skip();
	file = open_elf(path);
	assert_int_equal(local_offset(file.elf, "zmq_recv", "zmq_msg_init", 0, &offset), -ENOENT);
	assert_int_equal(local_offset(file.elf, "zmq_recv", "_ZN3zmq5msg_t4initEv", 0, &offset), 0);
	assert_int_equal(offset, -120);
	close_elf(&file);
}

/* ---- errno ----------------------------------------------------------------------------------- */

static int64_t run_errno_program(const char *name)
{
	long offset = 0;
	FILE *output = popen(path_of(name), "r");

	assert_non_null(output);
	assert_int_equal(fscanf(output, "%ld", &offset), 1);
	assert_int_equal(pclose(output), 0);
	return offset;
}

static void the_offset_of_errno_is_the_running_programs(void **state)
{
	static const char *const commands[] = {
		"gcc -O1 -static errno.c -o program",
		"gcc -O1 -static-pie errno.c -o program",
		"gcc -O1 -static -fcf-protection=none errno.c -o program",
		"! command -v musl-gcc >/dev/null || musl-gcc -O1 -static errno.c -o program",
	};

	(void)state;
	write_source("errno.c", "#include <errno.h>\n#include <stdio.h>\n"
				"int main(void)\n{\n"
				"	printf(\"%ld\\n\", (long)&errno - "
				"(long)__builtin_thread_pointer());\n"
				"	return 0;\n}\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct opened file;
		int64_t offset = 0;

		shell("rm -f program");
		shell("%s", commands[i]);
		if (access(path_of("program"), X_OK))
			continue;
		file = open_elf(path_of("program"));
		assert_int_equal(code_errno_offset(file.elf, &offset), 0);
		assert_int_equal(offset, run_errno_program("program"));
		close_elf(&file);
	}
}

static void an_offset_of_errno_that_is_set_at_run_time_is_not_found(void **state)
{
	struct opened file;
	int64_t offset;
	Dl_info libc;

	(void)state;
	assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT, "strtol"), &libc), 0);
	file = open_elf(libc.dli_fname);
	assert_int_equal(code_errno_offset(file.elf, &offset), -ENOENT);
	close_elf(&file);
}

static void understands_errno_location_in_its_known_forms_only(void **state)
{
	static const struct {
		const char *code;
		int64_t offset; /* 0: not understood */
	} forms[] = {
		{ "mov $-72,%rax; add %fs:0,%rax; ret", -72 },
		{ "endbr64; mov $-72,%rax; add %fs:0,%rax; ret", -72 },
		{ "mov %fs:0,%rax; add $52,%rax; ret", 52 },
		{ "mov %fs:0,%rax; sub $52,%rax; ret", 0 },
		{ "mov %fs:0,%rax; lea -72(%rax),%rax; ret", -72 },
		{ "endbr64; nop; mov %fs:0,%rax; add $-72,%rax; ret", -72 },
		{ "mov %fs:0,%rax; ret", 0 },
		{ "mov $-72,%rax; ret", 0 },
		{ "mov $-72,%rax; add %fs:8,%rax; ret", 0 },
		{ "mov $-72,%rax; add %gs:0,%rax; ret", 0 },
		{ "mov $-72,%eax; add %fs:0,%rax; ret", 0 },
		{ "add %fs:0,%rax; ret", 0 },
		{ "mov $-72,%rax; add %fs:0,%rax; add %fs:0,%rax; ret", 0 },
		{ "mov %fs:0,%rax; lea -72(%rax,%rcx),%rax; ret", 0 },
		{ "mov %fs:0,%rax; lea -72(%rcx),%rax; ret", 0 },
		{ "mov __errno_location@GOTPCREL(%rip),%rax; add %fs:0,%rax; ret", 0 },
		{ "mov %fs:0,%rcx; lea -72(%rcx),%rax; ret", 0 },
		{ "mov $-72,%rax; add %fs:0,%rax; jmp *%rcx", 0 },
		{ "mov $-72,%rax; add %fs:0,%rax", 0 },
		{ ".byte 0x06", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct opened file;
		int64_t offset = 0;
		char text[512];
		int err;

		snprintf(text, sizeof(text),
			 ".globl __errno_location\n.type __errno_location,@function\n"
			 "__errno_location: %s\n",
			 forms[i].code);
		write_source("form.s", text);
		shell("gcc -shared -nostdlib -Wl,-z,noexecstack form.s -o form.so");
		file = open_elf(path_of("form.so"));
		err = code_errno_offset(file.elf, &offset);
		if (err != (forms[i].offset ? 0 : -ENOENT) || offset != forms[i].offset)
			fail_msg("%s: %d, offset %ld", forms[i].code, err, (long)offset);
		close_elf(&file);
	}
}

/* ---- text ------------------------------------------------------------------------------------ */

static void writes_instructions_in_att_syntax(void **state)
{
	static const struct {
		const char *code;
		const char *text;
	} instructions[] = {
		{ "push %r15", "push %r15" },
		{ "endbr64", "endbr64" },
		{ "sub $0x58,%rsp", "sub $0x58, %rsp" },
		{ "mov %rsp,%rbp", "mov %rsp, %rbp" },
		{ ".byte 0x06", "" },
	};
	const char *const name = "code";

	(void)state;
	for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		struct elf_symbol symbol;
		struct opened file;
		char text[512];

		snprintf(text, sizeof(text), ".globl code\n.type code,@function\ncode: %s\n",
			 instructions[i].code);
		write_source("text.s", text);
		shell("gcc -shared -nostdlib -Wl,-z,noexecstack text.s -o text.so");
		file = open_elf(path_of("text.so"));
		assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 1);
		code_instruction_text(file.elf, symbol.value, text, 96);
		assert_string_equal(text, instructions[i].text);
		code_instruction_text(file.elf, UINT64_MAX, text, 96);
		assert_string_equal(text, "");
		text[0] = '!';
		code_instruction_text(file.elf, symbol.value, text, 0);
		assert_int_equal(text[0], '!');
		code_instruction_text(file.elf, symbol.value, text, 4);
		assert_in_range(strlen(text), 0, 3);
		close_elf(&file);
	}
}

/* ---- hostile files --------------------------------------------------------------------------- */

static void exercise(int fd, int round)
{
	const char *function = "receive", *location = "__errno_location";
	struct elf_symbol symbol;
	struct elf_file *elf;
	int32_t offset;
	int64_t tpoff;
	char text[96];

	if (elf_file__new(fd, &elf, NULL, 0))
		return;
	code_errno_offset(elf, &tpoff);
	if (elf_file__functions(elf, round % 2 ? &function : &location, 1, &symbol) == 1) {
		code_local_offset(elf, &symbol, "message_init", 0, &offset);
		code_instruction_text(elf, symbol.value + (unsigned)round % 64, text, sizeof(text));
	}
	elf_file__free(elf);
}

static void survives_random_code(void **state)
{
	static char original[65536], damaged[65536];
	struct elf_symbol symbol = { 0 };
	const char *name = "receive";
	struct opened file;
	ssize_t size;
	int fd;

	(void)state;
	write_source("receive.c", receive_source);
	shell("gcc -O2 -s -shared -fPIC receive.c -o random.so");
	file = open_elf(path_of("random.so"));
	assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 1);
	size = pread(file.fd, original, sizeof(original), 0);
	assert_in_range(size, 1, sizeof(original) - 1);
	fd = memfd_create("random", MFD_CLOEXEC);
	srand(1);
	for (int round = 0; round < 3000; round++) {
		memcpy(damaged, original, (size_t)size);
		/* the function itself is the most interesting target */
		for (int n = rand() % 8; n >= 0; n--)
			damaged[symbol.offset + (unsigned)rand() % symbol.size] = (char)rand();
		for (int n = rand() % 3; n > 0; n--)
			damaged[rand() % size] = (char)rand();
		assert_int_equal(pwrite(fd, damaged, (size_t)size, 0), size);
		exercise(fd, round);
	}
	close(fd);
	close_elf(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_where_the_local_variable_is_when_the_function_runs),
		cmocka_unit_test(proves_what_can_be_proven_and_nothing_else),
		cmocka_unit_test(an_argument_that_is_not_in_a_register_is_refused),
		cmocka_unit_test(finds_the_message_in_zmq_recv_of_real_libraries),
		cmocka_unit_test(an_inlined_callee_is_not_found),
		cmocka_unit_test(the_offset_of_errno_is_the_running_programs),
		cmocka_unit_test(an_offset_of_errno_that_is_set_at_run_time_is_not_found),
		cmocka_unit_test(understands_errno_location_in_its_known_forms_only),
		cmocka_unit_test(writes_instructions_in_att_syntax),
		cmocka_unit_test(survives_random_code),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
