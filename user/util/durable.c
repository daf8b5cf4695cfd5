/* SPDX-License-Identifier: Apache-2.0 */
#include "util/durable.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int durable_open(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t wrote = write(fd, data, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		data += wrote;
		len -= (size_t)wrote;
	}
	return fsync(fd) ? -errno : 0;
}

/* A new file: whatever lies there under that name, a link of somebody else's perhaps, is not written to. */
static int write_new(int folder, const char *name, const void *data, size_t len)
{
	int fd, err;

	if (unlinkat(folder, name, 0) && errno != ENOENT)
		return -errno;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = write_all(fd, data, len);
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int durable_write(int folder, const char *name, const void *data, size_t len)
{
	char tmp[NAME_MAX + 1];
	int err;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	err = write_new(folder, tmp, data, len);
	if (!err && renameat(folder, tmp, folder, name))
		err = -errno;
	if (err) {
		unlinkat(folder, tmp, 0);
		return err;
	}
	return fsync(folder) ? -errno : 0;
}
