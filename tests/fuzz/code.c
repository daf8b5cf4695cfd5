/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code of one function, as it may stand in a file whose tables are all in order: where its probe is put. */
#include <elf.h>
#include "fuzz.h"
#include "tap/code.h"
#include "tap/place.h"

#define CODE_AT 0x1000u
#define CODE_MAX 4096u

/* The least that is an executable with one function. */
struct image {
	Elf64_Ehdr head;
	Elf64_Phdr load;
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[3];
	char names[32];
	char pad[CODE_AT - sizeof(Elf64_Ehdr) - sizeof(Elf64_Phdr) - 4 * sizeof(Elf64_Shdr) -
		 3 * sizeof(Elf64_Sym) - 32];
	uint8_t code[CODE_MAX];
};
_Static_assert(offsetof(struct image, code) == CODE_AT, "code begins a page");

static const char names[] = "\0function\0callee";

static void fill_sections(struct image *image, size_t size)
{
	image->sections[1] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_offset = offsetof(struct image, symbols),
		.sh_size = sizeof(image->symbols),
		.sh_entsize = sizeof(Elf64_Sym),
		.sh_link = 2,
		.sh_info = 1,
	};
	image->sections[2] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct image, names),
		.sh_size = sizeof(image->names),
	};
	image->sections[3] = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = CODE_AT,
		.sh_offset = CODE_AT,
		.sh_size = size,
	};
}

static void fill(struct image *image, const uint8_t *code, size_t size)
{
	const uint64_t half = size / 2;

	memset(image, 0, sizeof(*image));
	memcpy(image->head.e_ident, ELFMAG, SELFMAG);
	image->head.e_ident[EI_CLASS] = ELFCLASS64;
	image->head.e_ident[EI_DATA] = ELFDATA2LSB;
	image->head.e_ident[EI_VERSION] = EV_CURRENT;
	image->head.e_type = ET_EXEC;
	image->head.e_machine = EM_X86_64;
	image->head.e_version = EV_CURRENT;
	image->head.e_phoff = offsetof(struct image, load);
	image->head.e_shoff = offsetof(struct image, sections);
	image->head.e_ehsize = sizeof(Elf64_Ehdr);
	image->head.e_phentsize = sizeof(Elf64_Phdr);
	image->head.e_phnum = 1;
	image->head.e_shentsize = sizeof(Elf64_Shdr);
	image->head.e_shnum = 4;
	image->load = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = 0,
		.p_filesz = CODE_AT + size,
		.p_memsz = CODE_AT + size,
	};
	fill_sections(image, size);
	memcpy(image->names, names, sizeof(names));
	image->symbols[1] = (Elf64_Sym){
		.st_name = 1,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		.st_shndx = 3,
		.st_value = CODE_AT,
		.st_size = half,
	};
	image->symbols[2] = image->symbols[1];
	image->symbols[2].st_name = 10;
	image->symbols[2].st_value = CODE_AT + half;
	image->symbols[2].st_size = size - half;
	memcpy(image->code, code, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const function = "function";
	static struct image image;
	struct placement placement;
	struct elf_symbol symbol;
	struct elf_file *elf;
	char text[96];
	int32_t offset;
	int fd;

	if (size < 2 || size > CODE_MAX)
		return 0;
	fill(&image, data, size);
	fd = fuzz_file((const uint8_t *)&image, CODE_AT + size);
	/* the image is in order: that it can be read is part of the test */
	fuzz_expect(!elf_file__new(fd, &elf, NULL, 0));
	fuzz_expect(elf_file__functions(elf, &function, 1, &symbol) == 1);
	place_probe(elf, &symbol, &placement);
	fuzz_expect(placement.offset == symbol.offset + placement.skipped);
	fuzz_expect(!placement.skipped || placement.skipped < symbol.size);
	for (unsigned arg = 0; arg < 6; arg++)
		code_local_offset(elf, &symbol, "callee", arg, &offset);
	for (size_t at = 0; at < symbol.size; at++)
		code_instruction_text(elf, symbol.value + at, text, sizeof(text));
	elf_file__free(elf);
	close(fd);
	return 0;
}
