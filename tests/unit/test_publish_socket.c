/* SPDX-License-Identifier: Apache-2.0 */
/* Where snapshots are published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>
#include "publish_socket.h"

static char folder[64], path[128], endpoint[160], text[512];
static struct publish_socket opened, second;

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tapmeter-publish-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/met", folder);
	snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
	text[0] = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	publish_socket_close(&opened);
	unlink(path);
	return rmdir(folder);
}

static void a_path_is_there_until_the_end(void **state)
{
	(void)state;
	assert_int_equal(publish_socket_open(endpoint, &opened, text, sizeof(text)), 0);
	assert_int_equal(access(path, F_OK), 0);
	publish_socket_close(&opened);
	assert_int_equal(opened.fd, -1);
	assert_int_equal(access(path, F_OK), -1);
}

static void one_that_is_in_use_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(publish_socket_open(endpoint, &opened, text, sizeof(text)), 0);
	assert_int_equal(publish_socket_open(endpoint, &second, text, sizeof(text)), -EADDRINUSE);
	assert_non_null(strstr(text, path));
	assert_int_equal(access(path, F_OK), 0);
}

static void one_that_was_left_behind_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(publish_socket_open(endpoint, &opened, text, sizeof(text)), 0);
	close(opened.fd); /* as by a crash */
	assert_int_equal(publish_socket_open(endpoint, &opened, text, sizeof(text)), 0);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	(void)state;
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(publish_socket_open(endpoint, &opened, text, sizeof(text)), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
}

static void addresses_and_abstract_names_are_taken(void **state)
{
	(void)state;
	assert_int_equal(publish_socket_open("tcp://127.0.0.1:0", &opened, text, sizeof(text)), 0);
	publish_socket_close(&opened);
	assert_int_equal(publish_socket_open("tcp://*:0", &opened, text, sizeof(text)), 0);
	publish_socket_close(&opened);
	assert_int_equal(publish_socket_open("ipc://@tapmeter-test", &opened, text, sizeof(text)),
			 0);
	publish_socket_close(&opened);
	assert_int_equal(publish_socket_open("udp://x", &opened, text, sizeof(text)), -EINVAL);
}

int main(void)
{
#define PUBLISH_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		PUBLISH_TEST(a_path_is_there_until_the_end),
		PUBLISH_TEST(one_that_is_in_use_is_not_taken),
		PUBLISH_TEST(one_that_was_left_behind_is_replaced),
		PUBLISH_TEST(what_is_no_socket_is_left_alone),
		PUBLISH_TEST(addresses_and_abstract_names_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
