/* SPDX-License-Identifier: Apache-2.0 */
#include "shares.h"
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINER_SIZE 72

struct container {
	char id[CONTAINER_SIZE];
	uint32_t streams;
};

struct cgroup {
	uint64_t key;
	struct container *container;
	uint64_t round; /* the last one in which it had streams */
	uint32_t told; /* count that BPF was given; UINT32_MAX = none yet */
};

struct shares {
	struct probes *probes;
	uint64_t round;
	void *cgroups; /* by key */
	void *containers; /* by id */
};

static int compare_cgroups(const void *a, const void *b)
{
	const struct cgroup *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static int compare_containers(const void *a, const void *b)
{
	return strcmp(((const struct container *)a)->id, ((const struct container *)b)->id);
}

int shares__new(struct probes *probes, struct shares **out)
{
	struct shares *shares = calloc(1, sizeof(*shares));

	if (!shares)
		return -ENOMEM;
	shares->probes = probes;
	*out = shares;
	return 0;
}

void shares__free(struct shares *shares)
{
	if (!shares)
		return;
	tdestroy(shares->cgroups, free);
	tdestroy(shares->containers, free);
	free(shares);
}

/* The entry equal to `key` in the tree, made (of `size` bytes, a copy of key) if there is none; NULL without memory. */
static void *find_or_add(void **tree, const void *key, size_t size,
			 int (*compare)(const void *, const void *))
{
	void **found = tfind(key, (void *const *)tree, compare);
	void *copy;

	if (found)
		return *found;
	copy = malloc(size);
	if (!copy)
		return NULL;
	memcpy(copy, key, size);
	if (!tsearch(copy, tree, compare)) {
		free(copy);
		return NULL;
	}
	return copy;
}

static void reset_container(const void *node, VISIT which, void *closure)
{
	(void)closure;
	if (which == postorder || which == leaf)
		(*(struct container *const *)node)->streams = 0;
}

void shares__begin(struct shares *shares)
{
	shares->round++;
	twalk_r(shares->containers, reset_container, NULL);
}

static struct cgroup *find_cgroup(struct shares *shares, const char *container, uint64_t cgroup)
{
	struct container wanted = { 0 }, *counted;
	struct cgroup wanted_cgroup = { .key = cgroup, .told = UINT32_MAX }, *entry;

	strncpy(wanted.id, container, sizeof(wanted.id) - 1);
	counted = find_or_add(&shares->containers, &wanted, sizeof(wanted), compare_containers);
	entry = find_or_add(&shares->cgroups, &wanted_cgroup, sizeof(wanted_cgroup),
			    compare_cgroups);
	if (!counted || !entry)
		return NULL; /* not limited until there is memory again */
	entry->container = counted;
	entry->round = shares->round;
	return entry;
}

void shares__count(struct shares *shares, const char *container, uint64_t cgroup)
{
	struct cgroup *entry = find_cgroup(shares, container, cgroup);

	if (entry)
		entry->container->streams++;
}

void shares__open(struct shares *shares, const char *container, uint64_t cgroup)
{
	struct cgroup *entry = find_cgroup(shares, container, cgroup);

	if (!entry)
		return;
	entry->container->streams++;
	if (entry->told == UINT32_MAX &&
	    !probes__set_cgroup_streams(shares->probes, cgroup, entry->container->streams))
		entry->told = entry->container->streams;
}

struct idle {
	struct shares *shares;
	struct cgroup *gone; /* one that has no streams any more */
};

static void tell(const void *node, VISIT which, void *closure)
{
	struct cgroup *cgroup = *(struct cgroup *const *)node;
	struct idle *idle = closure;

	if (which != postorder && which != leaf)
		return;
	if (cgroup->round != idle->shares->round) {
		idle->gone = cgroup;
		return;
	}
	if (cgroup->told == cgroup->container->streams)
		return;
	/* BPF may have counted a new stream meanwhile: put right in the next round */
	if (!probes__set_cgroup_streams(idle->shares->probes, cgroup->key,
					cgroup->container->streams))
		cgroup->told = cgroup->container->streams;
}

void shares__end(struct shares *shares)
{
	struct idle idle = { .shares = shares };

	twalk_r(shares->cgroups, tell, &idle);
	if (!idle.gone)
		return;
	/* one a round is enough: they come and go slowly */
	probes__forget_cgroup(shares->probes, idle.gone->key);
	tdelete(idle.gone, &shares->cgroups, compare_cgroups);
	free(idle.gone);
}
