/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/feed.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct feed_page *feed_page__ref(struct feed_page *page)
{
	__atomic_add_fetch(&page->refs, 1, __ATOMIC_RELAXED);
	return page;
}

void feed_page__unref(struct feed_page *page)
{
	if (!page || __atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (page->data)
		munmap((void *)(uintptr_t)page->data, page->size);
	free(page);
}

void feed_lost(struct feed_losses *losses, enum relay_lost what, uint64_t count)
{
	__atomic_add_fetch(&losses->count[what], count, __ATOMIC_RELAXED);
}

/* ---- pages that come -------------------------------------------------------------------------- */

/* Nobody may shorten it under us: reading what is not there any more would end us. */
static int map_page(struct feed_page *page, int memfd)
{
	struct stat st;
	int seals = fcntl(memfd, F_GET_SEALS);
	void *data;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(memfd, &st) ||
	    (uint64_t)st.st_size != page->head.size || page->head.size > RELAY_PAGE_MAX)
		return -EPROTO;
	page->size = (size_t)st.st_size;
	if (!page->size)
		return 0;
	data = mmap(NULL, page->size, PROT_READ, MAP_SHARED, memfd, 0);
	if (data == MAP_FAILED)
		return -errno;
	page->data = data;
	return 0;
}

static int new_page(const struct relay_page *head, int memfd, struct feed_page **out)
{
	struct feed_page *page = calloc(1, sizeof(*page));
	int err;

	if (!page)
		return -ENOMEM;
	page->head = *head;
	page->refs = 1;
	err = map_page(page, memfd);
	if (err) {
		feed_page__unref(page);
		return err;
	}
	*out = page;
	return 0;
}

static int take_fd(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	int fd;

	if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS ||
	    control->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/* 1: *out is the next page; 0: the feed has ended. */
static int receive(int socket, struct feed_page **out)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct relay_page head = { 0 };
	struct iovec part = { .iov_base = &head, .iov_len = sizeof(head) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	int fd, err = -EPROTO;

	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got ? -errno : 0;
	fd = take_fd(&message);
	if (got == sizeof(head) && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && fd >= 0 &&
	    head.header.version == RELAY_PROTO_VERSION && head.header.kind == RELAY_PAGE &&
	    head.header.size == sizeof(head) && head.state < RELAY_STATE_COUNT)
		err = new_page(&head, fd, out);
	if (fd >= 0)
		close(fd);
	return err ? err : 1;
}

static int say_taken(int socket, uint64_t number, const struct feed_losses *losses)
{
	struct relay_taken taken = {
		.header = {
			.version = RELAY_PROTO_VERSION,
			.kind = RELAY_TAKEN,
			.size = sizeof(taken),
		},
		.number = number,
	};

	for (int i = 0; i < RELAY_LOST_COUNT; i++)
		taken.lost[i] = __atomic_load_n(&losses->count[i], __ATOMIC_RELAXED);
	return send(socket, &taken, sizeof(taken), MSG_NOSIGNAL) == sizeof(taken) ? 0 : -errno;
}

int feed_serve(int socket, feed_take_fn take, void *arg, const struct feed_losses *losses)
{
	struct feed_page *page = NULL;
	uint64_t number;
	int ret;

	while ((ret = receive(socket, &page)) > 0 && page) {
		number = page->head.number;
		take(arg, page);
		feed_page__unref(page);
		ret = say_taken(socket, number, losses);
		if (ret)
			break;
	}
	/* the agent has gone, or has said all it had to say */
	return ret == -EPIPE || ret == -ECONNRESET ? 0 : ret;
}
