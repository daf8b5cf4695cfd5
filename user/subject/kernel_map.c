/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/kernel_map.h"
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "subject/cgroup.h"

struct key {
	char text[PATH_MAX];
};

static int path_fits(void *arg, const struct cgroup_line *line)
{
	const struct key *key = arg;
	size_t len = line->path_len, note = strlen(CGROUP_DELETED);
	char path[PATH_MAX];

	if (len > note && !memcmp(line->path + len - note, CGROUP_DELETED, note))
		len -= note;
	if (len >= sizeof(path))
		return 0;
	memcpy(path, line->path, len);
	path[len] = 0;
	return !fnmatch(key->text, path, 0);
}

const char *kernel_map_find(const struct kernel_map *map, const char *container,
			    const char *proc_cgroup)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *equals = strrchr(map->texts[i], '=');
		size_t len = equals ? (size_t)(equals - map->texts[i]) : 0;
		struct key key;

		if (!len || len >= sizeof(key.text))
			continue;
		memcpy(key.text, map->texts[i], len);
		key.text[len] = 0;
		if (key.text[0] == '/' ? cgroup_each_line(proc_cgroup, path_fits, &key) :
					 !strncmp(container, key.text, len))
			return equals + 1;
	}
	return NULL;
}

const char *kernel_map_find_names(const struct kernel_map *map, const char *container,
				  const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME])
{
	char paths[2][TM_CGROUP_DEPTH * TM_CGROUP_NAME + 1], text[2 * sizeof(paths[0]) + 32];

	/* what does not reach up to the root fits no pattern: "" */
	for (int i = 0; i < 2; i++)
		cgroup_path_from_names(names[i], TM_CGROUP_DEPTH, paths[i], sizeof(paths[i]));
	snprintf(text, sizeof(text), "0::%s\n1:memory:%s\n", paths[0], paths[1]);
	return kernel_map_find(map, container, text);
}
