/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "proc_tree.h"
#include "subject/environ.h"
#include "util/aside.h"

#define NAME "BACKENDAI_KERNEL_ID"
#define SIZE 16

struct environ_case {
	const char *environment;
	size_t len;
	const char *value; /* NULL = none */
};
#define CASE(text, expected)                     \
	{                                        \
		(text), sizeof(text), (expected) \
	} /* the last NUL included */

static const struct environ_case cases[] = {
	CASE(NAME "=k1", "k1"),
	CASE("A=1\0" NAME "=k1\0B=2", "k1"),
	CASE(NAME "=k1\0" NAME "=k2", "k1"), /* as getenv() has it */
	CASE("BACKENDAI_ACCESS_KEY=secret\0" NAME "=k1", "k1"),
	CASE("BACKENDAI_ACCESS_KEY=secret", NULL),
	CASE(NAME "S=k1", NULL),
	CASE("X" NAME "=k1", NULL),
	CASE("BACKENDAI_KERNEL_I=k1", NULL),
	CASE("backendai_kernel_id=k1", NULL),
	CASE("X=" NAME "=k1", NULL), /* in another's value */
	CASE("X=\n" NAME "=k1", NULL),
	CASE(NAME, NULL),
	CASE(NAME "=", NULL),
	CASE("\0\0" NAME "=k1", "k1"),
	CASE("no equals sign\0" NAME "=k1", "k1"),
	CASE(NAME "=a=b", "a=b"),
	CASE(NAME "=123456789012345", "123456789012345"),
	CASE(NAME "=1234567890123456", NULL), /* too long: not cut */
	CASE(NAME "=1234567890123456\0" NAME "=k1", NULL),
	CASE(NAME "=a\nb", NULL),
	CASE(NAME "=\xff\xfe", NULL),
	{ NAME "=k1", sizeof(NAME "=k1") - 1, NULL }, /* its end is missing */
	{ "", 0, NULL },
};

static void only_the_named_variable_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char value[SIZE] = "before";
		int err;

		tree_put_bytes("7/environ", cases[i].environment, cases[i].len);
		err = environ_read(NULL, tree, 7, NAME, value, sizeof(value));
		if (err != (cases[i].value ? 0 : -ENOENT) ||
		    strcmp(value, cases[i].value ? cases[i].value : "") != 0)
			fail_msg("case %zu: %d %s", i, err, value);
	}
}

/* Fed byte by byte, and in two pieces parted at every place: the result is the same. */
static void where_it_is_parted_does_not_matter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t at = 0; at <= cases[i].len; at++) {
			char value[SIZE] = "";
			struct environ_search search = { .name = NAME,
							 .value = value,
							 .size = SIZE };

			if (!environ_feed(&search, cases[i].environment, at))
				environ_feed(&search, cases[i].environment + at, cases[i].len - at);
			if (cases[i].value)
				assert_string_equal(value, cases[i].value);
			if (cases[i].value)
				assert_int_equal(search.found, 1);
		}
	}
}

static void a_value_after_many_pieces_is_found(void **state)
{
	static char text[300000];
	char value[SIZE];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + 299000, "\0" NAME "=late", sizeof("\0" NAME "=late"));
	tree_put_bytes("7/environ", text, sizeof(text));
	assert_int_equal(environ_read(NULL, tree, 7, NAME, value, sizeof(value)), 0);
	assert_string_equal(value, "late");
}

static void an_environment_that_cannot_be_opened_says_why(void **state)
{
	char value[SIZE] = "before";

	(void)state;
	assert_int_equal(environ_read(NULL, tree, 8, NAME, value, sizeof(value)), -ENOENT);
	assert_string_equal(value, "");
}

/* As one is whose process holds the lock of its memory. */
static void an_environment_that_does_not_come_is_not_waited_for(void **state)
{
	struct aside *aside;
	char value[SIZE] = "before";
	int fd;

	(void)state;
	tree_put_fifo("9/environ");
	tree_put_bytes("7/environ", NAME "=k1", sizeof(NAME "=k1"));
	assert_int_equal(aside__new(&aside), 0);
	assert_int_equal(environ_read(aside, tree, 9, NAME, value, sizeof(value)), -ETIMEDOUT);
	assert_string_equal(value, "");
	assert_int_equal(environ_read(aside, tree, 9, NAME, value, sizeof(value)), -EBUSY);
	assert_int_equal(environ_read(aside, tree, 7, NAME, value, sizeof(value)), 0);
	assert_string_equal(value, "k1");
	fd = tree_open_fifo("9/environ", O_WRONLY);
	while (aside__left_behind(aside))
		usleep(1000);
	/* now it opens; the first part comes, the second does not */
	close(fd);
	fd = tree_open_fifo("9/environ", O_RDWR);
	assert_int_equal(write(fd, NAME "=k", sizeof(NAME "=k") - 1), sizeof(NAME "=k") - 1);
	assert_int_equal(environ_read(aside, tree, 9, NAME, value, sizeof(value)), -ETIMEDOUT);
	assert_string_equal(value, "");
	close(fd);
	while (aside__left_behind(aside))
		usleep(1000);
	aside__free(aside);
}

static void an_environment_that_cannot_be_read_says_why(void **state)
{
	char value[SIZE] = "before", path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/6", tree);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/6/environ", tree);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(environ_read(NULL, tree, 6, NAME, value, sizeof(value)), -EISDIR);
	assert_string_equal(value, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_named_variable_is_read),
		cmocka_unit_test(where_it_is_parted_does_not_matter),
		cmocka_unit_test(a_value_after_many_pieces_is_found),
		cmocka_unit_test(an_environment_that_cannot_be_opened_says_why),
		cmocka_unit_test(an_environment_that_does_not_come_is_not_waited_for),
		cmocka_unit_test(an_environment_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
