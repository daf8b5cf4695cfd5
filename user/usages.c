/* SPDX-License-Identifier: Apache-2.0 */
#include "usages.h"
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "subject/usage.h"

#define REUSE 10 /* a reading is used for so many times as long as it took */

struct container {
	char name[sizeof(((struct subject *)0)->unit)]; /* id, or the unit's name */
	struct usage *usage; /* NULL: there is nothing to read */
	struct kernel_usage last;
	struct member *members;
};

struct member {
	struct tm_process_id id;
	struct container *container;
	struct member *next;
};

struct usages {
	struct usages_config config;
	struct usage_host *host;
	void *containers; /* trees: by name, … */
	void *members; /* … and by process */
	uint32_t instances;
	uint64_t read_ns; /* when the last reading began, 0 = never */
	uint64_t good_for_ns;
};

static int compare_container(const void *a, const void *b)
{
	return strcmp(((const struct container *)a)->name, ((const struct container *)b)->name);
}

static int compare_member(const void *a, const void *b)
{
	const struct tm_process_id *x = &((const struct member *)a)->id;
	const struct tm_process_id *y = &((const struct member *)b)->id;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->exec_id < y->exec_id ? -1 : x->exec_id > y->exec_id;
}

/* How the subject's cgroup is called, "" if it has none of its own. */
static const char *cgroup_name(const struct subject *subject)
{
	return subject->container[0] ? subject->container : subject->unit;
}

/* ---- containers ---------------------------------------------------------------------------- */

static struct container *find_container(const struct usages *u, const char *name)
{
	struct container key, **found;

	if ((size_t)snprintf(key.name, sizeof(key.name), "%s", name) >= sizeof(key.name))
		return NULL;
	found = tfind(&key, (void *const *)&u->containers, compare_container);
	return found ? *found : NULL;
}

/* Opens the container's files by way of its first member, and reads them. */
static void open_container(struct usages *u, struct container *container)
{
	const struct tm_process_id *id = &container->members->id;

	usage__free(container->usage);
	container->usage = NULL;
	container->last = (struct kernel_usage){ .instance = ++u->instances };
	if (usage__new(u->host, container->name, id->tgid, &container->usage)) {
		container->usage = NULL;
		return;
	}
	/* had it ended, all that was just opened could be of another process with its pid */
	if (!processes__alive(u->config.processes, id)) {
		usage__free(container->usage);
		container->usage = NULL;
		return;
	}
	usage__read(container->usage, u->config.now_ns(), &container->last);
}

static struct container *new_container(struct usages *u, const char *name)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	snprintf(container->name, sizeof(container->name), "%s", name);
	if (!tsearch(container, &u->containers, compare_container)) {
		free(container);
		return NULL;
	}
	return container;
}

static void close_container(struct usages *u, struct container *container)
{
	tdelete(container, &u->containers, compare_container);
	usage__free(container->usage);
	free(container);
}

/* ---- members ---------------------------------------------------------------------------------- */

static struct member *find_member(const struct usages *u, const struct tm_process_id *id)
{
	struct member key = { .id = *id };
	struct member **found = tfind(&key, (void *const *)&u->members, compare_member);

	return found ? *found : NULL;
}

void usages__add(struct usages *usages, const struct process *process)
{
	const char *name = cgroup_name(&process->subject);
	struct container *container;
	struct member *member;

	if (!*name || find_member(usages, &process->id))
		return;
	member = calloc(1, sizeof(*member));
	container = find_container(usages, name);
	if (member && !container)
		container = new_container(usages, name);
	if (!member || !container) {
		free(member);
		return;
	}
	*member = (struct member){ process->id, container, container->members };
	if (!tsearch(member, &usages->members, compare_member)) {
		free(member);
		if (!container->members)
			close_container(usages, container);
		return;
	}
	container->members = member;
	if (!container->usage)
		open_container(usages, container);
}

static void unlink_member(struct usages *u, struct member *member)
{
	struct member **at = &member->container->members;

	while (*at != member)
		at = &(*at)->next;
	*at = member->next;
	tdelete(member, &u->members, compare_member);
	free(member);
}

void usages__drop(struct usages *usages, const struct tm_process_id *id)
{
	struct member *member = find_member(usages, id);
	struct container *container;

	if (!member)
		return;
	container = member->container;
	unlink_member(usages, member);
	if (!container->members)
		close_container(usages, container);
	else if (container->usage && usage__process(container->usage) == id->tgid)
		usage__set_process(container->usage, container->members->id.tgid);
}

/* ---- all of them ------------------------------------------------------------------------------ */

static void sweep_one(const void *node, VISIT which, void *arg)
{
	struct container *container = *(struct container *const *)node;

	if (which != postorder && which != leaf)
		return;
	if (!container->usage || usage__gone(container->usage))
		open_container(arg, container);
	else
		usage__refresh(container->usage);
}

void usages__sweep(struct usages *usages)
{
	usage_host__refresh(usages->host);
	twalk_r(usages->containers, sweep_one, usages);
}

static void read_one(const void *node, VISIT which, void *arg)
{
	struct container *container = *(struct container *const *)node;
	const struct usages *u = arg;

	if ((which == postorder || which == leaf) && container->usage)
		usage__read(container->usage, u->config.now_ns(), &container->last);
}

void usages__read(struct usages *usages)
{
	const struct usages_config *config = &usages->config;
	uint64_t start_ns = config->now_ns(), good_for_ns;

	if (usages->read_ns && start_ns - usages->read_ns < usages->good_for_ns)
		return;
	twalk_r(usages->containers, read_one, usages);
	good_for_ns = (config->now_ns() - start_ns) * REUSE;
	if (good_for_ns < config->max_age_ns)
		good_for_ns = config->max_age_ns;
	/* a little less, so that a sample that comes a little early is not the second with one reading */
	if (good_for_ns > config->interval_ns - config->interval_ns / 8)
		good_for_ns = config->interval_ns - config->interval_ns / 8;
	usages->good_for_ns = good_for_ns;
	usages->read_ns = start_ns;
}

void usages__find(const struct usages *usages, const struct subject *subject,
		  struct kernel_usage *out)
{
	const char *name = cgroup_name(subject);
	const struct container *container = *name ? find_container(usages, name) : NULL;

	*out = container ? container->last : (struct kernel_usage){ 0 };
}

/* ---- start and stop ---------------------------------------------------------------------------- */

int usages__new(const struct usages_config *config, struct usages **out)
{
	struct usages *usages = calloc(1, sizeof(*usages));
	int err;

	if (!usages)
		return -ENOMEM;
	usages->config = *config;
	err = usage_host__new(config->proc_root, config->max_fds, &usages->host);
	if (err) {
		free(usages);
		return err;
	}
	*out = usages;
	return 0;
}

static void free_container(void *node)
{
	struct container *container = node;

	usage__free(container->usage);
	free(container);
}

void usages__free(struct usages *usages)
{
	if (!usages)
		return;
	tdestroy(usages->members, free);
	tdestroy(usages->containers, free_container);
	usage_host__free(usages->host);
	free(usages);
}
