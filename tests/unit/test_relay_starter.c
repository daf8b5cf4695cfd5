/* SPDX-License-Identifier: Apache-2.0 */
/* The relay is this program, executed by the starter: it says who it is and whose child, then what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "relay_starter.h"
#include "util/relay_proto.h"
#include "valgrind.h"

struct confession {
	pid_t pid, parent;
	uid_t user;
	int signals_blocked; /* SIGINT, SIGTERM, SIGHUP: the agent's business */
	int descriptors; /* that are open beyond the link */
};

/* ---- the relay ---------------------------------------------------------------------------- */

static int relay(void)
{
	struct confession all = { .pid = getpid(), .parent = getppid(), .user = geteuid() };
	unsigned char status = 0;
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	all.signals_blocked = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM) &&
			      sigismember(&blocked, SIGHUP);
	for (int fd = RELAY_FD + 1; fd < 1024; fd++)
		all.descriptors += fcntl(fd, F_GETFD) >= 0;
	if (send(RELAY_FD, &all, sizeof(all), MSG_NOSIGNAL) != sizeof(all))
		return 99;
	return recv(RELAY_FD, &status, 1, 0) == 1 ? status : pause();
}

/* ---- the agent ----------------------------------------------------------------------------------- */

static struct relay_starter *starter;

static int setup(void **state)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int err = relay_starter__new(program, &starter);

	(void)state;
	close(program);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	relay_starter__free(starter);
	return 0;
}

static void wait_for(int fd)
{
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 20000), 1);
}

/* Starts a relay. Returns the agent's end of its link, and what it has said, and that it is its pid. */
static int start(struct confession *out)
{
	int pair[2], pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = relay_starter__start(starter, pair[1]);
	assert_true(pid > 0);
	close(pair[1]);
	wait_for(pair[0]);
	assert_int_equal(recv(pair[0], out, sizeof(*out), 0), sizeof(*out));
	assert_int_equal(out->pid, pid);
	return pair[0];
}

/* The relay has the other end no more. */
static void assert_ends(int link)
{
	char byte;

	wait_for(link);
	assert_true(recv(link, &byte, 1, 0) <= 0);
	close(link);
}

static void a_relay_has_its_link_and_nothing_else(void **state)
{
	struct confession relay_is;
	int link = start(&relay_is);

	(void)state;
	assert_int_equal(relay_is.descriptors, 0);
	assert_true(relay_is.signals_blocked);
	assert_int_equal(relay_is.user, geteuid() ? geteuid() : 65534);
	assert_int_not_equal(relay_is.parent, getpid());
	close(link);
}

static void how_it_ended_is_told(void **state)
{
	struct confession relay_is;
	int link = start(&relay_is), status;

	(void)state;
	assert_int_equal(send(link, "\7", 1, 0), 1);
	assert_ends(link);
	status = relay_starter__end(starter);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(relay_starter__end(starter), -ESRCH);
	link = start(&relay_is);
	status = relay_starter__end(starter);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_ends(link);
}

static void another_takes_its_place(void **state)
{
	struct confession first, second;
	int first_link = start(&first), second_link = start(&second);

	(void)state;
	assert_int_not_equal(first.pid, second.pid);
	assert_int_equal(first.parent, second.parent);
	assert_ends(first_link);
	close(second_link);
}

static void without_a_link_there_is_no_relay(void **state)
{
	struct confession relay_is;

	(void)state;
	assert_int_equal(relay_starter__start(starter, -1), -EBADF);
	close(start(&relay_is));
}

static void signals_meant_for_the_agent_do_not_end_it(void **state)
{
	struct confession relay_is;

	(void)state;
	close(start(&relay_is));
	assert_int_equal(kill(relay_is.parent, SIGTERM), 0);
	assert_int_equal(kill(relay_is.parent, SIGINT), 0);
	close(start(&relay_is));
}

static void it_takes_the_relay_along(void **state)
{
	struct confession relay_is;
	int link = start(&relay_is);

	(void)state;
	relay_starter__free(starter);
	starter = NULL;
	assert_ends(link);
	if (is_translated()) {
		print_message(
			"skipped: valgrind knows no pidfd_open(), so that its end is not waited for\n");
		skip();
	}
	assert_int_equal(kill(relay_is.parent, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void when_it_is_gone_that_is_said_at_once(void **state)
{
	struct confession relay_is;

	(void)state;
	close(start(&relay_is));
	kill(relay_is.pid, SIGKILL);
	kill(relay_is.parent, SIGKILL);
	assert_int_equal(waitpid(relay_is.parent, NULL, 0), relay_is.parent);
	assert_int_equal(relay_starter__start(starter, 0), -EPIPE);
	assert_int_equal(relay_starter__end(starter), -EPIPE);
}

static void what_cannot_be_executed_is_a_relay_that_ends_at_once(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), pair[2], status;

	(void)state;
	assert_int_equal(relay_starter__new(null, &starter), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(relay_starter__start(starter, pair[1]) > 0);
	close(pair[1]);
	assert_ends(pair[0]);
	status = relay_starter__end(starter);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127);
	close(null);
}

static void none_can_be_freed(void **state)
{
	(void)state;
	relay_starter__free(NULL);
}

int main(int argc, char **argv)
{
#define STARTER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		STARTER_TEST(a_relay_has_its_link_and_nothing_else),
		STARTER_TEST(how_it_ended_is_told),
		STARTER_TEST(another_takes_its_place),
		STARTER_TEST(without_a_link_there_is_no_relay),
		STARTER_TEST(signals_meant_for_the_agent_do_not_end_it),
		STARTER_TEST(it_takes_the_relay_along),
		STARTER_TEST(when_it_is_gone_that_is_said_at_once),
		cmocka_unit_test_teardown(what_cannot_be_executed_is_a_relay_that_ends_at_once,
					  teardown),
		cmocka_unit_test(none_can_be_freed),
	};

	if (argc && !strcmp(argv[0], "tapmeter-relay"))
		return relay();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
