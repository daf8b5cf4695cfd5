/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything is read with pread() in small pieces, and all but the .symtab is found through the
 * program headers, as the dynamic linker does it: section headers are optional in a file that runs.
 * libelf is not used: when it opens a file it allocates about 200 bytes for every section header
 * that the file claims to have, and a sparse file claims millions at no cost.
 *
 * Most files on a host hold none of the wanted functions, and that answer must be cheap: for
 * exported functions the bloom filter of DT_GNU_HASH gives it, for .symtab one pass over the names
 * without a look at the symbols.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tap/elf.h"
#include "util/knownstat.h"

#define MAX_FILE_SIZE (4ull << 30)
#define MAX_PROGRAM_HEADERS (65536 / sizeof(Elf64_Phdr)) /* ELF_MIN_ALIGN in the Linux kernel */
#define MAX_DYNAMIC_ENTRIES 4096
#define MAX_SYMBOLS (4u << 20)
#define MAX_CHAIN 4096 /* symbols in one hash bucket; linkers aim at less than 4 */
#define MAX_STRINGS (256ull << 20)
#define MAX_CANDIDATES 65536
#define MAX_NAME 256 /* bytes of a function's name, NUL included */
#define MAX_BUILD_ID 64 /* bytes; SHA-1 has 20 */
#define MAX_NOTES 4096 /* bytes of one segment of notes */
#define WINDOW_SIZE 16384
#define CHUNK_SIZE 65536

/* A piece of the file, for tables that are read mostly in order. */
struct window {
	uint64_t offset;
	size_t size; /* bytes valid in data */
	char data[WINDOW_SIZE];
};

/* What PT_DYNAMIC says; addresses are virtual, 0 = absent. */
struct dynamic {
	uint64_t symtab;
	uint64_t strtab;
	uint64_t strtab_size;
	uint64_t hash;
	uint64_t gnu_hash;
	uint64_t jmprel;
	uint64_t jmprel_size;
	uint64_t rela;
	uint64_t rela_size;
};

struct elf_file {
	int fd;
	uint64_t size;
	uint64_t sections_offset;
	size_t section_count;
	int has_dynamic;
	int has_interpreter;
	int has_needed;
	struct dynamic dynamic;
	char build_id[2 * MAX_BUILD_ID + 1];
	struct window table; /* section headers, relocations, hash chains */
	struct window symbols;
	size_t segment_count;
	int want_functions, want_objects; /* what is looked for */
	Elf64_Phdr segments[];
};

/* ---- reading ------------------------------------------------------------------------------- */

static long read_some(int fd, uint64_t offset, void *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)buf + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

static int is_inside(const struct elf_file *elf, uint64_t offset, uint64_t size)
{
	return size <= elf->size && offset <= elf->size - size;
}

/* Exactly `size` bytes at a file offset. -EINVAL: the file is shorter. */
static int read_all(const struct elf_file *elf, uint64_t offset, void *buf, size_t size)
{
	long n;

	if (!is_inside(elf, offset, size))
		return -EINVAL;
	n = read_some(elf->fd, offset, buf, size);
	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EINVAL;
}

/* The same through a window. size <= WINDOW_SIZE. */
static int read_window(const struct elf_file *elf, struct window *window, uint64_t offset,
		       void *buf, size_t size)
{
	long n;

	if (!is_inside(elf, offset, size))
		return -EINVAL;
	if (offset < window->offset || offset + size > window->offset + window->size) {
		window->size = 0;
		n = read_some(elf->fd, offset, window->data, sizeof(window->data));
		if (n < 0)
			return (int)n;
		window->offset = offset;
		window->size = (size_t)n;
		if (window->size < size)
			return -EINVAL;
	}
	memcpy(buf, window->data + (offset - window->offset), size);
	return 0;
}

/* The load segment whose part of the file holds the address. */
static const Elf64_Phdr *find_segment(const struct elf_file *elf, uint64_t address)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz)
			return segment;
	}
	return NULL;
}

int elf_file__offset(const struct elf_file *elf, uint64_t address, uint64_t *offset)
{
	const Elf64_Phdr *segment = find_segment(elf, address);

	if (!segment)
		return -ENOENT;
	*offset = address - segment->p_vaddr + segment->p_offset;
	return 0;
}

long elf_file__read(const struct elf_file *elf, uint64_t address, void *buf, size_t size)
{
	const Elf64_Phdr *segment = find_segment(elf, address);
	uint64_t skip;

	if (!segment)
		return -ENOENT;
	skip = address - segment->p_vaddr;
	if (size > segment->p_filesz - skip)
		size = segment->p_filesz - skip;
	return read_some(elf->fd, segment->p_offset + skip, buf, size);
}

int elf_file__segment(const struct elf_file *elf, uint64_t address, uint64_t *start, uint64_t *size)
{
	const Elf64_Phdr *segment = find_segment(elf, address);

	if (!segment)
		return -ENOENT;
	*start = segment->p_vaddr;
	*size = segment->p_filesz;
	return 0;
}

int elf_file__bias(const struct elf_file *elf, uint64_t start, uint64_t offset, uint64_t *bias)
{
	const uint64_t in_page = 4095;

	for (size_t i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    (segment->p_offset & ~in_page) == offset) {
			*bias = start - (segment->p_vaddr & ~in_page);
			return 0;
		}
	}
	return -ENOENT;
}

/* File offset of a table of the dynamic section. */
static int table_offset(const struct elf_file *elf, uint64_t address, uint64_t *offset)
{
	return elf_file__offset(elf, address, offset) ? -EINVAL : 0;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int fail(int code, const char *reason, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s", reason);
	return code;
}

/* Reads and checks the header of a file. */
static int read_header(int fd, uint64_t *size, Elf64_Ehdr *header, char *err, size_t err_len)
{
	struct stat st;
	long n;

	n = known_stat(fd, &st);
	if (n)
		return fail((int)n, "cannot be read", err, err_len);
	if (!S_ISREG(st.st_mode))
		return fail(-ENOEXEC, "not a regular file", err, err_len);
	if ((uint64_t)st.st_size > MAX_FILE_SIZE)
		return fail(-EFBIG, "larger than 4 GiB", err, err_len);
	*size = (uint64_t)st.st_size;
	n = read_some(fd, 0, header, sizeof(*header));
	if (n < 0)
		return fail((int)n, "cannot be read", err, err_len);
	if ((size_t)n < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return fail(-ENOEXEC, "not an ELF file", err, err_len);
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_X86_64)
		return fail(-ENOEXEC, "not for x86-64", err, err_len);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return fail(-ENOEXEC, "neither executable nor shared library", err, err_len);
	if (header->e_phentsize != sizeof(Elf64_Phdr) || !header->e_phnum ||
	    header->e_phnum > MAX_PROGRAM_HEADERS)
		return fail(-EINVAL, "no usable program headers", err, err_len);
	return 0;
}

/* The sum of what a load segment says must not wrap around: addresses are subtracted from it. */
static int check_segments(struct elf_file *elf)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_type == PT_INTERP)
			elf->has_interpreter = 1;
		if (segment->p_type == PT_DYNAMIC)
			elf->has_dynamic = 1;
		if (segment->p_offset > MAX_FILE_SIZE || segment->p_filesz > MAX_FILE_SIZE ||
		    segment->p_vaddr > UINT64_MAX - segment->p_filesz)
			return -EINVAL;
	}
	return 0;
}

static void read_dynamic_entry(struct elf_file *elf, const Elf64_Dyn *entry)
{
	struct dynamic *dynamic = &elf->dynamic;
	uint64_t value = entry->d_un.d_val;

	switch (entry->d_tag) {
	case DT_NEEDED:
		elf->has_needed = 1;
		break;
	case DT_SYMTAB:
		dynamic->symtab = value;
		break;
	case DT_STRTAB:
		dynamic->strtab = value;
		break;
	case DT_STRSZ:
		dynamic->strtab_size = value;
		break;
	case DT_HASH:
		dynamic->hash = value;
		break;
	case DT_GNU_HASH:
		dynamic->gnu_hash = value;
		break;
	case DT_JMPREL:
		dynamic->jmprel = value;
		break;
	case DT_PLTRELSZ:
		dynamic->jmprel_size = value;
		break;
	case DT_RELA:
		dynamic->rela = value;
		break;
	case DT_RELASZ:
		dynamic->rela_size = value;
		break;
	}
}

static int read_dynamic(struct elf_file *elf)
{
	const Elf64_Phdr *segment = NULL;
	Elf64_Dyn entry;
	int err;

	for (size_t i = 0; i < elf->segment_count && !segment; i++)
		if (elf->segments[i].p_type == PT_DYNAMIC)
			segment = &elf->segments[i];
	if (!segment)
		return 0;
	for (size_t i = 0; i < segment->p_filesz / sizeof(entry); i++) {
		if (i == MAX_DYNAMIC_ENTRIES)
			return -EINVAL;
		err = read_window(elf, &elf->table, segment->p_offset + i * sizeof(entry), &entry,
				  sizeof(entry));
		if (err)
			return err;
		if (entry.d_tag == DT_NULL)
			break;
		read_dynamic_entry(elf, &entry);
	}
	return 0;
}

/* Reads what the file's header points at. */
static int read_tables(struct elf_file *elf, const Elf64_Ehdr *header, char *err, size_t err_len)
{
	int code;

	/* no sections, but a table: 65280 or more, which only relocatable files have */
	if (header->e_shentsize == sizeof(Elf64_Shdr)) {
		elf->sections_offset = header->e_shoff;
		elf->section_count = header->e_shnum;
	}
	elf->segment_count = header->e_phnum;
	code = read_all(elf, header->e_phoff, elf->segments,
			elf->segment_count * sizeof(elf->segments[0]));
	if (!code)
		code = check_segments(elf);
	if (code)
		return fail(code, "broken program headers", err, err_len);
	code = read_dynamic(elf);
	if (code)
		return fail(code, "broken dynamic section", err, err_len);
	return 0;
}

int elf_file__new(int fd, struct elf_file **out, char *err, size_t err_len)
{
	struct elf_file *elf;
	Elf64_Ehdr header = { 0 };
	uint64_t size = 0;
	int code;

	code = read_header(fd, &size, &header, err, err_len);
	if (code)
		return code;
	elf = calloc(1, sizeof(*elf) + header.e_phnum * sizeof(elf->segments[0]));
	if (!elf)
		return fail(-ENOMEM, "out of memory", err, err_len);
	elf->fd = fd;
	elf->size = size;
	elf->want_functions = 1;
	code = read_tables(elf, &header, err, err_len);
	if (code) {
		elf_file__free(elf);
		return code;
	}
	*out = elf;
	return 0;
}

void elf_file__free(struct elf_file *elf)
{
	free(elf);
}

int elf_file__is_static(const struct elf_file *elf)
{
	return !elf->has_dynamic || (!elf->has_needed && !elf->has_interpreter);
}

/* ---- exported functions ---------------------------------------------------------------------- */

/* A look-up of one name in the dynamic symbols. */
struct lookup {
	const char *name;
	size_t size; /* of the name, NUL included */
	uint64_t symbols; /* file offsets */
	uint64_t strings;
};

static int lookup_init(const struct elf_file *elf, const char *name, struct lookup *lookup)
{
	int err;

	lookup->name = name;
	lookup->size = strlen(name) + 1;
	if (lookup->size > MAX_NAME)
		return -EINVAL;
	err = table_offset(elf, elf->dynamic.symtab, &lookup->symbols);
	if (err)
		return err;
	return table_offset(elf, elf->dynamic.strtab, &lookup->strings);
}

/* 1 and *symbol if the dynamic symbol at `index` has the name, else 0 or -errno. */
static int symbol_matches(struct elf_file *elf, const struct lookup *lookup, uint32_t index,
			  Elf64_Sym *symbol)
{
	char name[MAX_NAME];
	int err;

	if (index >= MAX_SYMBOLS)
		return -EINVAL;
	err = read_window(elf, &elf->symbols, lookup->symbols + index * sizeof(*symbol), symbol,
			  sizeof(*symbol));
	if (err)
		return err;
	if (lookup->size > elf->dynamic.strtab_size ||
	    symbol->st_name > elf->dynamic.strtab_size - lookup->size)
		return 0;
	err = read_all(elf, lookup->strings + symbol->st_name, name, lookup->size);
	if (err)
		return err;
	return memcmp(name, lookup->name, lookup->size) == 0;
}

static int is_wanted(const struct elf_file *elf, const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC && elf->want_functions) ||
	       (type == STT_OBJECT && elf->want_objects);
}

/* 1 if a call of the symbol runs code of this file, or if it is a variable and those are wanted. */
static int symbol_take(const struct elf_file *elf, const Elf64_Sym *symbol, struct elf_symbol *out)
{
	const Elf64_Phdr *segment;

	if (!is_wanted(elf, symbol) || symbol->st_shndx == SHN_UNDEF)
		return 0;
	segment = find_segment(elf, symbol->st_value);
	if (ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT) {
		out->value = symbol->st_value;
		out->size = symbol->st_size;
		out->offset = 1; /* there; it may have no place in the file */
		return 1;
	}
	if (!segment || !(segment->p_flags & PF_X))
		return 0;
	out->value = symbol->st_value;
	out->size = symbol->st_size;
	out->offset = symbol->st_value - segment->p_vaddr + segment->p_offset;
	return 1;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* 1 and *start: the first symbol of the name's bucket; 0: the file does not export the name. */
static int gnu_bucket(struct elf_file *elf, uint64_t table, uint32_t hash, uint32_t *start,
		      uint64_t *chain)
{
	struct {
		uint32_t buckets;
		uint32_t first_symbol;
		uint32_t bloom_words;
		uint32_t bloom_shift;
	} head;
	uint64_t word, buckets;
	int err;

	err = read_all(elf, table, &head, sizeof(head));
	if (err)
		return err;
	if (!head.buckets || !head.bloom_words || head.bloom_shift > 31)
		return -EINVAL;
	table += sizeof(head);
	err = read_all(elf, table + hash / 64 % head.bloom_words * 8ull, &word, sizeof(word));
	if (err)
		return err;
	if (!(word >> hash % 64 & word >> (hash >> head.bloom_shift) % 64 & 1))
		return 0;
	buckets = table + head.bloom_words * 8ull;
	err = read_all(elf, buckets + hash % head.buckets * 4ull, start, sizeof(*start));
	if (err)
		return err;
	if (!*start)
		return 0;
	if (*start < head.first_symbol)
		return -EINVAL;
	*chain = buckets + head.buckets * 4ull + (*start - head.first_symbol) * 4ull;
	return 1;
}

/* 1 and *out if the name is an exported function, else 0 or -errno. */
static int find_by_gnu_hash(struct elf_file *elf, const struct lookup *lookup,
			    struct elf_symbol *out)
{
	uint32_t hash = gnu_hash(lookup->name), index = 0, value = 0;
	uint64_t table, chain = 0;
	Elf64_Sym symbol;
	int err;

	err = table_offset(elf, elf->dynamic.gnu_hash, &table);
	if (err)
		return err;
	err = gnu_bucket(elf, table, hash, &index, &chain);
	if (err <= 0)
		return err;
	for (uint32_t i = 0; i < MAX_CHAIN; i++) {
		err = read_window(elf, &elf->table, chain + i * 4ull, &value, sizeof(value));
		if (err)
			return err;
		if ((value | 1) == (hash | 1)) {
			err = symbol_matches(elf, lookup, index + i, &symbol);
			if (err < 0 || (err && symbol_take(elf, &symbol, out)))
				return err;
		}
		if (value & 1)
			return 0;
	}
	return -EINVAL;
}

/* The hash function of the System V ABI. */
static uint32_t sysv_hash(const char *name)
{
	uint32_t h = 0, high;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		high = h & 0xf0000000;
		h = (h ^ high >> 24) & ~high;
	}
	return h;
}

static int find_by_sysv_hash(struct elf_file *elf, const struct lookup *lookup,
			     struct elf_symbol *out)
{
	struct {
		uint32_t buckets;
		uint32_t chains;
	} head;
	uint64_t table, place;
	Elf64_Sym symbol;
	uint32_t index;
	int err;

	err = table_offset(elf, elf->dynamic.hash, &table);
	if (!err)
		err = read_all(elf, table, &head, sizeof(head));
	if (err)
		return err;
	if (!head.buckets)
		return -EINVAL;
	table += sizeof(head);
	place = table + sysv_hash(lookup->name) % head.buckets * 4ull;
	for (uint32_t i = 0; i < MAX_CHAIN; i++) {
		err = read_window(elf, &elf->table, place, &index, sizeof(index));
		if (err)
			return err;
		if (!index)
			return 0;
		err = symbol_matches(elf, lookup, index, &symbol);
		if (err < 0 || (err && symbol_take(elf, &symbol, out)))
			return err;
		place = table + (head.buckets + (uint64_t)index) * 4;
	}
	return -EINVAL;
}

static int find_exported(struct elf_file *elf, const char *name, struct elf_symbol *out)
{
	struct lookup lookup;
	int err;

	if (!elf->dynamic.symtab || !elf->dynamic.strtab)
		return 0;
	if (!elf->dynamic.gnu_hash && !elf->dynamic.hash)
		return 0;
	err = lookup_init(elf, name, &lookup);
	if (err)
		return err;
	if (elf->dynamic.gnu_hash)
		return find_by_gnu_hash(elf, &lookup, out);
	return find_by_sysv_hash(elf, &lookup, out);
}

/* ---- .symtab --------------------------------------------------------------------------------- */

/* A place in .symtab's names where a wanted one stands. Linkers let names share their ends. */
struct candidate {
	uint32_t st_name;
	uint32_t name; /* index into search.names */
};

struct search {
	const char *const *names;
	size_t count;
	struct elf_symbol *out;
	uint64_t symbols; /* .symtab: file offset and number */
	uint64_t symbol_count;
	uint64_t strings; /* its names: file offset and size */
	uint64_t strings_size;
	uint8_t ends[256]; /* 1: a name that is not found yet ends with this byte */
	size_t candidate_count;
	struct candidate candidates[MAX_CANDIDATES];
	char buf[MAX_NAME + CHUNK_SIZE];
};

/* 1 and the two tables in *search if the file has a .symtab, else 0 or -errno. */
static int find_symtab(struct elf_file *elf, struct search *search)
{
	Elf64_Shdr section, strings;
	int err;

	for (size_t i = 0; i < elf->section_count; i++) {
		err = read_window(elf, &elf->table, elf->sections_offset + i * sizeof(section),
				  &section, sizeof(section));
		if (err)
			return err;
		if (section.sh_type != SHT_SYMTAB)
			continue;
		if (section.sh_link >= elf->section_count)
			return -EINVAL;
		err = read_all(elf, elf->sections_offset + section.sh_link * sizeof(strings),
			       &strings, sizeof(strings));
		if (err)
			return err;
		if (!is_inside(elf, section.sh_offset, section.sh_size) ||
		    !is_inside(elf, strings.sh_offset, strings.sh_size))
			return -EINVAL;
		search->symbols = section.sh_offset;
		search->symbol_count = section.sh_size / sizeof(Elf64_Sym);
		search->strings = strings.sh_offset;
		search->strings_size = strings.sh_size;
		if (search->symbol_count > MAX_SYMBOLS || search->strings_size > MAX_STRINGS)
			return -E2BIG;
		return 1;
	}
	return 0;
}

/* The text that ends at buf[end] (a NUL) ends the string table's first `end_offset` bytes. */
static int note_candidates(struct search *search, size_t end, uint64_t end_offset)
{
	for (size_t i = 0; i < search->count; i++) {
		size_t len = strlen(search->names[i]);

		if (search->out[i].offset || len > end || len > end_offset ||
		    memcmp(search->buf + end - len, search->names[i], len) != 0)
			continue;
		if (search->candidate_count == MAX_CANDIDATES)
			return -E2BIG;
		search->candidates[search->candidate_count++] = (struct candidate){
			.st_name = (uint32_t)(end_offset - len),
			.name = (uint32_t)i,
		};
	}
	return 0;
}

static int find_candidates(const struct elf_file *elf, struct search *search)
{
	uint64_t done = 0;
	size_t kept = 0; /* of the chunk before: a name may lie across the border */
	int err;

	while (done < search->strings_size) {
		uint64_t left = search->strings_size - done;
		size_t size = left < CHUNK_SIZE ? left : CHUNK_SIZE;
		char *start = search->buf + kept, *stop = start + size, *nul;

		err = read_all(elf, search->strings + done, start, size);
		if (err)
			return err;
		for (nul = start; (nul = memchr(nul, 0, (size_t)(stop - nul))); nul++) {
			if (nul == search->buf || !search->ends[(unsigned char)nul[-1]])
				continue;
			err = note_candidates(search, (size_t)(nul - search->buf),
					      done + (size_t)(nul - start));
			if (err)
				return err;
		}
		done += size;
		kept = (size_t)(stop - search->buf);
		if (kept > MAX_NAME) {
			memmove(search->buf, stop - MAX_NAME, MAX_NAME);
			kept = MAX_NAME;
		}
	}
	return 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->st_name > y->st_name) - (x->st_name < y->st_name);
}

/* Local symbols come first in a .symtab, so that a global one takes the place of local ones. */
static int match_symbols(struct elf_file *elf, struct search *search)
{
	const struct candidate *candidate;
	struct candidate key = { 0 };
	Elf64_Sym symbol;
	int err;

	for (uint64_t i = 0; i < search->symbol_count; i++) {
		err = read_window(elf, &elf->symbols, search->symbols + i * sizeof(symbol), &symbol,
				  sizeof(symbol));
		if (err)
			return err;
		if (!is_wanted(elf, &symbol))
			continue;
		key.st_name = symbol.st_name;
		candidate = bsearch(&key, search->candidates, search->candidate_count, sizeof(key),
				    compare_candidates);
		if (candidate)
			symbol_take(elf, &symbol, &search->out[candidate->name]);
	}
	return 0;
}

static int search_symtab(struct elf_file *elf, struct search *search)
{
	int err;

	err = find_symtab(elf, search);
	if (err <= 0)
		return err;
	err = find_candidates(elf, search);
	if (err || !search->candidate_count)
		return err;
	qsort(search->candidates, search->candidate_count, sizeof(search->candidates[0]),
	      compare_candidates);
	return match_symbols(elf, search);
}

/* Looks for the functions whose out[i].offset is still 0. */
static int find_in_symtab(struct elf_file *elf, const char *const *names, size_t count,
			  struct elf_symbol *out)
{
	struct search *search;
	int err;

	search = calloc(1, sizeof(*search));
	if (!search)
		return -ENOMEM;
	search->names = names;
	search->count = count;
	search->out = out;
	for (size_t i = 0; i < count; i++)
		if (!out[i].offset && names[i][0])
			search->ends[(unsigned char)names[i][strlen(names[i]) - 1]] = 1;
	err = search_symtab(elf, search);
	free(search);
	return err;
}

static size_t count_found(const struct elf_symbol *symbols, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += symbols[i].offset != 0;
	return found;
}

int elf_file__functions(struct elf_file *elf, const char *const *names, size_t count,
			struct elf_symbol *out)
{
	int err;

	memset(out, 0, count * sizeof(*out));
	for (size_t i = 0; i < count; i++) {
		if (strlen(names[i]) >= MAX_NAME)
			return -EINVAL;
		err = find_exported(elf, names[i], &out[i]);
		if (err < 0)
			return err;
	}
	if (elf->section_count && count_found(out, count) < count) {
		err = find_in_symtab(elf, names, count, out);
		if (err)
			return err;
	}
	return (int)count_found(out, count);
}

int elf_file__symbols(struct elf_file *elf, const char *const *names, size_t count,
		      struct elf_symbol *out)
{
	int found;

	elf->want_objects = 1;
	found = elf_file__functions(elf, names, count, out);
	elf->want_objects = 0;
	return found;
}

int elf_file__variables(struct elf_file *elf, const char *const *names, size_t count,
			struct elf_symbol *out)
{
	int found;

	elf->want_functions = 0;
	found = elf_file__symbols(elf, names, count, out);
	elf->want_functions = 1;
	return found;
}

/* ---- symbols by address ---------------------------------------------------------------------- */

static int names_address(struct elf_file *elf, const Elf64_Shdr *table, uint64_t first,
			 uint64_t last)
{
	uint64_t count = table->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym symbol;
	int err;

	for (uint64_t i = 0; i < count; i++) {
		err = read_window(elf, &elf->symbols, table->sh_offset + i * sizeof(symbol),
				  &symbol, sizeof(symbol));
		if (err)
			return err;
		/* the value of a thread-local variable is no address */
		if (symbol.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol.st_info) != STT_TLS &&
		    symbol.st_value >= first && symbol.st_value <= last)
			return 1;
	}
	return 0;
}

int elf_file__names_address(struct elf_file *elf, uint64_t first, uint64_t last)
{
	uint64_t symbols = 0; /* of all tables: a file may claim to have many */
	Elf64_Shdr section;
	int found = -ENOENT, err;

	for (size_t i = 0; i < elf->section_count; i++) {
		err = read_window(elf, &elf->table, elf->sections_offset + i * sizeof(section),
				  &section, sizeof(section));
		if (err)
			return err;
		if (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM)
			continue;
		if (!is_inside(elf, section.sh_offset, section.sh_size))
			return -EINVAL;
		symbols += section.sh_size / sizeof(Elf64_Sym);
		if (symbols > MAX_SYMBOLS)
			return -E2BIG;
		found = names_address(elf, &section, first, last);
		if (found)
			return found;
	}
	return found;
}

/* ---- all functions --------------------------------------------------------------------------- */

/* The name at this place of the string table; 1 if it is whole, else 0 or -errno. */
static int read_name(struct elf_file *elf, const Elf64_Shdr *strings, uint32_t at,
		     char name[MAX_NAME])
{
	uint64_t left = at < strings->sh_size ? strings->sh_size - at : 0;
	size_t size = left < MAX_NAME ? left : MAX_NAME;
	int err = size ? read_window(elf, &elf->table, strings->sh_offset + at, name, size) : 0;

	return err ? err : size && memchr(name, 0, size) && name[0];
}

static int each_of_table(struct elf_file *elf, const Elf64_Shdr *table, elf_function_fn fn,
			 void *arg)
{
	uint64_t count = table->sh_size / sizeof(Elf64_Sym);
	struct elf_symbol found;
	char name[MAX_NAME];
	Elf64_Shdr strings;
	Elf64_Sym symbol;
	int err;

	if (table->sh_link >= elf->section_count)
		return -EINVAL;
	err = read_all(elf, elf->sections_offset + table->sh_link * sizeof(strings), &strings,
		       sizeof(strings));
	if (!err && !is_inside(elf, strings.sh_offset, strings.sh_size))
		err = -EINVAL;
	for (uint64_t i = 0; i < count && !err; i++) {
		err = read_window(elf, &elf->symbols, table->sh_offset + i * sizeof(symbol),
				  &symbol, sizeof(symbol));
		if (err || !symbol_take(elf, &symbol, &found))
			continue;
		err = read_name(elf, &strings, symbol.st_name, name);
		if (err > 0)
			err = fn(arg, name, &found);
	}
	return err;
}

int elf_file__each_function(struct elf_file *elf, elf_function_fn fn, void *arg)
{
	uint64_t symbols = 0;
	Elf64_Shdr section;
	int err;

	for (size_t i = 0; i < elf->section_count; i++) {
		err = read_all(elf, elf->sections_offset + i * sizeof(section), &section,
			       sizeof(section));
		if (err)
			return err;
		if (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM)
			continue;
		symbols += section.sh_size / sizeof(Elf64_Sym);
		if (symbols > MAX_SYMBOLS)
			return -E2BIG;
		err = is_inside(elf, section.sh_offset, section.sh_size) ?
			      each_of_table(elf, &section, fn, arg) :
			      -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

/* ---- imports --------------------------------------------------------------------------------- */

/* 1 and *address if a relocation of the table binds a slot to the name, else 0 or -errno. */
static int find_slot(struct elf_file *elf, const struct lookup *lookup, uint64_t table,
		     uint64_t size, uint64_t *address)
{
	uint64_t offset, count = size / sizeof(Elf64_Rela);
	Elf64_Rela entry;
	Elf64_Sym symbol;
	int err;

	if (!table || !count)
		return 0;
	err = table_offset(elf, table, &offset);
	if (err)
		return err;
	if (!is_inside(elf, offset, size))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		err = read_window(elf, &elf->table, offset + i * sizeof(entry), &entry,
				  sizeof(entry));
		if (err)
			return err;
		if (ELF64_R_TYPE(entry.r_info) != R_X86_64_JUMP_SLOT &&
		    ELF64_R_TYPE(entry.r_info) != R_X86_64_GLOB_DAT)
			continue;
		err = symbol_matches(elf, lookup, ELF64_R_SYM(entry.r_info), &symbol);
		if (err > 0)
			*address = entry.r_offset;
		if (err)
			return err;
	}
	return 0;
}

int elf_file__got_slot(struct elf_file *elf, const char *name, uint64_t *address)
{
	const struct dynamic *dynamic = &elf->dynamic;
	struct lookup lookup;
	int err;

	if (!dynamic->symtab || !dynamic->strtab)
		return -ENOENT;
	err = lookup_init(elf, name, &lookup);
	if (err)
		return err;
	err = find_slot(elf, &lookup, dynamic->jmprel, dynamic->jmprel_size, address);
	if (!err)
		err = find_slot(elf, &lookup, dynamic->rela, dynamic->rela_size, address);
	if (err < 0)
		return err;
	return err ? 0 : -ENOENT;
}

/*
 * A stub is a jump through its slot:
 *	endbr64			f3 0f 1e fa	with -z ibt
 *	mov $index,%r11d	41 bb imm32	mold
 *	[bnd] jmp *slot(%rip)	[f2] ff 25 rel32
 */
int elf_file__stub_slot(const struct elf_file *elf, uint64_t stub, uint64_t *slot)
{
	uint8_t code[17];
	int32_t displacement;
	size_t at = 0, size;
	long n;

	n = elf_file__read(elf, stub, code, sizeof(code));
	if (n < 0)
		return (int)n;
	size = (size_t)n;
	if (size >= 4 && memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0)
		at = 4;
	if (size >= at + 6 && memcmp(code + at, "\x41\xbb", 2) == 0)
		at += 6;
	if (size > at && code[at] == 0xf2)
		at++;
	if (size < at + 6 || memcmp(code + at, "\xff\x25", 2) != 0)
		return -ENOENT;
	memcpy(&displacement, code + at + 2, sizeof(displacement));
	*slot = stub + at + 6 + (uint64_t)(int64_t)displacement;
	return 0;
}

/* ---- build id -------------------------------------------------------------------------------- */

static void write_hex(const uint8_t *bytes, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++) {
		*out++ = "0123456789abcdef"[bytes[i] >> 4];
		*out++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*out = '\0';
}

static uint64_t align_up(uint64_t n, uint64_t alignment)
{
	return (n + alignment - 1) & ~(alignment - 1);
}

/* 1 if the notes hold a build id. */
static int find_build_id(const uint8_t *notes, size_t size, uint64_t alignment, char *out)
{
	Elf64_Nhdr note;
	uint64_t at = 0, name, desc;

	while (at + sizeof(note) <= size) {
		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		desc = align_up(name + note.n_namesz, alignment);
		if (desc + note.n_descsz > size)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    note.n_descsz <= MAX_BUILD_ID &&
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
			write_hex(notes + desc, note.n_descsz, out);
			return 1;
		}
		at = align_up(desc + note.n_descsz, alignment);
	}
	return 0;
}

const char *elf_file__build_id(struct elf_file *elf)
{
	uint8_t notes[MAX_NOTES];
	uint64_t size;
	long n;

	for (size_t i = 0; i < elf->segment_count && !elf->build_id[0]; i++) {
		const Elf64_Phdr *segment = &elf->segments[i];

		if (segment->p_type != PT_NOTE)
			continue;
		size = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);
		n = read_some(elf->fd, segment->p_offset, notes, size);
		if (n > 0)
			find_build_id(notes, (size_t)n, segment->p_align == 8 ? 8 : 4,
				      elf->build_id);
	}
	return elf->build_id;
}
