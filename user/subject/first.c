/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/first.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "subject/cgroup.h"
#include "subject/procfs.h"

#define MAX_ANCESTORS 256
#define MAX_PROCESSES 32768 /* pid_max's default; 10 microseconds each */

static int in_container(const char *root, uint32_t tgid, const char *container)
{
	struct cgroup_identity identity;
	char text[8192];

	return procfs_read(root, tgid, "cgroup", text, sizeof(text)) > 0 &&
	       !cgroup_container_from_text(text, &identity) &&
	       !strcmp(identity.container, container);
}

/*
 * The topmost ancestor in the container: from there on, they are the engine's. A pid namespace that the container has
 * made inside its own is passed on the way.
 */
static int topmost(struct aside *aside, const char *root, uint32_t tgid, const char *container,
		   struct first_process *out)
{
	struct procfs_stat stat;
	int err = -ENOENT;

	for (int i = 0; i < MAX_ANCESTORS && tgid; i++) {
		if (!in_container(root, tgid, container) || procfs_stat(aside, root, tgid, &stat))
			break;
		*out = (struct first_process){ .tgid = tgid, .start_ticks = stat.start_ticks };
		err = 0;
		tgid = stat.parent;
	}
	return err;
}

struct search {
	struct aside *aside;
	const char *root;
	const char *container;
	struct first_process best;
	int best_is_first;
};

static void consider(struct search *search, uint32_t tgid)
{
	struct first_process *best = &search->best;
	struct procfs_stat stat;
	int is_first, older;

	if (!in_container(search->root, tgid, search->container) ||
	    procfs_stat(search->aside, search->root, tgid, &stat) || !procfs_runs(&stat))
		return;
	is_first = procfs_is_first(search->aside, search->root, tgid);
	older = !best->tgid || stat.start_ticks < best->start_ticks ||
		(stat.start_ticks == best->start_ticks && tgid < best->tgid);
	/* of several first ones, all but the oldest are of namespaces inside the container's */
	if (is_first == search->best_is_first ? !older : !is_first)
		return;
	*best = (struct first_process){ .tgid = tgid, .start_ticks = stat.start_ticks };
	search->best_is_first = is_first;
}

static int look_at_all(struct search *search)
{
	DIR *dir = opendir(search->root);
	struct dirent *entry;
	unsigned long tgid;
	int count = 0;
	char *end;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && count <= MAX_PROCESSES) {
		tgid = strtoul(entry->d_name, &end, 10);
		if (*end || !tgid || tgid > UINT32_MAX)
			continue;
		count++;
		consider(search, (uint32_t)tgid);
	}
	closedir(dir);
	if (count > MAX_PROCESSES)
		return -E2BIG;
	return search->best.tgid ? 0 : -ENOENT;
}

int first_process_find(struct aside *aside, const char *root, uint32_t tgid, const char *container,
		       struct first_process *out)
{
	struct search search = { .aside = aside, .root = root, .container = container };
	struct first_process top;
	int err;

	memset(out, 0, sizeof(*out));
	if (!topmost(aside, root, tgid, container, &top) &&
	    procfs_is_first(aside, root, top.tgid)) {
		*out = top;
		return 0;
	}
	/* entered from outside (docker exec), or in the host's or its pod's pid namespace */
	err = look_at_all(&search);
	if (!err)
		*out = search.best;
	return err;
}
