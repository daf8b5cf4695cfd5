/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/adopt.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tap/layout.h"
#include "tap/quick.h"

#define MAX_FILES TM_MAX_SPECS /* each has a spec at least */

struct adopted {
	struct probes *probes;
	struct pins *pins;
	struct adopted_file **files;
	size_t count;
	struct tm_spec specs[TM_MAX_SPECS];
	struct tm_result_spec results[TM_MAX_SPECS];
	uint8_t taken[TM_MAX_SPECS];
};

/* ---- finding -------------------------------------------------------------------------------- */

static int same_file(const struct pinned_link *a, const struct pinned_link *b)
{
	return a->inode == b->inode && a->size == b->size && a->mtime == b->mtime &&
	       a->device == b->device && a->generation == b->generation;
}

struct adopted_file *adopted__find(struct adopted *adopted, const struct pinned_link *name)
{
	for (size_t i = 0; adopted && i < adopted->count; i++)
		if (same_file(&adopted->files[i]->name, name))
			return adopted->files[i];
	return NULL;
}

struct adopted_file *adopted__unclaimed(struct adopted *adopted, uint64_t round)
{
	for (size_t i = 0; adopted && i < adopted->count; i++)
		if (!adopted->files[i]->claimed && adopted->files[i]->missed != round)
			return adopted->files[i];
	return NULL;
}

void adopted__drop(struct adopted *adopted, struct adopted_file *file)
{
	size_t i = 0;

	while (adopted->files[i] != file)
		i++;
	adopted->files[i] = adopted->files[--adopted->count];
	probe_link__free(file->link);
	free(file);
}

/* ---- reading what is pinned ------------------------------------------------------------------- */

struct names {
	struct pinned_link *items;
	size_t count;
};

static int same_link(const struct pinned_link *a, const struct pinned_link *b)
{
	return same_file(a, b) && a->number == b->number && a->round == b->round;
}

/* A list first: links are removed and opened after. */
static int note_name(void *arg, const char *text)
{
	struct names *names = arg;
	struct pinned_link name, *grown;
	uint32_t part;

	if (pinned_link_parse(text, &name, &part))
		return 0;
	for (size_t i = 0; i < names->count; i++)
		if (same_link(&names->items[i], &name))
			return 0;
	if (names->count == MAX_FILES)
		return -E2BIG;
	grown = reallocarray(names->items, names->count + 1, sizeof(name));
	if (!grown)
		return -ENOMEM;
	names->items = grown;
	names->items[names->count++] = name;
	return 0;
}

static void remove_parts(struct adopted *adopted, const struct pinned_link *name)
{
	char text[PINS_NAME_SIZE];

	for (uint32_t part = name->parts; part; part--) {
		pinned_link_name(name, part - 1, text);
		pins__remove(adopted->pins, text);
	}
}

static int add(struct adopted *adopted, const struct pinned_link *name)
{
	struct adopted_file *known = adopted__find(adopted, name), *file;
	int err;

	if (known && known->name.round > name->round) {
		remove_parts(adopted, name); /* the agent ended between two links */
		return 0;
	}
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->name = *name;
	err = probes__adopt(adopted->probes, name, &file->link);
	if (err) {
		free(file);
		if (err != -ENOENT)
			return err;
		remove_parts(adopted, name);
		return 0;
	}
	if (known)
		adopted__drop(adopted, known);
	adopted->files[adopted->count++] = file;
	return 0;
}

int adopted__new(struct probes *probes, struct pins *pins, struct adopted **out)
{
	struct adopted *adopted = calloc(1, sizeof(*adopted));
	struct names names = { 0 };
	int err;

	if (!adopted)
		return -ENOMEM;
	adopted->probes = probes;
	adopted->pins = pins;
	err = probes__specs(probes, adopted->specs, adopted->results);
	if (!err)
		err = pins__each(pins, note_name, &names);
	adopted->files = calloc(names.count + 1, sizeof(struct adopted_file *));
	adopted->count = 0; /* as it was: the analyzer has lost sight of it */
	if (!adopted->files)
		err = -ENOMEM;
	for (size_t i = 0; i < names.count && !err; i++)
		err = add(adopted, &names.items[i]);
	for (size_t i = 0; i < names.count && !err; i++)
		if (!adopted__find(adopted, &names.items[i])) /* some part was missing */
			probes__open_gap(probes, 1);
	free(names.items);
	if (err) {
		adopted__free(adopted);
		return err;
	}
	*out = adopted;
	return 0;
}

void adopted__free(struct adopted *adopted)
{
	if (!adopted)
		return;
	while (adopted->count)
		adopted__drop(adopted, adopted->files[0]);
	free(adopted->files);
	free(adopted);
}

/* ---- specs ------------------------------------------------------------------------------------- */

static int is_of(const struct adopted *adopted, uint32_t index, const struct adopted_file *file)
{
	const struct tm_spec *spec = &adopted->specs[index];

	return spec->action && spec->file == file->name.number &&
	       spec->object_class < TM_MAX_OBJECT_CLASSES; /* else none of an agent's */
}

int adopted__spec(struct adopted *adopted, const struct adopted_file *file,
		  const struct tm_spec *spec, const struct tm_result_spec *result)
{
	struct tm_spec complete = *spec;

	spec_quicken(&complete);
	for (uint32_t i = 0; i < TM_MAX_SPECS; i++) {
		if (adopted->taken[i] || !is_of(adopted, i, file) ||
		    memcmp(&adopted->specs[i], &complete, sizeof(complete)) != 0 ||
		    memcmp(&adopted->results[i], result, sizeof(*result)) != 0)
			continue;
		adopted->taken[i] = 1;
		return (int)i;
	}
	return -ENOENT;
}

size_t adopted__specs_left(const struct adopted *adopted, const struct adopted_file *file)
{
	size_t count = 0;

	for (uint32_t i = 0; i < TM_MAX_SPECS; i++)
		count += !adopted->taken[i] && is_of(adopted, i, file);
	return count;
}

uint32_t adopted__class(const struct adopted *adopted, const struct adopted_file *file,
			uint32_t first_op, uint32_t end_op)
{
	for (uint32_t i = 0; i < TM_MAX_SPECS; i++)
		if (is_of(adopted, i, file) && adopted->specs[i].object_class &&
		    adopted->specs[i].op >= first_op && adopted->specs[i].op < end_op)
			return adopted->specs[i].object_class;
	return 0;
}

void adopted__each_spec(const struct adopted *adopted, adopted_spec_fn fn, void *arg)
{
	for (size_t i = 0; i < adopted->count; i++)
		for (uint32_t spec = 0; spec < TM_MAX_SPECS; spec++)
			if (is_of(adopted, spec, adopted->files[i]))
				fn(arg, spec, &adopted->specs[spec]);
}

uint32_t adopted__last_file(const struct adopted *adopted)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < TM_MAX_SPECS; i++)
		if (adopted->specs[i].file > last)
			last = adopted->specs[i].file;
	for (size_t i = 0; i < adopted->count; i++)
		if (adopted->files[i]->name.number > last)
			last = adopted->files[i]->name.number;
	return last;
}

/* ---- settings ---------------------------------------------------------------------------------- */

static uint64_t add_number(uint64_t hash, uint64_t number)
{
	return layout_add(hash, &number, sizeof(number));
}

static uint64_t add_texts(uint64_t hash, const char *const *texts, size_t count)
{
	hash = add_number(hash, count);
	for (size_t i = 0; i < count; i++)
		hash = layout_add_text(hash, texts[i]);
	return hash;
}

static uint64_t add_names(uint64_t hash, const struct profile_name *names, size_t count)
{
	hash = add_number(hash, count);
	for (size_t i = 0; i < count; i++) {
		hash = layout_add_text(hash, names[i].text);
		hash = add_number(hash, (uint64_t)names[i].number);
		hash = add_number(hash, (uint64_t)names[i].operation);
	}
	return hash;
}

/* Which streams it means. */
static uint64_t add_match(uint64_t hash, const struct profile_match *match)
{
	hash = add_texts(hash, match->comms, match->comm_count);
	hash = add_texts(hash, match->exes, match->exe_count);
	hash = add_texts(hash, match->kernels, match->kernel_count);
	return add_texts(hash, match->endpoints, match->endpoint_count);
}

/* What streams are called. */
static uint64_t add_labels(uint64_t hash, const struct profile *profile)
{
	hash = layout_add_text(hash, profile->name);
	hash = add_number(hash, profile->kind);
	hash = layout_add_text(hash, profile->system);
	hash = layout_add_text(hash, profile->side);
	hash = add_number(hash, (uint64_t)profile_counts_removals(profile));
	for (size_t i = 0; i < profile->object.class_count; i++) {
		hash = layout_add_text(hash, profile->object.classes[i].from);
		hash = layout_add_text(hash, profile->object.classes[i].to);
	}
	return add_texts(hash, profile->internal_endpoints, profile->internal_count);
}

static uint64_t add_profile(uint64_t hash, const struct profile *profile)
{
	hash = add_match(add_labels(hash, profile), &profile->match);
	hash = add_number(hash, profile->operation_count);
	for (size_t i = 0; i < profile->operation_count; i++) {
		hash = layout_add_text(hash, profile->operations[i].name);
		hash = add_number(hash, profile->operations[i].direction);
	}
	hash = add_names(hash, profile->commands, profile->command_count);
	for (size_t i = 0; i < profile->function_count; i++)
		hash = add_names(hash, profile->functions[i].numbers,
				 profile->functions[i].number_count);
	return hash;
}

uint64_t adopted_settings(const struct profile *const *profiles, size_t count)
{
	uint64_t hash = add_number(LAYOUT_START, count);

	for (size_t i = 0; i < count; i++)
		hash = add_profile(hash, profiles[i]);
	return hash;
}
