/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/taps.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tap/compile.h"
#include "tap/elf.h"
#include "tap/pattern.h"
#include "tap/place.h"

#define MAX_REMEMBERED 65536 /* files known to be of no interest */
#define RETRY_NS 10000000000ull /* after a failed attach */
#define GIVEN_UP_NS 30000000000ull /* the first time; twice as long each time after */
#define GIVEN_UP_MAX_NS 600000000000ull

/* What a file is known by. Times and size are part of it: a file written anew is looked at again. */
struct file_key {
	uint64_t inode;
	uint64_t size;
	int64_t mtime;
	uint32_t device;
	uint32_t generation;
};

struct tap {
	const struct profile *profile;
	const struct profile_function *function;
	struct elf_symbol symbol;
	uint32_t spec;
	uint64_t first_run; /* of the spec's counter, which its earlier users have moved */
	struct placement placement; /* of the probe */
	const char *
		refused; /* why it is not tapped though the file is, "" = see `why`; NULL if it is */
	char why[128];
};

/* tgid 0: not in use. */
struct process_link {
	uint32_t tgid;
	int seen; /* by the sweep under way */
	struct probe_link *link;
};

struct tap_file {
	struct file_key key;
	struct tap_file *next;
	char *path;
	uint32_t number;
	uint32_t object_class[8]; /* by position of the profile in the file's list; 0 = none */
	const struct profile *class_profiles[8];
	size_t class_count;
	size_t tap_count;
	struct tap *taps;
	struct probe_link *link; /* for all processes */
	dev_t link_device; /* of the mount that the link was made through, which it keeps busy */
	struct tm_process_id opener; /* the process whose mount that is */
	int opener_seen; /* by the sweep under way */
	struct tm_mapping last; /* seen by the sweep under way */
	struct process_link links[TAPS_MAX_PROCESSES]; /* or for one each */
	char reason[128];
	uint64_t retry_ns;
	uint64_t given_up_ns; /* how long it was given up for the last time, 0 = never */
	uint64_t spent_before; /* cost at the last call of taps__give_up_dearest() */
	uint64_t last_mapped_ns;
	uint32_t processes, last_tgid;
};

/* A file seen: tapped, or (file NULL) of no interest. */
struct seen {
	struct file_key key;
	struct tap_file *file;
};

/* What functions of files that have gone have cost. */
struct spent {
	uint64_t runs, cost_ns;
};

struct taps {
	struct probes *probes;
	struct probe_cost cost;
	struct spent **spent; /* by profile, then function */
	const struct profile *const *profiles;
	size_t profile_count;
	uint32_t *first_op; /* by profile */
	uint32_t op_count;
	struct taps_callbacks cb;
	void *seen; /* tsearch tree of struct seen */
	size_t seen_count;
	struct tap_file *files;
	uint32_t next_file, next_spec, next_class;
	uint8_t spec_used[TM_MAX_SPECS];
	const struct profile *class_profile[TM_MAX_OBJECT_CLASSES];
	uint64_t now_ns;
	int sweeping;
	/* mappings of files not seen before, looked at after the iteration */
	struct tm_mapping *fresh;
	size_t fresh_count, fresh_cap;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct file_key));
}

static struct file_key mapping_key(const struct tm_mapping *m)
{
	struct file_key key;

	memset(&key, 0, sizeof(key));
	key.inode = m->inode;
	key.size = m->size;
	key.mtime = m->mtime;
	key.device = m->device;
	key.generation = m->generation;
	return key;
}

static struct seen *seen_find(const struct taps *taps, const struct file_key *key)
{
	struct seen **found = tfind(key, (void *const *)&taps->seen, compare_keys);

	return found ? *found : NULL;
}

static void seen_clear(struct taps *taps)
{
	tdestroy(taps->seen, free);
	taps->seen = NULL;
	taps->seen_count = 0;
}

static int seen_add(struct taps *taps, const struct file_key *key, struct tap_file *file)
{
	struct seen *seen = malloc(sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	seen->key = *key;
	seen->file = file;
	if (!tsearch(seen, &taps->seen, compare_keys)) {
		free(seen);
		return -ENOMEM;
	}
	taps->seen_count++;
	return 0;
}

/* Forgets the files of no interest; the tapped ones stay. */
static void seen_trim(struct taps *taps)
{
	if (taps->seen_count < MAX_REMEMBERED)
		return;
	seen_clear(taps);
	for (struct tap_file *file = taps->files; file; file = file->next)
		seen_add(taps, &file->key, file);
}

/* ---- numbers ------------------------------------------------------------------------- */

/* Round robin, so that a number is not used again soon after its file has gone. */
static int take_spec(struct taps *taps, uint32_t *out)
{
	for (uint32_t i = 0; i < TM_MAX_SPECS; i++) {
		uint32_t spec = (taps->next_spec + i) % TM_MAX_SPECS;

		if (!taps->spec_used[spec]) {
			taps->spec_used[spec] = 1;
			taps->next_spec = spec + 1;
			*out = spec;
			return 0;
		}
	}
	return -ENOSPC;
}

static int take_class(struct taps *taps, const struct profile *profile, uint32_t *out)
{
	struct tm_object_class class = { .tag = profile->object.tag };

	for (uint32_t i = 0; i < TM_MAX_OBJECT_CLASSES; i++) {
		uint32_t number = (taps->next_class + i) % TM_MAX_OBJECT_CLASSES;

		if (!number || taps->class_profile[number])
			continue;
		taps->class_profile[number] = profile;
		taps->next_class = number + 1;
		*out = number;
		snprintf(class.class_prefix, sizeof(class.class_prefix), "%s",
			 profile->object.class_prefix);
		return probes__set_class(taps->probes, number, &class);
	}
	return -ENOSPC;
}

/* The file's class for objects of the profile, made when first asked for. */
static int file_class(struct taps *taps, struct tap_file *file, const struct profile *profile,
		      uint32_t *out)
{
	int err;

	*out = 0;
	if (!profile->object.given)
		return 0;
	for (size_t i = 0; i < file->class_count; i++)
		if (file->class_profiles[i] == profile) {
			*out = file->object_class[i];
			return 0;
		}
	if (file->class_count == sizeof(file->object_class) / sizeof(file->object_class[0]))
		return -ENOSPC;
	err = take_class(taps, profile, out);
	if (!err) {
		file->class_profiles[file->class_count] = profile;
		file->object_class[file->class_count++] = *out;
	}
	return err;
}

/* ---- cost ------------------------------------------------------------------------------- */

static uint64_t tap_runs(const struct taps *taps, const struct tap *tap)
{
	return tap->refused ? 0 : probes__runs(taps->probes, tap->spec) - tap->first_run;
}

static uint64_t tap_cost(const struct taps *taps, const struct tap *tap)
{
	return tap_runs(taps, tap) *
	       (tap->placement.emulated ? taps->cost.emulated_ns : taps->cost.stepped_ns);
}

static uint64_t file_cost(const struct taps *taps, const struct tap_file *file)
{
	uint64_t cost = 0;

	for (size_t i = 0; i < file->tap_count; i++)
		cost += tap_cost(taps, &file->taps[i]);
	return cost;
}

static struct spent *spent_of(const struct taps *taps, const struct tap *tap)
{
	size_t i = 0;

	while (taps->profiles[i] != tap->profile)
		i++;
	return &taps->spent[i][tap->function - tap->profile->functions];
}

/* ---- one file ---------------------------------------------------------------------------- */

static void close_link(struct process_link *own)
{
	probe_link__free(own->link);
	memset(own, 0, sizeof(*own));
}

static void close_links(struct tap_file *file)
{
	probe_link__free(file->link);
	file->link = NULL;
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		close_link(&file->links[i]);
}

static int is_linked(const struct tap_file *file)
{
	size_t i = 0;

	while (i < TAPS_MAX_PROCESSES && !file->links[i].link)
		i++;
	return file->link || i < TAPS_MAX_PROCESSES;
}

/* The place for a process's own link; a free one with tgid 0. NULL if there is none. */
static struct process_link *find_link(struct tap_file *file, uint32_t tgid)
{
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		if (file->links[i].tgid == tgid)
			return &file->links[i];
	return NULL;
}

static void file_free(struct taps *taps, struct tap_file *file)
{
	if (!file)
		return;
	close_links(file);
	for (size_t i = 0; i < file->tap_count; i++) {
		struct tap *tap = &file->taps[i];

		if (tap->refused)
			continue;
		spent_of(taps, tap)->runs += tap_runs(taps, tap);
		spent_of(taps, tap)->cost_ns += tap_cost(taps, tap);
		taps->spec_used[tap->spec] = 0;
	}
	for (size_t i = 0; i < file->class_count; i++)
		taps->class_profile[file->object_class[i]] = NULL;
	free(file->taps);
	free(file->path);
	free(file);
}

/*
 * Two probes in one function would count a call twice: aliases are tapped once. They may differ in the size
 * that the file says they have, and so in the place of the probe.
 */
static const char *already_tapped(const struct tap_file *file, const struct tap *tap)
{
	for (size_t i = 0; i < file->tap_count; i++)
		if (!file->taps[i].refused &&
		    (file->taps[i].symbol.offset == tap->symbol.offset ||
		     file->taps[i].placement.offset == tap->placement.offset))
			return "another name of a function that is tapped already";
	return NULL;
}

static int add_tap(struct taps *taps, struct tap_file *file, struct elf_file *elf,
		   const struct profile *profile, struct compile_context context,
		   const struct profile_function *function, const struct elf_symbol *symbol)
{
	struct tap *tap = &file->taps[file->tap_count];
	struct compiled compiled;
	int err;

	tap->profile = profile;
	tap->function = function;
	tap->symbol = *symbol;
	place_probe(elf, symbol, &tap->placement);
	context.skipped = tap->placement.skipped;
	tap->refused = already_tapped(file, tap);
	if (tap->refused) {
		file->tap_count++;
		return 0;
	}
	err = file_class(taps, file, profile, &context.object_class);
	if (err)
		return err;
	if (spec_compile(profile, function, elf, symbol, &context, &compiled)) {
		snprintf(tap->why, sizeof(tap->why), "%s", compiled.why);
		tap->refused = ""; /* `why` moves with the table */
		file->tap_count++;
		return 0;
	}
	err = take_spec(taps, &tap->spec);
	if (err)
		return err;
	tap->first_run = probes__runs(taps->probes, tap->spec);
	file->tap_count++;
	err = probes__set_result(taps->probes, tap->spec, &compiled.result);
	return err ? err : probes__set_spec(taps->probes, tap->spec, &compiled.spec);
}

#define MAX_MATCHES 1024 /* functions of one profile in one file */

struct match {
	const struct profile_function *function;
	struct elf_symbol symbol;
};

struct matches {
	const struct profile *profile;
	size_t count;
	struct match items[MAX_MATCHES];
};

static int add_match(struct matches *matches, const struct profile_function *function,
		     const struct elf_symbol *symbol)
{
	/* .symtab and .dynsym have the same function under the same name */
	for (size_t i = 0; i < matches->count; i++)
		if (matches->items[i].function == function &&
		    matches->items[i].symbol.offset == symbol->offset)
			return 0;
	if (matches->count == MAX_MATCHES)
		return -E2BIG;
	matches->items[matches->count++] = (struct match){ function, *symbol };
	return 0;
}

static int match_patterns(void *arg, const char *name, const struct elf_symbol *symbol)
{
	struct matches *matches = arg;
	const struct profile *profile = matches->profile;
	int err = 0;

	for (size_t i = 0; i < profile->function_count && !err; i++) {
		const struct profile_function *function = &profile->functions[i];

		if (pattern_kind(function->symbol) && pattern_matches(function->symbol, name))
			err = add_match(matches, function, symbol);
	}
	return err;
}

static int has_patterns(const struct profile *profile)
{
	for (size_t i = 0; i < profile->function_count; i++)
		if (pattern_kind(profile->functions[i].symbol))
			return 1;
	return 0;
}

/* Finds the profile's functions in the file. -EINVAL, -E2BIG: a file that is broken somewhere. */
static int find_functions(const struct profile *profile, struct elf_file *elf,
			  struct matches *matches)
{
	const char **names = calloc(profile->function_count, sizeof(*names));
	struct elf_symbol *symbols = calloc(profile->function_count, sizeof(*symbols));
	int err = -ENOMEM;

	matches->profile = profile;
	if (names && symbols) {
		for (size_t i = 0; i < profile->function_count; i++)
			names[i] = profile->functions[i].symbol;
		err = elf_file__functions(elf, names, profile->function_count, symbols);
		for (size_t i = 0; i < profile->function_count; i++)
			if (symbols[i].offset)
				add_match(matches, &profile->functions[i], &symbols[i]);
	}
	free(names);
	free(symbols);
	if (err >= 0 && has_patterns(profile))
		err = elf_file__each_function(elf, match_patterns, matches);
	return err < 0 ? err : 0;
}

static int add_matches(struct taps *taps, struct tap_file *file, struct elf_file *elf, size_t index,
		       const struct matches *matches)
{
	struct compile_context context = { .first_op = taps->first_op[index],
					   .file = file->number };
	struct tap *grown;
	struct build build;
	int err = 0;

	build_examine(matches->profile, elf, &build);
	context.build = &build;
	grown = realloc(file->taps, (file->tap_count + matches->count) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + file->tap_count, 0, matches->count * sizeof(*grown));
	file->taps = grown;
	for (size_t i = 0; i < matches->count && !err; i++)
		err = add_tap(taps, file, elf, matches->profile, context,
			      matches->items[i].function, &matches->items[i].symbol);
	return err;
}

static int add_profile(struct taps *taps, struct tap_file *file, struct elf_file *elf, size_t index)
{
	struct matches *matches = calloc(1, sizeof(*matches));
	int err;

	if (!matches)
		return -ENOMEM;
	err = find_functions(taps->profiles[index], elf, matches);
	/* a file that is broken somewhere: what was found before is there, and it is not looked into again */
	if (err == -EINVAL || err == -E2BIG)
		err = 0;
	if (!err && matches->count && build_matches(taps->profiles[index], elf))
		err = add_matches(taps, file, elf, index, matches);
	free(matches);
	return err;
}

static size_t file_functions(const struct tap_file *file)
{
	size_t count = 0;

	for (size_t i = 0; i < file->tap_count; i++)
		count += !file->taps[i].refused;
	return count;
}

/* Sets the probes for process `tgid`, or for all if 0. */
static int link_file(struct taps *taps, struct tap_file *file, int fd, uint32_t tgid)
{
	struct process_link *own = tgid ? find_link(file, 0) : NULL;
	struct probe *list;
	struct stat st;
	size_t count = 0;
	int err;

	if (taps->cb.dry_run)
		return 0;
	if (tgid && !own)
		return -ENOSPC;
	list = calloc(file->tap_count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < file->tap_count; i++) {
		if (file->taps[i].refused)
			continue;
		list[count].offset = file->taps[i].placement.offset;
		list[count++].spec = file->taps[i].spec;
	}
	if (!count) { /* each function says why */
		free(list);
		return 0;
	}
	err = probes__attach(taps->probes, fd, list, count, (pid_t)tgid,
			     own ? &own->link : &file->link);
	free(list);
	if (err)
		return err;
	if (own) {
		own->tgid = tgid;
		own->seen = 1;
	} else if (!fstat(fd, &st)) {
		file->link_device = st.st_dev;
		file->opener = file->last.process;
	}
	return 0;
}

static int file_attach(struct taps *taps, struct tap_file *file, int fd, uint32_t tgid)
{
	int err = link_file(taps, file, fd, taps->cb.per_process ? tgid : 0);

	file->reason[0] = 0;
	if (err) {
		snprintf(file->reason, sizeof(file->reason), "cannot attach: %s", strerror(-err));
		file->retry_ns = taps->now_ns + RETRY_NS;
	}
	taps->cb.attached(taps->cb.arg, file->path, file_functions(file), file->reason);
	return err;
}

/* Makes a tap_file of an ELF file that has functions of a profile. 0 with *out NULL: it has none. */
static int file_new(struct taps *taps, const struct file_key *key, int fd, const char *path,
		    struct tap_file **out)
{
	struct tap_file *file;
	struct elf_file *elf;
	char text[128];
	int err;

	*out = NULL;
	err = elf_file__new(fd, &elf, text, sizeof(text));
	if (err)
		return err == -ENOMEM ? err :
					0; /* not an ELF file, or a broken one: nothing to tap */
	file = calloc(1, sizeof(*file));
	if (file) {
		file->key = *key;
		file->number = ++taps->next_file;
		file->path = strdup(path);
	}
	err = file && file->path ? 0 : -ENOMEM;
	for (size_t i = 0; i < taps->profile_count && !err; i++)
		err = add_profile(taps, file, elf, i);
	elf_file__free(elf);
	if (err || !file->tap_count) {
		file_free(taps, file);
		return err;
	}
	*out = file;
	return 0;
}

/*
 * Whether the process has mapped another file there since: what is known of that one must not be held against this
 * one. On an overlay the inode number may be another, and the times those of a copy without data.
 */
static int is_replaced(const struct stat *st, const struct tm_mapping *m)
{
	return (uint64_t)st->st_size != m->size ||
	       (st->st_ino != m->inode && st->st_mtime != m->mtime);
}

/*
 * Opens the mapped file itself, whatever has become of its path. Never opens devices: that could have effects.
 * -ENOENT, -ESTALE when the mapping has gone meanwhile.
 */
static int open_mapped(const struct tm_mapping *m, char *path, size_t size)
{
	char name[96], self[32];
	struct stat st;
	ssize_t len;
	int handle, fd;

	snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", m->process.tgid, m->start,
		 m->end);
	handle = open(name, O_PATH | O_CLOEXEC);
	if (handle < 0)
		return -errno;
	len = readlink(name, path, size - 1);
	path[len > 0 ? len : 0] = 0;
	if (fstat(handle, &st) || is_replaced(&st, m)) {
		close(handle);
		return -ESTALE;
	}
	if (!S_ISREG(st.st_mode)) {
		close(handle);
		return -ENOEXEC;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fd = -errno;
	close(handle);
	return fd;
}

static void file_mapped(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	struct process_link *own = find_link(file, m->process.tgid);

	if (own)
		own->seen = 1;
	file->last_mapped_ns = taps->now_ns;
	file->last = *m;
	if (!memcmp(&file->opener, &m->process, sizeof(m->process)))
		file->opener_seen = 1;
	if (taps->sweeping && file->last_tgid != m->process.tgid) {
		file->last_tgid = m->process.tgid;
		file->processes++;
	}
	taps->cb.process(taps->cb.arg, &m->process, file->path);
}

/* Sets probes on a known file: again after a failure, or for another process. */
static void attach_known(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	char path[PATH_MAX];
	int fd;

	if (!taps->cb.selected(taps->cb.arg, &m->process))
		return;
	file->retry_ns = taps->now_ns + RETRY_NS;
	fd = open_mapped(m, path, sizeof(path));
	if (fd < 0)
		return;
	file_attach(taps, file, fd, m->process.tgid);
	close(fd);
}

static void known_mapped(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	file_mapped(taps, file, m);
	if (file->reason[0] ? taps->now_ns >= file->retry_ns :
			      taps->cb.per_process && !find_link(file, m->process.tgid))
		attach_known(taps, file, m);
}

/* Looks at a file not seen before. */
static void inspect(struct taps *taps, const struct tm_mapping *m)
{
	struct file_key key = mapping_key(m);
	struct seen *known = seen_find(taps, &key);
	struct tap_file *file = NULL;
	char path[PATH_MAX];
	int fd, err;

	if (known) { /* by another mapping of the same round */
		if (known->file)
			known_mapped(taps, known->file, m);
		return;
	}
	if (!taps->cb.selected(taps->cb.arg, &m->process))
		return;
	fd = open_mapped(m, path, sizeof(path));
	if (fd < 0 && fd != -ENOEXEC)
		return; /* gone, or not allowed: looked at again the next time */
	err = fd < 0 ? 0 : file_new(taps, &key, fd, path, &file);
	if (!err)
		err = seen_add(taps, &key, file);
	if (err) {
		file_free(taps, file);
	} else if (file) {
		file->next = taps->files;
		taps->files = file;
		file->last = *m;
		file_attach(taps, file, fd, m->process.tgid);
		file_mapped(taps, file, m);
	}
	if (fd >= 0)
		close(fd);
}

static void on_mapping(void *arg, const struct tm_mapping *m)
{
	struct taps *taps = arg;
	struct file_key key = mapping_key(m);
	struct seen *known = seen_find(taps, &key);
	struct tm_mapping *grown;
	size_t cap;

	if (known) {
		if (known->file) {
			known_mapped(taps, known->file, m);
		}
		return;
	}
	if (taps->fresh_count == taps->fresh_cap) {
		cap = taps->fresh_cap ? 2 * taps->fresh_cap : 256;
		grown = realloc(taps->fresh, cap * sizeof(*grown));
		if (!grown)
			return; /* seen again at the next sweep */
		taps->fresh = grown;
		taps->fresh_cap = cap;
	}
	taps->fresh[taps->fresh_count++] = *m;
}

static int scan(struct taps *taps, uint32_t tgid)
{
	int err;

	seen_trim(taps);
	taps->fresh_count = 0;
	err = probes__mappings(taps->probes, (pid_t)tgid, on_mapping, taps);
	for (size_t i = 0; i < taps->fresh_count; i++)
		inspect(taps, &taps->fresh[i]);
	return err;
}

/* ---- all files ------------------------------------------------------------------------------- */

static int allocate_spent(struct taps *taps)
{
	taps->spent = calloc(taps->profile_count + 1, sizeof(struct spent *));
	if (!taps->spent)
		return -ENOMEM;
	for (size_t i = 0; i < taps->profile_count; i++) {
		taps->spent[i] = calloc(taps->profiles[i]->function_count, sizeof(**taps->spent));
		if (!taps->spent[i])
			return -ENOMEM;
	}
	return 0;
}

/* Tells the BPF programs which names and numbers stand for which operations. */
static int set_names(struct taps *taps, uint32_t first_op, uint32_t function,
		     const struct profile_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tm_name_key key = { .table = first_op };
		struct tm_number_name number = { (uint64_t)names[i].number,
						 function,
						 { 0 },
						 TM_NUMBER_MARK };
		int err;

		if (names[i].text)
			snprintf(key.name, sizeof(key.name), "%s", names[i].text);
		else
			memcpy(key.name, &number, sizeof(number));
		err = probes__set_name(taps->probes, &key, first_op + (uint32_t)names[i].operation);
		if (err)
			return err;
	}
	return 0;
}

static int set_profile_names(struct taps *taps, size_t index)
{
	const struct profile *profile = taps->profiles[index];
	uint32_t first_op = taps->first_op[index];
	int err = set_names(taps, first_op, 0, profile->commands, profile->command_count);

	for (size_t i = 0; i < profile->function_count && !err; i++)
		err = set_names(taps, first_op, (uint32_t)i, profile->functions[i].numbers,
				profile->functions[i].number_count);
	return err;
}

static int number_operations(struct taps *taps)
{
	uint32_t next = 1;

	taps->first_op = calloc(taps->profile_count + 1, sizeof(*taps->first_op));
	if (!taps->first_op)
		return -ENOMEM;
	for (size_t i = 0; i < taps->profile_count; i++) {
		taps->first_op[i] = next;
		next += (uint32_t)taps->profiles[i]->operation_count;
	}
	taps->first_op[taps->profile_count] = next;
	return next < UINT16_MAX ? 0 : -E2BIG;
}

int taps__new(struct probes *probes, const struct profile *const *profiles, size_t count,
	      const struct probe_cost *cost, const struct taps_callbacks *callbacks,
	      struct taps **out)
{
	struct taps *taps = calloc(1, sizeof(*taps));
	int err;

	if (!taps)
		return -ENOMEM;
	taps->probes = probes;
	taps->profiles = profiles;
	taps->profile_count = count;
	taps->cost = *cost;
	taps->cb = *callbacks;
	err = number_operations(taps);
	if (!err)
		err = allocate_spent(taps);
	for (size_t i = 0; i < count && !err; i++)
		err = set_profile_names(taps, i);
	if (err) {
		taps__free(taps);
		return err;
	}
	*out = taps;
	return 0;
}

void taps__free(struct taps *taps)
{
	struct tap_file *next;

	if (!taps)
		return;
	for (struct tap_file *file = taps->files; file; file = next) {
		next = file->next;
		file_free(taps, file);
	}
	seen_clear(taps);
	for (size_t i = 0; taps->spent && i < taps->profile_count; i++)
		free(taps->spent[i]);
	free(taps->spent);
	free(taps->first_op);
	free(taps->fresh);
	free(taps);
}

int taps__look(struct taps *taps, uint32_t tgid, uint64_t now_ns)
{
	taps->now_ns = now_ns;
	return tgid ? scan(taps, tgid) : 0;
}

static void detach_unmapped(struct taps *taps, uint64_t linger_ns)
{
	struct tap_file **at = &taps->files;

	while (*at) {
		struct tap_file *file = *at;
		struct seen *seen;

		if (file->processes || taps->now_ns - file->last_mapped_ns < linger_ns) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		seen = seen_find(taps, &file->key);
		if (seen) {
			tdelete(&file->key, &taps->seen, compare_keys);
			taps->seen_count--;
			free(seen);
		}
		taps->cb.detached(taps->cb.arg, file->path, file->number,
				  "no process maps the file any more");
		file_free(taps, file);
	}
}

/*
 * A link keeps the mount busy that it was made through. When the process has gone whose mount that was, a container's
 * perhaps, the link is made anew through the mount of a process that is still there.
 */
static void rehome_link(struct taps *taps, struct tap_file *file)
{
	struct probe_link *old = file->link;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!old || file->opener_seen || !file->processes)
		return;
	fd = open_mapped(&file->last, path, sizeof(path));
	if (fd < 0)
		return; /* at the next sweep, through another process */
	if (!fstat(fd, &st) && st.st_dev == file->link_device) {
		file->opener = file->last.process;
	} else {
		probes__overlap(taps->probes, 1);
		if (link_file(taps, file, fd, 0))
			file->link = old;
		else
			probe_link__free(old);
		probes__overlap(taps->probes, 0);
	}
	close(fd);
}

static void begin_sweep(struct tap_file *file)
{
	file->processes = file->last_tgid = 0;
	file->opener_seen = 0;
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		file->links[i].seen = 0;
}

static void close_unseen_links(struct tap_file *file)
{
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		if (file->links[i].tgid && !file->links[i].seen)
			close_link(&file->links[i]);
}

int taps__sweep(struct taps *taps, uint64_t now_ns, uint64_t linger_ns)
{
	int err;

	taps->now_ns = now_ns;
	taps->sweeping = 1;
	for (struct tap_file *file = taps->files; file; file = file->next)
		begin_sweep(file);
	err = scan(taps, 0);
	taps->sweeping = 0;
	for (struct tap_file *file = taps->files; file && !err; file = file->next) {
		close_unseen_links(file);
		rehome_link(taps, file);
	}
	if (!err) /* an incomplete list is no reason to let go */
		detach_unmapped(taps, linger_ns);
	return err;
}

uint64_t taps__spent(const struct taps *taps)
{
	uint64_t cost = 0;

	for (const struct tap_file *file = taps->files; file; file = file->next)
		cost += file_cost(taps, file);
	for (size_t i = 0; i < taps->profile_count; i++)
		for (size_t j = 0; j < taps->profiles[i]->function_count; j++)
			cost += taps->spent[i][j].cost_ns;
	return cost;
}

static void give_up(struct taps *taps, struct tap_file *file)
{
	uint64_t twice = 2 * file->given_up_ns;

	file->given_up_ns = !twice		    ? GIVEN_UP_NS :
			    twice < GIVEN_UP_MAX_NS ? twice :
						      GIVEN_UP_MAX_NS;
	file->retry_ns = taps->now_ns + file->given_up_ns;
	snprintf(file->reason, sizeof(file->reason), "given up for %u s: over --overhead.budget",
		 (unsigned)(file->given_up_ns / 1000000000ull));
	close_links(file);
	taps->cb.detached(taps->cb.arg, file->path, file->number, file->reason);
}

int taps__give_up_dearest(struct taps *taps, uint64_t now_ns)
{
	struct tap_file *dearest = NULL;
	uint64_t most = 0;

	taps->now_ns = now_ns;
	for (struct tap_file *file = taps->files; file; file = file->next) {
		uint64_t cost = file_cost(taps, file);
		uint64_t spent = cost - file->spent_before;

		file->spent_before = cost;
		if (is_linked(file) && spent >= most) {
			most = spent;
			dearest = file;
		}
	}
	if (!dearest)
		return 0;
	give_up(taps, dearest);
	return 1;
}

/* Over the files of now, and those that have gone. */
static struct spent function_spent(const struct taps *taps, size_t profile, size_t function)
{
	struct spent sum = taps->spent[profile][function];

	for (const struct tap_file *file = taps->files; file; file = file->next)
		for (size_t i = 0; i < file->tap_count; i++) {
			const struct tap *tap = &file->taps[i];

			if (tap->function != &taps->profiles[profile]->functions[function])
				continue;
			sum.runs += tap_runs(taps, tap);
			sum.cost_ns += tap_cost(taps, tap);
		}
	return sum;
}

int taps__each_function(const struct taps *taps, taps_function_fn fn, void *arg)
{
	for (size_t i = 0; i < taps->profile_count; i++)
		for (size_t j = 0; j < taps->profiles[i]->function_count; j++) {
			struct spent spent = function_spent(taps, i, j);
			int err = 0;

			if (spent.runs)
				err = fn(arg, taps->profiles[i],
					 taps->profiles[i]->functions[j].symbol, spent.runs,
					 spent.cost_ns);
			if (err)
				return err;
		}
	return 0;
}

size_t taps__up(const struct taps *taps)
{
	size_t count = 0;

	for (const struct tap_file *file = taps->files; file; file = file->next)
		count += is_linked(file) ? file_functions(file) : 0;
	return count;
}

int taps__each(const struct taps *taps, taps_each_fn fn, void *arg)
{
	for (const struct tap_file *file = taps->files; file; file = file->next)
		for (size_t i = 0; i < file->tap_count; i++) {
			const struct tap *tap = &file->taps[i];
			struct tap_info info = {
				.profile = tap->profile,
				.path = file->path,
				.function = tap->function->symbol,
				.offset = tap->placement.offset,
				.function_offset = tap->symbol.offset,
				.instruction = tap->placement.instruction,
				.placement = tap->placement.reason,
				.up = is_linked(file) && !tap->refused,
				.reason = !tap->refused	  ? file->reason :
					  tap->refused[0] ? tap->refused :
							    tap->why,
				.processes = file->processes,
			};
			int err = fn(arg, &info);

			if (err)
				return err;
		}
	return 0;
}

const struct profile *taps__operation(const struct taps *taps, uint32_t op,
				      const struct operation **operation)
{
	for (size_t i = 0; i < taps->profile_count; i++)
		if (op >= taps->first_op[i] && op < taps->first_op[i + 1]) {
			*operation = &taps->profiles[i]->operations[op - taps->first_op[i]];
			return taps->profiles[i];
		}
	return NULL;
}

const struct profile *taps__class_profile(const struct taps *taps, uint32_t object_class)
{
	return object_class < TM_MAX_OBJECT_CLASSES ? taps->class_profile[object_class] : NULL;
}
