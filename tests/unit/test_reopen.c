/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/reopen.h"

static char directory[64], path[80];

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/tapmeter-reopen-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static int reopened(const char *name)
{
	int handle = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd;

	assert_true(handle >= 0);
	fd = reopen_regular(handle);
	assert_true(fd == handle || fcntl(handle, F_GETFD) == -1); /* closed, or taken again */
	return fd;
}

static void a_regular_file_can_be_read_though_its_name_is_gone(void **state)
{
	char text[8] = { 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600), handle;

	(void)state;
	assert_int_equal(write(fd, "inside", 6), 6);
	close(fd);
	handle = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	fd = reopen_regular(handle);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "inside");
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

static void a_fifo_is_not_waited_for(void **state)
{
	char event[4096];
	int watch = inotify_init1(IN_NONBLOCK);

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
	assert_int_equal(reopened(path), -ENOEXEC);
	assert_int_equal(read(watch, event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN); /* it was not even opened */
	close(watch);
}

static void nor_is_what_else_is_no_regular_file(void **state)
{
	(void)state;
	assert_int_equal(reopened("/dev/zero"), -ENOEXEC);
	assert_int_equal(reopened(directory), -ENOEXEC);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(reopened(path), -ENOEXEC); /* the link itself */
	assert_int_equal(reopen_regular(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_regular_file_can_be_read_though_its_name_is_gone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_fifo_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(nor_is_what_else_is_no_regular_file, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
