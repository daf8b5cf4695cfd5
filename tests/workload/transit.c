/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq -pthread */
/*
 * Sends or receives messages and writes down when: what is true about delivery times.
 *
 *	transit MODE TYPE bind|connect ENDPOINT COUNT SIZE GAP_US HEARTBEATS FILE
 *
 * MODE: send, recv, ask (send, then receive an answer, of each message), answer, or both (a send and a recv thread, TYPE
 * is SENDER/RECEIVER). A message holds the time (CLOCK_MONOTONIC, ns) and its number, 8 bytes each, then zeros. HEARTBEATS of
 * 100 are all equal instead: zeros only. GAP_US: pause between sends; of a recv, between receives. FILE: two
 * int64 for each message: when it was sent (before the call; 0 = a heartbeat received) and when received (after;
 * 0 = it was sent here).
 *
 * Says {"ready": PID, "endpoint": …}, begins at the first line on stdin, then says {"done": COUNT} and
 * ends at the end of stdin. As transit.py and transit.js.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

struct record {
	int64_t sent, received;
};

struct job {
	void *socket;
	int addressed; /* ROUTER: a frame with the peer's id comes first */
	long count, size, gap_us, heartbeats;
	struct record *records;
	char id[256];
	int id_size;
};

static void check(int ok, const char *step)
{
	if (ok)
		return;
	fprintf(stderr, "transit: %s: %s\n", step, zmq_strerror(zmq_errno()));
	exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void pause_us(long us)
{
	struct timespec ts = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	if (us)
		nanosleep(&ts, NULL);
}

static void send_one(struct job *job, long i, struct record *record)
{
	char *data = calloc(1, (size_t)job->size);
	int64_t number = i;
	zmq_msg_t message;

	check(data && !zmq_msg_init_size(&message, (size_t)job->size), "message");
	free(data);
	memset(zmq_msg_data(&message), 0, (size_t)job->size);
	if (job->addressed)
		check(zmq_send(job->socket, job->id, (size_t)job->id_size, ZMQ_SNDMORE) >= 0, "id");
	record->sent = now_ns();
	if (i % 100 >= job->heartbeats) {
		memcpy(zmq_msg_data(&message), &record->sent, sizeof(record->sent));
		memcpy((char *)zmq_msg_data(&message) + 8, &number, sizeof(number));
	}
	/* both functions, in turns */
	if (i & 1) {
		check(zmq_msg_send(&message, job->socket, 0) >= 0, "send");
	} else {
		check(zmq_send(job->socket, zmq_msg_data(&message), (size_t)job->size, 0) >= 0,
		      "send");
		zmq_msg_close(&message);
	}
}

static void recv_one(struct job *job, long i, struct record *record)
{
	static __thread char buffer[2 << 20];
	int64_t words[2] = { 0 };
	int size;

	if (job->addressed) {
		job->id_size = zmq_recv(job->socket, job->id, sizeof(job->id), 0);
		check(job->id_size >= 0, "id");
	}
	if (i & 1) {
		size = zmq_recv(job->socket, buffer, sizeof(buffer), 0);
		record->received = now_ns();
		memcpy(words, buffer, sizeof(words));
	} else {
		zmq_msg_t message;

		zmq_msg_init(&message);
		size = zmq_msg_recv(&message, job->socket, 0);
		record->received = now_ns();
		if (size >= 16)
			memcpy(words, zmq_msg_data(&message), sizeof(words));
		zmq_msg_close(&message);
	}
	check(size == job->size, "receive");
	record->sent = words[0];
}

static void *run_send(void *arg)
{
	struct job *job = arg;

	for (long i = 0; i < job->count; i++) {
		send_one(job, i, &job->records[i]);
		pause_us(job->gap_us);
	}
	return NULL;
}

static void *run_recv(void *arg)
{
	struct job *job = arg;

	for (long i = 0; i < job->count; i++) {
		recv_one(job, i, &job->records[i]);
		pause_us(job->gap_us);
	}
	return NULL;
}

/* Only what is received is written down. */
static void run_turns(struct job *job, int asks)
{
	struct record ignored;

	for (long i = 0; i < job->count; i++) {
		if (asks)
			send_one(job, i, &ignored);
		recv_one(job, i, &job->records[i]);
		if (!asks)
			send_one(job, i, &ignored);
		pause_us(job->gap_us);
	}
}

static int type_of(const char *name, size_t len)
{
	static const char *const names[] = { "pair",   "pub",	 "sub",	 "req", "rep",
					     "dealer", "router", "pull", "push" };

	for (int i = 0; i < 9; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return i;
	fprintf(stderr, "transit: no type %s\n", name);
	exit(EXIT_FAILURE);
}

static void *open_socket(void *context, int type, int binds, const char *endpoint)
{
	void *socket = zmq_socket(context, type);
	int none = 0;

	check(socket != NULL, "socket");
	zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof(none));
	zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof(none));
	zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
	if (type == ZMQ_SUB)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	check(!(binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)), endpoint);
	return socket;
}

static void save(const char *path, const struct record *records, long count)
{
	FILE *file = fopen(path, "w");

	check(file && fwrite(records, sizeof(*records), (size_t)count, file) == (size_t)count &&
		      !fclose(file),
	      path);
}

static void run_both(struct job *job, void *context, const char *types, const char *endpoint)
{
	size_t len = strcspn(types, "/");
	struct job sender = *job;
	pthread_t thread;

	job->gap_us = 0;
	job->socket = open_socket(context, type_of(types + len + 1, strlen(types + len + 1)), 1,
				  endpoint);
	sender.socket = open_socket(context, type_of(types, len), 0, endpoint);
	sender.records = calloc((size_t)job->count, sizeof(struct record));
	check(sender.records && !pthread_create(&thread, NULL, run_send, &sender), "thread");
	run_recv(job);
	pthread_join(thread, NULL);
	free(sender.records);
	zmq_close(sender.socket);
}

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new();
	struct job job = { 0 };
	char endpoint[256];
	size_t size = sizeof(endpoint);
	int both;

	check(argc == 10, "arguments");
	both = !strcmp(argv[1], "both");
	job.count = atol(argv[5]);
	job.size = atol(argv[6]);
	job.gap_us = atol(argv[7]);
	job.heartbeats = atol(argv[8]);
	job.addressed = strstr(argv[2], "router") != NULL;
	job.records = calloc((size_t)job.count, sizeof(*job.records));
	check(job.records && job.size >= 16, "arguments");
	strcpy(endpoint, "");
	if (!both) {
		job.socket = open_socket(context, type_of(argv[2], strlen(argv[2])),
					 !strcmp(argv[3], "bind"), argv[4]);
		zmq_getsockopt(job.socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
	}
	printf("{\"ready\": %d, \"endpoint\": \"%s\"}\n", (int)getpid(), endpoint);
	fflush(stdout);
	while (getchar() != '\n')
		;
	if (both)
		run_both(&job, context, argv[2], argv[4]);
	else if (!strcmp(argv[1], "send"))
		run_send(&job);
	else if (!strcmp(argv[1], "recv"))
		run_recv(&job);
	else
		run_turns(&job, !strcmp(argv[1], "ask"));
	save(argv[9], job.records, job.count);
	printf("{\"done\": %ld}\n", job.count);
	fflush(stdout);
	while (getchar() != EOF)
		;
	zmq_close(job.socket);
	zmq_ctx_term(context);
	free(job.records);
	return 0;
}
