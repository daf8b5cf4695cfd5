/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "proc_tree.h"
#include "subject/engine.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"

static const char long_id[] = "0" ID;

static char path[128];

static int listen_there(int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/engine.sock", tree);
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void the_question_is_asked_and_no_other_can_be(void **state)
{
	static const char expected[] = "GET /containers/" ID "/json HTTP/1.0\r\n";
	char request[512] = "", answer[8] = "";
	int listener = listen_there(4), fd = engine_ask(path, ID), engine;
	ssize_t len;

	(void)state;
	assert_true(fd >= 0);
	engine = accept(listener, NULL, NULL);
	len = recv(engine, request, sizeof(request) - 1,
		   MSG_WAITALL); /* to the end, which is there */
	assert_true(len > 4);
	assert_memory_equal(request, expected, strlen(expected));
	assert_string_equal(request + len - 4, "\r\n\r\n");
	/* whoever gets the descriptor cannot command the engine */
	assert_int_equal(send(fd, "POST", 4, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(write(engine, "answer", 6), 6);
	assert_int_equal(read(fd, answer, sizeof(answer)), 6);
	assert_string_equal(answer, "answer");
	assert_int_equal(read(fd, answer, sizeof(answer)), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	close(engine);
	close(listener);
}

static void only_ids_are_asked_for(void **state)
{
	static const char *const wrong[] = {
		"",
		"0123456789a",
		"../images",
		"0123456789ab/../../images",
		long_id,
		"0123456789AB",
		"0123456789ab\r\n\r\n",
		"0123456789ab?size=1",
	};
	int listener = listen_there(4);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(engine_ask(path, wrong[i]), -EINVAL);
	close(listener);
}

static void an_engine_that_is_not_there_says_so_at_once(void **state)
{
	char long_path[200];
	int listener, fds[64], count = 0, fd = 0;

	(void)state;
	assert_int_equal(engine_ask("/nonexistent/socket", ID), -ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(engine_ask(long_path, ID), -EINVAL);
	/* one that accepts nobody */
	listener = listen_there(1);
	while (count < 64 && (fd = engine_ask(path, ID)) >= 0)
		fds[count++] = fd;
	assert_int_equal(fd, -EAGAIN);
	while (count)
		close(fds[--count]);
	close(listener);
	assert_int_equal(engine_ask(path, ID), -ECONNREFUSED);
}

int main(void)
{
#define ENGINE_TEST(function) cmocka_unit_test_setup_teardown(function, tree_setup, tree_teardown)
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(the_question_is_asked_and_no_other_can_be),
		ENGINE_TEST(only_ids_are_asked_for),
		ENGINE_TEST(an_engine_that_is_not_there_says_so_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
