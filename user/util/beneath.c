/* SPDX-License-Identifier: Apache-2.0 */
#include "util/beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens one name in a directory; no link is followed, nowhere. */
static int open_name(int dir_fd, const char *name, int flags)
{
	struct stat st;
	int fd;

	if (!strcmp(name, ".."))
		return -EXDEV;
	fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* O_PATH opens the link itself */
	if (!fstat(fd, &st) && !S_ISLNK(st.st_mode))
		return fd;
	close(fd);
	return -ELOOP;
}

/* Name by name, for where openat2() is forbidden: by a seccomp filter that does not know it. */
static int walk(int dir_fd, char *path, int flags)
{
	char *rest = path, *name = strsep(&rest, "/");
	int at = dir_fd, next;

	while (rest) {
		next = open_name(at, *name ? name : ".", O_PATH);
		if (at != dir_fd)
			close(at);
		if (next < 0)
			return next;
		at = next;
		name = strsep(&rest, "/");
	}
	next = open_name(at, *name ? name : ".", flags);
	if (at != dir_fd)
		close(at);
	return next;
}

int beneath_open(int dir_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char copy[PATH_MAX];
	size_t len;
	long fd;

	path += strspn(path, "/");
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	if (len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, len);
	copy[len] = '\0';
	if (!len)
		strcpy(copy, ".");
	fd = syscall(SYS_openat2, dir_fd, copy, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	return walk(dir_fd, copy, flags);
}
