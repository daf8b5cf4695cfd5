/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that cooperates (tapmeter/tap.h). Each line of stdin is a command, the answer is JSON. tests/e2e/tap builds
 * it with libtapmeter-tap, shared and static; the tests' own build has stand-ins.
 *
 *	event NAME VALUE TIMES THREADS
 *	register NAME INDEX		the INDEXth variable is a gauge
 *	remove INDEX
 *	set INDEX VALUE
 *	cost				how many times an empty function's call a tap_event() takes
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tapmeter/tap.h>

#define VARIABLES 8
#define CALLS 1000000
#define ROUNDS 15

#ifndef WITH_LIBRARY
void tap_event(const char *name, int64_t value)
{
	(void)name;
	(void)value;
}
int tap_gauge(const char *name, const int64_t *value)
{
	(void)name;
	(void)value;
	return -1;
}
void tap_gauge_remove(const int64_t *value)
{
	(void)value;
}
#endif

static int64_t variables[VARIABLES];

struct work {
	const char *name;
	long value, times;
};

static void *run(void *arg)
{
	const struct work *work = arg;
	char name[256];

	/* each thread's name lies elsewhere, and elsewhere at each call */
	for (long i = 0; i < work->times; i++) {
		char *at = name + i % 2 * 128;

		snprintf(at, 128, "%s", work->name);
		tap_event(at, work->value);
	}
	return NULL;
}

static void events(const struct work *work, int threads)
{
	pthread_t ids[16];

	for (int i = 0; i < threads && i < 16; i++)
		pthread_create(&ids[i], NULL, run, (void *)(uintptr_t)work);
	for (int i = 0; i < threads && i < 16; i++)
		pthread_join(ids[i], NULL);
}

__attribute__((noipa)) static void empty(const char *name, int64_t value)
{
	__asm__ volatile("" : : "r"(name), "r"(value) : "memory");
}

static double time_of(void (*function)(const char *, int64_t))
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; i < CALLS; i++)
		function("cost", i);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
}

/* Of the fastest rounds, taken in turns. */
static double cost(void)
{
	double best_empty = 1e18, best_event = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		double one = time_of(empty), other = time_of(tap_event);

		best_empty = one < best_empty ? one : best_empty;
		best_event = other < best_event ? other : best_event;
	}
	return best_event / best_empty;
}

static void command(const char *line)
{
	char name[200];
	struct work work = { .name = name };
	unsigned index = 0;
	int threads;
	long value;

	if (sscanf(line, "event %199s %ld %ld %d", name, &work.value, &work.times, &threads) == 4)
		events(&work, threads);
	else if (sscanf(line, "register %199s %u", name, &index) == 2 && index < VARIABLES)
		printf("{\"result\": %d}\n", tap_gauge(name, &variables[index]));
	else if (sscanf(line, "remove %u", &index) == 1 && index < VARIABLES)
		tap_gauge_remove(&variables[index]);
	else if (sscanf(line, "set %u %ld", &index, &value) == 2 && index < VARIABLES)
		variables[index] = value;
	else if (!strncmp(line, "cost", 4))
		printf("{\"ratio\": %f}\n", cost());
	if (strncmp(line, "register", 8) != 0 && strncmp(line, "cost", 4) != 0)
		printf("{}\n");
}

int main(void)
{
	char line[512];

	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		command(line);
		fflush(stdout);
	}
	return 0;
}
