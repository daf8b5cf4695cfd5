/* SPDX-License-Identifier: Apache-2.0 */
#include "relay_link.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "relay_starter.h"
#include "util/log.h"
#include "util/plausible.h"

#define FIRST_WAIT_NS 1000000000ull /* before it is started again; twice as long each time */
#define MAX_WAIT_NS 60000000000ull
#define SETTLED_NS 60000000000ull /* one that has run for so long begins with a short wait anew */
#define STUCK_NS 5000000000ull /* the relay itself gives up after RELAY_TIMEOUT_MS */

struct asked {
	uint32_t number; /* 0 = free place */
	uint32_t source;
	uint64_t since_ns;
	char container[sizeof(((struct relay_answer *)0)->container)];
};

struct relay_link {
	struct relay_starter *starter; /* NULL: there is never a relay */
	int epoll_fd; /* of the socket alone, so that the agent's descriptor outlives the relay */
	int socket; /* -1: no relay */
	pid_t pid; /* of the relay, as long as there is one */
	uint32_t number;
	uint64_t started_ns;
	uint64_t wait_ns, start_at_ns;
	struct asked asked[RELAY_MAX_LOOKUPS];
};

/* ---- start and end ---------------------------------------------------------------------------- */

static void wait_longer(struct relay_link *link, uint64_t now_ns)
{
	if (!link->wait_ns || now_ns - link->started_ns >= SETTLED_NS)
		link->wait_ns = FIRST_WAIT_NS;
	else if (link->wait_ns < MAX_WAIT_NS)
		link->wait_ns *= 2;
	link->start_at_ns = now_ns + link->wait_ns;
}

static int reap(struct relay_link *link)
{
	close(link->socket);
	link->socket = -1;
	return relay_starter__end(link->starter);
}

static int watch(struct relay_link *link)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, link->socket, &event) ? -errno : 0;
}

static int start(struct relay_link *link, uint64_t now_ns)
{
	int pair[2], pid, err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = relay_starter__start(link->starter, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
	}
	link->pid = pid;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	link->socket = pair[0];
	link->started_ns = now_ns;
	err = watch(link);
	if (err)
		reap(link);
	return err;
}

static void try_to_start(struct relay_link *link, uint64_t now_ns)
{
	int err = start(link, now_ns);

	if (!err)
		return;
	wait_longer(link, now_ns);
	log_msg(LOG_WARN,
		"cannot start tapmeter-relay: containers have no names from their engines",
		LOG_STR("error", strerror(-err)));
}

static int link_open(struct relay_link *link, int program)
{
	link->socket = -1;
	link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (link->epoll_fd < 0)
		return -errno;
	return program < 0 ? 0 : relay_starter__new(program, &link->starter);
}

int relay_link__new(int program, uint64_t now_ns, struct relay_link **out)
{
	struct relay_link *link = calloc(1, sizeof(*link));
	int err = link ? link_open(link, program) : -ENOMEM;

	if (program >= 0)
		close(program); /* the starter has its own */
	if (err) {
		relay_link__free(link);
		return err;
	}
	if (link->starter)
		try_to_start(link, now_ns);
	*out = link;
	return 0;
}

void relay_link__free(struct relay_link *link)
{
	if (!link)
		return;
	if (link->socket >= 0)
		close(link->socket);
	relay_starter__free(link->starter);
	if (link->epoll_fd >= 0)
		close(link->epoll_fd);
	free(link);
}

int relay_link__fd(const struct relay_link *link)
{
	return link->epoll_fd;
}

/* The relay has ended, or must. */
static void give_up(struct relay_link *link, const char *reason, relay_answer_fn fn, void *arg,
		    uint64_t now_ns)
{
	int status = reap(link);

	if (status < 0)
		status = 0;
	wait_longer(link, now_ns);
	log_msg(LOG_WARN, "tapmeter-relay has ended", LOG_STR("reason", reason),
		LOG_U64("exit_status", (uint64_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 0)),
		LOG_U64("signal", (uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : 0)),
		LOG_U64("again_in_seconds", link->wait_ns / 1000000000));
	for (size_t i = 0; i < RELAY_MAX_LOOKUPS; i++) {
		struct asked *asked = &link->asked[i];
		struct relay_answer answer = { .status = RELAY_GONE, .source = asked->source };

		if (!asked->number)
			continue;
		memcpy(answer.container, asked->container, sizeof(answer.container));
		asked->number = 0;
		fn(arg, &answer);
	}
}

/* ---- asking -------------------------------------------------------------------------------------- */

#define MAX_FDS 2

static int send_with(int socket, const void *what, size_t size, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)(uintptr_t)what, .iov_len = size };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static struct asked *find_asked(struct relay_link *link, uint32_t number)
{
	for (size_t i = 0; i < RELAY_MAX_LOOKUPS; i++)
		if (link->asked[i].number == number)
			return &link->asked[i];
	return NULL;
}

int relay_link__has_room(const struct relay_link *link)
{
	for (size_t i = 0; link->socket >= 0 && i < RELAY_MAX_LOOKUPS; i++)
		if (!link->asked[i].number)
			return 1;
	return 0;
}

static int ask(struct relay_link *link, enum relay_source source, const char *container, int fd,
	       uint64_t now_ns)
{
	struct relay_lookup lookup = {
		.header = {
			.version = RELAY_PROTO_VERSION,
			.kind = RELAY_LOOKUP,
			.size = sizeof(lookup),
		},
		.source = source,
	};
	struct asked *asked = find_asked(link, 0);
	int err;

	if (link->socket < 0 || !asked)
		return -EAGAIN;
	if (!++link->number)
		link->number = 1;
	lookup.header.number = link->number;
	snprintf(lookup.container, sizeof(lookup.container), "%s", container);
	err = send_with(link->socket, &lookup, sizeof(lookup), &fd, 1);
	if (err)
		return err;
	*asked = (struct asked){ .number = link->number, .source = source, .since_ns = now_ns };
	memcpy(asked->container, lookup.container, sizeof(asked->container));
	return 0;
}

int relay_link__ask(struct relay_link *link, enum relay_source source, const char *container,
		    int fd, uint64_t now_ns)
{
	int err = ask(link, source, container, fd, now_ns);

	close(fd);
	return err;
}

/* ---- what it puts out --------------------------------------------------------------------------- */

pid_t relay_link__pid(const struct relay_link *link)
{
	return link->socket >= 0 ? link->pid : 0;
}

int relay_link__settings(struct relay_link *link, const struct relay_settings *settings, int feed,
			 int listener)
{
	const int fds[MAX_FDS] = { feed, listener };

	if (link->socket < 0)
		return -EAGAIN;
	return send_with(link->socket, settings, sizeof(*settings), fds, listener < 0 ? 1 : 2);
}

int relay_link__wait(struct relay_link *link, uint64_t timeout_ns)
{
	struct pollfd end = { .fd = link->socket, .events = POLLRDHUP };

	/* what it still answers is of no interest: only that it has gone */
	if (link->socket < 0 || poll(&end, 1, (int)(timeout_ns / 1000000)) > 0)
		return 0;
	return -ETIMEDOUT;
}

/* ---- answers ---------------------------------------------------------------------------------------- */

static void check_name(char *name, size_t size)
{
	if (!plausible_name(name, size))
		memset(name, 0, size);
}

/* -EPROTO: nobody who keeps to the protocol says this. */
static int check_answer(struct relay_link *link, struct relay_answer *answer, ssize_t size)
{
	struct asked *asked;

	if (size != sizeof(*answer) || answer->header.size != sizeof(*answer) ||
	    answer->header.version != RELAY_PROTO_VERSION || answer->header.kind != RELAY_ANSWER ||
	    answer->status >= RELAY_GONE || !answer->header.number)
		return -EPROTO;
	asked = find_asked(link, answer->header.number);
	if (!asked || asked->source != answer->source ||
	    strncmp(asked->container, answer->container, sizeof(answer->container)) != 0)
		return -EPROTO;
	asked->number = 0;
	check_name(answer->name, sizeof(answer->name));
	check_name(answer->kernel_id, sizeof(answer->kernel_id));
	check_name(answer->pod, sizeof(answer->pod));
	check_name(answer->namespace, sizeof(answer->namespace));
	return 0;
}

void relay_link__read(struct relay_link *link, relay_answer_fn fn, void *arg, uint64_t now_ns)
{
	struct relay_answer answer;
	ssize_t got;

	while (link->socket >= 0) {
		/* with MSG_TRUNC: the whole length, also of one that is too long */
		got = recv(link->socket, &answer, sizeof(answer), MSG_TRUNC);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			give_up(link, "it closed the link", fn, arg, now_ns);
		else if (check_answer(link, &answer, got))
			give_up(link, "its answer was not to be understood", fn, arg, now_ns);
		else
			fn(arg, &answer);
	}
}

void relay_link__tick(struct relay_link *link, relay_answer_fn fn, void *arg, uint64_t now_ns)
{
	if (!link->starter)
		return;
	if (link->socket < 0) {
		if (now_ns >= link->start_at_ns)
			try_to_start(link, now_ns);
		return;
	}
	for (size_t i = 0; i < RELAY_MAX_LOOKUPS; i++) {
		if (!link->asked[i].number || now_ns - link->asked[i].since_ns < STUCK_NS)
			continue;
		give_up(link, "it did not answer", fn, arg, now_ns);
		return;
	}
}
