/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/mounts.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/beneath.h"

struct mount {
	int fd; /* -1 = not mounted */
	char *root; /* which cgroup of the hierarchy is what is mounted; "" = all of it */
};

struct cgroup_mounts {
	struct mount mounts[CGROUP_HIERARCHIES];
};

const char *cgroup_hierarchy_controller(enum cgroup_hierarchy hierarchy)
{
	static const char *const names[CGROUP_HIERARCHIES] = {
		[CGROUP_CPUACCT] = "cpuacct",
		[CGROUP_MEMORY] = "memory",
		[CGROUP_BLKIO] = "blkio",
		[CGROUP_UNIFIED] = "",
	};

	return names[hierarchy];
}

/* proc(5): blanks, tabs, newlines and backslashes are written as three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; to++) {
		if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 4;
		} else {
			*to = *text++;
		}
	}
	*to = '\0';
}

/* Takes the place if the mount shows all of the hierarchy, or if there is no other. */
static int take(struct mount *mount, const char *root, const char *point)
{
	char *copy;
	int fd;

	if (!strcmp(root, "/"))
		root = "";
	if (mount->fd >= 0 && (*root || !*mount->root))
		return 0;
	fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	copy = strdup(root);
	if (!copy) {
		close(fd);
		return -ENOMEM;
	}
	if (mount->fd >= 0)
		close(mount->fd);
	free(mount->root);
	*mount = (struct mount){ .fd = fd, .root = copy };
	return 0;
}

static int has_option(char *options, const char *wanted)
{
	const char *option;

	while ((option = strsep(&options, ",")))
		if (!strcmp(option, wanted))
			return 1;
	return 0;
}

static int take_v1(struct cgroup_mounts *mounts, const char *root, const char *point,
		   const char *options)
{
	int err = 0;

	for (int i = 0; i < CGROUP_UNIFIED && !err; i++) {
		char *copy = strdup(options);

		if (!copy)
			return -ENOMEM;
		if (has_option(copy, cgroup_hierarchy_controller((enum cgroup_hierarchy)i)))
			err = take(&mounts->mounts[i], root, point);
		free(copy);
	}
	return err;
}

/* "31 23 0:28 root point options optional... - type source options" */
static int take_line(struct cgroup_mounts *mounts, char *line)
{
	char *fields[5] = { 0 }, *type, *options;

	line[strcspn(line, "\n")] = '\0';
	type = strstr(line, " - ");
	if (!type)
		return 0;
	*type = '\0';
	options = type + 3;
	type = strsep(&options, " ");
	if (!options || !strsep(&options, " ") || !options)
		return 0;
	for (int i = 0; i < 5; i++)
		fields[i] = strsep(&line, " ");
	if (!fields[4])
		return 0;
	unescape(fields[3]);
	unescape(fields[4]);
	if (!strcmp(type, "cgroup2"))
		return take(&mounts->mounts[CGROUP_UNIFIED], fields[3], fields[4]);
	if (!strcmp(type, "cgroup"))
		return take_v1(mounts, fields[3], fields[4], options);
	return 0;
}

static int read_mountinfo(struct cgroup_mounts *mounts, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!file)
		return -errno;
	while (!err && getline(&line, &size, file) > 0)
		err = take_line(mounts, line);
	/* it also ends where there is no memory for a line */
	if (!err && !feof(file))
		err = errno == ENOMEM ? -ENOMEM : -EIO;
	free(line);
	fclose(file);
	return err;
}

int cgroup_mounts__new(const char *mountinfo, struct cgroup_mounts **out)
{
	struct cgroup_mounts *mounts = calloc(1, sizeof(*mounts));
	int err;

	if (!mounts)
		return -ENOMEM;
	for (int i = 0; i < CGROUP_HIERARCHIES; i++)
		mounts->mounts[i].fd = -1;
	err = read_mountinfo(mounts, mountinfo);
	if (err) {
		cgroup_mounts__free(mounts);
		return err;
	}
	*out = mounts;
	return 0;
}

void cgroup_mounts__free(struct cgroup_mounts *mounts)
{
	if (!mounts)
		return;
	for (int i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (mounts->mounts[i].fd >= 0)
			close(mounts->mounts[i].fd);
		free(mounts->mounts[i].root);
	}
	free(mounts);
}

int cgroup_mounts__open(const struct cgroup_mounts *mounts, enum cgroup_hierarchy hierarchy,
			const char *path, const char *file)
{
	const struct mount *mount = &mounts->mounts[hierarchy];
	char whole[PATH_MAX];
	size_t len;

	if (mount->fd < 0)
		return -ENOENT;
	len = strlen(mount->root);
	if (strncmp(path, mount->root, len) != 0 || (path[len] && path[len] != '/'))
		return -ENOENT;
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", path + len, file) >= sizeof(whole))
		return -ENAMETOOLONG;
	return beneath_open(mount->fd, whole, O_RDONLY);
}
