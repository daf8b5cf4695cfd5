/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PID_NS_INITIAL_INODE 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

int host_check_pid_namespace(char *err, size_t err_len)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st)) {
		int error = -errno;

		snprintf(err, err_len, "/proc/self/ns/pid: %s: mount a readable /proc",
			 strerror(-error));
		return error;
	}
	if (st.st_ino == PID_NS_INITIAL_INODE)
		return 0;
	snprintf(
		err, err_len,
		"not in the host's pid namespace: run on the host, or give the container the host's pid "
		"namespace (docker run --pid=host, hostPID: true)");
	return -EXDEV;
}

size_t host_raise_open_files(void)
{
	struct rlimit limit, raised;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	raised = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	return setrlimit(RLIMIT_NOFILE, &raised) ? limit.rlim_cur : raised.rlim_cur;
}
