/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq -pthread */
/*
 * A short life: threads that open a PUSH and a PULL socket, pass messages and close them, again and
 * again.
 *
 *	churn ENDPOINT THREADS ROUNDS MESSAGES END
 *
 * Each of the THREADS does ROUNDS times MESSAGES at ENDPOINT, which has to be an inproc:// one:
 * each thread has a context of its own. Then {"messages": N} is said, N being all of them together.
 * END says how it ends then:
 *
 *	exit	by itself
 *	block	it waits for a message that never comes, until it is killed
 *	busy	it goes on without end, at ENDPOINT followed by "-busy", until it is killed
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define MAX_THREADS 16

struct job {
	const char *endpoint;
	unsigned long rounds, messages;
};

static void check(int ok, const char *step)
{
	if (ok)
		return;
	fprintf(stderr, "churn: %s: %s\n", step, zmq_strerror(zmq_errno()));
	exit(EXIT_FAILURE);
}

static void round_trip(void *push, void *pull)
{
	char buffer[32] = { 0 };

	check(zmq_send(push, buffer, sizeof(buffer), 0) == sizeof(buffer), "send");
	check(zmq_recv(pull, buffer, sizeof(buffer), 0) == sizeof(buffer), "receive");
}

static void *work(void *arg)
{
	const struct job *job = arg;
	void *context = zmq_ctx_new();

	for (unsigned long i = 0; i < job->rounds; i++) {
		void *pull = zmq_socket(context, ZMQ_PULL), *push = zmq_socket(context, ZMQ_PUSH);

		check(pull && !zmq_bind(pull, job->endpoint), "bind");
		check(push && !zmq_connect(push, job->endpoint), "connect");
		for (unsigned long j = 0; j < job->messages; j++)
			round_trip(push, pull);
		/* closing takes its time, and the name is needed for the next round */
		check(!zmq_unbind(pull, job->endpoint), "unbind");
		check(!zmq_close(push) && !zmq_close(pull), "close");
	}
	check(!zmq_ctx_term(context), "end");
	return NULL;
}

static void work_in_threads(struct job *job, unsigned long count)
{
	pthread_t threads[MAX_THREADS];

	for (unsigned long i = 0; i < count; i++)
		check(!pthread_create(&threads[i], NULL, work, job), "thread");
	for (unsigned long i = 0; i < count; i++)
		check(!pthread_join(threads[i], NULL), "thread");
}

static void block(void)
{
	void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PULL);
	char byte;

	check(socket && !zmq_bind(socket, "inproc://block"), "bind");
	zmq_recv(socket, &byte, 1, 0);
}

static void go_on(const struct job *job, unsigned long threads)
{
	char endpoint[256];
	struct job endless = { .endpoint = endpoint, .rounds = 1, .messages = ULONG_MAX };

	snprintf(endpoint, sizeof(endpoint), "%s-busy", job->endpoint);
	work_in_threads(&endless, threads);
}

int main(int argc, char **argv)
{
	unsigned long threads;
	struct job job;

	if (argc != 6) {
		fprintf(stderr, "usage: churn ENDPOINT THREADS ROUNDS MESSAGES END\n");
		return 2;
	}
	job.endpoint = argv[1];
	threads = strtoul(argv[2], NULL, 10);
	job.rounds = strtoul(argv[3], NULL, 10);
	job.messages = strtoul(argv[4], NULL, 10);
	check(threads > 0 && threads <= MAX_THREADS, "THREADS");
	work_in_threads(&job, threads);
	printf("{\"messages\": %lu}\n", threads * job.rounds * job.messages);
	fflush(stdout);
	if (!strcmp(argv[5], "block"))
		block();
	else if (!strcmp(argv[5], "busy"))
		go_on(&job, threads);
	return EXIT_SUCCESS;
}
