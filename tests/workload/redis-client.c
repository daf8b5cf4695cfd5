/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lhiredis */
/*
 * A client of a Redis server, by way of hiredis' three blocking calls.
 *
 *	redis-client UNIX-SOCKET
 *
 * Says {"ready": PID}, then takes commands on stdin, each answered by a line of JSON:
 *
 *	HOW N WORDS...	sends WORDS as a command N times; {"ok": replies that are no errors,
 *			"error": error replies, "none": calls without a reply}. HOW is the function
 *			to call: command, vcommand, argv
 *	quit (or end)	ends the program
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <hiredis/hiredis.h>

#define MAX_WORDS 16

struct tally {
	unsigned long ok, error, none;
};

static void *by_vcommand(redisContext *redis, const char *format, ...)
{
	va_list args;
	void *reply;

	va_start(args, format);
	reply = redisvCommand(redis, format, args);
	va_end(args);
	return reply;
}

static void *by_argv(redisContext *redis, const char *text)
{
	const char *words[MAX_WORDS];
	char copy[1024], *rest = copy;
	int count = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while (count < MAX_WORDS && (words[count] = strsep(&rest, " ")))
		count++;
	return redisCommandArgv(redis, count, words, NULL);
}

static void *call(redisContext *redis, const char *how, const char *text)
{
	if (!strcmp(how, "command"))
		return redisCommand(redis, text); /* NOLINT: a command without directives */
	if (!strcmp(how, "vcommand"))
		return by_vcommand(redis, text);
	if (!strcmp(how, "argv"))
		return by_argv(redis, text);
	fprintf(stderr, "redis-client: no function %s\n", how);
	exit(EXIT_FAILURE);
}

static void go(redisContext *redis, const char *how, unsigned long count, const char *text)
{
	struct tally tally = { 0 };

	for (unsigned long i = 0; i < count; i++) {
		redisReply *reply = call(redis, how, text);

		if (!reply)
			tally.none++;
		else if (reply->type == REDIS_REPLY_ERROR)
			tally.error++;
		else
			tally.ok++;
		if (reply)
			freeReplyObject(reply);
	}
	printf("{\"ok\": %lu, \"error\": %lu, \"none\": %lu}\n", tally.ok, tally.error, tally.none);
}

int main(int argc, char **argv)
{
	char line[512], how[16], text[256];
	redisContext *redis;
	unsigned long count;

	if (argc != 2) {
		fprintf(stderr, "usage: redis-client UNIX-SOCKET\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* the server may end before us */
	setvbuf(stdout, NULL, _IOLBF, 0);
	redis = redisConnectUnix(argv[1]);
	if (!redis || redis->err) {
		fprintf(stderr, "redis-client: %s: %s\n", argv[1],
			redis ? redis->errstr : "no memory");
		return EXIT_FAILURE;
	}
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %lu %255[^\n]", how, &count, text) != 3)
			break;
		go(redis, how, count, text);
	}
	redisFree(redis);
	return EXIT_SUCCESS;
}
