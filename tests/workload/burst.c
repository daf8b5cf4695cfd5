/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that comes to ZeroMQ late: it loads the library by its name while it runs, and sends at
 * once.
 *
 *	burst LIBRARY EARLY ENDPOINT MILLISECONDS MESSAGES
 *
 * Says {"actor": "main", "verb": "start", "pid": PID} and waits for a line on stdin. Then it loads
 * the library, sends without a pause at EARLY for so many milliseconds, and at ENDPOINT so many
 * messages, of which it gives an account as tests/workload/peer.c does. With every further line it
 * sends so many more. The end of stdin ends it, but not before it has sent once.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ZMQ_PUB 1 /* as include/zmq.h has it; a header that is not needed to build this */
#define SIZE 10

static void *(*new_context)(void);
static void *(*new_socket)(void *context, int type);
static int (*connect_socket)(void *socket, const char *endpoint);
static int (*send_frame)(void *socket, const void *buffer, size_t size, int flags);

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "burst: %s failed\n", what);
	exit(EXIT_FAILURE);
}

static void *find(void *library, const char *name)
{
	void *function = dlsym(library, name);

	check(function != NULL, name);
	return function;
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);

	check(library != NULL, path);
	*(void **)&new_context = find(library, "zmq_ctx_new");
	*(void **)&new_socket = find(library, "zmq_socket");
	*(void **)&connect_socket = find(library, "zmq_connect");
	*(void **)&send_frame = find(library, "zmq_send");
}

/* A socket that takes whatever is sent, though nobody listens. */
static void *open_socket(void *context, const char *endpoint)
{
	void *socket = new_socket(context, ZMQ_PUB);

	check(socket && !connect_socket(socket, endpoint), endpoint);
	return socket;
}

static void send_one(void *socket)
{
	static const char buffer[SIZE];

	check(send_frame(socket, buffer, SIZE, 0) == SIZE, "zmq_send");
}

static void say(const char *endpoint, long messages)
{
	printf("{\"actor\": \"main\", \"verb\": \"send\", \"direction\": \"send\", "
	       "\"socket_type\": \"pub\", \"endpoint\": \"%s\", \"messages\": %ld, "
	       "\"frames\": %ld, \"bytes\": %ld}\n",
	       endpoint, messages, messages, messages * SIZE);
	fflush(stdout);
}

static int wait_for_line(void)
{
	char line[64];

	return fgets(line, sizeof(line), stdin) != NULL;
}

int main(int argc, char **argv)
{
	void *context, *early, *socket;
	long messages, sent = 0;
	long long end;

	check(argc == 6, "usage: burst LIBRARY EARLY ENDPOINT MILLISECONDS MESSAGES");
	messages = atol(argv[5]);
	printf("{\"actor\": \"main\", \"verb\": \"start\", \"pid\": %d}\n", getpid());
	fflush(stdout);
	wait_for_line();
	load(argv[1]);
	end = now_ms() + atol(argv[4]);
	context = new_context();
	early = open_socket(context, argv[2]);
	socket = open_socket(context, argv[3]);
	for (; now_ms() < end; sent++)
		send_one(early);
	say(argv[2], sent);
	do {
		for (long i = 0; i < messages; i++)
			send_one(socket);
		say(argv[3], messages);
	} while (wait_for_line());
	_exit(EXIT_SUCCESS);
}
