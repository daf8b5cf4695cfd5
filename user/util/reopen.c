/* SPDX-License-Identifier: Apache-2.0 */
#include "util/reopen.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/knownstat.h"

int reopen_regular(int handle)
{
	char path[32];
	struct stat st;
	int fd;

	fd = known_stat(handle, &st);
	if (fd) {
		/* as it is */
	} else if (!S_ISREG(st.st_mode)) {
		fd = -ENOEXEC;
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			fd = -errno;
	}
	close(handle);
	return fd;
}
