/* SPDX-License-Identifier: Apache-2.0 */
#include "util/self.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

struct self {
	int statm;
	DIR *fds;
	uint64_t start_real_ns;
	uint64_t page_size;
};

/* The whole of a small /proc file as text. */
static int read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Field 22 of /proc/self/stat: clock ticks from boot to our start. */
static int read_start(uint64_t *start_real_ns)
{
	char text[1024];
	const char *p;
	uint64_t ticks, ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
	int err, field, fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	err = read_text(fd, text, sizeof(text));
	close(fd);
	if (err)
		return err;
	/* the name, field 2, may hold blanks and parentheses itself: count from the last one */
	p = strrchr(text, ')');
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %" SCNu64, &ticks) != 1)
		return -EPROTO;
	*start_real_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
			 ticks * (NS_PER_S / ticks_per_s);
	return 0;
}

int self__new(struct self **out)
{
	struct self *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	self->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (self->statm < 0) {
		err = -errno;
		goto fail;
	}
	self->fds = opendir("/proc/self/fd");
	if (!self->fds) {
		err = -errno;
		goto fail;
	}
	err = read_start(&self->start_real_ns);
	if (err)
		goto fail;
	*out = self;
	return 0;
fail:
	self__free(self);
	return err;
}

void self__free(struct self *self)
{
	if (!self)
		return;
	if (self->fds)
		closedir(self->fds);
	if (self->statm >= 0)
		close(self->statm);
	free(self);
}

/* The directory's size says it since Linux 6.2 (commit f1f1f2569901); it is 0 before. */
static uint64_t count_fds(DIR *dir)
{
	struct stat st;
	uint64_t count = 0;

	if (!fstat(dirfd(dir), &st) && st.st_size > 0)
		return (uint64_t)st.st_size;
	rewinddir(dir);
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	return count;
}

static uint64_t timeval_ns(struct timeval tv)
{
	return (uint64_t)tv.tv_sec * NS_PER_S + (uint64_t)tv.tv_usec * 1000;
}

int self__sample(struct self *self, struct self_sample *out)
{
	uint64_t virtual_pages, resident_pages;
	struct rusage usage;
	struct rlimit limit;
	char text[256];
	int err;

	err = read_text(self->statm, text, sizeof(text));
	if (err)
		return err;
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &virtual_pages, &resident_pages) != 2)
		return -EPROTO;
	if (getrusage(RUSAGE_SELF, &usage) || getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	*out = (struct self_sample){
		.cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime),
		.resident_bytes = resident_pages * self->page_size,
		.virtual_bytes = virtual_pages * self->page_size,
		.open_fds = count_fds(self->fds),
		.max_fds = limit.rlim_cur,
		.start_real_ns = self->start_real_ns,
	};
	return 0;
}
