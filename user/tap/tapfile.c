/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/tapfile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tap/identify.h"
#include "util/knownstat.h"

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
	linking__abandon(file->linking);
	file->linking = NULL;
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

/* Hands the function's spec to BPF, with the numbers that only the agent knows. */
static int set_spec(struct tap_shared *shared, const struct tap_file *file, struct tap *tap,
		    struct compiled *compiled, uint32_t object_class)
{
	int err;

	compiled->spec.file = file->number;
	compiled->spec.object_class = (uint16_t)object_class;
	if (file->adopted)
		return adopt_spec(shared, file, tap, compiled);
	err = take_spec(shared, file->share, &tap->spec);
	if (err)
		return err;
	tap->first_run = probes__runs(shared->probes, tap->spec);
	err = probes__set_result(shared->probes, tap->spec, &compiled->result);
	return err ? err : probes__set_spec(shared->probes, tap->spec, &compiled->spec);
}

static int add_tap(struct tap_shared *shared, struct tap_file *file,
		   struct analysed_function *function)
{
	struct tap *tap = &file->taps[file->tap_count];
	uint32_t object_class = 0;
	int err = 0;

	tap->profile = function->profile;
	tap->function = function->function;
	tap->symbol = function->symbol;
	tap->placement = function->placement;
	tap->refused = function->refused;
	snprintf(tap->why, sizeof(tap->why), "%s", function->compiled.why);
	if (!tap->refused)
		err = file_class(shared, file, function->profile, function->first_op,
				 &object_class);
	if (!err && !tap->refused)
		err = set_spec(shared, file, tap, &function->compiled, object_class);
	if (!err)
		file->tap_count++;
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

/* The functions of the file that are tapped. -ENOMEM. */
static int list_probes(const struct tap_file *file, struct probe **list, size_t *count)
{
	*count = 0;
	*list = calloc(file->tap_count, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	for (size_t i = 0; i < file->tap_count; i++) {
		if (file->taps[i].refused)
			continue;
		(*list)[*count].offset = file->taps[i].placement.offset;
		(*list)[(*count)++].spec = file->taps[i].spec;
	}
	return 0;
}

/* The probes have been set. -errno: they are off again. */
static int linked(struct tap_shared *shared, struct tap_file *file, struct probe_link *link)
{
	struct process_link *own = file->linking_for ? tap_file__find_link(file, 0) : NULL;
	int err;

	if (file->linking_for && !own) {
		probe_link__free(link);
		return -ENOSPC;
	}
	if (own) {
		own->link = link;
		own->tgid = file->linking_for;
		own->seen = 1;
		return 0;
	}
	err = pin(shared, file, link, file->linking_device);
	if (err) {
		probe_link__free(link);
		return err;
	}
	probe_link__free(file->link); /* whose place it takes */
	file->link = link;
	file->link_device = file->linking_device;
	file->opener = file->linking_opener;
	return 0;
}

int tap_file__link(struct tap_shared *shared, struct tap_file *file, int fd, uint32_t tgid)
{
	struct probe_link *link = NULL;
	struct probe *list;
	struct stat st;
	size_t count;
	int err;

	if (tgid && !tap_file__find_link(file, 0))
		return -ENOSPC;
	err = known_stat(fd, &st);
	if (!err)
		err = list_probes(file, &list, &count);
	if (err)
		return err;
	file->linking_for = tgid;
	file->linking_device = st.st_dev;
	file->linking_opener = file->last.process;
	if (count)
		err = linking__start(shared->aside, shared->probes, fd, list, count, (pid_t)tgid,
				     &link, &file->linking);
	free(list);
	return err || !count /* each function says why */ ? err : linked(shared, file, link);
}

int tap_file__poll_link(struct tap_shared *shared, struct tap_file *file)
{
	struct probe_link *link = NULL;
	int err = linking__poll(file->linking, &link);

	if (err == -EINPROGRESS)
		return err;
	file->linking = NULL;
	return err ? err : linked(shared, file, link);
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

int tap_file__new(struct tap_shared *shared, const struct file_key *key, struct analysis *analysis,
		  const char *path, struct intake_share *share, struct tap_file **out)
{
	struct tap_file *file = calloc(1, sizeof(*file));
	int err = 0;

	if (!file)
		return -ENOMEM;
	file->key = *key;
	file->share = share;
	file->adopted = find_adopted(shared, key);
	file->number = file->adopted ? file->adopted->name.number : ++shared->next_file;
	file->path = strdup(path);
	file->taps = calloc(analysis->count, sizeof(*file->taps));
	if (!file->path || !file->taps)
		err = -ENOMEM;
	for (size_t i = 0; i < analysis->count && !err; i++)
		err = add_tap(shared, file, &analysis->functions[i]);
	if (!err && file->adopted)
		err = take_over(shared, file);
	if (err) {
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
