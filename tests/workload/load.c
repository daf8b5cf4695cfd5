/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq */
/*
 * Uses as much of CPU, memory, disk and network as it is told. It maps libzmq, so that it is tapped.
 *
 *	load
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	cpu MS			spends as much CPU time; {"cpu_ns": SPENT}
 *	memory BYTES		takes more memory and keeps it; {"bytes": BYTES}
 *	write FILE BYTES	writes past the page cache; {"bytes": BYTES}
 *	read FILE BYTES		reads past the page cache; {"bytes": BYTES}
 *	listen PORT		opens a UDP port, so that nobody answers what comes; {"port": PORT}
 *	send HOST PORT N SIZE	sends datagrams; {"bytes": N * SIZE}
 *	leave			leaves the network namespace for a new one; {"left": 1}
 *	quit (or end)		ends the program
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define BLOCK (1 << 20)

static void check(int good, const char *step)
{
	if (good)
		return;
	perror(step);
	exit(EXIT_FAILURE);
}

static uint64_t spent_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void use_cpu(unsigned long ms)
{
	uint64_t start = spent_ns(), now;

	do
		now = spent_ns();
	while (now - start < ms * 1000000);
	printf("{\"cpu_ns\": %lu}\n", now - start);
}

static void use_memory(unsigned long bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED, "mmap");
	memset(memory, 1, bytes);
	printf("{\"bytes\": %lu}\n", bytes);
}

static void use_disk(const char *path, unsigned long bytes, int is_write)
{
	int fd = open(path, (is_write ? O_WRONLY | O_CREAT : O_RDONLY) | O_DIRECT, 0600);
	void *block;

	check(fd >= 0, path);
	check(!posix_memalign(&block, 4096, BLOCK), "memory");
	memset(block, 1, BLOCK);
	for (unsigned long done = 0; done < bytes; done += BLOCK)
		check((is_write ? write(fd, block, BLOCK) : read(fd, block, BLOCK)) == BLOCK, path);
	close(fd);
	free(block);
	printf("{\"bytes\": %lu}\n", bytes);
}

static void open_port(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)), "listen");
	printf("{\"port\": %u}\n", port);
}

static void send_datagrams(const char *host, unsigned port, unsigned long count, unsigned long size)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	static char data[BLOCK];

	check(inet_pton(AF_INET, host, &address.sin_addr) == 1, host);
	check(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)), "connect");
	for (unsigned long i = 0; i < count; i++)
		check(send(fd, data, size, 0) == (ssize_t)size, "send");
	close(fd);
	printf("{\"bytes\": %lu}\n", count * size);
}

static int obey(const char *line)
{
	char name[256];
	unsigned long count, size;
	unsigned port;

	if (sscanf(line, "cpu %lu", &count) == 1)
		use_cpu(count);
	else if (sscanf(line, "memory %lu", &size) == 1)
		use_memory(size);
	else if (sscanf(line, "write %255s %lu", name, &size) == 2)
		use_disk(name, size, 1);
	else if (sscanf(line, "read %255s %lu", name, &size) == 2)
		use_disk(name, size, 0);
	else if (sscanf(line, "listen %u", &port) == 1)
		open_port(port);
	else if (sscanf(line, "send %255s %u %lu %lu", name, &port, &count, &size) == 4 &&
		 size <= BLOCK)
		send_datagrams(name, port, count, size);
	else if (!strncmp(line, "leave", 5) && !unshare(CLONE_NEWNET))
		printf("{\"left\": 1}\n");
	else
		return 0;
	return 1;
}

int main(void)
{
	void *context = zmq_ctx_new();
	char line[512];

	check(context != NULL, "zmq_ctx_new");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin) && obey(line))
		;
	zmq_ctx_term(context);
	return EXIT_SUCCESS;
}
