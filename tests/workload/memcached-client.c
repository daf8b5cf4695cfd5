/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lmemcached */
/*
 * A client of a memcached server, by way of libmemcached.
 *
 *	memcached-client UNIX-SOCKET
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	WHAT N KEY SIZE	does WHAT N times with the key, and SIZE bytes where a value is sent: get,
 *			getby (memcached_get_by_key), set, add, replace, append, delete, incr, touch;
 *			{"hit": …, "miss": …, "error": …, "bytes": of the values moved}; what is not a
 *			look-up has its successes in "hit"
 *	quit (or end)	ends the program
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libmemcached/memcached.h>

#define MAX_VALUE 100000

struct tally {
	unsigned long hit, miss, error, bytes;
};

static char value[MAX_VALUE];

static memcached_return_t get(memcached_st *m, const char *key, int by_key, size_t *size)
{
	memcached_return_t error;
	uint32_t flags;
	char *got;

	*size = 0;
	got = by_key ? memcached_get_by_key(m, "group", 5, key, strlen(key), size, &flags, &error) :
		       memcached_get(m, key, strlen(key), size, &flags, &error);
	free(got);
	return error;
}

static memcached_return_t store(memcached_st *m, const char *what, const char *key, size_t size)
{
	size_t len = strlen(key);

	if (!strcmp(what, "set"))
		return memcached_set(m, key, len, value, size, 0, 0);
	if (!strcmp(what, "add"))
		return memcached_add(m, key, len, value, size, 0, 0);
	if (!strcmp(what, "replace"))
		return memcached_replace(m, key, len, value, size, 0, 0);
	if (!strcmp(what, "append"))
		return memcached_append(m, key, len, value, size, 0, 0);
	fprintf(stderr, "memcached-client: cannot do %s\n", what);
	exit(EXIT_FAILURE);
}

static memcached_return_t call(memcached_st *m, const char *what, const char *key, size_t *size)
{
	uint64_t number;

	if (!strcmp(what, "get") || !strcmp(what, "getby"))
		return get(m, key, what[3] != 0, size);
	if (!strcmp(what, "delete"))
		return memcached_delete(m, key, strlen(key), 0);
	if (!strcmp(what, "incr"))
		return memcached_increment(m, key, strlen(key), 1, &number);
	if (!strcmp(what, "touch"))
		return memcached_touch(m, key, strlen(key), 0);
	return store(m, what, key, *size);
}

static void go(memcached_st *m, const char *what, unsigned long count, const char *key, size_t size)
{
	struct tally tally = { 0 };

	for (unsigned long i = 0; i < count; i++) {
		size_t moved = size;
		memcached_return_t result = call(m, what, key, &moved);

		if (result == MEMCACHED_SUCCESS) {
			tally.hit++;
			tally.bytes += moved;
		} else if (result == MEMCACHED_NOTFOUND) {
			tally.miss++;
		} else {
			tally.error++;
		}
	}
	printf("{\"hit\": %lu, \"miss\": %lu, \"error\": %lu, \"bytes\": %lu}\n", tally.hit,
	       tally.miss, tally.error, tally.bytes);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[1024], what[16], key[256];
	memcached_st *m = memcached_create(NULL);
	unsigned long count;
	size_t size;

	if (argc != 2 || !m)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	memset(value, '7', sizeof(value));
	memcached_server_add_unix_socket(m, argv[1]);
	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
	printf("{\"ready\": %d}\n", (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		size = 0;
		if (sscanf(line, "%15s %lu %255s %zu", what, &count, key, &size) < 3)
			break;
		go(m, what, count, key, size < MAX_VALUE ? size : MAX_VALUE);
	}
	memcached_free(m);
	return EXIT_SUCCESS;
}
