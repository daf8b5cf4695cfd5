/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the link to a relay. The relay is this program, executed by the link: it serves as the real one
 * does, or, if the first container it is asked for is called so, badly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/lookups.h"
#include "relay_link.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define SECOND 1000000000ull
#define INSPECTED "HTTP/1.0 200 OK\r\n\r\n{\"Id\":\"" ID "\",\"Name\":\"/web\"}"

/* ---- the relay ---------------------------------------------------------------------------- */

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory */

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static unsigned long status_line(const char *name, int base)
{
	char line[256];
	unsigned long value = 77;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtoul(line + strlen(name), NULL, base);
	if (file)
		fclose(file);
	return value;
}

/* What it has of its parent: user, group, groups, capabilities, no new privileges, descriptors, environment. */
static void confess(struct relay_answer *answer)
{
	snprintf(answer->name, sizeof(answer->name), "%u %u %d %lx %lu %d %s", geteuid(), getegid(),
		 getgroups(0, NULL), status_line("CapPrm:", 16), status_line("NoNewPrivs:", 10),
		 open_descriptors(), getenv("HOME") ? "env" : "no env");
}

static int answer_badly(const struct relay_lookup *asked)
{
	struct relay_answer answer = {
		.header = { RELAY_PROTO_VERSION, RELAY_ANSWER, asked->header.number,
			    sizeof(answer) },
		.source = asked->source,
	};
	size_t size = sizeof(answer);
	char long_answer[2 * sizeof(answer)] = { 0 };
	const char *how = asked->container;

	memcpy(answer.container, asked->container, sizeof(answer.container));
	if (!strcmp(how, "confess"))
		confess(&answer);
	else if (!strcmp(how, "short"))
		size--;
	else if (!strcmp(how, "version"))
		answer.header.version++;
	else if (!strcmp(how, "kind"))
		answer.header.kind = RELAY_LOOKUP;
	else if (!strcmp(how, "number"))
		answer.header.number++;
	else if (!strcmp(how, "number 0"))
		answer.header.number = 0;
	else if (!strcmp(how, "size"))
		answer.header.size++;
	else if (!strcmp(how, "status"))
		answer.status = RELAY_GONE;
	else if (!strcmp(how, "source"))
		answer.source++;
	else if (!strcmp(how, "container"))
		answer.container[0] ^= 1;
	else if (!strcmp(how, "no end"))
		memset(answer.container, 'x', sizeof(answer.container));
	else if (!strcmp(how, "names")) {
		memset(answer.name, 'x', sizeof(answer.name));
		strcpy(answer.kernel_id, "a\nb");
		strcpy(answer.pod, "\xff");
		strcpy(answer.namespace, "good");
	}
	memcpy(long_answer, &answer, sizeof(answer));
	if (!strcmp(how, "long"))
		size = sizeof(long_answer);
	if (!strcmp(how, "die"))
		return 1;
	if (!strcmp(how, "silence"))
		return pause();
	send(RELAY_FD, long_answer, size, 0);
	if (!strcmp(how, "twice"))
		send(RELAY_FD, long_answer, size, 0);
	return pause();
}

static int relay(void)
{
	struct relay_lookup asked = { 0 };

	signal(SIGPIPE, SIG_IGN);
	if (recv(RELAY_FD, &asked, sizeof(asked), MSG_PEEK) == sizeof(asked) &&
	    strcmp(asked.container, ID) != 0)
		return answer_badly(&asked);
	return lookups_serve(RELAY_FD, NULL, NULL) ? 1 : 0;
}

/* ---- the agent ----------------------------------------------------------------------------------- */

static struct relay_link *link_;
static struct relay_answer last;
static int answers;

static int setup(void **state)
{
	(void)state;
	answers = 0;
	return relay_link__new(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), SECOND, &link_);
}

static int teardown(void **state)
{
	(void)state;
	relay_link__free(link_);
	return 0;
}

static void on_answer(void *arg, const struct relay_answer *answer)
{
	(void)arg;
	last = *answer;
	answers++;
}

static void wait_for_answers(int count)
{
	struct pollfd poll_fd = { .fd = relay_link__fd(link_), .events = POLLIN };

	while (answers < count) {
		assert_int_equal(poll(&poll_fd, 1, 10000), 1);
		relay_link__read(link_, on_answer, NULL, SECOND);
	}
}

/* A descriptor from which the text can be read, or nothing ever if it is NULL. */
static int readable(const char *text, int *other)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
			 0);
	*other = -1;
	if (text) {
		assert_int_equal(write(pair[1], text, strlen(text)), strlen(text));
		close(pair[1]);
	} else {
		*other = pair[1];
	}
	return pair[0];
}

static void ask(const char *container, const char *text)
{
	int other, fd = readable(text, &other);

	assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, container, fd, SECOND), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed here */
	if (other >= 0)
		close(other);
}

static void an_answer_comes_back(void **state)
{
	(void)state;
	ask(ID, INSPECTED);
	wait_for_answers(1);
	assert_int_equal(last.status, RELAY_OK);
	assert_string_equal(last.container, ID);
	assert_string_equal(last.name, "web");
}

static void an_engine_that_hangs_holds_nobody_else_up(void **state)
{
	int other, fd = readable(NULL, &other);

	(void)state;
	assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ID, fd, SECOND), 0);
	ask(ID, INSPECTED);
	wait_for_answers(1);
	assert_int_equal(last.status, RELAY_OK);
	wait_for_answers(2);
	assert_int_equal(last.status, RELAY_TIMEOUT);
	assert_string_equal(last.name, "");
	close(other);
}

static void a_gigantic_answer_is_bad(void **state)
{
	static char piece[65536];
	int other, fd = readable(NULL, &other);
	size_t sent = 0;
	ssize_t n;

	(void)state;
	memset(piece, ' ', sizeof(piece));
	memcpy(piece, "HTTP/1.0 200 OK\r\n\r\n", 19);
	assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ID, fd, SECOND), 0);
	fcntl(other, F_SETFL, 0);
	while ((n = send(other, piece, sizeof(piece), MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	/* it was not read to an end that never comes */
	assert_true(sent < 4 << 20);
	wait_for_answers(1);
	assert_int_equal(last.status, RELAY_BAD);
	close(other);
	ask(ID, INSPECTED);
	wait_for_answers(2);
	assert_int_equal(last.status, RELAY_OK);
}

static void more_look_ups_than_are_allowed_are_refused(void **state)
{
	int others[RELAY_MAX_LOOKUPS + 1], fd;

	(void)state;
	for (int i = 0; i < RELAY_MAX_LOOKUPS; i++) {
		assert_true(relay_link__has_room(link_));
		fd = readable(NULL, &others[i]);
		assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ID, fd, SECOND), 0);
	}
	assert_false(relay_link__has_room(link_));
	fd = readable(NULL, &others[RELAY_MAX_LOOKUPS]);
	assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ID, fd, SECOND), -EAGAIN);
	wait_for_answers(RELAY_MAX_LOOKUPS);
	assert_int_equal(last.status, RELAY_TIMEOUT);
	for (int i = 0; i <= RELAY_MAX_LOOKUPS; i++)
		close(others[i]);
	ask(ID, INSPECTED);
	wait_for_answers(RELAY_MAX_LOOKUPS + 1);
	assert_int_equal(last.status, RELAY_OK);
}

/* Nothing of what such a relay says is believed; another takes its place after a while. */
static void a_relay_that_breaks_the_protocol_is_ended(void **state)
{
	static const char *const ways[] = { "short",  "long",	   "version", "kind",
					    "number", "number 0",  "size",    "status",
					    "source", "container", "no end",  "die" };
	uint64_t now = SECOND;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int other, fd = readable("", &other);

		assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ways[i], fd, now), 0);
		answers = 0;
		wait_for_answers(1);
		if (last.status != RELAY_GONE || strcmp(last.container, ways[i]) != 0)
			fail_msg("%s: status %u of %s", ways[i], last.status, last.container);
		fd = readable("", &other);
		assert_int_equal(relay_link__ask(link_, RELAY_ENGINE, ID, fd, now), -EAGAIN);
		now += 100 * SECOND;
		relay_link__tick(link_, on_answer, NULL, now);
		assert_int_equal(answers, 1);
	}
	ask(ID, INSPECTED);
	wait_for_answers(2);
	assert_int_equal(last.status, RELAY_OK);
}

static void an_answer_given_twice_is_believed_once(void **state)
{
	(void)state;
	ask("twice", "");
	wait_for_answers(1);
	assert_int_equal(last.status, RELAY_OK);
	for (int i = 0; i < 1000 && relay_link__has_room(link_); i++) {
		poll(&(struct pollfd){ .fd = relay_link__fd(link_), .events = POLLIN }, 1, 10);
		relay_link__read(link_, on_answer, NULL, SECOND);
	}
	assert_false(relay_link__has_room(link_));
	assert_int_equal(answers, 1);
}

static void names_that_are_none_are_left_out(void **state)
{
	(void)state;
	ask("names", "");
	wait_for_answers(1);
	assert_int_equal(last.status, RELAY_OK);
	assert_string_equal(last.name, "");
	assert_string_equal(last.kernel_id, "");
	assert_string_equal(last.pod, "");
	assert_string_equal(last.namespace, "good");
}

static void it_is_started_again_later_each_time(void **state)
{
	uint64_t now = SECOND;

	(void)state;
	for (uint64_t wait = SECOND; wait <= 4 * SECOND; wait *= 2) {
		answers = 0;
		assert_int_equal(
			relay_link__ask(link_, RELAY_ENGINE, "die", open("/dev/null", 0), now), 0);
		while (!answers) {
			poll(&(struct pollfd){ .fd = relay_link__fd(link_), .events = POLLIN }, 1,
			     10000);
			relay_link__read(link_, on_answer, NULL, now);
		}
		relay_link__tick(link_, on_answer, NULL, now + wait - 1);
		assert_false(relay_link__has_room(link_));
		now += wait;
		relay_link__tick(link_, on_answer, NULL, now);
		assert_true(relay_link__has_room(link_));
	}
}

static void one_that_does_not_answer_is_ended(void **state)
{
	(void)state;
	ask("silence", "");
	relay_link__tick(link_, on_answer, NULL, 5 * SECOND);
	assert_int_equal(answers, 0);
	relay_link__tick(link_, on_answer, NULL, 6 * SECOND);
	assert_int_equal(answers, 1);
	assert_int_equal(last.status, RELAY_GONE);
	assert_false(relay_link__has_room(link_));
}

static void it_has_no_privileges(void **state)
{
	char expected[128];
	int root = !geteuid();

	(void)state;
	if (!root)
		skip();
	/* user, group, groups, capabilities, no new privileges, /dev/null twice, stderr, link, what was passed */
	snprintf(expected, sizeof(expected), "65534 65534 0 0 1 4 no env");
	assert_int_equal(dup2(2, 42), 42);
	relay_link__free(link_);
	assert_int_equal(setup(NULL), 0);
	ask("confess", "");
	wait_for_answers(1);
	close(42);
	assert_string_equal(last.name, expected);
}

static void without_a_program_there_is_no_relay(void **state)
{
	struct relay_link *none;

	(void)state;
	assert_int_equal(relay_link__new(-ENOENT, SECOND, &none), 0);
	assert_false(relay_link__has_room(none));
	relay_link__tick(none, on_answer, NULL, 100 * SECOND);
	assert_false(relay_link__has_room(none));
	relay_link__free(none);
	/* one that cannot be executed ends at once */
	assert_int_equal(relay_link__new(open("/dev/null", O_RDONLY | O_CLOEXEC), SECOND, &none),
			 0);
	for (int i = 0; i < 1000 && relay_link__has_room(none); i++) {
		poll(&(struct pollfd){ .fd = relay_link__fd(none), .events = POLLIN }, 1, 10);
		relay_link__read(none, on_answer, NULL, SECOND);
	}
	assert_false(relay_link__has_room(none));
	relay_link__free(none);
}

int main(int argc, char **argv)
{
#define LINK_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		LINK_TEST(an_answer_comes_back),
		LINK_TEST(an_engine_that_hangs_holds_nobody_else_up),
		LINK_TEST(a_gigantic_answer_is_bad),
		LINK_TEST(more_look_ups_than_are_allowed_are_refused),
		LINK_TEST(a_relay_that_breaks_the_protocol_is_ended),
		LINK_TEST(an_answer_given_twice_is_believed_once),
		LINK_TEST(names_that_are_none_are_left_out),
		LINK_TEST(it_is_started_again_later_each_time),
		LINK_TEST(one_that_does_not_answer_is_ended),
		LINK_TEST(it_has_no_privileges),
		cmocka_unit_test(without_a_program_there_is_no_relay),
	};

	if (argc && !strcmp(argv[0], "tapmeter-relay"))
		return relay();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
