/* SPDX-License-Identifier: Apache-2.0 */
#include "util/knownstat.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

static struct timespec time_of(const struct statx_timestamp *stamp)
{
	return (struct timespec){ .tv_sec = stamp->tv_sec, .tv_nsec = stamp->tv_nsec };
}

int known_stat(int fd, struct stat *out)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st))
		return -errno;
	memset(out, 0, sizeof(*out));
	out->st_dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	out->st_ino = st.stx_ino;
	out->st_mode = st.stx_mode;
	out->st_size = (off_t)st.stx_size;
	out->st_mtim = time_of(&st.stx_mtime);
	out->st_ctim = time_of(&st.stx_ctime);
	return 0;
}
