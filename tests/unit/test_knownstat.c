/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>
#include "util/knownstat.h"

static void says_what_fstat_says(void **state)
{
	char path[] = "/tmp/tapmeter-stat-XXXXXX";
	int fd = mkstemp(path), handle = open(path, O_PATH | O_CLOEXEC);
	struct stat known, st;

	(void)state;
	assert_true(fd >= 0 && handle >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(futimens(fd, (struct timespec[2]){ { .tv_sec = 1 },
							    { .tv_sec = 2, .tv_nsec = 3 } }),
			 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(known_stat(handle, &known), 0);
	assert_int_equal(known.st_dev, st.st_dev);
	assert_int_equal(known.st_ino, st.st_ino);
	assert_int_equal(known.st_mode, S_IFREG | 0640);
	assert_int_equal(known.st_size, 3);
	assert_int_equal(known.st_mtim.tv_sec, 2);
	assert_memory_equal(&known.st_mtim, &st.st_mtim, sizeof(st.st_mtim));
	assert_memory_equal(&known.st_ctim, &st.st_ctim, sizeof(st.st_ctim));
	close(fd);
	close(handle);
	assert_int_equal(unlink(path), 0);
}

static void what_is_not_open_is_an_error(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(known_stat(-1, &st), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_fstat_says),
		cmocka_unit_test(what_is_not_open_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
