/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_ELF_H
#define TAPMETER_TAP_ELF_H
/*
 * What taps need of an ELF file. Files come from tapped processes and are hostile: sizes are
 * checked, counts are bounded, nothing is mapped (a file that shrinks must not raise SIGBUS), and
 * the memory that an object takes does not depend on the file. One thread at a time uses an object.
 */
#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct elf_symbol {
	uint64_t value; /* virtual address in the file */
	uint64_t size; /* bytes, 0 = not known */
	uint64_t offset; /* in the file */
};

/*
 * Opens the file behind fd (the caller keeps fd, which must stay open as long as the object).
 * -ENOEXEC: not an executable or library of this machine; -EINVAL: broken; -EFBIG: larger than
 * 4 GiB; each with the reason in err. -ENOMEM; errno of reading.
 */
int elf_file__new(int fd, struct elf_file **out, char *err, size_t err_len);
void elf_file__free(struct elf_file *elf);

/* 1 if it is a static executable (no dynamic section, or no DT_NEEDED and no interpreter). */
int elf_file__is_static(const struct elf_file *elf);
/*
 * The defined functions with these names (each shorter than 256 bytes): exported ones are looked up
 * through the file's hash table, which works without section headers too; the rest is searched for
 * in .symtab. out[i].offset 0 = not there. A symbol whose address is not in an executable load
 * segment is not found, nor is one of type GNU_IFUNC. If a name stands for several functions, a
 * global one goes before a local one. Returns the number found or -errno; out then holds what was
 * found before: -EINVAL: broken; -E2BIG: .symtab is beyond 4 M symbols or 256 MiB of names;
 * -ENOMEM; errno of reading.
 */
int elf_file__functions(struct elf_file *elf, const char *const *names, size_t count,
			struct elf_symbol *out);
typedef int (*elf_function_fn)(void *arg, const char *name, const struct elf_symbol *symbol);
/*
 * Every defined function of .symtab and .dynsym with a name shorter than 256 bytes, some twice; stops at
 * the first result of fn that is not 0, which it returns. -EINVAL: broken; -E2BIG: more than 4 M symbols;
 * errno of reading. 0 without section headers.
 */
int elf_file__each_function(struct elf_file *elf, elf_function_fn fn, void *arg);
/*
 * The same as elf_file__functions() for functions and variables; of a variable, out[i].offset only says that it is there.
 */
int elf_file__symbols(struct elf_file *elf, const char *const *names, size_t count,
		      struct elf_symbol *out);
/* The same as elf_file__functions() for variables alone. */
int elf_file__variables(struct elf_file *elf, const char *const *names, size_t count,
			struct elf_symbol *out);
/*
 * What is to be added to the file's virtual addresses in a process that has the code at file offset `offset` mapped at
 * `start`; 0 for an executable that is not position-independent. -ENOENT: no code segment begins at that offset.
 */
int elf_file__bias(const struct elf_file *elf, uint64_t start, uint64_t offset, uint64_t *bias);
/* Virtual address -> file offset, -ENOENT when no load segment of the file holds it. */
int elf_file__offset(const struct elf_file *elf, uint64_t address, uint64_t *offset);
/*
 * Virtual address of the GOT slot through which the file calls the function `name` (its JUMP_SLOT
 * or GLOB_DAT relocation), -ENOENT if it does not call it so; -EINVAL: broken; errno of reading.
 */
int elf_file__got_slot(struct elf_file *elf, const char *name, uint64_t *address);
/*
 * The GOT slot that the code at virtual address `stub` jumps through if it is a PLT stub (.plt,
 * .plt.sec, .plt.got; with endbr64 or without), else -ENOENT; errno of reading.
 */
int elf_file__stub_slot(const struct elf_file *elf, uint64_t stub, uint64_t *slot);
/*
 * Up to `size` bytes of the file at virtual address `address`, not beyond the end of its load
 * segment. Returns how many; -ENOENT when no load segment of the file holds the address; errno of
 * reading.
 */
long elf_file__read(const struct elf_file *elf, uint64_t address, void *buf, size_t size);
/*
 * The load segment of the file that holds the address: its first virtual address, and how many
 * bytes of it are in the file. -ENOENT when no load segment of the file holds it.
 */
int elf_file__segment(const struct elf_file *elf, uint64_t address, uint64_t *start,
		      uint64_t *size);
/*
 * 1 if a symbol of .symtab or .dynsym has a value from `first` to `last`, else 0. -ENOENT: the file
 * has neither (or no section headers); -EINVAL: broken; -E2BIG: more than 4 M symbols; errno of
 * reading.
 */
int elf_file__names_address(struct elf_file *elf, uint64_t first, uint64_t last);
/* The GNU build id as lower-case hex, "" if there is none. Owned by elf. */
const char *elf_file__build_id(struct elf_file *elf);

#endif
