/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/aside.h"

long procfs_read(const char *root, uint32_t tgid, const char *name, char *buf, size_t size)
{
	char path[256];
	size_t len = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", root, tgid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (got = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)got;
	close(fd);
	buf[len] = 0;
	return len ? (long)len : -ENOENT;
}

/* Of the files that Linux makes of the process's memory: if that ends just then, who reads takes it down. */
static long read_aside(struct aside *aside, const char *root, uint32_t tgid, const char *name,
		       char *buf, size_t size)
{
	char path[256];
	ssize_t got;

	snprintf(path, sizeof(path), "%s/%u/%s", root, tgid, name);
	got = aside__read_file(aside, tgid, path, buf, size - 1);
	buf[got > 0 ? got : 0] = 0;
	return got ?: -ENOENT;
}

int procfs_stat(struct aside *aside, const char *root, uint32_t tgid, struct procfs_stat *out)
{
	unsigned long long start = 0;
	char text[1024], *after, state = 0;
	int parent = 0;
	long threads = 0;
	long len = read_aside(aside, root, tgid, "stat", text, sizeof(text));

	if (len < 0)
		return (int)len;
	after = strrchr(text, ')'); /* the name before it may hold anything */
	if (!after ||
	    sscanf(after + 1,
		   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
		   &state, &parent, &threads, &start) != 4)
		return -EINVAL;
	out->state = state;
	out->parent = parent > 0 ? (uint32_t)parent : 0;
	out->threads = threads > 0 ? (uint32_t)threads : 0;
	out->start_ticks = start;
	return 0;
}

int procfs_runs(const struct procfs_stat *stat)
{
	/* a leader that has ended waits as a zombie for the other threads of its process */
	return (stat->state != 'Z' && stat->state != 'X') || stat->threads > 1;
}

int procfs_alive(struct aside *aside, const char *root, uint32_t tgid, uint64_t start_ticks)
{
	struct procfs_stat stat;
	int err = procfs_stat(aside, root, tgid, &stat);

	if (err == -ETIMEDOUT || err == -EBUSY)
		return 1;
	return !err && procfs_runs(&stat) && stat.start_ticks == start_ticks;
}

int procfs_is_first(struct aside *aside, const char *root, uint32_t tgid)
{
	char text[4096], *line, *end;
	unsigned long pid = 0;
	int levels = 0;

	if (read_aside(aside, root, tgid, "status", text, sizeof(text)) < 0)
		return 0;
	/* The name in the first line cannot forge a line: the Linux kernel escapes its newlines. */
	line = strstr(text, "\nNSpid:");
	if (!line)
		return 0;
	line += strlen("\nNSpid:");
	for (;;) {
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line < '0' || *line > '9')
			break;
		pid = strtoul(line, &end, 10);
		line = end;
		levels++;
	}
	return levels > 1 && pid == 1;
}
