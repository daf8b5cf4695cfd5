/* SPDX-License-Identifier: Apache-2.0 */
#include "variables.h"
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tapmeter/tap_table.h>
#include "subject/procfs.h"

/* One declared gauge in one process. */
struct reading {
	int wanted; /* the gauge is meant for the process */
	struct variable place;
	int has; /* `value` was read for the snapshot at hand */
	double value;
};

struct entry {
	const struct process *process; /* in variables.processes */
	struct variable_memory memory;
	struct variable table; /* of the gauges that it has registered; address 0 = it has none */
	int unlocated; /* 1: it did not let itself be looked at when it was to be */
	struct entry *next;
	struct reading readings[]; /* one for each declared gauge */
};

/* What a callback is handed. */
struct source {
	struct variables *variables;
	size_t spec;
};

/* A value of a registered gauge, for the snapshot at hand. */
struct registered {
	const struct process *process;
	double value;
};

/* All gauges that programs have registered under one name. */
struct name {
	char text[TAP_TABLE_NAME];
	struct registered *values;
	size_t count, capacity;
	struct name *next;
};

struct variables {
	struct variables_config config;
	size_t spec_count;
	struct variable_want *wants;
	struct variable *found; /* of the process at hand */
	struct variable_files *files;
	struct source *sources;
	struct processes *processes;
	struct entry *first;
	size_t count;
	struct name *names;
	size_t name_count, value_count;
	uint64_t unreadable, refused;
};

/* ---- what the registry is told ------------------------------------------------------------------ */

static void common_labels(const struct process *process, struct gauge_label out[5])
{
	const struct subject *subject = &process->subject;

	out[0] = (struct gauge_label){ "kernel_id", subject->kernel_id };
	out[1] = (struct gauge_label){ "container", subject->container };
	out[2] = (struct gauge_label){ "pod", subject->pod };
	out[3] = (struct gauge_label){ "namespace", subject->namespace };
	out[4] = (struct gauge_label){ "comm", process->comm };
}

static int give(void *arg, struct gauge_list *list)
{
	const struct source *source = arg;
	const struct variables *v = source->variables;
	const struct gauge_spec *spec = &v->config.specs->items[source->spec];
	struct gauge_label labels[5 + GAUGE_SPEC_LABELS_MAX];
	int err = 0;

	for (size_t i = 0; i < spec->label_count; i++)
		labels[5 + i] = (struct gauge_label){ spec->labels[i].name, spec->labels[i].value };
	for (const struct entry *entry = v->first; entry && !err; entry = entry->next) {
		const struct reading *reading = &entry->readings[source->spec];

		if (!reading->has)
			continue;
		common_labels(entry->process, labels);
		err = gauge_add(list, labels, 5 + spec->label_count, reading->value);
	}
	return err;
}

static int give_registered(void *arg, struct gauge_list *list)
{
	const struct name *name = arg;
	struct gauge_label labels[5];
	int err = 0;

	for (size_t i = 0; i < name->count && !err; i++) {
		common_labels(name->values[i].process, labels);
		err = gauge_add(list, labels, 5, name->values[i].value);
	}
	return err;
}

/* ---- start and stop ------------------------------------------------------------------------------ */

static int add_spec(struct variables *v, size_t i)
{
	const struct gauge_spec *spec = &v->config.specs->items[i];

	v->sources[i] = (struct source){ v, i };
	v->wants[i] = (struct variable_want){
		.symbol = spec->symbol,
		.file = spec->file,
		.offset = spec->pointer ? 0 : spec->offset,
		.size = spec->pointer ? sizeof(uint64_t) : gauge_type_size(spec->type),
	};
	return register_gauge(v->config.gauges, spec->name, spec->help, give, &v->sources[i]);
}

static int fill(struct variables *v)
{
	int err;

	v->spec_count = v->config.specs->count;
	v->wants = calloc(v->spec_count + 1, sizeof(*v->wants));
	v->found = calloc(v->spec_count + 1, sizeof(*v->found));
	v->sources = calloc(v->spec_count + 1, sizeof(*v->sources));
	if (!v->wants || !v->found || !v->sources)
		return -ENOMEM;
	v->wants[v->spec_count] = (struct variable_want){
		.symbol = TAP_TABLE_SYMBOL,
		.size = sizeof(struct tap_table),
	};
	err = processes__new(v->config.aside, v->config.proc_root, &v->processes);
	if (!err)
		err = variable_files__new(v->wants, v->spec_count + 1, v->config.aside, &v->files);
	for (size_t i = 0; i < v->spec_count && !err; i++)
		err = add_spec(v, i);
	return err;
}

int variables__new(const struct variables_config *config, struct variables **out)
{
	struct variables *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->config = *config;
	err = fill(v);
	if (err) {
		variables__free(v);
		return err;
	}
	*out = v;
	return 0;
}

/* Takes an entry out of the list. */
static void drop(struct variables *v, struct entry **place)
{
	struct entry *entry = *place;

	*place = entry->next;
	variable_memory_close(&entry->memory);
	processes__drop(v->processes, &entry->process->id);
	free(entry);
	v->count--;
}

void variables__free(struct variables *variables)
{
	if (!variables)
		return;
	for (size_t i = 0; variables->sources && i < variables->spec_count; i++)
		unregister_gauge(variables->config.gauges, variables->config.specs->items[i].name,
				 &variables->sources[i]);
	while (variables->names) {
		struct name *next = variables->names->next;

		unregister_gauge(variables->config.gauges, variables->names->text,
				 variables->names);
		free(variables->names->values);
		free(variables->names);
		variables->names = next;
	}
	while (variables->first)
		drop(variables, &variables->first);
	processes__free(variables->processes);
	variable_files__free(variables->files);
	free(variables->wants);
	free(variables->found);
	free(variables->sources);
	free(variables);
}

/* ---- which processes ------------------------------------------------------------------------------- */

static int fits(const struct option_texts *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (!fnmatch(patterns->items[i], text, 0))
			return 1;
	return !patterns->count;
}

/* What /proc alone tells of a process. */
struct candidate {
	uint32_t tgid;
	char comm[TM_COMM_LEN];
	char exe[PATH_MAX];
};

static int read_candidate(const struct variables *v, uint32_t tgid, struct candidate *out)
{
	char path[64];
	long len = procfs_read(v->config.proc_root, tgid, "comm", out->comm, sizeof(out->comm));

	if (len <= 0)
		return -ENOENT;
	if (out->comm[len - 1] == '\n')
		out->comm[len - 1] = 0;
	snprintf(path, sizeof(path), "%s/%u/exe", v->config.proc_root, tgid);
	len = readlink(path, out->exe, sizeof(out->exe) - 1);
	out->exe[len > 0 ? len : 0] = 0;
	return 0;
}

/* Whether any gauge may be meant for it, as far as is known without its cgroup. */
static int is_candidate(const struct variables *v, const struct candidate *candidate)
{
	for (size_t i = 0; i < v->spec_count; i++) {
		const struct gauge_spec *spec = &v->config.specs->items[i];

		if (fits(&spec->comms, candidate->comm) && fits(&spec->exes, candidate->exe))
			return 1;
	}
	return 0;
}

static int is_meant(const struct gauge_spec *spec, const struct candidate *candidate,
		    const struct process *process)
{
	return fits(&spec->comms, candidate->comm) && fits(&spec->exes, candidate->exe) &&
	       fits(&spec->kernel_ids, process->subject.kernel_id);
}

static struct entry **find(struct variables *v, uint32_t tgid)
{
	struct entry **place = &v->first;

	while (*place && (*place)->process->id.tgid != tgid)
		place = &(*place)->next;
	return place;
}

static int is_complete(const struct variables *v, const struct entry *entry)
{
	for (size_t i = 0; i < v->spec_count; i++)
		if (entry->readings[i].wanted && !entry->readings[i].place.address)
			return 0;
	return entry->table.address != 0;
}

static int find_all(struct variables *v, uint32_t tgid)
{
	struct variable_ranges may_open = { 0 };
	int err = v->config.may_open ? v->config.may_open(v->config.arg, tgid, &may_open) : 0;

	if (!err)
		err = variable_files__find(v->files, v->config.proc_root, tgid,
					   v->config.may_open ? &may_open : NULL, v->found);
	free(may_open.list);
	return err;
}

static void locate(struct variables *v, struct entry *entry)
{
	entry->unlocated = find_all(v, entry->process->id.tgid) != 0;
	if (entry->unlocated)
		return;
	for (size_t i = 0; i < v->spec_count; i++)
		if (entry->readings[i].wanted && !entry->readings[i].place.address)
			entry->readings[i].place = v->found[i];
	if (!v->found[v->spec_count].too_small)
		entry->table = v->found[v->spec_count];
}

/* Which gauges are meant for the process; whether any is. */
static int choose(const struct variables *v, struct entry *entry, const struct candidate *candidate)
{
	int any = 0;

	for (size_t i = 0; i < v->spec_count; i++) {
		entry->readings[i].wanted =
			is_meant(&v->config.specs->items[i], candidate, entry->process);
		any |= entry->readings[i].wanted;
	}
	return any;
}

/* The process as an entry that is not in the list yet. NULL: no gauge is meant for it, or it has gone. */
static struct entry *entry_new(struct variables *v, const struct candidate *candidate,
			       unsigned what, uint64_t now_ns)
{
	struct tm_process_id id = { .tgid = candidate->tgid };
	struct procfs_stat stat;
	struct process *process;
	struct entry *entry;
	int is_new;

	if (procfs_stat(v->config.aside, v->config.proc_root, id.tgid, &stat))
		return NULL;
	id.start_ns = stat.start_ticks * PROCFS_TICK_NS;
	if (processes__see(v->processes, &id, &process, &is_new))
		return NULL;
	if (v->config.whose)
		whose__see(v->config.whose, process, now_ns);
	entry = calloc(1, sizeof(*entry) + v->spec_count * sizeof(entry->readings[0]));
	if (entry) {
		entry->process = process;
		entry->memory.pagemap = -1;
		if ((choose(v, entry, candidate) || what & VARIABLES_TAPPED) &&
		    (!v->config.allowed || v->config.allowed(v->config.arg, process)) &&
		    !variable_memory_open(v->config.aside, v->config.proc_root, id.tgid,
					  &entry->memory))
			return entry;
	}
	processes__drop(v->processes, &id);
	free(entry);
	return NULL;
}

/* It has gone, and with it what has been read of it. */
static void forget_values(struct variables *v, const struct process *process)
{
	for (struct name *name = v->names; name; name = name->next)
		while (name->count && name->values[name->count - 1].process == process)
			name->count--;
}

void variables__look(struct variables *variables, uint32_t tgid, unsigned what, uint64_t now_ns)
{
	struct entry **place = find(variables, tgid), *entry = *place;
	struct candidate candidate = { .tgid = tgid };

	if (tgid == (uint32_t)getpid())
		return;
	/* by now it may be another process, or another program */
	if (entry && !variable_memory_alive(&entry->memory)) {
		forget_values(variables, entry->process);
		drop(variables, place);
		entry = NULL;
	}
	if (!entry) {
		if (read_candidate(variables, tgid, &candidate) ||
		    !(is_candidate(variables, &candidate) || what & VARIABLES_TAPPED))
			return;
		if (variables->count == VARIABLES_MAX_PROCESSES) {
			variables->refused++;
			return;
		}
		entry = entry_new(variables, &candidate, what, now_ns);
		if (!entry)
			return;
		entry->next = variables->first;
		variables->first = entry;
		variables->count++;
		what |= VARIABLES_MAPPED;
	}
	if ((what & VARIABLES_MAPPED || entry->unlocated) && !is_complete(variables, entry))
		locate(variables, entry);
}

/* Of a process without a variable nothing is read, which would tell that it has gone. */
static void drop_gone(struct variables *v)
{
	struct entry **place = &v->first;

	while (*place) {
		if (variable_memory_alive(&(*place)->memory)) {
			place = &(*place)->next;
			continue;
		}
		forget_values(v, (*place)->process);
		drop(v, place);
	}
}

void variables__sweep(struct variables *variables, unsigned what, uint64_t now_ns)
{
	const struct dirent *item;
	DIR *proc;

	drop_gone(variables);
	if (!variables->spec_count)
		return;
	proc = opendir(variables->config.proc_root);
	if (!proc)
		return; /* the next sweep tries again */
	while ((item = readdir(proc)))
		if (item->d_name[0] >= '1' && item->d_name[0] <= '9')
			variables__look(variables, (uint32_t)strtoul(item->d_name, NULL, 10), what,
					now_ns);
	closedir(proc);
}

void variables__update_subjects(struct variables *variables)
{
	for (const struct entry *entry = variables->first; entry; entry = entry->next)
		whose__update(variables->config.whose,
			      processes__find(variables->processes, &entry->process->id));
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* What a variable is whose page has never been touched. */
static int take_initial(const struct variable *place, void *bytes, size_t size)
{
	memcpy(bytes, place->initial, size);
	return 0;
}

/* -ENOENT: there is none now. */
static int read_value(const struct entry *entry, const struct gauge_spec *spec,
		      const struct variable *place, uint8_t bytes[8])
{
	size_t size = gauge_type_size(spec->type);
	uint64_t pointer;
	int err;

	if (place->too_small)
		return -EFAULT;
	if (!spec->pointer) {
		err = variable_memory_read(&entry->memory, place->address, bytes, size);
		return err == -ENODATA ? take_initial(place, bytes, size) : err;
	}
	err = variable_memory_read(&entry->memory, place->address, &pointer, sizeof(pointer));
	if (err == -ENODATA || (!err && !pointer))
		return -ENOENT; /* not set yet, or no more */
	if (err)
		return err;
	if (pointer > UINT64_MAX - spec->offset)
		return -EFAULT;
	return variable_memory_read(&entry->memory, pointer + spec->offset, bytes, size);
}

/* The name's place, made if there is none. NULL: it is no name, or there is no room. */
static struct name *find_name(struct variables *v, const char *text)
{
	struct name *name = v->names;

	while (name && strcmp(name->text, text) != 0)
		name = name->next;
	if (name || !gauge_name_valid(text))
		return name;
	if (v->name_count == VARIABLES_MAX_NAMES) {
		v->refused++;
		return NULL;
	}
	name = calloc(1, sizeof(*name));
	if (!name)
		return NULL;
	snprintf(name->text, sizeof(name->text), "%s", text);
	if (register_gauge(v->config.gauges, text, "Registered by the program.", give_registered,
			   name)) {
		free(name);
		return NULL;
	}
	name->next = v->names;
	v->names = name;
	v->name_count++;
	return name;
}

static void add_registered(struct variables *v, const struct process *process, const char *text,
			   int64_t value)
{
	struct name *name = find_name(v, text);
	struct registered *values;

	if (!name)
		return;
	if (v->value_count == VARIABLES_MAX_VALUES) {
		v->refused++;
		return;
	}
	if (name->count == name->capacity) {
		values = reallocarray(name->values, name->capacity * 2 + 4, sizeof(*values));
		if (!values)
			return;
		name->values = values;
		name->capacity = name->capacity * 2 + 4;
	}
	name->values[name->count++] = (struct registered){ process, (double)value };
	v->value_count++;
}

/*
 * The table, as it was at one moment. -EAGAIN: it is being changed; -ENOENT: there is nothing in it; else as
 * variable_memory_read().
 */
static int read_table(const struct entry *entry, struct tap_table *out)
{
	const size_t head = offsetof(struct tap_table, gauges);
	uint32_t before;
	int err = variable_memory_read(&entry->memory, entry->table.address, out, head);

	if (err == -ENODATA)
		return -ENOENT; /* never touched: no gauge has ever been registered */
	if (err)
		return err;
	if (out->magic != TAP_TABLE_MAGIC || out->count > TAP_TABLE_GAUGES)
		return -EINVAL;
	if (!out->count)
		return -ENOENT;
	before = out->sequence;
	err = variable_memory_read(&entry->memory, entry->table.address + head, out->gauges,
				   out->count * sizeof(out->gauges[0]));
	if (!err)
		err = variable_memory_read(&entry->memory, entry->table.address, out, head);
	if (err)
		return err;
	return before & 1 || out->sequence != before ? -EAGAIN : 0;
}

static int read_gauges(struct variables *v, const struct entry *entry, struct tap_table *table)
{
	struct variable_word words[TAP_TABLE_GAUGES] = { 0 };
	size_t count = 0;
	int err;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->gauges[i].address)
			words[count++].address = table->gauges[i].address;
	err = count ? variable_memory_read_words(&entry->memory, words, count) : 0;
	if (err) {
		v->unreadable += err != -ESRCH ? count : 0;
		return err;
	}
	count = 0;
	for (uint32_t i = 0; i < table->count; i++) {
		struct tap_table_gauge *gauge = &table->gauges[i];
		const struct variable_word *word = &words[count];

		if (!gauge->address)
			continue;
		count++;
		gauge->name[sizeof(gauge->name) - 1] = 0;
		if (word->err)
			v->unreadable++;
		else
			add_registered(v, entry->process, gauge->name, word->value);
	}
	return 0;
}

/* Reads all that the process has registered. -ESRCH: it has gone. */
static int read_registered(struct variables *v, const struct entry *entry)
{
	struct tap_table table;
	int err = -EAGAIN;

	if (!entry->table.address)
		return 0;
	for (int i = 0; i < 8 && err == -EAGAIN; i++)
		err = read_table(entry, &table);
	if (err) {
		v->unreadable += err != -ENOENT && err != -ESRCH;
		return err;
	}
	return read_gauges(v, entry, &table);
}

/* Reads all gauges of one process. -ESRCH: it has gone. */
static int read_entry(struct variables *v, struct entry *entry)
{
	for (size_t i = 0; i < v->spec_count; i++) {
		struct reading *reading = &entry->readings[i];
		const struct gauge_spec *spec = &v->config.specs->items[i];
		uint8_t bytes[8];
		int err;

		reading->has = 0;
		if (!reading->place.address)
			continue;
		err = read_value(entry, spec, &reading->place, bytes);
		if (err == -ESRCH)
			return err;
		if (!err) {
			reading->has = 1;
			reading->value = gauge_type_value(spec->type, bytes);
		} else if (err != -ENOENT) {
			v->unreadable++;
		}
	}
	return read_registered(v, entry) == -ESRCH ? -ESRCH : 0;
}

void variables__read(struct variables *variables)
{
	struct entry **place = &variables->first;

	variables->value_count = 0;
	for (struct name *name = variables->names; name; name = name->next)
		name->count = 0;

	while (*place) {
		if (read_entry(variables, *place)) {
			forget_values(variables, (*place)->process);
			drop(variables, place);
		} else {
			place = &(*place)->next;
		}
	}
}

uint64_t variables__unreadable(const struct variables *variables)
{
	return variables->unreadable;
}

uint64_t variables__refused(const struct variables *variables)
{
	return variables->refused;
}
