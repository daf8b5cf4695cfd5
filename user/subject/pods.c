/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/pods.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PODS 4096 /* directories looked at; the kubelet runs some hundreds */

/* Kubernetes names: lower-case letters, digits, '-' and '.', which is why '_' parts them. */
static int copy_name(const char *from, size_t len, char *to, size_t size)
{
	if (!len || len >= size)
		return -ENOENT;
	for (size_t i = 0; i < len; i++)
		if (!((from[i] >= 'a' && from[i] <= 'z') || (from[i] >= '0' && from[i] <= '9') ||
		      from[i] == '-' || from[i] == '.'))
			return -ENOENT;
	memcpy(to, from, len);
	to[len] = 0;
	return 0;
}

static int split(const char *directory, const char *uid, char *pod, size_t pod_size,
		 char *namespace, size_t namespace_size)
{
	const char *first = strchr(directory, '_'), *last = strrchr(directory, '_');

	if (!first || first == last || strcmp(last + 1, uid) != 0 ||
	    copy_name(directory, (size_t)(first - directory), namespace, namespace_size))
		return -ENOENT;
	if (!copy_name(first + 1, (size_t)(last - first - 1), pod, pod_size))
		return 0;
	namespace[0] = 0;
	return -ENOENT;
}

int pod_find(const char *root, const char *uid, char *pod, size_t pod_size, char *namespace,
	     size_t namespace_size)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err = -ENOENT;
	DIR *dir;

	pod[0] = namespace[0] = 0;
	snprintf(path, sizeof(path), "%s/" POD_LOGS, root);
	dir = opendir(path);
	if (!dir)
		return -errno;
	for (int i = 0; i < MAX_PODS && err && (entry = readdir(dir)); i++)
		err = split(entry->d_name, uid, pod, pod_size, namespace, namespace_size);
	closedir(dir);
	return err;
}

int state_file_open(const char *root, const char *container)
{
	static const struct {
		const char *directory, *file; /* around the container's id */
	} places[] = {
		{ "run/containerd/io.containerd.runtime.v2.task/k8s.io", "config.json" },
		{ "run/containerd/io.containerd.runtime.v2.task/default", "config.json" },
		{ "run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io", "config.json" },
		{ "run/containers/storage/overlay-containers", "userdata/config.json" },
	};
	char path[PATH_MAX];
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s/%s", root, places[i].directory, container,
			 places[i].file);
		/* should somebody have put a pipe there, opening it must not wait */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (!fstat(fd, &st) && S_ISREG(st.st_mode))
			return fd;
		close(fd);
	}
	return -ENOENT;
}
