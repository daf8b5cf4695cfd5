/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq */
/*
 * A PUSH and a PULL socket at one endpoint, in one thread: what is sent is received right away, so
 * that there never is a call in flight that a tap could miss.
 *
 *	pair ENDPOINT
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	go N SIZE	sends and receives N messages of SIZE bytes;
 *			{"messages": N, "bytes": N * SIZE}
 *	fail N		N receives that would block, N that run into their time-out, N sends on the
 *			PULL socket; {"failed": 3 * N}
 *	quit (or end)	ends the program
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_SIZE (1 << 20)

static void check(int result, const char *step)
{
	if (result >= 0)
		return;
	fprintf(stderr, "pair: %s: %s\n", step, zmq_strerror(zmq_errno()));
	exit(EXIT_FAILURE);
}

static void *open_socket(void *context, int type)
{
	void *socket = zmq_socket(context, type);
	int linger = 0;

	if (!socket)
		check(-1, "socket");
	check(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)), "linger");
	return socket;
}

static void go(void *push, void *pull, unsigned long count, unsigned long size)
{
	static unsigned long serial; /* no two messages are equal, if there is room for it */
	static char buffer[MAX_SIZE];

	for (unsigned long i = 0; i < count; i++) {
		if (size >= sizeof(serial))
			memcpy(buffer, &serial, sizeof(serial));
		serial++;
		check(zmq_send(push, buffer, size, 0), "send");
		check(zmq_recv(pull, buffer, size, 0), "receive");
	}
	printf("{\"messages\": %lu, \"bytes\": %lu}\n", count, count * size);
}

static void must_fail(int result, int error)
{
	if (result >= 0 || zmq_errno() != error)
		check(-1, "fail");
}

static void fail(void *pull, unsigned long count)
{
	int timeout = 1; /* ms */
	char byte;

	check(zmq_setsockopt(pull, ZMQ_RCVTIMEO, &timeout, sizeof(timeout)), "time-out");
	for (unsigned long i = 0; i < count; i++) {
		must_fail(zmq_recv(pull, &byte, 1, ZMQ_DONTWAIT), EAGAIN);
		must_fail(zmq_recv(pull, &byte, 1, 0), EAGAIN);
		must_fail(zmq_send(pull, "", 0, 0), ENOTSUP);
	}
	timeout = -1;
	check(zmq_setsockopt(pull, ZMQ_RCVTIMEO, &timeout, sizeof(timeout)), "time-out");
	printf("{\"failed\": %lu}\n", 3 * count);
}

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *push, *pull;
	unsigned long count, size;
	char line[64];

	if (argc != 2) {
		fprintf(stderr, "usage: pair ENDPOINT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pull = open_socket(context, ZMQ_PULL);
	push = open_socket(context, ZMQ_PUSH);
	check(zmq_bind(pull, argv[1]), "bind");
	check(zmq_connect(push, argv[1]), "connect");
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "go %lu %lu", &count, &size) == 2 && size <= MAX_SIZE)
			go(push, pull, count, size);
		else if (sscanf(line, "fail %lu", &count) == 1)
			fail(pull, count);
		else
			break;
	}
	zmq_close(push);
	zmq_close(pull);
	zmq_ctx_term(context);
	return EXIT_SUCCESS;
}
