/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_VARIABLE_H
#define TAPMETER_TAP_VARIABLE_H
/*
 * Variables of running programs: where they lie, found by the symbol tables of the files that the process maps, and what
 * is in them. The process is not stopped, and no page of it is brought in for it. Files and processes are hostile. One
 * thread.
 */
#include <stddef.h>
#include <stdint.h>

struct aside;
struct variable_files;

struct variable_want {
	const char *symbol; /* shorter than 256 bytes */
	const char *file; /* pattern (fnmatch) of the mapped file's path, NULL = any */
	uint64_t offset; /* of the wanted bytes in the variable */
	uint64_t size; /* how many */
};

struct variable {
	uint64_t address; /* of the wanted bytes in the process, 0 = not found */
	int too_small; /* the wanted bytes are not all in it */
	/* The first of them as they are in the file: what they are as long as their page has never been touched. */
	uint8_t initial[8];
};

/* Remembers the answers for files it has seen. `wants` and `aside` (or NULL: aside.h) are borrowed. -ENOMEM. */
int variable_files__new(const struct variable_want *wants, size_t count, struct aside *aside,
			struct variable_files **out);
/* Accepts NULL. */
void variable_files__free(struct variable_files *files);
/* Parts of a process's address space, from the lowest up. */
struct variable_range {
	uint64_t start, end;
};

struct variable_ranges {
	struct variable_range *list;
	size_t count, capacity;
};

/* -ENOMEM. The list is freed with free(3). */
int variable_ranges_add(struct variable_ranges *ranges, uint64_t start, uint64_t end);

/*
 * Where the process has each of the wanted variables: of several, that of the program itself, then that of the file mapped
 * at the lowest address. Only files mapped in just one of the ranges `may_open` are opened; NULL: all are.
 * out[i].address 0 = not found. -errno of /proc, -ENOMEM; -ETIMEDOUT, -EBUSY: the process does not let itself be looked at now.
 */
int variable_files__find(struct variable_files *files, const char *proc_root, uint32_t tgid,
			 const struct variable_ranges *may_open, struct variable *out);

/* A process whose memory is read: what it has become by exec is another one. */
struct variable_memory {
	struct aside *aside;
	int pagemap; /* -1 = closed */
	uint32_t tgid;
};

/* -errno, or as aside__open(); `aside` may be NULL. */
int variable_memory_open(struct aside *aside, const char *proc_root, uint32_t tgid,
			 struct variable_memory *out);
void variable_memory_close(struct variable_memory *memory);
/* 1 as long as it is the same process with the same program. Never waits. */
int variable_memory_alive(const struct variable_memory *memory);
/*
 * Reads exactly `size` bytes. -ESRCH: the process has ended, or become another; -ENODATA: a page that it has never
 * touched; -EFAULT: nothing is mapped there; -ETIMEDOUT, -EBUSY: it does not let itself be read now.
 */
int variable_memory_read(const struct variable_memory *of, uint64_t address, void *buf,
			 size_t size);

struct variable_word {
	uint64_t address;
	int64_t value;
	int err; /* as variable_memory_read() */
};

/* Reads 8 bytes at each of the addresses, in one go: 60 us for the hand-over are paid once. -ESRCH, -ETIMEDOUT, …: none. */
int variable_memory_read_words(const struct variable_memory *of, struct variable_word *words,
			       size_t count);

#endif
