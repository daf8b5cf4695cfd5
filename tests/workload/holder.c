/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that holds the lock of its own memory for as long as the server of a FUSE filesystem likes: it has written to a
 * page of a file, and maps something else over it.
 *
 *	holder
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	load LIBZMQ ENDPOINT	from now on a PUSH and a PULL socket of this library are used; {"loaded": LIBZMQ}
 *	go N			sends and receives N messages of one byte; {"messages": N}
 *	hold FILE		{"holding": FILE} when another thread is about to
 *	wait			until it is over; {"held": false}
 *	end of stdin		ends the program
 *
 * While it is held, nothing here needs that lock: messages that small need no memory, and the queues have theirs once some
 * have been sent.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zmq.h>

#define PAGE 4096

struct sockets {
	__typeof__(zmq_send) *send;
	__typeof__(zmq_recv) *receive;
	void *push, *pull;
};

static void must(int good, const char *step)
{
	if (good)
		return;
	fprintf(stderr, "holder: %s failed\n", step);
	exit(EXIT_FAILURE);
}

static void *function(void *library, const char *name)
{
	void *found = dlsym(library, name);

	must(found != NULL, name);
	return found;
}

/* The last sockets stay open. */
static void load(const char *path, const char *endpoint, struct sockets *out)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	__typeof__(zmq_ctx_new) *new_context;
	__typeof__(zmq_socket) *open_socket;
	__typeof__(zmq_bind) *bind;
	__typeof__(zmq_connect) *connect;
	void *context;

	must(library != NULL, "dlopen");
	new_context = function(library, "zmq_ctx_new");
	open_socket = function(library, "zmq_socket");
	bind = function(library, "zmq_bind");
	connect = function(library, "zmq_connect");
	out->send = function(library, "zmq_send");
	out->receive = function(library, "zmq_recv");
	context = new_context();
	must(context != NULL, "context");
	out->pull = open_socket(context, ZMQ_PULL);
	out->push = open_socket(context, ZMQ_PUSH);
	must(out->pull && !bind(out->pull, endpoint), "bind");
	must(out->push && !connect(out->push, endpoint), "connect");
	printf("{\"loaded\": \"%s\"}\n", path);
}

static void go(const struct sockets *sockets, unsigned long count)
{
	char byte = 0;

	for (unsigned long i = 0; i < count; i++) {
		must(sockets->send(sockets->push, &byte, 1, 0) == 1, "send");
		must(sockets->receive(sockets->pull, &byte, 1, 0) == 1, "receive");
	}
	printf("{\"messages\": %lu}\n", count);
}

static void *map_over(void *page)
{
	must(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		  0) != MAP_FAILED,
	     "mmap");
	return NULL;
}

static pthread_t hold(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pthread_t thread;

	must(page != MAP_FAILED, "mmap");
	close(fd); /* while the server answers */
	memset(page, 1, 16);
	must(!pthread_create(&thread, NULL, map_over, page), "thread");
	printf("{\"holding\": \"%s\"}\n", path);
	return thread;
}

int main(void)
{
	char line[512], one[256], other[128];
	struct sockets sockets = { 0 };
	pthread_t holding = 0;
	unsigned long count;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "load %255s %127s", one, other) == 2) {
			load(one, other, &sockets);
		} else if (sscanf(line, "go %lu", &count) == 1 && sockets.send) {
			go(&sockets, count);
		} else if (sscanf(line, "hold %255s", one) == 1) {
			holding = hold(one);
		} else {
			must(holding && !pthread_join(holding, NULL), "wait");
			printf("{\"held\": false}\n");
		}
	}
	_exit(EXIT_SUCCESS); /* the sockets are left to the system */
}
