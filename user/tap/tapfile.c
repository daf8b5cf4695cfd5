/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/tapfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tap/compile.h"
#include "tap/elf.h"
#include "tap/find.h"
#include "tap/identify.h"
#include "tap/rpc_rules.h"
#include "util/knownstat.h"
#include "util/reopen.h"

/* ---- numbers ------------------------------------------------------------------------- */

/* Round robin, so that a number is not used again soon after its file has gone. */
static int take_spec(struct tap_shared *shared, struct intake_share *share, uint32_t *out)
{
	if (share->specs >= TM_MAX_SPECS / 4)
		return -EDQUOT;
	for (uint32_t i = 0; i < TM_MAX_SPECS; i++) {
		uint32_t spec = (shared->next_spec + i) % TM_MAX_SPECS;

		if (!shared->spec_used[spec]) {
			shared->spec_used[spec] = 1;
			shared->next_spec = spec + 1;
			share->specs++;
			*out = spec;
			return 0;
		}
	}
	return -ENOSPC;
}

static void give_spec(struct tap_shared *shared, struct intake_share *share, uint32_t spec)
{
	shared->spec_used[spec] = 0;
	share->specs--;
}

static void give_class(struct tap_shared *shared, struct intake_share *share, uint32_t number)
{
	shared->class_profile[number] = NULL;
	share->classes--;
}

static int take_class(struct tap_shared *shared, struct intake_share *share,
		      const struct profile *profile, uint32_t *out)
{
	struct tm_object_class class;
	int err;

	if (share->classes >= TM_MAX_OBJECT_CLASSES / 4)
		return -EDQUOT;
	object_class_fill(&profile->object, &profile->message, &class);
	for (uint32_t i = 0; i < TM_MAX_OBJECT_CLASSES; i++) {
		uint32_t number = (shared->next_class + i) % TM_MAX_OBJECT_CLASSES;

		if (!number || shared->class_profile[number])
			continue;
		shared->class_profile[number] = profile;
		shared->next_class = number + 1;
		share->classes++;
		*out = number;
		err = probes__set_class(shared->probes, number, &class);
		if (err)
			give_class(shared, share, number);
		return err;
	}
	return -ENOSPC;
}

/* The number of a former agent's class; 0 = none. */
static uint32_t adopt_class(const struct tap_shared *shared, struct tap_file *file,
			    const struct profile *profile, uint32_t first_op)
{
	uint32_t number = file->adopted ?
				  adopted__class(shared->adopted, file->adopted, first_op,
						 first_op + (uint32_t)profile->operation_count) :
				  0;

	file->share->classes += number != 0;
	return number;
}

/* The file's class for objects of the profile, made when first asked for. */
static int file_class(struct tap_shared *shared, struct tap_file *file,
		      const struct profile *profile, uint32_t first_op, uint32_t *out)
{
	int err = 0;

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
	*out = adopt_class(shared, file, profile, first_op);
	if (!*out)
		err = take_class(shared, file->share, profile, out);
	if (!err) {
		file->class_profiles[file->class_count] = profile;
		file->object_class[file->class_count++] = *out;
	}
	return err;
}

/* ---- cost ------------------------------------------------------------------------------- */

uint64_t tap__runs(const struct tap_shared *shared, const struct tap *tap)
{
	return tap->refused ? 0 : probes__runs(shared->probes, tap->spec) - tap->first_run;
}

uint64_t tap__cost(const struct tap_shared *shared, const struct tap *tap)
{
	return tap__runs(shared, tap) *
	       (tap->placement.emulated ? shared->cost.emulated_ns : shared->cost.stepped_ns);
}

uint64_t tap_file__cost(const struct tap_shared *shared, const struct tap_file *file)
{
	uint64_t cost = 0;

	for (size_t i = 0; i < file->tap_count; i++)
		cost += tap__cost(shared, &file->taps[i]);
	return cost;
}

/* ---- links ------------------------------------------------------------------------------ */

void process_link__close(struct process_link *own)
{
	probe_link__free(own->link);
	memset(own, 0, sizeof(*own));
}

void tap_file__unlink(struct tap_file *file)
{
	probe_link__free(file->link);
	file->link = NULL;
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		process_link__close(&file->links[i]);
}

int tap_file__is_linked(const struct tap_file *file)
{
	size_t i = 0;

	while (i < TAPS_MAX_PROCESSES && !file->links[i].link)
		i++;
	return file->link || i < TAPS_MAX_PROCESSES;
}

struct process_link *tap_file__find_link(struct tap_file *file, uint32_t tgid)
{
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		if (file->links[i].tgid == tgid)
			return &file->links[i];
	return NULL;
}

/* ---- taps ------------------------------------------------------------------------------- */

void tap_file__free(struct tap_shared *shared, struct tap_file *file)
{
	if (!file)
		return;
	tap_file__unlink(file);
	for (size_t i = 0; i < file->tap_count; i++)
		if (!file->taps[i].refused)
			give_spec(shared, file->share, file->taps[i].spec);
	for (size_t i = 0; i < file->class_count; i++)
		give_class(shared, file->share, file->object_class[i]);
	mappers__clear(&file->mappers);
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

/* Why the function must not be tapped; NULL if it may be. */
static const char *refusal(const struct tap_file *file, const struct tap *tap, int may_throw)
{
	if (may_throw)
		return "a C++ exception may pass through it, which a probe at return turns into an "
		       "abort; if none can, say so in the profile with may_throw: false";
	return already_tapped(file, tap);
}

/* Its runs go on with the spec, too. */
static int adopt_spec(struct tap_shared *shared, const struct tap_file *file, struct tap *tap,
		      const struct compiled *compiled)
{
	int spec =
		adopted__spec(shared->adopted, file->adopted, &compiled->spec, &compiled->result);

	if (spec < 0) {
		tap->refused = ""; /* so that nothing is given back that was not taken */
		return -ESTALE;
	}
	tap->spec = (uint32_t)spec;
	file->share->specs++;
	return 0;
}

/* Compiles the function's spec and hands it to BPF. A spec that this build does not allow refuses the tap. */
static int set_spec(struct tap_shared *shared, const struct tap_file *file, struct elf_file *elf,
		    struct tap *tap, const struct compile_context *context)
{
	struct compiled compiled;
	int err;

	if (spec_compile(tap->profile, tap->function, elf, &tap->symbol, context, &compiled)) {
		snprintf(tap->why, sizeof(tap->why), "%s", compiled.why);
		tap->refused = ""; /* `why` moves with the table */
		return 0;
	}
	if (file->adopted)
		return adopt_spec(shared, file, tap, &compiled);
	err = take_spec(shared, file->share, &tap->spec);
	if (err)
		return err;
	tap->first_run = probes__runs(shared->probes, tap->spec);
	err = probes__set_result(shared->probes, tap->spec, &compiled.result);
	return err ? err : probes__set_spec(shared->probes, tap->spec, &compiled.spec);
}

static int add_tap(struct tap_shared *shared, struct tap_file *file, struct elf_file *elf,
		   const struct profile *profile, struct compile_context context,
		   const struct found_function *found)
{
	struct tap *tap = &file->taps[file->tap_count];
	int err = 0;

	tap->profile = profile;
	tap->function = found->function;
	tap->symbol = found->symbol;
	place_probe(elf, &tap->symbol, &tap->placement);
	context.skipped = tap->placement.skipped;
	tap->refused = refusal(file, tap, found->may_throw);
	if (!tap->refused)
		err = file_class(shared, file, profile, context.first_op, &context.object_class);
	if (!err && !tap->refused)
		err = set_spec(shared, file, elf, tap, &context);
	if (!err)
		file->tap_count++;
	return err;
}

static int add_found(struct tap_shared *shared, struct tap_file *file, struct elf_file *elf,
		     size_t index, const struct found_functions *found)
{
	struct compile_context context = {
		.first_op = shared->first_op[index],
		.file = file->number,
		.transit = shared->transit,
		.rpc = rpc_rules_over(shared->profiles, shared->profile_count,
				      shared->profiles[index]),
	};
	struct tap *grown;
	struct build build;
	int err = 0;

	build_examine(found->profile, elf, &build);
	context.build = &build;
	grown = realloc(file->taps, (file->tap_count + found->count) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + file->tap_count, 0, found->count * sizeof(*grown));
	file->taps = grown;
	for (size_t i = 0; i < found->count && !err; i++)
		err = add_tap(shared, file, elf, found->profile, context, &found->items[i]);
	return err;
}

static int add_profile(struct tap_shared *shared, struct tap_file *file, struct elf_file *elf,
		       size_t index)
{
	struct found_functions *found;
	int err;

	if (!shared->profiles[index]->function_count)
		return 0;
	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	err = find_functions(shared->profiles[index], elf, found);
	/* a file that is broken somewhere: what was found before is there, and it is not looked into again */
	if (err == -EINVAL || err == -E2BIG)
		err = 0;
	if (!err && found->count && build_matches(shared->profiles[index], elf))
		err = add_found(shared, file, elf, index, found);
	free(found);
	return err;
}

size_t tap_file__functions(const struct tap_file *file)
{
	size_t count = 0;

	for (size_t i = 0; i < file->tap_count; i++)
		count += !file->taps[i].refused;
	return count;
}

struct pinned_link tap_file__name(const struct file_key *key, uint32_t number)
{
	return (struct pinned_link){
		.inode = key->inode,
		.size = key->size,
		.mtime = key->mtime,
		.device = key->device,
		.generation = key->generation,
		.number = number,
	};
}

static int pin(struct tap_shared *shared, struct tap_file *file, struct probe_link *link,
	       dev_t device)
{
	struct pinned_link name = tap_file__name(&file->key, file->number);

	name.round = ++file->link_round;
	name.link_device = device;
	return probes__pin(shared->probes, link, &name);
}

int tap_file__link(struct tap_shared *shared, struct tap_file *file, int fd, uint32_t tgid)
{
	struct process_link *own = tgid ? tap_file__find_link(file, 0) : NULL;
	struct probe_link *link;
	struct probe *list;
	struct stat st;
	size_t count = 0;
	int err;

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
	err = probes__attach(shared->probes, fd, list, count, (pid_t)tgid, &link);
	free(list);
	if (err)
		return err;
	if (own) {
		own->link = link;
		own->tgid = tgid;
		own->seen = 1;
		return 0;
	}
	err = known_stat(fd, &st) ?: pin(shared, file, link, st.st_dev);
	if (err) {
		probe_link__free(link);
		return err;
	}
	file->link = link;
	file->link_device = st.st_dev;
	file->opener = file->last.process;
	return 0;
}

/* The former agent's link, if the file's functions and their specs are those it was made for. */
static int take_over(struct tap_shared *shared, struct tap_file *file)
{
	struct adopted_file *old = file->adopted;

	if (adopted__specs_left(shared->adopted, old))
		return -ESTALE;
	old->claimed = 1;
	file->link = old->link;
	file->link_device = old->name.link_device;
	file->link_round = old->name.round;
	old->link = NULL;
	return 0;
}

static struct adopted_file *find_adopted(const struct tap_shared *shared,
					 const struct file_key *key)
{
	struct pinned_link name = tap_file__name(key, 0);
	struct adopted_file *found = adopted__find(shared->adopted, &name);

	return found && !found->claimed ? found : NULL;
}

int tap_file__new(struct tap_shared *shared, const struct file_key *key, int fd, const char *path,
		  struct intake_share *share, struct tap_file **out)
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
		file->share = share;
		file->adopted = find_adopted(shared, key);
		file->number = file->adopted ? file->adopted->name.number : ++shared->next_file;
		file->path = strdup(path);
	}
	err = file && file->path ? 0 : -ENOMEM;
	for (size_t i = 0; i < shared->profile_count && !err; i++)
		err = add_profile(shared, file, elf, i);
	elf_file__free(elf);
	if (!err && file->adopted && file->tap_count)
		err = take_over(shared, file);
	if (err || !file->tap_count) {
		tap_file__free(shared, file);
		return err;
	}
	*out = file;
	return 0;
}

/* ---- mappings ---------------------------------------------------------------------------- */

struct file_key tap_file__key(const struct tm_mapping *m)
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

/*
 * Whether the process has mapped another file there since: what is known of that one must not be held against this
 * one. On an overlay the inode number may be another, and the times those of a copy without data.
 */
static int is_replaced(const struct stat *st, const struct tm_mapping *m)
{
	return (uint64_t)st->st_size != m->size ||
	       (st->st_ino != m->inode && st->st_mtime != m->mtime);
}

int tap_file__open(const struct tm_mapping *m, char *path, size_t size)
{
	char name[96];
	struct stat st;
	ssize_t len;
	int handle;

	snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", m->process.tgid, m->start,
		 m->end);
	handle = open(name, O_PATH | O_CLOEXEC);
	if (handle < 0)
		return -errno;
	len = readlink(name, path, size - 1);
	path[len > 0 ? len : 0] = 0;
	if (known_stat(handle, &st) || is_replaced(&st, m)) {
		close(handle);
		return -ESTALE;
	}
	return reopen_regular(handle);
}
