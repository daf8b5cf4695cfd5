/* SPDX-License-Identifier: Apache-2.0 */
#include "relay_starter.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/privileges.h"
#include "util/relay_proto.h"

#define NOBODY 65534
#define ANSWER_S 5 /* it does nothing that takes long */
#define END_MS 5000

/* The starter's own descriptors; RELAY_FD is free for what the relay is given. */
#define LINK_FD (RELAY_FD + 1)
#define PROGRAM_FD (RELAY_FD + 2)

enum order {
	ORDER_END, /* the relay, or what has become of it */
	ORDER_START, /* with the relay's link */
};

struct relay_starter {
	pid_t pid;
	int socket;
};

/* ---- the child ---------------------------------------------------------------------------------- */

static int drop_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* one that is not root stays who it is, without capabilities */
	if (!geteuid() &&
	    (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) ||
	     syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY)))
		return -errno;
	return privileges_drop_all();
}

static void block_signals(void)
{
	sigset_t set;

	/* the agent's end ends it, nothing else: a terminal's Ctrl-C is for the agent */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int set_up(int program, int socket)
{
	int null = open("/dev/null", O_RDWR);

	/* above the places that are filled now */
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	socket = fcntl(socket, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || program < 0 || socket < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup3(socket, LINK_FD, O_CLOEXEC) < 0 || dup3(program, PROGRAM_FD, O_CLOEXEC) < 0)
		return -errno;
	close(RELAY_FD);
	if (syscall(SYS_close_range, PROGRAM_FD + 1, ~0u, 0))
		return -errno;
	prctl(PR_SET_NAME, "relay-starter");
	block_signals();
	return drop_privileges();
}

static void be_relay(int socket)
{
	char *const argv[] = { (char *)"tapmeter-relay", NULL };
	char *const no_environment[] = { NULL };

	if (socket == RELAY_FD ? !fcntl(socket, F_SETFD, 0) : dup2(socket, RELAY_FD) >= 0)
		fexecve(PROGRAM_FD, argv, no_environment);
	_exit(127);
}

static int end_relay(pid_t *pid)
{
	int status = -ESRCH;

	if (*pid <= 0)
		return status;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
	return status;
}

static int start_relay(pid_t *pid, int socket)
{
	end_relay(pid);
	if (socket < 0)
		return -EBADF;
	*pid = fork();
	if (!*pid)
		be_relay(socket);
	return *pid < 0 ? -errno : *pid;
}

/* Returns the order, with *fd what came with it or -1; -errno at the end of the link. */
static int next_order(int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	char order = 0;
	struct iovec part = { .iov_base = &order, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(LINK_FD, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return order;
}

static void serve(void)
{
	int order, socket, answer;
	pid_t relay = 0;

	while ((order = next_order(&socket)) >= 0) {
		answer = order == ORDER_START ? start_relay(&relay, socket) : end_relay(&relay);
		if (socket >= 0)
			close(socket);
		if (send(LINK_FD, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			break;
	}
	end_relay(&relay);
}

/* ---- the agent's end ------------------------------------------------------------------------------ */

static void __attribute__((noreturn)) be_starter(int program, int socket)
{
	if (!set_up(program, socket))
		serve();
	_exit(0);
}

int relay_starter__new(int program, struct relay_starter **out)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	struct relay_starter *starter = calloc(1, sizeof(*starter));
	int pair[2], err;

	if (!starter)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
		free(starter);
		return err;
	}
	starter->pid = fork();
	if (!starter->pid) {
		free(starter); /* the agent's */
		be_starter(program, pair[1]);
	}
	err = starter->pid < 0 ? -errno : 0;
	close(pair[1]);
	starter->socket = pair[0];
	if (err) {
		close(pair[0]);
		free(starter);
		return err;
	}
	setsockopt(starter->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	*out = starter;
	return 0;
}

/* Nobody's processes cannot be killed without CAP_KILL: one that is stuck is left behind. */
static void wait_for_end(pid_t pid)
{
	struct pollfd process = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };

	if (process.fd >= 0) {
		poll(&process, 1, END_MS);
		close(process.fd);
	}
	waitpid(pid, NULL, WNOHANG);
}

void relay_starter__free(struct relay_starter *starter)
{
	if (!starter)
		return;
	close(starter->socket);
	wait_for_end(starter->pid);
	free(starter);
}

static int give_order(struct relay_starter *starter, enum order order, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	char text = (char)order;
	struct iovec part = { .iov_base = &text, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;
	int answer;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	if (sendmsg(starter->socket, &message, MSG_NOSIGNAL) < 0)
		return -EPIPE;
	return recv(starter->socket, &answer, sizeof(answer), 0) == sizeof(answer) ? answer :
										     -EPIPE;
}

int relay_starter__start(struct relay_starter *starter, int socket)
{
	return give_order(starter, ORDER_START, socket);
}

int relay_starter__end(struct relay_starter *starter)
{
	return give_order(starter, ORDER_END, -1);
}
