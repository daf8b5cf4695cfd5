/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/lookups.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/answer.h"
#include "util/relay_proto.h"

#define PIECE 16384

struct lookup {
	int fd; /* -1: free place */
	uint64_t deadline_ms;
	char *data;
	size_t len, cap;
	struct relay_answer answer;
};

struct lookups {
	int link;
	settings_fn on_settings;
	void *arg;
	struct lookup list[RELAY_MAX_LOOKUPS];
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int finish(struct lookups *lookups, struct lookup *lookup)
{
	ssize_t sent;

	lookup->answer.header = (struct relay_header){
		.version = RELAY_PROTO_VERSION,
		.kind = RELAY_ANSWER,
		.number = lookup->answer.header.number,
		.size = sizeof(lookup->answer),
	};
	close(lookup->fd);
	free(lookup->data);
	*lookup = (struct lookup){ .fd = -1, .answer = lookup->answer };
	sent = send(lookups->link, &lookup->answer, sizeof(lookup->answer), MSG_NOSIGNAL);
	return sent == (ssize_t)sizeof(lookup->answer) ? 0 : -errno;
}

static int finish_with(struct lookups *lookups, struct lookup *lookup, enum relay_status status)
{
	lookup->answer.status = status;
	return finish(lookups, lookup);
}

/* ---- from the agent --------------------------------------------------------------------- */

#define MAX_FDS 2

/* The descriptors that came with a message; the others are -1. */
static void take_fds(struct msghdr *message, int fds[MAX_FDS])
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	for (int i = 0; i < MAX_FDS; i++)
		fds[i] = -1;
	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(control), control->cmsg_len - CMSG_LEN(0));
}

static int begin(struct lookups *lookups, const struct relay_lookup *asked, int fd)
{
	struct lookup *lookup = NULL;

	for (int i = 0; i < RELAY_MAX_LOOKUPS && !lookup; i++)
		if (lookups->list[i].fd < 0)
			lookup = &lookups->list[i];
	if (!lookup)
		return -EPROTO; /* the agent counts them, too */
	*lookup = (struct lookup){ .fd = fd, .deadline_ms = now_ms() + RELAY_TIMEOUT_MS };
	lookup->answer.header.number = asked->header.number;
	lookup->answer.source = asked->source;
	memcpy(lookup->answer.container, asked->container, sizeof(asked->container));
	lookup->answer.container[sizeof(asked->container) - 1] = 0;
	return 0;
}

union request {
	struct relay_header header;
	struct relay_lookup lookup;
	struct relay_settings settings;
};

/* The descriptors then belong to someone else, unless it is an error. */
static int take_request(struct lookups *lookups, const union request *request, size_t size,
			const int fds[MAX_FDS])
{
	const struct relay_header *header = &request->header;

	if (size < sizeof(*header) || size != header->size || fds[0] < 0 ||
	    header->version != RELAY_PROTO_VERSION)
		return -EPROTO;
	if (header->kind == RELAY_LOOKUP && size == sizeof(request->lookup) && fds[1] < 0)
		return begin(lookups, &request->lookup, fds[0]);
	if (header->kind == RELAY_SETTINGS && size == sizeof(request->settings) &&
	    lookups->on_settings)
		return lookups->on_settings(lookups->arg, &request->settings, fds[0], fds[1]);
	return -EPROTO;
}

/* Returns 1 when the agent has gone. */
static int take_message(struct lookups *lookups)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	union request request = { 0 };
	struct iovec part = { .iov_base = &request, .iov_len = sizeof(request) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(lookups->link, &message, MSG_CMSG_CLOEXEC);
	int fds[MAX_FDS], err = -EPROTO;

	if (got <= 0)
		return got ? -errno : 1;
	take_fds(&message, fds);
	if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		err = take_request(lookups, &request, (size_t)got, fds);
	for (int i = 0; err && i < MAX_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	explicit_bzero(&request, sizeof(request));
	return err;
}

/* ---- from engines and files ---------------------------------------------------------------- */

static int make_room(struct lookup *lookup)
{
	size_t cap = lookup->cap ? lookup->cap * 2 : PIECE;
	char *grown;

	if (lookup->len < lookup->cap)
		return 0;
	/* one byte beyond the limit shows that there is more */
	if (cap > ANSWER_MAX + 1)
		cap = ANSWER_MAX + 1;
	grown = cap > lookup->cap ? realloc(lookup->data, cap) : NULL;
	if (!grown)
		return -ENOMEM;
	lookup->data = grown;
	lookup->cap = cap;
	return 0;
}

static int read_some(struct lookups *lookups, struct lookup *lookup)
{
	ssize_t got;

	if (make_room(lookup))
		return finish_with(lookups, lookup, RELAY_BAD);
	got = read(lookup->fd, lookup->data + lookup->len, lookup->cap - lookup->len);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return finish_with(lookups, lookup, RELAY_BAD);
	lookup->len += (size_t)got;
	if (lookup->len > ANSWER_MAX)
		return finish_with(lookups, lookup, RELAY_BAD);
	if (got)
		return 0;
	answer_parse(lookup->data, lookup->len, &lookup->answer);
	return finish(lookups, lookup);
}

static int serve_lookup(struct lookups *lookups, struct lookup *lookup, short events)
{
	if (lookup->fd < 0)
		return 0;
	if (now_ms() >= lookup->deadline_ms)
		return finish_with(lookups, lookup, RELAY_TIMEOUT);
	return events ? read_some(lookups, lookup) : 0;
}

/* ---- all -------------------------------------------------------------------------------------- */

/* Places 0 to RELAY_MAX_LOOKUPS - 1 are the look-ups', the last one is the link's. */
static int wait_for_any(struct lookups *lookups, struct pollfd fds[RELAY_MAX_LOOKUPS + 1])
{
	uint64_t now = now_ms();
	int timeout = -1;

	for (int i = 0; i < RELAY_MAX_LOOKUPS; i++) {
		const struct lookup *lookup = &lookups->list[i];
		int left = lookup->deadline_ms > now ? (int)(lookup->deadline_ms - now) : 0;

		fds[i] = (struct pollfd){ .fd = lookup->fd, .events = POLLIN };
		if (lookup->fd >= 0 && (timeout < 0 || left < timeout))
			timeout = left;
	}
	fds[RELAY_MAX_LOOKUPS] = (struct pollfd){ .fd = lookups->link, .events = POLLIN };
	return poll(fds, RELAY_MAX_LOOKUPS + 1, timeout) < 0 && errno != EINTR ? -errno : 0;
}

static int serve_once(struct lookups *lookups)
{
	struct pollfd fds[RELAY_MAX_LOOKUPS + 1] = { 0 };
	int err = wait_for_any(lookups, fds);

	for (int i = 0; i < RELAY_MAX_LOOKUPS && !err; i++)
		err = serve_lookup(lookups, &lookups->list[i], fds[i].revents);
	if (!err && fds[RELAY_MAX_LOOKUPS].revents)
		err = take_message(lookups);
	return err;
}

int lookups_serve(int link, settings_fn on_settings, void *arg)
{
	struct lookups lookups = { .link = link, .on_settings = on_settings, .arg = arg };
	int err = 0;

	for (int i = 0; i < RELAY_MAX_LOOKUPS; i++)
		lookups.list[i].fd = -1;
	while (!err)
		err = serve_once(&lookups);
	for (int i = 0; i < RELAY_MAX_LOOKUPS; i++) {
		if (lookups.list[i].fd < 0)
			continue;
		close(lookups.list[i].fd);
		free(lookups.list[i].data);
	}
	return err > 0 ? 0 : err;
}
