/* SPDX-License-Identifier: Apache-2.0 */
#include "util/program.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_in(const char *directory, const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/tapmeter-%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int program_open(const char *name)
{
	char directory[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	char *slash;
	int fd;

	directory[len > 0 ? len : 0] = 0;
	slash = strrchr(directory, '/');
	if (slash) {
		*slash = 0;
		fd = open_in(directory, name);
		if (fd != -ENOENT)
			return fd;
	}
	return open_in(TAPMETER_LIBEXECDIR, name);
}
