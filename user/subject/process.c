/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/process.h"
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "subject/cgroup.h"
#include "subject/procfs.h"
#include "subject/unit.h"

#define NO_CONTAINER "host" /* kernel_id of what runs in no container */

struct processes {
	struct aside *aside;
	const char *proc_root;
	void *tree; /* of struct process, by compare() */
	uint64_t sweep;
};

static int compare(const void *a, const void *b)
{
	const struct tm_process_id *x = &((const struct process *)a)->id;
	const struct tm_process_id *y = &((const struct process *)b)->id;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->exec_id < y->exec_id ? -1 : x->exec_id > y->exec_id;
}

int processes__new(struct aside *aside, const char *proc_root, struct processes **out)
{
	struct processes *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->aside = aside;
	p->proc_root = proc_root;
	*out = p;
	return 0;
}

void processes__free(struct processes *processes)
{
	if (!processes)
		return;
	tdestroy(processes->tree, free);
	free(processes);
}

int processes__alive(const struct processes *processes, const struct tm_process_id *id)
{
	return procfs_alive(processes->aside, processes->proc_root, id->tgid,
			    id->start_ns / PROCFS_TICK_NS);
}

static void subject_from_container(const struct cgroup_identity *identity, struct subject *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->container, sizeof(out->container), "%s", identity->container);
	snprintf(out->kernel_id, sizeof(out->kernel_id), "%s", identity->container);
	snprintf(out->pod, sizeof(out->pod), "%s", identity->pod_uid);
}

static void subject_from_unit(const char *unit, struct subject *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->unit, sizeof(out->unit), "%s", unit);
	snprintf(out->kernel_id, sizeof(out->kernel_id), "%s", unit[0] ? unit : NO_CONTAINER);
}

void subject_from_names(const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME], struct subject *out)
{
	char path[TM_CGROUP_DEPTH * TM_CGROUP_NAME + 1], unit[UNIT_MAX] = "";
	struct cgroup_identity identity;
	int cut = 0;

	for (int i = 0; i < 2; i++) {
		if (!cgroup_container_from_names(names[i], TM_CGROUP_DEPTH, &identity)) {
			subject_from_container(&identity, out);
			return;
		}
		if (cgroup_path_from_names(names[i], TM_CGROUP_DEPTH, path, sizeof(path)))
			cut = 1;
		else if (!unit[0])
			unit_from_path(path, strlen(path), unit);
	}
	subject_from_unit(unit, out);
	/* a container may be named higher up */
	if (cut)
		snprintf(out->kernel_id, sizeof(out->kernel_id), "unknown");
}

static int read_subject(const char *proc_root, uint32_t tgid, struct subject *out)
{
	struct cgroup_identity identity;
	char text[8192], unit[UNIT_MAX];
	long len = procfs_read(proc_root, tgid, "cgroup", text, sizeof(text));

	if (len < 0)
		return (int)len;
	if (!cgroup_container_from_text(text, &identity)) {
		subject_from_container(&identity, out);
		return 0;
	}
	unit_from_text(text, unit);
	subject_from_unit(unit, out);
	return 0;
}

int process_owner(const char *proc_root, uint32_t tgid, char *name, size_t size)
{
	struct subject subject;
	int err = read_subject(proc_root, tgid, &subject);

	if (!err)
		snprintf(name, size, "%s", subject.kernel_id);
	return err;
}

struct process *processes__find(const struct processes *processes, const struct tm_process_id *id)
{
	struct process key = { .id = *id };
	struct process **found = tfind(&key, (void *const *)&processes->tree, compare);

	return found ? *found : NULL;
}

int processes__see(struct processes *processes, const struct tm_process_id *id,
		   struct process **out, int *is_new)
{
	struct process *process = processes__find(processes, id);
	long len;
	int err;

	*is_new = !process;
	if (process) {
		process->seen = processes->sweep;
		*out = process;
		return 0;
	}
	process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->id = *id;
	process->seen = processes->sweep;
	err = read_subject(processes->proc_root, id->tgid, &process->subject);
	len = err ? err :
		    procfs_read(processes->proc_root, id->tgid, "comm", process->comm,
				sizeof(process->comm));
	if (len < 0 || !processes__alive(processes, id)) {
		free(process);
		return -ENOENT;
	}
	if (len > 0 &&
	    process->comm[len - 1] == '\n') /* the last one: the name itself may hold some */
		process->comm[len - 1] = 0;
	if (!tsearch(process, &processes->tree, compare)) {
		free(process);
		return -ENOMEM;
	}
	*out = process;
	return 0;
}

struct each {
	process_fn fn;
	void *arg;
	uint64_t older_than; /* 0 = every process */
	struct process **list;
	size_t count, cap;
};

static void visit(const void *node, VISIT which, void *closure)
{
	const struct process *process = *(struct process *const *)node;
	struct each *each = closure;

	if (which != postorder && which != leaf)
		return;
	each->fn(each->arg, process);
}

void processes__each(const struct processes *processes, process_fn fn, void *arg)
{
	struct each each = { .fn = fn, .arg = arg };

	twalk_r(processes->tree, visit, &each);
}

void processes__begin_sweep(struct processes *processes)
{
	processes->sweep++;
}

static void collect_unseen(const void *node, VISIT which, void *closure)
{
	struct process *process = *(struct process *const *)node;
	struct each *each = closure;
	struct process **grown;

	if ((which != postorder && which != leaf) || process->seen >= each->older_than)
		return;
	if (each->count == each->cap) {
		grown = realloc(each->list, (each->cap + 64) * sizeof(struct process *));
		if (!grown)
			return; /* dropped by a later sweep */
		each->list = grown;
		each->cap += 64;
	}
	each->list[each->count++] = process;
}

void processes__end_sweep(struct processes *processes, process_fn dropped, void *arg)
{
	struct each each = { .older_than = processes->sweep };

	twalk_r(processes->tree, collect_unseen, &each);
	for (size_t i = 0; i < each.count; i++) {
		dropped(arg, each.list[i]);
		tdelete(each.list[i], &processes->tree, compare);
		free(each.list[i]);
	}
	free(each.list);
}

void processes__drop(struct processes *processes, const struct tm_process_id *id)
{
	struct process *process = processes__find(processes, id);

	if (!process)
		return;
	tdelete(process, &processes->tree, compare);
	free(process);
}
