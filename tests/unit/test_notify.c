/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/notify.h"

/* A service manager's socket. '@' at the front of the name: an abstract one. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_in_range(len, 2, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	return fd;
}

static void assert_told(int fd)
{
	char text[64] = "";

	assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), strlen("READY=1"));
	assert_string_equal(text, "READY=1");
	close(fd);
}

static void tells_a_socket_with_a_path(void **state)
{
	char directory[] = "/tmp/tapmeter-notify-XXXXXX", path[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	fd = listen_at(path);
	assert_int_equal(notify_ready(path), 0);
	assert_told(fd);
	unlink(path);
	rmdir(directory);
}

static void tells_an_abstract_socket(void **state)
{
	char name[64];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@tapmeter-notify-%d", getpid());
	fd = listen_at(name);
	assert_int_equal(notify_ready(name), 0);
	assert_told(fd);
}

static void is_silent_when_nobody_wants_to_know(void **state)
{
	(void)state;
	assert_int_equal(notify_ready(NULL), 0);
}

static void refuses_what_is_no_address(void **state)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(notify_ready(""), -EINVAL);
	assert_int_equal(notify_ready("@"), -EINVAL);
	assert_int_equal(notify_ready("relative"), -EINVAL);
	assert_int_equal(notify_ready("vsock:2:1234"), -EINVAL);
	assert_int_equal(notify_ready(longest), -EINVAL);
}

static void says_why_it_could_not(void **state)
{
	(void)state;
	assert_int_equal(notify_ready("/nonexistent/socket"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_a_socket_with_a_path),
		cmocka_unit_test(tells_an_abstract_socket),
		cmocka_unit_test(is_silent_when_nobody_wants_to_know),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(says_why_it_could_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
