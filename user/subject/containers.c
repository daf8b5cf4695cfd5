/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/containers.h"
#include <search.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "subject/procfs.h"

struct containers {
	struct aside *aside;
	const char *proc_root;
	void *tree; /* of struct container, by id */
	size_t count;
	uint64_t conflicts;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct container *)a)->id, ((const struct container *)b)->id);
}

int containers__new(struct aside *aside, const char *proc_root, struct containers **out)
{
	struct containers *containers = calloc(1, sizeof(*containers));

	if (!containers)
		return -ENOMEM;
	containers->aside = aside;
	containers->proc_root = proc_root;
	*out = containers;
	return 0;
}

void containers__free(struct containers *containers)
{
	if (!containers)
		return;
	tdestroy(containers->tree, free);
	free(containers);
}

struct container *containers__find(const struct containers *containers, const char *id)
{
	struct container key = { .id = "" }, **found;

	snprintf(key.id, sizeof(key.id), "%s", id);
	found = tfind(&key, (void *const *)&containers->tree, compare);
	return found ? *found : NULL;
}

struct container *containers__add(struct containers *containers, const char *id, uint64_t now_ns)
{
	struct container *container;

	if (containers->count >= CONTAINERS_MAX)
		return NULL;
	container = calloc(1, sizeof(*container));
	if (!container)
		return NULL;
	snprintf(container->id, sizeof(container->id), "%s", id);
	container->seen_ns = now_ns;
	if (!tsearch(container, &containers->tree, compare)) {
		free(container);
		return NULL;
	}
	containers->count++;
	return container;
}

static int process_alive(const struct containers *containers, const struct first_process *process)
{
	return process->tgid && procfs_alive(containers->aside, containers->proc_root,
					     process->tgid, process->start_ticks);
}

int containers__alive(const struct containers *containers, const struct container *container)
{
	return process_alive(containers, &container->first) ||
	       process_alive(containers, &container->last);
}

/* ---- claims --------------------------------------------------------------------------- */

static const char *claim_of(const struct container *container)
{
	for (int i = 0; i < CLAIM_COUNT; i++)
		if (container->claims[i][0])
			return container->claims[i];
	return "";
}

static void contest(struct containers *containers, struct container *container)
{
	containers->conflicts += !container->contested;
	container->contested = 1;
}

struct rivals {
	struct containers *containers;
	struct container *container;
};

static void look_for_rival(const void *node, VISIT which, void *closure)
{
	struct container *other = *(struct container *const *)node;
	struct rivals *rivals = closure;

	if ((which != postorder && which != leaf) || other == rivals->container ||
	    strcmp(claim_of(other), claim_of(rivals->container)) != 0 ||
	    !containers__alive(rivals->containers, other))
		return;
	contest(rivals->containers, other);
	contest(rivals->containers, rivals->container);
}

int containers__settle(struct containers *containers, struct container *container)
{
	struct rivals rivals = { .containers = containers, .container = container };
	uint64_t conflicts = containers->conflicts;

	/* one that has ended claims nothing any more */
	if (claim_of(container)[0] && containers__alive(containers, container))
		twalk_r(containers->tree, look_for_rival, &rivals);
	return conflicts != containers->conflicts;
}

int containers__claim(struct containers *containers, struct container *container,
		      enum claim_source source, const char *kernel_id)
{
	char before[KERNEL_ID_SIZE];
	int settled;

	snprintf(before, sizeof(before), "%s", claim_of(container));
	snprintf(container->claims[source], KERNEL_ID_SIZE, "%s", kernel_id);
	if (!strcmp(before, claim_of(container)))
		return 0;
	settled = containers__settle(containers, container);
	return settled || !container->contested;
}

uint64_t containers__conflicts(const struct containers *containers)
{
	return containers->conflicts;
}

void container_subject(const struct container *container, struct subject *out)
{
	const char *claim = container->contested ? "" : claim_of(container);

	memset(out, 0, sizeof(*out));
	snprintf(out->kernel_id, sizeof(out->kernel_id), "%s", claim[0] ? claim : container->id);
	snprintf(out->container, sizeof(out->container), "%s", container->id);
	snprintf(out->name, sizeof(out->name), "%s", container->name);
	snprintf(out->pod, sizeof(out->pod), "%s",
		 container->pod[0] ? container->pod : container->pod_uid);
	snprintf(out->namespace, sizeof(out->namespace), "%s", container->namespace);
}

/* ---- all -------------------------------------------------------------------------------- */

struct each {
	void (*fn)(void *arg, struct container *container);
	void *arg;
};

static void visit(const void *node, VISIT which, void *closure)
{
	const struct each *each = closure;

	if (which == postorder || which == leaf)
		each->fn(each->arg, *(struct container *const *)node);
}

void containers__each(struct containers *containers,
		      void (*fn)(void *arg, struct container *container), void *arg)
{
	struct each each = { .fn = fn, .arg = arg };

	twalk_r(containers->tree, visit, &each);
}

struct expiry {
	struct containers *containers;
	uint64_t now_ns, expiry_ns;
	struct container *expired; /* one of them: the tree must not change while it is walked */
};

static void find_expired(void *arg, struct container *container)
{
	struct expiry *expiry = arg;

	if (expiry->expired || expiry->now_ns - container->seen_ns <= expiry->expiry_ns)
		return;
	if (containers__alive(expiry->containers, container))
		container->seen_ns = expiry->now_ns;
	else
		expiry->expired = container;
}

void containers__sweep(struct containers *containers, uint64_t now_ns, uint64_t expiry_ns)
{
	struct expiry expiry = {
		.containers = containers,
		.now_ns = now_ns,
		.expiry_ns = expiry_ns,
	};

	do {
		expiry.expired = NULL;
		containers__each(containers, find_expired, &expiry);
		if (expiry.expired) {
			tdelete(expiry.expired, &containers->tree, compare);
			free(expiry.expired);
			containers->count--;
		}
	} while (expiry.expired);
}
