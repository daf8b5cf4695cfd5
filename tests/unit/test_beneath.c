/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=syscall */
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "util/beneath.h"

/* ---- openat2(), allowed or not -------------------------------------------------------- */

static int forbidden; /* the errno that a seccomp filter gives */

long __real_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d);

long __wrap_syscall(long number, long a, long b, long c, long d)
{
	if (number == SYS_openat2 && forbidden) {
		errno = forbidden;
		return -1;
	}
	return __real_syscall(number, a, b, c, d);
}

/* ---- a tree --------------------------------------------------------------------------------- */

static char root[64];
static int dir_fd;

static void put(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/tapmeter-beneath-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	dir_fd = open(root, O_PATH | O_DIRECTORY);
	assert_int_equal(mkdirat(dir_fd, "in", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "in/a b", 0700), 0);
	put("secret", "secret");
	put("in/a b/file", "inside");
	assert_int_equal(symlinkat("../secret", dir_fd, "in/up"), 0);
	assert_int_equal(symlinkat("/", dir_fd, "in/root"), 0);
	assert_int_equal(symlinkat("a b", dir_fd, "in/aside"), 0);
	close(dir_fd);
	strcat(root, "/in");
	dir_fd = open(root, O_PATH | O_DIRECTORY);
	*strrchr(root, '/') = '\0';
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	close(dir_fd);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command); /* NOLINT: the path is ours */
}

static const char *const inside[] = {
	"a b/file", "/a b/file", "//a b//file", "./a b/./file", "a b/file/",
};

static const struct {
	const char *path;
	int err;
} outside[] = {
	{ "..", -EXDEV },
	{ "../secret", -EXDEV },
	{ "a b/../../secret", -EXDEV },
	{ "up", -ELOOP },
	{ "root/etc/passwd", -ELOOP },
	{ "aside/file", -ELOOP },
	{ "/proc/self/exe", -ENOENT },
	{ "a b/none", -ENOENT },
	{ "a b/file/file", -ENOTDIR },
};

static void check_all(void)
{
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		int fd = beneath_open(dir_fd, inside[i], O_RDONLY);
		char text[16] = "";

		if (fd < 0)
			fail_msg("%s: %s", inside[i], strerror(-fd));
		assert_int_equal(read(fd, text, sizeof(text) - 1), 6);
		assert_string_equal(text, "inside");
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		int fd = beneath_open(dir_fd, outside[i].path, O_RDONLY);

		if (fd != outside[i].err)
			fail_msg("%s: %d", outside[i].path, fd);
	}
}

static void a_path_never_leads_out(void **state)
{
	(void)state;
	check_all();
}

static void a_path_never_leads_out_where_openat2_is_forbidden(void **state)
{
	(void)state;
	forbidden = ENOSYS;
	check_all();
	forbidden = EPERM;
	check_all();
	forbidden = 0;
}

static void an_empty_path_is_the_directory(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	for (int i = 0; i < 2; i++) {
		forbidden = i ? ENOSYS : 0;
		fd = beneath_open(dir_fd, "/", O_RDONLY | O_DIRECTORY);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		close(fd);
	}
	forbidden = 0;
}

static void no_descriptor_is_left_open(void **state)
{
	int before = dup(0), after;

	(void)state;
	close(before);
	forbidden = ENOSYS;
	check_all();
	forbidden = 0;
	check_all();
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void a_path_too_long_is_refused(void **state)
{
	static char path[5000];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	assert_int_equal(beneath_open(dir_fd, path, O_RDONLY), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_never_leads_out),
		cmocka_unit_test(a_path_never_leads_out_where_openat2_is_forbidden),
		cmocka_unit_test(an_empty_path_is_the_directory),
		cmocka_unit_test(no_descriptor_is_left_open),
		cmocka_unit_test(a_path_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
