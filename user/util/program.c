/* SPDX-License-Identifier: Apache-2.0 */
#include "util/program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int find_in(const char *directory, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/tapmeter-%s", directory, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(path, X_OK) ? -errno : 0;
}

int program_path(const char *name, char path[PATH_MAX])
{
	char directory[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	char *slash;
	int err;

	directory[len > 0 ? len : 0] = 0;
	slash = strrchr(directory, '/');
	if (slash) {
		*slash = 0;
		err = find_in(directory, name, path);
		if (err != -ENOENT)
			return err;
	}
	return find_in(TAPMETER_LIBEXECDIR, name, path);
}

int program_open(const char *name)
{
	char path[PATH_MAX];
	int err = program_path(name, path), fd;

	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
