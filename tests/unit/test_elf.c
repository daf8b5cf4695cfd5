/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
#include <dlfcn.h>
#include <elf.h>
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
#include <unistd.h>
#include <cmocka.h>
#include "tap/elf.h"

static const char library_source[] =
	"int exported(int x) { return x + 1; }\n"
	"int entail(void) { return 2; }\n"
	"int tail(void) { return 3; }\n"
	"int variable = 4;\n"
	"static int chosen(void) { return 5; }\n"
	"int resolved(void) __attribute__((ifunc(\"resolver\")));\n"
	"void *resolver(void) { return (void *)chosen; }\n"
	"__attribute__((visibility(\"hidden\"), noinline)) int hidden(int x) { return x * 7; }\n"
	"__attribute__((noinline)) static int local(int x) { return x * 9 + 1; }\n"
	"int *__errno_location(void);\n"
	"int caller(int x) { *__errno_location() = local(x); return hidden(x); }\n"
	"__asm__(\".data\\n.globl data\\n.type data,@function\\n\"\n"
	"\"data: ret\\n.size data,1\\n.text\");\n";

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

static int make_fixtures(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/tapmeter-elf-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	write_source("library.c", library_source);
	write_source("main.c", "int main(void) { return 0; }\n");
	shell("gcc -O1 -shared -fPIC -Wl,--build-id=0x0123456789abcdef library.c -o library.so");
	shell("strip library.so -o stripped.so");
	shell("gcc -O1 -shared -fPIC -Wl,--hash-style=sysv,--build-id=none library.c -o sysv.so");
	shell("strip sysv.so");
	return 0;
}

static int remove_fixtures(void **state)
{
	(void)state;
	shell("rm -r %s", directory);
	return 0;
}

struct opened {
	int fd;
	struct elf_file *elf;
};

static struct opened open_elf(const char *name)
{
	struct opened file;
	char err[128] = "";

	file.fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	assert_true(file.fd >= 0);
	assert_int_equal(elf_file__new(file.fd, &file.elf, err, sizeof(err)), 0);
	assert_string_equal(err, "");
	return file;
}

static void close_elf(struct opened *file)
{
	elf_file__free(file->elf);
	close(file->fd);
}

/* A copy of a fixture in memory, to be damaged. */
static int copy_of(const char *path, size_t *size)
{
	static char buf[65536];
	int in = open(path, O_RDONLY | O_CLOEXEC), out = memfd_create("elf", MFD_CLOEXEC);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	for (*size = 0; (n = read(in, buf, sizeof(buf))) > 0; *size += (size_t)n)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	return out;
}

static void write_at(int fd, size_t offset, const void *data, size_t size)
{
	assert_int_equal(pwrite(fd, data, size, (off_t)offset), size);
}

static void check_exported(struct elf_file *elf)
{
	static const char *const names[] = { "exported", "absent", "tail", "entail", "" };
	struct elf_symbol symbols[5];

	assert_int_equal(elf_file__functions(elf, names, 5, symbols), 3);
	assert_int_not_equal(symbols[0].offset, 0);
	assert_int_equal(symbols[1].offset, 0);
	assert_int_not_equal(symbols[2].offset, 0);
	assert_int_not_equal(symbols[3].offset, 0);
	assert_int_not_equal(symbols[2].offset, symbols[3].offset);
	assert_int_equal(symbols[4].offset, 0);
}

static void finds_exported_functions_with_each_kind_of_hash_table(void **state)
{
	static const char *const names[] = { "library.so", "stripped.so", "sysv.so" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct opened file = open_elf(names[i]);

		check_exported(file.elf);
		close_elf(&file);
	}
}

static void finds_exported_functions_without_section_headers(void **state)
{
	Elf64_Ehdr header;
	struct elf_file *elf;
	size_t size;
	int fd;

	(void)state;
	fd = copy_of(path_of("stripped.so"), &size);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(ftruncate(fd, (off_t)header.e_shoff), 0);
	header.e_shoff = 0;
	header.e_shnum = 0;
	header.e_shentsize = 0;
	header.e_shstrndx = 0;
	write_at(fd, 0, &header, sizeof(header));
	assert_int_equal(elf_file__new(fd, &elf, NULL, 0), 0);
	check_exported(elf);
	elf_file__free(elf);
	close(fd);
}

static void value_size_and_offset_are_the_dynamic_linkers(void **state)
{
	const char *const name = "exported";
	struct opened file = open_elf("library.so");
	struct elf_symbol symbol;
	uint8_t bytes[16], *function;
	const Elf64_Sym *info;
	uint64_t offset;
	void *handle;
	Dl_info where;

	(void)state;
	handle = dlopen(path_of("library.so"), RTLD_NOW);
	assert_non_null(handle);
	function = dlsym(handle, name);
	assert_int_not_equal(dladdr1(function, &where, (void **)&info, RTLD_DL_SYMENT), 0);
	assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 1);
	assert_int_equal(symbol.value, function - (uint8_t *)where.dli_fbase);
	assert_int_equal(symbol.size, info->st_size);
	assert_in_range(symbol.size, 1, sizeof(bytes));
	assert_int_equal(pread(file.fd, bytes, symbol.size, (off_t)symbol.offset), symbol.size);
	assert_memory_equal(bytes, function, symbol.size);
	assert_int_equal(elf_file__offset(file.elf, symbol.value, &offset), 0);
	assert_int_equal(offset, symbol.offset);
	assert_int_equal(elf_file__read(file.elf, symbol.value, bytes, symbol.size), symbol.size);
	assert_memory_equal(bytes, function, symbol.size);
	dlclose(handle);
	close_elf(&file);
}

static void finds_hidden_and_static_functions_in_symtab(void **state)
{
	static const char *const names[] = { "hidden", "exported", "local" };
	struct opened file = open_elf("library.so"), stripped = open_elf("stripped.so");
	struct elf_symbol symbols[3];

	(void)state;
	assert_int_equal(elf_file__functions(file.elf, names, 3, symbols), 3);
	assert_int_not_equal(symbols[0].offset, symbols[2].offset);
	assert_int_equal(elf_file__functions(stripped.elf, names, 3, symbols), 1);
	assert_int_equal(symbols[0].offset, 0);
	close_elf(&file);
	close_elf(&stripped);
}

static void finds_names_that_are_the_end_of_other_names(void **state)
{
	static const char *const names[] = { "tail", "entail" };
	struct elf_symbol symbols[2];
	struct opened file;

	(void)state;
	write_source("tails.c", "int entail(void) { return 2; }\nint tail(void) { return 3; }\n");
	shell("gcc -O1 -static -nostdlib -Wl,-e,entail tails.c -o tails");
	file = open_elf("tails");
	assert_int_equal(elf_file__functions(file.elf, names, 2, symbols), 2);
	assert_int_not_equal(symbols[0].offset, symbols[1].offset);
	close_elf(&file);
}

static void finds_names_anywhere_in_a_long_symtab(void **state)
{
	enum { COUNT = 5000 };
	static char text[COUNT][48];
	static const char *names[COUNT];
	static struct elf_symbol symbols[COUNT];
	struct opened file;
	FILE *source;

	(void)state;
	source = fopen(path_of("many.s"), "w");
	assert_non_null(source);
	for (int i = 0; i < COUNT; i++) {
		snprintf(text[i], sizeof(text[i]), "number_%d_of_many_functions", i);
		names[i] = text[i];
		fprintf(source, ".type %s,@function\n%s: ret\n.size %s,1\n", text[i], text[i],
			text[i]);
	}
	fclose(source);
	shell("gcc -shared -nostdlib many.s -o many.so");
	file = open_elf("many.so");
	assert_int_equal(elf_file__functions(file.elf, names, COUNT, symbols), COUNT);
	for (int i = 1; i < COUNT; i++)
		assert_int_equal(symbols[i].offset, symbols[i - 1].offset + 1);
	close_elf(&file);
}

static void a_global_function_goes_before_local_ones(void **state)
{
	static const char *const name = "twice";
	static const uint8_t returns_2[] = { 0xb8, 2, 0, 0, 0 };
	struct elf_symbol symbol;
	struct opened file;
	uint8_t code[5];

	(void)state;
	write_source("a.c", "__attribute__((used)) static int twice(void) { return 1; }\n");
	write_source("b.c", "int twice(void) { return 2; }\n");
	write_source("c.c", "__attribute__((used)) static int twice(void) { return 3; }\n");
	shell("gcc -O1 -fcf-protection=none -static main.c a.c b.c c.c -o global");
	file = open_elf("global");
	assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 1);
	assert_int_equal(elf_file__read(file.elf, symbol.value, code, sizeof(code)), 5);
	assert_memory_equal(code, returns_2, 5);
	close_elf(&file);
}

static void what_is_no_code_of_the_file_is_not_found(void **state)
{
	/* data; of type function, but in a data segment; chosen at run time; imported */
	static const char *const names[] = { "variable", "data", "resolved", "__errno_location" };
	struct opened file = open_elf("library.so");
	struct elf_symbol symbols[4];

	(void)state;
	assert_int_equal(elf_file__functions(file.elf, names, 4, symbols), 0);
	close_elf(&file);
}

/* Its symbol has the address of a stub, so that all files agree on the function's address. */
static void an_imported_function_whose_address_is_taken_is_not_found(void **state)
{
	static const char *const name = "strtol";
	struct elf_symbol symbol;
	struct opened file;

	(void)state;
	write_source("taken.c", "#include <stdlib.h>\n"
				"long (*volatile function)(const char *, char **, int);\n"
				"int main(void) { function = strtol; return !function; }\n");
	shell("gcc -O1 -no-pie -fno-pie taken.c -o taken");
	file = open_elf("taken");
	assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 0);
	close_elf(&file);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	static char name[257];
	const char *names = name;
	struct opened file = open_elf("library.so");
	struct elf_symbol symbol;
	uint64_t slot;

	(void)state;
	memset(name, 'a', 256);
	assert_int_equal(elf_file__functions(file.elf, &names, 1, &symbol), -EINVAL);
	assert_int_equal(elf_file__got_slot(file.elf, name, &slot), -EINVAL);
	name[255] = '\0';
	assert_int_equal(elf_file__functions(file.elf, &names, 1, &symbol), 0);
	close_elf(&file);
}

/* The stub that `caller` calls for __errno_location: the first direct call that leads to one. */
static int called_slot(struct elf_file *elf, uint64_t *slot)
{
	const char *const name = "caller";
	struct elf_symbol symbol;
	uint8_t code[128];
	int32_t distance;
	long n;

	assert_int_equal(elf_file__functions(elf, &name, 1, &symbol), 1);
	n = elf_file__read(elf, symbol.value, code, symbol.size);
	assert_int_equal(n, symbol.size);
	for (long i = 0; i + 5 <= n; i++) {
		memcpy(&distance, code + i + 1, sizeof(distance));
		if (code[i] == 0xe8 &&
		    !elf_file__stub_slot(elf, symbol.value + (uint64_t)(i + 5 + distance), slot))
			return 1;
	}
	return 0;
}

static void stubs_and_slots_of_every_linker_lead_to_the_import(void **state)
{
	static const struct {
		const char *flags;
		const char *linker; /* needed command */
		int has_stub;
	} variants[] = {
		{ "-Wl,-z,lazy", "ld.bfd", 1 },
		{ "-Wl,-z,now", "ld.bfd", 1 },
		{ "-fcf-protection -Wl,-z,ibtplt,-z,lazy", "ld.bfd", 1 },
		{ "-fcf-protection -Wl,-z,ibtplt,-z,now", "ld.bfd", 1 },
		{ "-DTAKEN -Wl,-z,lazy", "ld.bfd", 1 },
		{ "-fno-plt", "ld.bfd", 0 },
		{ "-fuse-ld=gold", "ld.gold", 1 },
		{ "-fuse-ld=lld", "ld.lld", 1 },
		{ "-fuse-ld=lld -fcf-protection -nostartfiles -Wl,-z,force-ibt", "ld.lld", 1 },
		{ "-fuse-ld=mold", "mold", 1 },
	};

	(void)state;
	write_source("imports.c", "int *__errno_location(void);\n"
				  "#ifdef TAKEN\n"
				  "void *taken(void) { return (void *)__errno_location; }\n"
				  "#endif\n"
				  "int caller(int x) { *__errno_location() = x; return 1; }\n");
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		uint64_t slot = 0, stub_slot = 0;
		struct opened file;
		Dl_info where;
		void *handle;
		char name[32];

		/* a name for each: the dynamic linker knows files by inode, and those are reused */
		snprintf(name, sizeof(name), "imports-%zu.so", i);
		shell("! command -v %s >/dev/null || gcc -O1 -shared -fPIC %s imports.c -o %s",
		      variants[i].linker, variants[i].flags, name);
		if (access(path_of(name), F_OK))
			continue;
		file = open_elf(name);
		assert_int_equal(elf_file__got_slot(file.elf, "__errno_location", &slot), 0);
		assert_int_equal(elf_file__got_slot(file.elf, "absent", &slot), -ENOENT);
		assert_int_equal(called_slot(file.elf, &stub_slot), variants[i].has_stub);
		if (variants[i].has_stub)
			assert_int_equal(stub_slot, slot);

		handle = dlopen(path_of(name), RTLD_NOW);
		assert_non_null(handle);
		assert_int_not_equal(dladdr(dlsym(handle, "caller"), &where), 0);
		assert_ptr_equal(*(void **)((char *)where.dli_fbase + slot),
				 dlsym(RTLD_DEFAULT, "__errno_location"));
		dlclose(handle);
		close_elf(&file);
	}
}

static void stubs_are_known_in_each_form(void **state)
{
	static const char *const codes[] = {
		"jmp *slot(%rip)",
		"bnd jmp *slot(%rip)",
		"endbr64; jmp *slot(%rip)",
		"endbr64; bnd jmp *slot(%rip)",
		"endbr64; mov $7,%r11d; jmp *slot(%rip)",
	};
	const char *const names[] = { "stub", "slot" };
	struct elf_symbol symbols[2];

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct opened file;
		uint64_t slot = 0;
		char text[256];

		/* `slot` has to be of type function to be looked up */
		snprintf(text, sizeof(text),
			 ".type stub,@function\nstub: %s\n.type slot,@function\nslot: .quad 0\n",
			 codes[i]);
		write_source("stub.s", text);
		shell("gcc -shared -nostdlib stub.s -o stub.so");
		file = open_elf("stub.so");
		assert_int_equal(elf_file__functions(file.elf, names, 2, symbols), 2);
		assert_int_equal(elf_file__stub_slot(file.elf, symbols[0].value, &slot), 0);
		assert_int_equal(slot, symbols[1].value);
		close_elf(&file);
	}
}

static void ordinary_code_is_no_stub(void **state)
{
	const char *const name = "exported";
	struct opened file = open_elf("library.so");
	struct elf_symbol symbol;
	uint64_t slot;

	(void)state;
	assert_int_equal(elf_file__functions(file.elf, &name, 1, &symbol), 1);
	assert_int_equal(elf_file__stub_slot(file.elf, symbol.value, &slot), -ENOENT);
	assert_int_equal(elf_file__stub_slot(file.elf, UINT64_MAX - 3, &slot), -ENOENT);
	close_elf(&file);
}

static void tells_static_from_dynamic(void **state)
{
	static const struct {
		const char *flags;
		int is_static;
	} variants[] = {
		{ "-static", 1 },    { "-static-pie", 1 },
		{ "-static -s", 1 }, { "-pie -fPIE", 0 },
		{ "-no-pie", 0 },    { "-shared -fPIC -Wl,--no-as-needed", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct opened file;

		shell("gcc %s main.c -o program", variants[i].flags);
		file = open_elf("program");
		assert_int_equal(elf_file__is_static(file.elf), variants[i].is_static);
		close_elf(&file);
	}
}

static void the_build_id_is_what_the_linker_wrote(void **state)
{
	struct opened file = open_elf("stripped.so");

	(void)state;
	assert_string_equal(elf_file__build_id(file.elf), "0123456789abcdef");
	assert_string_equal(elf_file__build_id(file.elf), "0123456789abcdef");
	close_elf(&file);
	file = open_elf("sysv.so");
	assert_string_equal(elf_file__build_id(file.elf), "");
	close_elf(&file);
}

static void reads_no_further_than_the_load_segment(void **state)
{
	static char buf[1 << 20];
	struct opened file = open_elf("library.so");
	uint64_t offset;
	long n;

	(void)state;
	n = elf_file__read(file.elf, 0, buf, sizeof(buf));
	assert_in_range(n, sizeof(Elf64_Ehdr), 4096);
	assert_memory_equal(buf, ELFMAG, SELFMAG);
	assert_int_equal(elf_file__read(file.elf, (uint64_t)n - 2, buf, 16), 2);
	assert_int_equal(elf_file__read(file.elf, (uint64_t)n, buf, 16), -ENOENT);
	assert_int_equal(elf_file__offset(file.elf, (uint64_t)n, &offset), -ENOENT);
	assert_int_equal(elf_file__offset(file.elf, UINT64_MAX, &offset), -ENOENT);
	close_elf(&file);
}

static void refuses_what_is_not_for_this_machine_or_broken(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		uint64_t value;
		int code;
		const char *reason;
	} damages[] = {
		{ 0, 1, 0x7e, -ENOEXEC, "not an ELF file" },
		{ EI_CLASS, 1, ELFCLASS32, -ENOEXEC, "not for x86-64" },
		{ EI_DATA, 1, ELFDATA2MSB, -ENOEXEC, "not for x86-64" },
		{ offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64, -ENOEXEC, "not for x86-64" },
		{ offsetof(Elf64_Ehdr, e_type), 2, ET_REL, -ENOEXEC,
		  "neither executable nor shared library" },
		{ offsetof(Elf64_Ehdr, e_phnum), 2, 0, -EINVAL, "no usable program headers" },
		{ offsetof(Elf64_Ehdr, e_phnum), 2, PN_XNUM, -EINVAL, "no usable program headers" },
		{ offsetof(Elf64_Ehdr, e_phentsize), 2, 32, -EINVAL, "no usable program headers" },
		{ offsetof(Elf64_Ehdr, e_phoff), 8, 1 << 30, -EINVAL, "broken program headers" },
		{ offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX, -EINVAL, "broken program headers" },
		{ sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_vaddr), 8, UINT64_MAX, -EINVAL,
		  "broken program headers" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct elf_file *elf = NULL;
		char err[128] = "";
		size_t size;
		int fd = copy_of(path_of("library.so"), &size);

		write_at(fd, damages[i].at, &damages[i].value, damages[i].size);
		assert_int_equal(elf_file__new(fd, &elf, err, sizeof(err)), damages[i].code);
		assert_string_equal(err, damages[i].reason);
		assert_null(elf);
		close(fd);
	}
}

static void refuses_what_is_no_regular_file_of_bounded_size(void **state)
{
	struct elf_file *elf = NULL;
	char err[128];
	int fd;

	(void)state;
	fd = open(directory, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_file__new(fd, &elf, err, sizeof(err)), -ENOEXEC);
	assert_string_equal(err, "not a regular file");
	close(fd);
	assert_int_equal(elf_file__new(fd, &elf, err, sizeof(err)), -EBADF);
	fd = memfd_create("elf", MFD_CLOEXEC);
	assert_int_equal(elf_file__new(fd, &elf, err, sizeof(err)), -ENOEXEC);
	assert_string_equal(err, "not an ELF file");
	assert_int_equal(ftruncate(fd, (4ll << 30) + 1), 0);
	assert_int_equal(elf_file__new(fd, &elf, err, sizeof(err)), -EFBIG);
	assert_string_equal(err, "larger than 4 GiB");
	close(fd);
	assert_null(elf);
	elf_file__free(NULL);
}

/* ---- hostile files --------------------------------------------------------------------------- */

/* The file offset of the first section header of this type. */
static size_t find_section(int fd, uint32_t type, Elf64_Shdr *section)
{
	Elf64_Ehdr header;
	size_t at;

	*section = (Elf64_Shdr){ 0 };
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	for (size_t i = 0; i < header.e_shnum; i++) {
		at = header.e_shoff + i * sizeof(*section);
		assert_int_equal(pread(fd, section, sizeof(*section), (off_t)at), sizeof(*section));
		if (section->sh_type == type)
			return at;
	}
	fail();
	return 0;
}

static void a_symtab_beyond_the_limits_is_refused_and_exported_functions_are_found(void **state)
{
	static const char *const names[] = { "exported", "hidden" };
	struct elf_symbol symbols[2];
	struct elf_file *elf;
	Elf64_Shdr section;
	size_t size, at;
	int fd;

	(void)state;
	fd = copy_of(path_of("library.so"), &size);
	at = find_section(fd, SHT_SYMTAB, &section);
	assert_int_equal(elf_file__new(fd, &elf, NULL, 0), 0);
	section.sh_size = ((4ul << 20) + 1) * sizeof(Elf64_Sym);
	write_at(fd, at, &section, sizeof(section));
	assert_int_equal(elf_file__functions(elf, names, 2, symbols), -EINVAL);
	elf_file__free(elf);

	assert_int_equal(ftruncate(fd, 1ll << 30), 0);
	assert_int_equal(elf_file__new(fd, &elf, NULL, 0), 0);
	assert_int_equal(elf_file__functions(elf, names, 2, symbols), -E2BIG);
	assert_int_not_equal(symbols[0].offset, 0);
	assert_int_equal(symbols[1].offset, 0);
	elf_file__free(elf);
	close(fd);
}

static void a_hash_chain_without_end_is_broken(void **state)
{
	static const char *const name = "absent";
	const uint32_t self = 1;
	struct elf_symbol symbol;
	struct elf_file *elf;
	Elf64_Shdr section;
	size_t size;
	int fd;

	(void)state;
	fd = copy_of(path_of("sysv.so"), &size);
	find_section(fd, SHT_HASH, &section);
	for (size_t at = 8; at < section.sh_size; at += sizeof(self))
		write_at(fd, section.sh_offset + at, &self, sizeof(self));
	assert_int_equal(elf_file__new(fd, &elf, NULL, 0), 0);
	assert_int_equal(elf_file__functions(elf, &name, 1, &symbol), -EINVAL);
	elf_file__free(elf);
	close(fd);
}

/* Everything there is, whatever it answers: only crashes, hangs and sanitizers' reports matter. */
static void exercise(int fd)
{
	static const char *const names[] = { "exported", "absent", "tail", "local", "malloc" };
	struct elf_symbol symbols[5];
	struct elf_file *elf;
	uint8_t buf[64];
	uint64_t slot;

	if (elf_file__new(fd, &elf, (char *)buf, sizeof(buf)))
		return;
	elf_file__is_static(elf);
	elf_file__functions(elf, names, 5, symbols);
	for (size_t i = 0; i < 5; i++) {
		elf_file__read(elf, symbols[i].value, buf, sizeof(buf));
		elf_file__stub_slot(elf, symbols[i].value, &slot);
	}
	elf_file__got_slot(elf, "__errno_location", &slot);
	elf_file__build_id(elf);
	elf_file__free(elf);
}

static void survives_a_library_cut_at_any_page(void **state)
{
	Dl_info libc;
	size_t size;
	int fd;

	(void)state;
	assert_int_not_equal(dladdr(dlsym(RTLD_DEFAULT, "strtol"), &libc), 0);
	fd = copy_of(libc.dli_fname, &size);
	for (size_t cut = (size - 1) & ~4095ul; cut; cut -= 4096) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		exercise(fd);
	}
	close(fd);
}

/* A byte of the library becomes anything, or a word becomes a number that is prone to overflow. */
static void damage(int fd, size_t size)
{
	static const uint64_t words[] = { 0,	      1,	 0x7fffffff, 0xffffffff,
					  1ull << 32, INT64_MAX, UINT64_MAX, UINT64_MAX - 7 };
	uint64_t word = words[(unsigned)rand() % 8];

	if (rand() % 2)
		write_at(fd, (size_t)rand() % size, &(uint8_t){ (uint8_t)rand() }, 1);
	else
		write_at(fd, (size_t)rand() % (size / 8) * 8, &word, 8);
}

static void survives_random_damage(void **state)
{
	static const char *const names[] = { "library.so", "sysv.so" };
	static char original[65536];
	size_t size;

	(void)state;
	srand(1);
	for (size_t i = 0; i < 2; i++) {
		int fd = copy_of(path_of(names[i]), &size);

		assert_in_range(size, 1, sizeof(original));
		assert_int_equal(pread(fd, original, size, 0), size);
		for (int round = 0; round < 3000; round++) {
			/* the header and the program headers are small but matter most */
			for (int n = rand() % 4; n >= 0; n--)
				damage(fd, n ? size : 1024);
			exercise(fd);
			write_at(fd, 0, original, size);
		}
		close(fd);
	}
}

static void claimed_sections_cost_nothing(void **state)
{
	Elf64_Ehdr header;
	Elf64_Shdr section = { .sh_size = 60000000 };
	size_t size;
	int fd;

	(void)state;
	fd = copy_of(path_of("library.so"), &size);
	assert_int_equal(ftruncate(fd, 4ll << 30), 0);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	header.e_shnum = 0;
	write_at(fd, 0, &header, sizeof(header));
	write_at(fd, header.e_shoff, &section, sizeof(section));
	exercise(fd);
	header.e_shnum = 0xff00;
	write_at(fd, 0, &header, sizeof(header));
	exercise(fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_exported_functions_with_each_kind_of_hash_table),
		cmocka_unit_test(finds_exported_functions_without_section_headers),
		cmocka_unit_test(value_size_and_offset_are_the_dynamic_linkers),
		cmocka_unit_test(finds_hidden_and_static_functions_in_symtab),
		cmocka_unit_test(finds_names_that_are_the_end_of_other_names),
		cmocka_unit_test(finds_names_anywhere_in_a_long_symtab),
		cmocka_unit_test(a_global_function_goes_before_local_ones),
		cmocka_unit_test(what_is_no_code_of_the_file_is_not_found),
		cmocka_unit_test(an_imported_function_whose_address_is_taken_is_not_found),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
		cmocka_unit_test(stubs_and_slots_of_every_linker_lead_to_the_import),
		cmocka_unit_test(stubs_are_known_in_each_form),
		cmocka_unit_test(ordinary_code_is_no_stub),
		cmocka_unit_test(tells_static_from_dynamic),
		cmocka_unit_test(the_build_id_is_what_the_linker_wrote),
		cmocka_unit_test(reads_no_further_than_the_load_segment),
		cmocka_unit_test(refuses_what_is_not_for_this_machine_or_broken),
		cmocka_unit_test(refuses_what_is_no_regular_file_of_bounded_size),
		cmocka_unit_test(
			a_symtab_beyond_the_limits_is_refused_and_exported_functions_are_found),
		cmocka_unit_test(a_hash_chain_without_end_is_broken),
		cmocka_unit_test(survives_a_library_cut_at_any_page),
		cmocka_unit_test(survives_random_damage),
		cmocka_unit_test(claimed_sections_cost_nothing),
	};

	return cmocka_run_group_tests(tests, make_fixtures, remove_fixtures);
}
