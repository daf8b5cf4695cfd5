/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading another process's memory may bring its pages in, and who serves a page may be the process itself (userfaultfd)
 * or a file system of its own (FUSE), which would hold us up for as long as it likes. So /proc/PID/pagemap is asked
 * first whether the page is there. It is opened once: it stays with the memory that it was opened for, and says
 * nothing any more when that has gone by exit or exec; asked again after reading, it tells that the bytes are of
 * that memory and not of the next program's.
 */
#include "tap/variable.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "tap/elf.h"
#include "util/aside.h"
#include "util/knownstat.h"
#include "util/reopen.h"

#define PAGE_SIZE 4096ull
#define PAGE_THERE (3ull << 62) /* present, or swapped out */
#define MAX_FILES 1024 /* remembered; beyond, all are forgotten */
#define READ_MS 2000 /* thousands of times as long as most files take */
#define MAX_LINES 65536 /* of /proc/PID/maps that are looked at */

/* What is known of a file: where in it each wanted variable is. */
struct file {
	dev_t dev;
	ino_t ino;
	struct timespec changed;
	struct variable *found; /* addresses are the file's own; NULL = none of them */
};

struct variable_files {
	struct aside *aside;
	const struct variable_want *wants;
	size_t want_count;
	struct file *files;
	size_t count;
};

int variable_files__new(const struct variable_want *wants, size_t count, struct aside *aside,
			struct variable_files **out)
{
	struct variable_files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->files = calloc(MAX_FILES, sizeof(*files->files));
	if (!files->files) {
		free(files);
		return -ENOMEM;
	}
	files->wants = wants;
	files->aside = aside;
	files->want_count = count;
	*out = files;
	return 0;
}

static void forget(struct variable_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->files[i].found);
	files->count = 0;
}

void variable_files__free(struct variable_files *files)
{
	if (!files)
		return;
	forget(files);
	free(files->files);
	free(files);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Behind the end of a segment's part of the file there are zeros. An asm symbol may have no size. */
static void describe(struct elf_file *elf, const struct variable_want *want,
		     const struct elf_symbol *symbol, struct variable *out)
{
	out->address = symbol->value + want->offset;
	out->too_small = symbol->size &&
			 (want->offset > symbol->size || want->size > symbol->size - want->offset);
	if (!out->too_small)
		elf_file__read(elf, out->address, out->initial,
			       want->size < sizeof(out->initial) ? want->size :
								   sizeof(out->initial));
}

/* What is done aside: who serves the file may not answer. */
struct search {
	struct aside_job job;
	int handle, fd; /* -1 = none */
	const struct variable_want *wants;
	size_t want_count;
	uint64_t start, offset; /* where the process has mapped which part of it */
	int is_known; /* 1: that it has some is known, and where it lies alone is asked */
	struct variable *found; /* NULL = none of them */
	int is_placed; /* 1: `bias` is what the file's own addresses lack */
	uint64_t bias;
};

/* The names that are wanted, each once, as elf.h needs it. Returns how many. */
static size_t list_names(const struct search *search, const char **names)
{
	size_t count = 0;

	for (size_t i = 0; i < search->want_count; i++) {
		size_t k = 0;

		while (k < count && strcmp(names[k], search->wants[i].symbol) != 0)
			k++;
		if (k == count)
			names[count++] = search->wants[i].symbol;
	}
	return count;
}

/* Finds those of the variables that the file has. */
static int find_variables(const struct search *search, struct elf_file *elf, const char **names,
			  struct elf_symbol *symbols)
{
	size_t count = list_names(search, names);
	int any = 0;

	elf_file__variables(elf, names, count, symbols);
	for (size_t i = 0; i < search->want_count; i++) {
		for (size_t k = 0; k < count; k++) {
			if (!symbols[k].offset || strcmp(names[k], search->wants[i].symbol) != 0)
				continue;
			describe(elf, &search->wants[i], &symbols[k], &search->found[i]);
			any = 1;
		}
	}
	return any;
}

static int search_elf(struct search *search, struct elf_file *elf)
{
	const char **names = calloc(search->want_count, sizeof(*names));
	struct elf_symbol *symbols = calloc(search->want_count, sizeof(*symbols));
	int any = 0;

	search->found = calloc(search->want_count, sizeof(*search->found));
	if (names && symbols && search->found)
		any = find_variables(search, elf, names, symbols);
	if (!any) {
		free(search->found);
		search->found = NULL;
	}
	free(names);
	free(symbols);
	return names && symbols ? 0 : -ENOMEM;
}

/* 0, also if the file is no ELF file. */
static int run_search(struct aside_job *job)
{
	struct search *search = (struct search *)job;
	struct elf_file *elf;
	char text[128];
	int err;

	search->fd = reopen_regular(search->handle);
	search->handle = -1;
	if (search->fd < 0)
		return search->fd;
	err = elf_file__new(search->fd, &elf, text, sizeof(text));
	if (err)
		return err == -ENOMEM ? err : 0;
	err = search->is_known ? 0 : search_elf(search, elf);
	if (!err && (search->is_known || search->found))
		search->is_placed =
			!elf_file__bias(elf, search->start, search->offset, &search->bias);
	elf_file__free(elf);
	return err;
}

static void drop_search(struct aside_job *job)
{
	struct search *search = (struct search *)job;

	if (search->handle >= 0)
		close(search->handle);
	if (search->fd >= 0)
		close(search->fd);
	free(search->found);
	free(search);
}

/* NULL: it has not been looked into. */
static struct file *known_file(struct variable_files *files, const struct stat *st)
{
	for (size_t i = 0; i < files->count; i++) {
		struct file *file = &files->files[i];

		if (file->dev == st->st_dev && file->ino == st->st_ino &&
		    file->changed.tv_sec == st->st_ctim.tv_sec &&
		    file->changed.tv_nsec == st->st_ctim.tv_nsec)
			return file;
	}
	return NULL;
}

/* Takes over what has been found. */
static struct file *add_file(struct variable_files *files, const struct stat *st,
			     struct search *search)
{
	struct file *file;

	if (files->count == MAX_FILES)
		forget(files);
	file = &files->files[files->count++];
	*file = (struct file){ .dev = st->st_dev, .ino = st->st_ino, .changed = st->st_ctim };
	file->found = search->found;
	search->found = NULL;
	return file;
}

/* ---- mappings -------------------------------------------------------------------------------- */

int variable_ranges_add(struct variable_ranges *ranges, uint64_t start, uint64_t end)
{
	size_t capacity = ranges->capacity ? 2 * ranges->capacity : 64;
	struct variable_range *grown;

	if (ranges->count == ranges->capacity) {
		grown = reallocarray(ranges->list, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		ranges->list = grown;
		ranges->capacity = capacity;
	}
	ranges->list[ranges->count++] = (struct variable_range){ start, end };
	return 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct variable_range *one = a, *other = b;

	if (one->start != other->start)
		return one->start < other->start ? -1 : 1;
	return one->end < other->end ? -1 : one->end > other->end;
}

struct mapping {
	unsigned long long start, end, offset;
	const char *path;
};

/* Takes what the file has, mapped so, for those variables that are not found yet. */
static void take(struct variable_files *files, const struct file *file, uint64_t bias,
		 const struct mapping *mapping, struct variable *out)
{
	for (size_t i = 0; i < files->want_count; i++) {
		const char *pattern = files->wants[i].file;

		if (out[i].address || !file->found[i].address ||
		    (pattern && fnmatch(pattern, mapping->path, 0)))
			continue;
		out[i] = file->found[i];
		out[i].address += bias;
	}
}

/* The handle is closed. 0; -ENOMEM, -ETIMEDOUT, -EBUSY: the process is looked at again later. */
static int look_into(struct variable_files *files, int handle, const struct stat *st,
		     const struct mapping *mapping, struct variable *out)
{
	struct file *file = known_file(files, st);
	struct search *search = calloc(1, sizeof(*search));
	int err;

	if (!search) {
		close(handle);
		return -ENOMEM;
	}
	*search = (struct search){
		.job = { .run = run_search, .drop = drop_search },
		.handle = handle,
		.fd = -1,
		.wants = files->wants,
		.want_count = files->want_count,
		.start = mapping->start,
		.offset = mapping->offset,
		.is_known = file != NULL,
	};
	err = aside__run(files->aside, ASIDE_DEVICE(st->st_dev), READ_MS, &search->job);
	if (err == -ETIMEDOUT)
		return err; /* it is dropped when it ends */
	if (!err && !file)
		file = add_file(files, st, search);
	if (!err && search->is_placed)
		take(files, file, search->bias, mapping, out);
	drop_search(&search->job);
	return err == -ENOMEM || err == -EBUSY ? err : 0;
}

static int look_at(struct variable_files *files, const char *proc_root, uint32_t tgid,
		   const struct mapping *mapping, struct variable *out)
{
	const struct file *file;
	char path[128];
	struct stat st;
	int handle;

	snprintf(path, sizeof(path), "%s/%u/map_files/%llx-%llx", proc_root, tgid, mapping->start,
		 mapping->end);
	handle = aside__open(files->aside, tgid, path, O_PATH | O_CLOEXEC);
	if (handle == -ETIMEDOUT || handle == -EBUSY)
		return handle;
	if (handle < 0)
		return 0; /* it was unmapped meanwhile */
	if (known_stat(handle, &st) || !S_ISREG(st.st_mode)) {
		close(handle);
		return 0; /* a device */
	}
	file = known_file(files, &st);
	if (file && !file->found) {
		close(handle);
		return 0;
	}
	return look_into(files, handle, &st, mapping, out);
}

/* 1 if the line is of code that lies in a file. */
static int read_line(char *line, struct mapping *out)
{
	char permissions[5];
	unsigned long inode;
	int path = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%llx-%llx %4s %llx %*s %lu %n", &out->start, &out->end, permissions,
		   &out->offset, &inode, &path) != 5)
		return 0;
	out->path = line + path;
	return permissions[2] == 'x' && inode && path && out->path[0] == '/';
}

static int has_range(const struct variable_ranges *ranges, const struct mapping *mapping)
{
	const struct variable_range wanted = { mapping->start, mapping->end };

	return !ranges || (ranges->count && bsearch(&wanted, ranges->list, ranges->count,
						    sizeof(wanted), compare_ranges));
}

/* /proc/PID/maps, read aside. */
struct maps {
	struct aside *aside;
	uint32_t tgid;
	int fd;
	int err; /* of the last reading */
};

static ssize_t read_maps(void *cookie, char *buf, size_t size)
{
	struct maps *maps = cookie;
	ssize_t got = aside__read(maps->aside, ASIDE_PROCESS(maps->tgid), maps->fd, buf, size, -1);

	maps->err = got < 0 ? (int)got : 0;
	if (got >= 0)
		return got;
	errno = -maps->err;
	return -1;
}

static int close_maps(void *cookie)
{
	return close(((struct maps *)cookie)->fd);
}

static int open_maps(struct maps *maps, const char *proc_root, FILE **out)
{
	const cookie_io_functions_t functions = { .read = read_maps, .close = close_maps };
	char name[64];

	snprintf(name, sizeof(name), "%s/%u/maps", proc_root, maps->tgid);
	maps->fd = aside__open(maps->aside, maps->tgid, name, O_RDONLY | O_CLOEXEC);
	if (maps->fd < 0)
		return maps->fd;
	*out = fopencookie(maps, "r", functions);
	if (*out)
		return 0;
	close(maps->fd);
	return -ENOMEM;
}

int variable_files__find(struct variable_files *files, const char *proc_root, uint32_t tgid,
			 const struct variable_ranges *may_open, struct variable *out)
{
	struct maps maps = { .aside = files->aside, .tgid = tgid };
	struct mapping mapping;
	char *line = NULL;
	size_t size = 0;
	ssize_t got = 0;
	FILE *lines;
	int err;

	memset(out, 0, files->want_count * sizeof(*out));
	err = open_maps(&maps, proc_root, &lines);
	if (err)
		return err;
	for (int i = 0; i < MAX_LINES && !err && (got = getline(&line, &size, lines)) > 0; i++)
		if (read_line(line, &mapping) && has_range(may_open, &mapping))
			err = look_at(files, proc_root, tgid, &mapping, out);
	/* not the end: there was no memory for a line, or it could not be read */
	if (!err && got < 0 && !feof(lines))
		err = maps.err ? maps.err : -ENOMEM;
	free(line);
	fclose(lines);
	return err;
}

/* ---- memory ------------------------------------------------------------------------------------ */

int variable_memory_open(struct aside *aside, const char *proc_root, uint32_t tgid,
			 struct variable_memory *out)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%u/pagemap", proc_root, tgid);
	out->aside = aside;
	out->tgid = tgid;
	out->pagemap = aside__open(aside, tgid, path, O_RDONLY | O_CLOEXEC);
	return out->pagemap < 0 ? out->pagemap : 0;
}

void variable_memory_close(struct variable_memory *memory)
{
	if (memory->pagemap >= 0)
		close(memory->pagemap);
	memory->pagemap = -1;
}

/* All about some pieces of memory, in one job. */
struct memory_job {
	struct aside_job job;
	int pagemap;
	uint32_t tgid;
	uint64_t address;
	size_t size;
	char *data; /* `size` bytes, or NULL: words are read */
	size_t count;
	struct variable_word words[];
};

/* Whether the page is in memory or swapped out: 0, or as variable_memory_read(). */
static int check_page(const struct memory_job *memory, uint64_t page)
{
	uint64_t entry;
	ssize_t n = pread(memory->pagemap, &entry, sizeof(entry), (off_t)(page * sizeof(entry)));

	if (n < 0)
		return errno == EINVAL ? -EFAULT : -errno;
	if ((size_t)n != sizeof(entry))
		return -ESRCH;
	return entry & PAGE_THERE ? 0 : -ENODATA;
}

static int read_piece(const struct memory_job *memory, uint64_t address, void *buf, size_t size)
{
	struct iovec local = { buf, size };
	/* an address in another process; it is not used in this one */
	struct iovec remote = { (void *)(uintptr_t)address, size };
	ssize_t n;
	int err;

	if (!address || address >= 1ull << 47 || size > (1ull << 47) - address || !size)
		return -EFAULT;
	for (uint64_t page = address / PAGE_SIZE; page <= (address + size - 1) / PAGE_SIZE;
	     page++) {
		err = check_page(memory, page);
		if (err)
			return err;
	}
	n = process_vm_readv((pid_t)memory->tgid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -EFAULT;
	err = check_page(memory, address / PAGE_SIZE);
	return err == -ENODATA ? 0 : err;
}

static int read_memory(struct aside_job *job)
{
	struct memory_job *memory = (struct memory_job *)job;

	for (size_t i = 0; i < memory->count; i++) {
		struct variable_word *word = &memory->words[i];

		word->err = read_piece(memory, word->address, &word->value, sizeof(word->value));
		if (word->err == -ESRCH)
			return word->err;
	}
	return memory->data ? read_piece(memory, memory->address, memory->data, memory->size) : 0;
}

static void drop(struct aside_job *job)
{
	struct memory_job *memory = (struct memory_job *)job;

	if (memory->pagemap >= 0)
		close(memory->pagemap);
	free(memory->data);
	free(memory);
}

/* With room for so many words; NULL and errno. */
static struct memory_job *memory_job_new(const struct variable_memory *of, size_t count)
{
	struct memory_job *memory = calloc(1, sizeof(*memory) + count * sizeof(memory->words[0]));

	if (!memory)
		return NULL;
	memory->job.run = read_memory;
	memory->job.drop = drop;
	memory->tgid = of->tgid;
	memory->count = count;
	memory->pagemap = fcntl(of->pagemap, F_DUPFD_CLOEXEC, 0);
	if (memory->pagemap >= 0)
		return memory;
	free(memory); /* leaves errno as it is, as POSIX will have it */
	return NULL;
}

static int run(const struct variable_memory *of, struct memory_job *memory)
{
	return aside__run(of->aside, ASIDE_PROCESS(of->tgid), ASIDE_QUESTION_MS, &memory->job);
}

/*
 * Asked for a part of an entry, Linux refuses without waiting for the lock of the memory, if there still is any. It is
 * done here: a hand-over to another thread takes some 60 us, and all are asked again and again.
 */
int variable_memory_alive(const struct variable_memory *memory)
{
	uint8_t part[4];

	return pread(memory->pagemap, part, sizeof(part), 0) != 0;
}

int variable_memory_read(const struct variable_memory *of, uint64_t address, void *buf, size_t size)
{
	struct memory_job *memory = memory_job_new(of, 0);
	int err;

	if (!memory)
		return -errno;
	memory->address = address;
	memory->size = size;
	memory->data = malloc(size ?: 1);
	err = memory->data ? run(of, memory) : -ENOMEM;
	if (err == -ETIMEDOUT)
		return err; /* it is dropped when it ends */
	if (!err)
		memcpy(buf, memory->data, size);
	drop(&memory->job);
	return err;
}

int variable_memory_read_words(const struct variable_memory *of, struct variable_word *words,
			       size_t count)
{
	struct memory_job *memory = memory_job_new(of, count);
	int err;

	if (!memory)
		return -errno;
	memcpy(memory->words, words, count * sizeof(*words));
	err = run(of, memory);
	if (err == -ETIMEDOUT)
		return err; /* it is dropped when it ends */
	if (!err)
		memcpy(words, memory->words, count * sizeof(*words));
	drop(&memory->job);
	return err;
}
