/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/mapped_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "util/aside.h"
#include "util/knownstat.h"
#include "util/reopen.h"

#define READ_MS 2000 /* thousands of times as long as most files take */

struct reading {
	struct aside_job job;
	int handle, fd; /* -1 = none */
	struct analysis_profiles profiles; /* none: it is only opened */
	struct analysis analysis;
	uint64_t cpu_ns;
};

/*
 * Whether the process has mapped another file there since: what is known of that one must not be held against this
 * one. On an overlay the inode number may be another, and the times those of a copy without data.
 */
static int is_replaced(const struct stat *st, const struct tm_mapping *m)
{
	return (uint64_t)st->st_size != m->size ||
	       (st->st_ino != m->inode && st->st_mtime != m->mtime);
}

/* Stands for the file, without opening it. */
static int find(struct aside *aside, const struct tm_mapping *m, char *path, size_t size)
{
	char name[96];
	struct stat st;
	ssize_t len;
	int handle;

	snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", m->process.tgid, m->start,
		 m->end);
	handle = aside__open(aside, m->process.tgid, name, O_PATH | O_CLOEXEC);
	if (handle < 0)
		return handle;
	/* not by `name`: that would ask the process again */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
	len = readlink(name, path, size - 1);
	path[len > 0 ? len : 0] = 0;
	if (known_stat(handle, &st) || is_replaced(&st, m)) {
		close(handle);
		return -ESTALE;
	}
	return handle;
}

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static int read_it(struct aside_job *job)
{
	struct reading *reading = (struct reading *)job;
	uint64_t before_ns = thread_ns();
	int err = 0;

	reading->fd = reopen_regular(reading->handle);
	reading->handle = -1;
	if (reading->fd < 0)
		return reading->fd;
	if (reading->profiles.count)
		err = analysis__read(reading->fd, &reading->profiles, &reading->analysis);
	reading->cpu_ns = thread_ns() - before_ns;
	return err;
}

static void drop(struct aside_job *job)
{
	struct reading *reading = (struct reading *)job;

	if (reading->handle >= 0)
		close(reading->handle);
	if (reading->fd >= 0)
		close(reading->fd);
	analysis__clear(&reading->analysis);
	free(reading);
}

int mapped_file__open(struct aside *aside, const struct tm_mapping *m,
		      const struct analysis_profiles *profiles, struct mapped_file *out)
{
	struct reading *reading;
	int err;

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	reading = calloc(1, sizeof(*reading));
	if (!reading)
		return -ENOMEM;
	reading->job.run = read_it;
	reading->job.drop = drop;
	reading->fd = -1;
	if (profiles)
		reading->profiles = *profiles;
	reading->handle = find(aside, m, out->path, sizeof(out->path));
	if (reading->handle < 0) {
		err = reading->handle;
		drop(&reading->job);
		return err;
	}
	err = aside__run(aside, ASIDE_DEVICE(m->device), READ_MS, &reading->job);
	if (err == -ETIMEDOUT)
		return err; /* it is dropped when it ends */
	if (!err) {
		out->fd = reading->fd;
		reading->fd = -1;
		out->analysis = reading->analysis;
		memset(&reading->analysis, 0, sizeof(reading->analysis));
	}
	out->cpu_ns = reading->cpu_ns;
	drop(&reading->job);
	return err;
}

void mapped_file__close(struct mapped_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	analysis__clear(&file->analysis);
}
