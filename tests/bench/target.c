/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl -pthread */
/*
 * The tapped process: it calls what is tapped, and times its calls.
 *
 *	target NAME LIBRARY...
 *
 * NAME becomes the process's name. Each LIBRARY is loaded for itself, with its own sockets: copies
 * of one library, each tapped in another way, are measured side by side in one process, in turns
 * of less than a millisecond. Says {"ready": PID}, then takes commands on stdin, each answered by
 * a line of JSON. LIB is the number of a LIBRARY, from 0.
 *
 *	time CALLS ROUNDS JOB...
 *			in each round, so many calls of each job; {"ns": [...]} has each job's
 *			time per call in its fastest round: in the others, the machine had other
 *			things to do. A JOB is one of
 *
 *			send,LIB[,SOCKETS]	zmq_msg_send of 16 bytes to nobody (PUB), to so
 *						many sockets in turn
 *			both,LIB		the same in two threads at once, on a socket
 *						each; the time is the slower one's
 *			fail,LIB		zmq_msg_send that fails with ENOTSUP
 *			pass,LIB,SIZE		zmq_msg_send of so many bytes (PUSH, no two equal),
 *						then zmq_msg_recv of them (PULL, inproc)
 *			call,LIB,FUNCTION	any function: long f(long)
 *
 *	flow LIB ENDPOINT SIZE MESSAGES
 *			zmq_msg_send in one thread, zmq_msg_recv in another;
 *			{"per_second": messages}
 *	streams LIB COUNT
 *			one message to each of so many sockets, which have names of their own and
 *			stay; {"streams": COUNT}
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#define SIZE 16
#define MAX_LIBRARIES 32
#define MAX_SOCKETS 64
#define MAX_JOBS 32
#define MAX_WORDS (MAX_JOBS + 3)
#define STREAM_SOCKETS 4096

/* The functions of one library, and the sockets made with it so far. */
struct library {
	void *handle, *context;
	void *pub[MAX_SOCKETS], *other_pub, *pull, *push_end, *pull_end;
	__typeof__(zmq_ctx_new) *ctx_new;
	__typeof__(zmq_ctx_set) *ctx_set;
	__typeof__(zmq_socket) *socket;
	__typeof__(zmq_close) *close;
	__typeof__(zmq_setsockopt) *setsockopt;
	__typeof__(zmq_getsockopt) *getsockopt;
	__typeof__(zmq_bind) *bind;
	__typeof__(zmq_connect) *connect;
	__typeof__(zmq_msg_init_size) *msg_init_size;
	__typeof__(zmq_msg_data) *msg_data;
	__typeof__(zmq_msg_send) *msg_send;
	__typeof__(zmq_msg_recv) *msg_recv;
	__typeof__(zmq_msg_close) *msg_close;
};

static struct library libraries[MAX_LIBRARIES];
static size_t library_count;

static void check(int ok, const char *step)
{
	if (ok)
		return;
	fprintf(stderr, "target: %s failed\n", step);
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- libraries ------------------------------------------------------------------------------- */

static void *find(const struct library *library, const char *name)
{
	void *function = dlsym(library->handle, name);

	check(function != NULL, name);
	return function;
}

/* Made when the library is first used: not every library is a ZeroMQ. */
static void library_begin(struct library *lib)
{
	*(void **)&lib->ctx_new = find(lib, "zmq_ctx_new");
	*(void **)&lib->ctx_set = find(lib, "zmq_ctx_set");
	*(void **)&lib->socket = find(lib, "zmq_socket");
	*(void **)&lib->close = find(lib, "zmq_close");
	*(void **)&lib->setsockopt = find(lib, "zmq_setsockopt");
	*(void **)&lib->getsockopt = find(lib, "zmq_getsockopt");
	*(void **)&lib->bind = find(lib, "zmq_bind");
	*(void **)&lib->connect = find(lib, "zmq_connect");
	*(void **)&lib->msg_init_size = find(lib, "zmq_msg_init_size");
	*(void **)&lib->msg_data = find(lib, "zmq_msg_data");
	*(void **)&lib->msg_send = find(lib, "zmq_msg_send");
	*(void **)&lib->msg_recv = find(lib, "zmq_msg_recv");
	*(void **)&lib->msg_close = find(lib, "zmq_msg_close");
	lib->context = lib->ctx_new();
	check(lib->context && !lib->ctx_set(lib->context, ZMQ_MAX_SOCKETS, STREAM_SOCKETS),
	      "context");
}

static struct library *library_of(const char *number)
{
	unsigned long i = strtoul(number, NULL, 10);

	check(i < library_count, "the library's number");
	return &libraries[i];
}

static struct library *zmq_library(const char *number)
{
	struct library *lib = library_of(number);

	if (!lib->context)
		library_begin(lib);
	return lib;
}

static void *open_socket(const struct library *lib, int type)
{
	void *socket = lib->socket(lib->context, type);
	int zero = 0;

	check(socket && !lib->setsockopt(socket, ZMQ_LINGER, &zero, sizeof(zero)), "zmq_socket");
	return socket;
}

static void *keep_socket(const struct library *lib, void **kept, int type)
{
	if (!*kept)
		*kept = open_socket(lib, type);
	return *kept;
}

/* ---- time ------------------------------------------------------------------------------------ */

struct job {
	uint64_t (*run)(const struct job *job, unsigned long calls); /* returns the time of all */
	const struct library *lib;
	void *sockets[MAX_SOCKETS];
	unsigned long socket_count;
	long (*function)(long argument);
	size_t size;
	uint64_t best_ns;
};

static void send_once(const struct library *lib, void *socket)
{
	zmq_msg_t message;

	lib->msg_init_size(&message, SIZE);
	check(lib->msg_send(&message, socket, 0) == SIZE, "zmq_msg_send");
}

static uint64_t run_send(const struct job *job, unsigned long calls)
{
	uint64_t start = now_ns();

	for (unsigned long i = 0, next = 0; i < calls; i++) {
		send_once(job->lib, job->sockets[next]);
		if (++next == job->socket_count)
			next = 0;
	}
	return now_ns() - start;
}

static uint64_t run_fail(const struct job *job, unsigned long calls)
{
	uint64_t start = now_ns();
	zmq_msg_t message;

	job->lib->msg_init_size(&message, SIZE);
	for (unsigned long i = 0; i < calls; i++)
		check(job->lib->msg_send(&message, job->sockets[0], 0) < 0, "a failing send");
	return now_ns() - start;
}

static uint64_t run_pass(const struct job *job, unsigned long calls)
{
	static uint64_t number;
	uint64_t start = now_ns();
	zmq_msg_t message;

	for (unsigned long i = 0; i < calls; i++) {
		job->lib->msg_init_size(&message, job->size);
		number++;
		memcpy(job->lib->msg_data(&message), &number, sizeof(number));
		check(job->lib->msg_send(&message, job->sockets[0], 0) >= 0, "zmq_msg_send");
		job->lib->msg_init_size(&message, 0);
		check(job->lib->msg_recv(&message, job->sockets[1], 0) >= 0, "zmq_msg_recv");
		job->lib->msg_close(&message);
	}
	return now_ns() - start;
}

static uint64_t run_call(const struct job *job, unsigned long calls)
{
	long (*volatile function)(long argument) = job->function;
	uint64_t start = now_ns();

	for (unsigned long i = 0; i < calls; i++)
		function((long)i);
	return now_ns() - start;
}

/* The second thread of `both`. It stays, as the threads of applications do. */
static struct {
	pthread_barrier_t begin, end;
	struct job job;
	unsigned long calls;
	uint64_t spent_ns;
	int ready; /* threads that are about to start */
	int started;
} second;

/* A barrier wakes one long after the other: the rest of the way, both wait without sleeping. */
static void wait_for_both(void)
{
	pthread_barrier_wait(&second.begin);
	__atomic_add_fetch(&second.ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&second.ready, __ATOMIC_ACQUIRE) < 2)
		;
}

static void *second_main(void *arg)
{
	(void)arg;
	for (;;) {
		wait_for_both();
		second.spent_ns = run_send(&second.job, second.calls);
		pthread_barrier_wait(&second.end);
	}
	return NULL;
}

static void second_start(void)
{
	pthread_t thread;

	if (second.started)
		return;
	second.started = 1;
	pthread_barrier_init(&second.begin, NULL, 2);
	pthread_barrier_init(&second.end, NULL, 2);
	check(!pthread_create(&thread, NULL, second_main, NULL), "pthread_create");
}

static uint64_t run_both(const struct job *job, unsigned long calls)
{
	uint64_t spent_ns;

	second_start();
	second.job = *job;
	second.job.sockets[0] = job->sockets[1];
	second.calls = calls;
	second.ready = 0;
	wait_for_both();
	spent_ns = run_send(job, calls);
	pthread_barrier_wait(&second.end);
	return spent_ns > second.spent_ns ? spent_ns : second.spent_ns;
}

static void parse_send(struct job *job, const char *lib_number, const char *sockets)
{
	struct library *lib = zmq_library(lib_number);

	job->run = run_send;
	job->lib = lib;
	job->socket_count = strtoul(sockets, NULL, 10);
	check(job->socket_count && job->socket_count <= MAX_SOCKETS, "SOCKETS");
	for (unsigned long i = 0; i < job->socket_count; i++)
		job->sockets[i] = keep_socket(lib, &lib->pub[i], ZMQ_PUB);
}

static void parse_pass(struct job *job, const char *number, const char *size)
{
	struct library *lib = zmq_library(number);

	job->run = run_pass;
	job->lib = lib;
	job->size = strtoul(size, NULL, 10);
	check(job->size >= sizeof(uint64_t), "SIZE");
	if (!lib->pull_end) {
		keep_socket(lib, &lib->pull_end, ZMQ_PULL);
		keep_socket(lib, &lib->push_end, ZMQ_PUSH);
		check(!lib->bind(lib->pull_end, "inproc://pass") &&
			      !lib->connect(lib->push_end, "inproc://pass"),
		      "inproc://pass");
	}
	job->sockets[0] = lib->push_end;
	job->sockets[1] = lib->pull_end;
}

static void parse_job(char *text, struct job *job)
{
	char *verb = strsep(&text, ","), *number = strsep(&text, ",");
	struct library *lib;

	memset(job, 0, sizeof(*job));
	job->best_ns = UINT64_MAX;
	check(number != NULL, verb);
	if (!strcmp(verb, "send")) {
		parse_send(job, number, text ? text : "1");
	} else if (!strcmp(verb, "both")) {
		parse_send(job, number, "1");
		lib = zmq_library(number);
		job->run = run_both;
		job->sockets[1] = keep_socket(lib, &lib->other_pub, ZMQ_PUB);
	} else if (!strcmp(verb, "fail")) {
		lib = zmq_library(number);
		job->run = run_fail;
		job->lib = lib;
		job->sockets[0] = keep_socket(lib, &lib->pull, ZMQ_PULL);
	} else if (!strcmp(verb, "pass") && text) {
		parse_pass(job, number, text);
	} else if (!strcmp(verb, "call") && text) {
		job->run = run_call;
		*(void **)&job->function = find(library_of(number), text);
	} else {
		check(0, verb);
	}
}

static void do_time(char **args)
{
	unsigned long calls = strtoul(args[0], NULL, 10), rounds = strtoul(args[1], NULL, 10);
	static struct job jobs[MAX_JOBS];
	size_t count = 0;
	uint64_t spent;

	for (; count < MAX_JOBS && args[2 + count][0]; count++)
		parse_job(args[2 + count], &jobs[count]);
	for (unsigned long round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++) {
			spent = jobs[i].run(&jobs[i], calls);
			if (spent < jobs[i].best_ns)
				jobs[i].best_ns = spent;
		}
	printf("{\"ns\": [");
	for (size_t i = 0; i < count; i++)
		printf("%s%.2f", i ? ", " : "", (double)jobs[i].best_ns / (double)calls);
	printf("]}\n");
}

/* ---- flow ------------------------------------------------------------------------------------ */

struct receiver {
	const struct library *lib;
	void *socket;
	unsigned long messages;
	uint64_t first_ns, last_ns;
};

static void *receive_all(void *arg)
{
	struct receiver *receiver = arg;
	zmq_msg_t message;

	receiver->lib->msg_init_size(&message, 0);
	for (unsigned long i = 0; i < receiver->messages; i++) {
		check(receiver->lib->msg_recv(&message, receiver->socket, 0) >= 0, "zmq_msg_recv");
		if (!i)
			receiver->first_ns = now_ns();
	}
	receiver->last_ns = now_ns();
	receiver->lib->msg_close(&message);
	return NULL;
}

static void send_all(const struct library *lib, void *socket, size_t size, unsigned long messages)
{
	zmq_msg_t message;

	for (unsigned long i = 0; i < messages; i++) {
		lib->msg_init_size(&message, size);
		memset(lib->msg_data(&message), 0, size);
		check(lib->msg_send(&message, socket, 0) == (int)size, "zmq_msg_send");
	}
}

static void do_flow(char **args)
{
	const struct library *lib = zmq_library(args[0]);
	struct receiver receiver = { .lib = lib, .socket = open_socket(lib, ZMQ_PULL) };
	void *push = open_socket(lib, ZMQ_PUSH);
	char endpoint[256];
	size_t length = sizeof(endpoint);
	pthread_t thread;

	receiver.messages = strtoul(args[3], NULL, 10);
	check(receiver.messages > 1, "MESSAGES");
	check(!lib->bind(receiver.socket, args[1]), "zmq_bind");
	check(!lib->getsockopt(receiver.socket, ZMQ_LAST_ENDPOINT, endpoint, &length), "endpoint");
	check(!lib->connect(push, endpoint), "zmq_connect");
	check(!pthread_create(&thread, NULL, receive_all, &receiver), "pthread_create");
	send_all(lib, push, strtoul(args[2], NULL, 10), receiver.messages);
	pthread_join(thread, NULL);
	lib->close(push);
	lib->close(receiver.socket);
	printf("{\"per_second\": %.0f}\n", (double)(receiver.messages - 1) * 1e9 /
						   (double)(receiver.last_ns - receiver.first_ns));
}

/* ---- many streams ---------------------------------------------------------------------------- */

static void do_streams(char **args)
{
	const struct library *lib = zmq_library(args[0]);
	unsigned long count = strtoul(args[1], NULL, 10);
	char endpoint[64];
	void *socket;

	for (unsigned long i = 0; i < count; i++) {
		socket = open_socket(lib, ZMQ_PUB);
		snprintf(endpoint, sizeof(endpoint), "inproc://bench-%d-%lu", getpid(), i);
		check(!lib->bind(socket, endpoint), "zmq_bind");
		send_once(lib, socket);
	}
	printf("{\"streams\": %lu}\n", count);
}

static const struct {
	const char *name;
	void (*run)(char **args);
} commands[] = {
	{ "time", do_time },
	{ "flow", do_flow },
	{ "streams", do_streams },
};

static void run(char *line)
{
	char *words[MAX_WORDS + 1];
	size_t count = 0;

	for (char *word = strtok(line, " \n"); word && count < MAX_WORDS;
	     word = strtok(NULL, " \n"))
		words[count++] = word;
	while (count <= MAX_WORDS)
		words[count++] = "";
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words[0]))
			continue;
		commands[i].run(words + 1);
		return;
	}
	check(0, words[0]);
}

int main(int argc, char **argv)
{
	char line[2048];

	check(argc >= 2 && argc - 2 <= MAX_LIBRARIES, "usage: target NAME LIBRARY...");
	prctl(PR_SET_NAME, argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < argc; i++) {
		/* not visible to the others: they shall call their own functions */
		libraries[library_count].handle = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		check(libraries[library_count++].handle != NULL, argv[i]);
	}
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin))
		run(line);
	_exit(EXIT_SUCCESS);
}
