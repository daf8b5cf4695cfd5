/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq -pthread */
/*
 * Threads that send and receive without a pause, and look at all that comes back: whether every call gives what it
 * must, and every byte is what was sent.
 *
 *	steady THREADS
 *
 * Says {"ready": PID} and begins. A line on stdin, or its end, stops it: {"messages": N, "wrong": N}, and the exit status
 * is 0 if nothing was wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_THREADS 64
#define MAX_SIZE 300 /* below and above what libzmq keeps inside a message */

static atomic_int stopped;

struct worker {
	pthread_t thread;
	unsigned number;
	uint64_t messages, wrong;
};

static void *open_socket(void *context, int type)
{
	void *socket = zmq_socket(context, type);

	if (!socket) {
		perror("socket");
		exit(EXIT_FAILURE);
	}
	return socket;
}

static void fill(unsigned char *bytes, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		bytes[i] = (unsigned char)(seed >> 56);
	}
}

/* One message there, by the one way or the other; returns how much was not as it must be. */
static unsigned pass(void *push, void *pull, uint64_t seed)
{
	unsigned char sent[MAX_SIZE], got[MAX_SIZE];
	size_t size = seed * 7919 % MAX_SIZE;
	unsigned wrong = 0;
	zmq_msg_t message;

	fill(sent, size, seed);
	memset(got, 0, sizeof(got));
	if (seed & 1) {
		wrong += zmq_send(push, sent, size, 0) != (int)size;
		wrong += zmq_recv(pull, got, sizeof(got), 0) != (int)size;
		return wrong + !!memcmp(sent, got, size);
	}
	zmq_msg_init_size(&message, size);
	memcpy(zmq_msg_data(&message), sent, size);
	wrong += zmq_msg_send(&message, push, 0) != (int)size;
	zmq_msg_init(&message);
	wrong += zmq_msg_recv(&message, pull, 0) != (int)size;
	wrong += zmq_msg_size(&message) != size || memcmp(zmq_msg_data(&message), sent, size) != 0;
	zmq_msg_close(&message);
	/* nothing is there: the errno must be the library's own */
	wrong += zmq_recv(pull, got, 1, ZMQ_DONTWAIT) != -1 || zmq_errno() != EAGAIN;
	return wrong;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	void *context = zmq_ctx_new();
	void *pull = open_socket(context, ZMQ_PULL), *push = open_socket(context, ZMQ_PUSH);

	if (zmq_bind(pull, "inproc://steady") || zmq_connect(push, "inproc://steady"))
		exit(EXIT_FAILURE);
	while (!stopped) {
		worker->wrong += pass(push, pull, worker->messages * 2654435761u + worker->number);
		worker->messages++;
	}
	zmq_close(push);
	zmq_close(pull);
	zmq_ctx_term(context);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	unsigned count = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	uint64_t messages = 0, wrong = 0;
	char line[16];

	if (!count || count > MAX_THREADS) {
		fprintf(stderr, "usage: steady THREADS (1 to %d)\n", MAX_THREADS);
		return 2;
	}
	for (unsigned i = 0; i < count; i++) {
		workers[i].number = i;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return EXIT_FAILURE;
	}
	printf("{\"ready\": %d}\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = 0;
	stopped = 1;
	for (unsigned i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		messages += workers[i].messages;
		wrong += workers[i].wrong;
	}
	printf("{\"messages\": %llu, \"wrong\": %llu}\n", (unsigned long long)messages,
	       (unsigned long long)wrong);
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
