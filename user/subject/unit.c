/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/unit.h"
#include <errno.h>
#include <string.h>
#include "subject/cgroup.h"
#include "util/plausible.h"

static int ends_with(const char *text, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(text + len - n, suffix, n);
}

static int is_named(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(text, name, len);
}

static int take_unit(const char *name, size_t len, char unit[UNIT_MAX])
{
	if (len >= UNIT_MAX)
		return -ENOENT;
	memcpy(unit, name, len);
	unit[len] = 0;
	if (plausible_name(unit, UNIT_MAX))
		return 0;
	unit[0] = 0;
	return -ENOENT;
}

int unit_from_path(const char *path, size_t len, char unit[UNIT_MAX])
{
	const char *found = NULL, *name, *end = path + len;
	size_t found_len = 0, n;
	int depth = 0;

	unit[0] = 0;
	if (ends_with(path, len, CGROUP_DELETED))
		end -= strlen(CGROUP_DELETED);
	for (name = path; name < end; name += n + 1) {
		const char *slash = memchr(name, '/', (size_t)(end - name));

		n = slash ? (size_t)(slash - name) : (size_t)(end - name);
		if (!n || is_named(name, n, ".."))
			continue; /* of a path seen from another cgroup namespace */
		if (!depth++ && is_named(name, n, "user.slice"))
			return -ENOENT;
		if ((ends_with(name, n, ".service") || ends_with(name, n, ".scope")) &&
		    !is_named(name, n, "init.scope")) {
			found = name;
			found_len = n;
		}
	}
	return found ? take_unit(found, found_len, unit) : -ENOENT;
}

struct best {
	int rank; /* lower is better */
	char *unit;
};

static int rank_of(const struct cgroup_line *line)
{
	if (line->is_v2)
		return 0;
	if (is_named(line->controllers, line->controllers_len, "name=systemd"))
		return 1;
	return line->has_memory ? 2 : 3;
}

static int look_at_line(void *arg, const struct cgroup_line *line)
{
	struct best *best = arg;
	int rank = rank_of(line);
	char unit[UNIT_MAX];

	if (rank >= best->rank || unit_from_path(line->path, line->path_len, unit))
		return 0;
	best->rank = rank;
	memcpy(best->unit, unit, UNIT_MAX);
	return 0;
}

int unit_from_text(const char *proc_cgroup, char unit[UNIT_MAX])
{
	struct best best = { .rank = 4, .unit = unit };

	unit[0] = 0;
	cgroup_each_line(proc_cgroup, look_at_line, &best);
	return unit[0] ? 0 : -ENOENT;
}
