/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/mmapwatch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* About 2000 notices: a busy host makes as many while we wait for a CPU. */
#define RING_PAGES 64

struct cpu_ring {
	int fd;
	struct perf_event_mmap_page *page;
};

struct mmap_watch {
	int epoll_fd;
	size_t page_size;
	size_t count;
	struct cpu_ring *rings;
};

/* The start of PERF_RECORD_MMAP2, include/uapi/linux/perf_event.h. */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

static int ring_open(struct mmap_watch *watch, struct cpu_ring *ring, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1, /* executable mappings only */
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	struct epoll_event event = { .events = EPOLLIN };
	void *page;

	ring->fd = (int)syscall(__NR_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return -errno;
	page = mmap(NULL, (RING_PAGES + 1) * watch->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    ring->fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	ring->page = page;
	return epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) ? -errno : 0;
}

int mmap_watch__new(struct mmap_watch **out)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct mmap_watch *watch = calloc(1, sizeof(*watch));
	int err = -ENOMEM;

	if (!watch)
		return -ENOMEM;
	watch->page_size = (size_t)sysconf(_SC_PAGESIZE);
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll_fd < 0) {
		err = -errno;
		free(watch);
		return err;
	}
	watch->rings = calloc((size_t)cpus, sizeof(*watch->rings));
	for (long cpu = 0; watch->rings && cpu < cpus; cpu++) {
		struct cpu_ring *ring = &watch->rings[watch->count++];

		err = ring_open(watch, ring, (int)cpu);
		if (err == -ENODEV) /* an offline CPU */
			err = 0;
		if (err)
			break;
	}
	if (err) {
		mmap_watch__free(watch);
		return err;
	}
	*out = watch;
	return 0;
}

void mmap_watch__free(struct mmap_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->rings[i].page)
			munmap(watch->rings[i].page, (RING_PAGES + 1) * watch->page_size);
		if (watch->rings[i].fd >= 0)
			close(watch->rings[i].fd);
	}
	close(watch->epoll_fd);
	free(watch->rings);
	free(watch);
}

int mmap_watch__fd(const struct mmap_watch *watch)
{
	return watch->epoll_fd;
}

/* Copies `size` bytes from position `at` of the ring, which wraps. */
static void ring_copy(const struct mmap_watch *watch, const struct cpu_ring *ring, uint64_t at,
		      void *to, size_t size)
{
	const char *data = (const char *)ring->page + watch->page_size;
	size_t ring_size = RING_PAGES * watch->page_size, start = at % ring_size;
	size_t first = size < ring_size - start ? size : ring_size - start;

	memcpy(to, data + start, first);
	memcpy((char *)to + first, data, size - first);
}

static void ring_read(const struct mmap_watch *watch, struct cpu_ring *ring, mmap_watch_fn fn,
		      void *arg, uint64_t *lost)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	struct perf_event_header header;
	struct mmap2_record mapped;
	struct lost_record loss;

	for (; tail < head; tail += header.size) {
		ring_copy(watch, ring, tail, &header, sizeof(header));
		if (header.size < sizeof(header)) {
			tail = head;
			break;
		}
		if (header.type == PERF_RECORD_MMAP2 && header.size >= sizeof(mapped)) {
			ring_copy(watch, ring, tail, &mapped, sizeof(mapped));
			if (mapped.ino) /* code made at run time has no file */
				fn(arg, mapped.pid, mapped.maj, mapped.min, mapped.ino,
				   mapped.ino_generation);
		} else if (header.type == PERF_RECORD_LOST && header.size >= sizeof(loss)) {
			ring_copy(watch, ring, tail, &loss, sizeof(loss));
			*lost += loss.lost;
		}
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void mmap_watch__read(struct mmap_watch *watch, mmap_watch_fn fn, void *arg, uint64_t *lost)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->rings[i].page)
			ring_read(watch, &watch->rings[i], fn, arg, lost);
}
