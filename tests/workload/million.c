/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq -pthread */
/*
 * Processes that pass messages from one thread to another as fast as they can, and count in shared
 * memory what they have done, so that it is known even of one that was killed.
 *
 *	million FILE PROCESSES ENDLESS MESSAGES PREFIX
 *
 * Process number I sends messages of 16 + I bytes at the endpoint PREFIX followed by I; the first
 * ENDLESS processes until they are killed, the others MESSAGES each. FILE is made: an array of
 * struct record. Odd processes use zmq_msg_send and zmq_msg_recv, even ones zmq_send and zmq_recv.
 *
 * Call number `stop_at` of a process (the first is 0), and those after it, are not begun while it is
 * so: whoever has mapped FILE may lower and raise it.
 *
 * Says {"ready": PID} when the sockets of all are open, and begins at the first line on stdin. The
 * processes live on when they have sent all; they end at the end of stdin.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define MAX_PROCESSES 64
#define BASE_SIZE 16

/* Each number is raised after the call has returned. They lie apart, as two threads write them. */
struct record {
	uint64_t pid;
	uint64_t stop_at;
	uint64_t pad[6];
	uint64_t sent;
	uint64_t pad2[7];
	uint64_t received;
	uint64_t pad3[7];
};

struct job {
	struct record *record;
	void *push, *pull;
	uint64_t messages; /* UINT64_MAX = endless */
	size_t size;
	int by_msg;
	int start; /* readable when the work shall begin: a byte for each thread */
};

static void check(int ok, const char *step)
{
	if (ok)
		return;
	perror(step);
	exit(EXIT_FAILURE);
}

static void wait_for_byte(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		exit(EXIT_SUCCESS); /* ended before it began */
}

static void wait_for_leave(const struct record *record, uint64_t number)
{
	while (number >= __atomic_load_n(&record->stop_at, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static int send_one(const struct job *job, const char *text)
{
	zmq_msg_t message;

	if (!job->by_msg)
		return zmq_send(job->push, text, job->size, 0);
	zmq_msg_init_size(&message, job->size);
	memcpy(zmq_msg_data(&message), text, job->size);
	return zmq_msg_send(&message, job->push, 0);
}

static int receive_one(const struct job *job, zmq_msg_t *message, char *buffer)
{
	if (job->by_msg)
		return zmq_msg_recv(message, job->pull, 0);
	return zmq_recv(job->pull, buffer, BASE_SIZE + MAX_PROCESSES, 0);
}

static void *sender(void *arg)
{
	static const char text[BASE_SIZE + MAX_PROCESSES];
	const struct job *job = arg;

	wait_for_byte(job->start);
	for (uint64_t i = 0; i < job->messages; i++) {
		wait_for_leave(job->record, i);
		check(send_one(job, text) == (int)job->size, "send");
		__atomic_store_n(&job->record->sent, i + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *receiver(void *arg)
{
	const struct job *job = arg;
	char buffer[BASE_SIZE + MAX_PROCESSES];
	zmq_msg_t message;

	zmq_msg_init(&message);
	wait_for_byte(job->start);
	for (uint64_t i = 0; i < job->messages; i++) {
		wait_for_leave(job->record, i);
		check(receive_one(job, &message, buffer) == (int)job->size, "receive");
		__atomic_store_n(&job->record->received, i + 1, __ATOMIC_RELAXED);
	}
	zmq_msg_close(&message);
	return NULL;
}

/* One process. Says by a byte to `ready` that its sockets are open, ends when `end` is closed. */
static void work(struct job *job, const char *endpoint, int ready, int end)
{
	void *context = zmq_ctx_new();
	pthread_t threads[2];
	char byte = 0;

	job->pull = zmq_socket(context, ZMQ_PULL);
	job->push = zmq_socket(context, ZMQ_PUSH);
	check(!zmq_bind(job->pull, endpoint), endpoint);
	check(!zmq_connect(job->push, endpoint), endpoint);
	check(!pthread_create(&threads[0], NULL, sender, job), "thread");
	check(!pthread_create(&threads[1], NULL, receiver, job), "thread");
	check(write(ready, "", 1) == 1, "ready");
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	check(read(end, &byte, 1) == 0, "end");
	zmq_close(job->push);
	zmq_close(job->pull);
	zmq_ctx_term(context);
	exit(EXIT_SUCCESS);
}

static struct record *make_records(const char *path, size_t count)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	void *memory;

	check(fd >= 0 && !ftruncate(fd, (off_t)(count * sizeof(struct record))), path);
	memory = mmap(NULL, count * sizeof(struct record), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	check(memory != MAP_FAILED, path);
	close(fd);
	return memory;
}

struct pipes {
	int ready[2], start[2], end[2];
};

static void start_process(struct record *record, int number, uint64_t messages, const char *prefix,
			  const struct pipes *pipes)
{
	struct job job = {
		.record = record,
		.messages = messages,
		.size = BASE_SIZE + (size_t)number,
		.by_msg = number % 2,
		.start = pipes->start[0],
	};
	char endpoint[128];
	pid_t pid = fork();

	check(pid >= 0, "fork");
	record->pid = (uint64_t)(pid ? pid : getpid());
	record->stop_at = UINT64_MAX;
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pipes->start[1]);
	close(pipes->end[1]);
	snprintf(endpoint, sizeof(endpoint), "%s%d", prefix, number);
	work(&job, endpoint, pipes->ready[1], pipes->end[0]);
}

int main(int argc, char **argv)
{
	unsigned long processes, endless, messages;
	struct record *records;
	struct pipes pipes;
	char line[64];

	if (argc != 6) {
		fprintf(stderr, "usage: million FILE PROCESSES ENDLESS MESSAGES PREFIX\n");
		return 2;
	}
	processes = strtoul(argv[2], NULL, 10);
	endless = strtoul(argv[3], NULL, 10);
	messages = strtoul(argv[4], NULL, 10);
	check(processes > 0 && processes <= MAX_PROCESSES, "PROCESSES");
	records = make_records(argv[1], processes);
	check(!pipe(pipes.ready) && !pipe(pipes.start) && !pipe(pipes.end), "pipe");
	for (unsigned long i = 0; i < processes; i++)
		start_process(&records[i], (int)i, i < endless ? UINT64_MAX : messages, argv[5],
			      &pipes);
	for (unsigned long i = 0; i < processes; i++)
		wait_for_byte(pipes.ready[0]);
	printf("{\"ready\": %d}\n", getpid());
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin))
		for (unsigned long i = 0; i < 2 * processes; i++)
			check(write(pipes.start[1], "", 1) == 1, "start");
	while (fgets(line, sizeof(line), stdin))
		;
	for (unsigned long i = 0; i < endless; i++)
		kill((pid_t)records[i].pid,
		     SIGKILL); /* not waited for yet: the pid is still its own */
	close(pipes.start[1]);
	close(pipes.end[1]);
	while (wait(NULL) > 0)
		;
	return EXIT_SUCCESS;
}
