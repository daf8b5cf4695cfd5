/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq */
/*
 * Many containers, as far as anybody can tell: processes in cgroups of their own, each with a pair of
 * sockets.
 *
 *	kernels COUNT PREFIX DIRECTORY...
 *
 * The i-th process joins the cgroup DIRECTORY/PREFIX%08x of each directory (which must exist) before
 * it opens a socket, and has a network of its own. Says {"ready": PID}, then takes commands on stdin, each answered by a line of
 * JSON:
 *
 *	go N SIZE	each process sends and receives N messages of SIZE bytes; {"messages": N}
 *	quit (or end)	ends all of them
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_SIZE (1 << 20)

struct command {
	uint32_t count;
	uint32_t size;
};

static void check(int ok, const char *step)
{
	if (ok)
		return;
	perror(step);
	exit(EXIT_FAILURE);
}

static void join(const char *directory, const char *prefix, unsigned i)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%08x/cgroup.procs", directory, prefix, i);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, "0", 1) == 1, path);
	close(fd);
}

static void go(void *push, void *pull, const struct command *command)
{
	static char buffer[MAX_SIZE];
	static struct {
		pid_t pid;
		uint32_t serial;
	} head; /* no two messages are equal, if there is room for it */

	head.pid = getpid();
	for (uint32_t i = 0; i < command->count; i++) {
		head.serial++;
		if (command->size >= sizeof(head))
			memcpy(buffer, &head, sizeof(head));
		check(zmq_send(push, buffer, command->size, 0) >= 0, "send");
		check(zmq_recv(pull, buffer, command->size, 0) >= 0, "receive");
	}
}

/* A process of the crowd: does what comes through `fd`, until it is closed. */
static void serve(int fd)
{
	void *context = zmq_ctx_new();
	struct command command;
	void *push, *pull;

	check(context && !zmq_ctx_set(context, ZMQ_IO_THREADS, 0), "context");
	push = zmq_socket(context, ZMQ_PUSH);
	pull = zmq_socket(context, ZMQ_PULL);
	check(push && pull, "socket");
	check(!zmq_bind(pull, "inproc://kernel") && !zmq_connect(push, "inproc://kernel"), "bind");
	check(write(fd, "r", 1) == 1, "ready");
	while (read(fd, &command, sizeof(command)) == sizeof(command)) {
		go(push, pull, &command);
		check(write(fd, "d", 1) == 1, "done");
	}
	_exit(EXIT_SUCCESS);
}

static int start(unsigned i, char **argv)
{
	int ends[2];
	pid_t pid;

	check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
	pid = fork();
	check(pid >= 0, "fork");
	if (pid) {
		close(ends[1]);
		return ends[0];
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* else it would hold the ends of those before it open */
	check(!close_range(3, (unsigned)ends[1] - 1, 0) &&
		      !close_range((unsigned)ends[1] + 1, ~0u, 0),
	      "close_range");
	check(!unshare(CLONE_NEWNET), "unshare");
	for (char **directory = argv + 3; *directory; directory++)
		join(*directory, argv[2], i);
	serve(ends[1]);
	return -1;
}

static void await_all(const int *fds, unsigned long count)
{
	char byte;

	for (unsigned long i = 0; i < count; i++)
		check(read(fds[i], &byte, 1) == 1, "a process has ended");
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct command command;
	struct rlimit files;
	char line[64];
	int *fds;

	if (!count || count > 100000) {
		fprintf(stderr, "usage: kernels COUNT PREFIX DIRECTORY...\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	fds = calloc(count, sizeof(*fds));
	check(fds != NULL, "calloc");
	for (unsigned long i = 0; i < count; i++)
		fds[i] = start((unsigned)i, argv);
	await_all(fds, count);
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "go %u %u", &command.count, &command.size) != 2 ||
		    command.size > MAX_SIZE)
			break;
		for (unsigned long i = 0; i < count; i++)
			check(write(fds[i], &command, sizeof(command)) == sizeof(command), "go");
		await_all(fds, count);
		printf("{\"messages\": %u}\n", command.count);
	}
	for (unsigned long i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
	while (wait(NULL) > 0)
		;
	return EXIT_SUCCESS;
}
