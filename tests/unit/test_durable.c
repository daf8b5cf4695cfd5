/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written durably is the old one or the new one, whenever its writer ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/durable.h"

#define NAME "final_snapshot.json"
#define KILLS 200
#define LEN 100000

static char folder[64];
static int fd;
static char content[LEN];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tapmeter-durable-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	fd = durable_open(folder);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(fd, NAME, 0);
	unlinkat(fd, NAME ".tmp", 0);
	close(fd);
	return rmdir(folder);
}

static ssize_t read_file(const char *name)
{
	int file = openat(fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = file < 0 ? -errno : read(file, content, sizeof(content));

	if (file >= 0)
		close(file);
	return len;
}

static void the_new_file_takes_the_olds_place(void **state)
{
	(void)state;
	assert_int_equal(durable_write(fd, NAME, "one", 3), 0);
	assert_int_equal(durable_write(fd, NAME, "second", 6), 0);
	assert_int_equal(read_file(NAME), 6);
	assert_memory_equal(content, "second", 6);
	assert_int_equal(read_file(NAME ".tmp"), -ENOENT);
}

static void what_a_link_points_to_is_not_touched(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlinkat("victim", fd, NAME ".tmp"), 0);
	assert_int_equal(symlinkat("victim", fd, NAME), 0);
	assert_int_equal(durable_write(fd, NAME, "one", 3), 0);
	assert_int_equal(read_file("victim"), -ENOENT);
	assert_int_equal(fstatat(fd, NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void a_full_disk_leaves_the_old_file(void **state)
{
	const struct rlimit small = { 4096, RLIM_INFINITY },
			    none = { RLIM_INFINITY, RLIM_INFINITY };
	static char data[LEN];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(durable_write(fd, NAME, "old", 3), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(durable_write(fd, NAME, data, sizeof(data)), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &none);
	assert_int_equal(read_file(NAME), 3);
	assert_int_equal(read_file(NAME ".tmp"), -ENOENT);
}

static void a_folder_that_is_none_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(durable_open("/nowhere"), -ENOENT);
	assert_int_equal(durable_open("/dev/null"), -ENOTDIR);
}

/* Writes one file after the other, each of one letter. */
static void write_for_ever(void)
{
	static char data[LEN];

	for (int letter = 'a';; letter = letter == 'z' ? 'a' : letter + 1) {
		memset(data, letter, sizeof(data));
		if (durable_write(fd, NAME, data, sizeof(data)))
			_exit(1);
	}
}

static void check_whole(void)
{
	ssize_t len = read_file(NAME);

	assert_int_equal(len, LEN);
	for (size_t i = 1; i < LEN; i++)
		assert_int_equal(content[i], content[0]);
}

static void a_writer_that_is_killed_leaves_no_torn_file(void **state)
{
	int torn_below = 0;

	(void)state;
	memset(content, 'a', sizeof(content));
	assert_int_equal(durable_write(fd, NAME, content, sizeof(content)), 0);
	srand(1);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			write_for_ever();
		usleep((useconds_t)(rand() % 3000));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		torn_below += read_file(NAME ".tmp") >= 0;
		check_whole();
	}
	/* or no writer was ever in the middle of it */
	assert_in_range(torn_below, 1, KILLS);
}

int main(void)
{
#define DURABLE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		DURABLE_TEST(the_new_file_takes_the_olds_place),
		DURABLE_TEST(what_a_link_points_to_is_not_touched),
		DURABLE_TEST(a_full_disk_leaves_the_old_file),
		DURABLE_TEST(a_folder_that_is_none_is_an_error),
		DURABLE_TEST(a_writer_that_is_killed_leaves_no_torn_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
