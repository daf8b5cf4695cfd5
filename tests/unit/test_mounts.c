/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"
#include <errno.h>
#include "subject/mounts.h"

static struct tree tree;
static struct cgroup_mounts *mounts;

static int setup(void **state)
{
	(void)state;
	return tree_new(&tree);
}

static int teardown(void **state)
{
	(void)state;
	cgroup_mounts__free(mounts);
	mounts = NULL;
	return tree_free(&tree);
}

/* A mountinfo in which each % stands for the tree's directory. */
static void read_mounts(const char *text)
{
	char whole[4096] = "", path[512];

	for (const char *p = text; *p; p++) {
		if (*p == '%')
			strcat(whole, tree.root);
		else
			strncat(whole, p, 1);
	}
	tree_put(&tree, "mountinfo", whole);
	tree_path(&tree, "mountinfo", path);
	cgroup_mounts__free(mounts);
	mounts = NULL;
	assert_int_equal(cgroup_mounts__new(path, &mounts), 0);
}

/* The text of a file, or the error. */
static const char *text_of(enum cgroup_hierarchy hierarchy, const char *path)
{
	static char text[64];
	int fd = cgroup_mounts__open(mounts, hierarchy, path, "file");
	ssize_t len;

	if (fd < 0)
		return strerror(-fd);
	len = read(fd, text, sizeof(text) - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	close(fd);
	return text;
}

static void each_hierarchy_has_its_mount(void **state)
{
	(void)state;
	tree_put(&tree, "cpu/c/file", "cpu");
	tree_put(&tree, "memory/c/file", "memory");
	tree_put(&tree, "unified/c/file", "unified");
	tree_put(&tree, "cpu/file", "root");
	read_mounts(
		"22 1 0:20 / / rw - ext4 /dev/sda1 rw,memory\n"
		"31 23 0:28 / % ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
		"32 31 0:29 / %/cpu rw,nosuid shared:10 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
		"35 31 0:32 / %/memory rw - cgroup cgroup rw,memory\n"
		"41 31 0:38 / %/unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
	assert_string_equal(text_of(CGROUP_CPUACCT, "/c"), "cpu");
	assert_string_equal(text_of(CGROUP_CPUACCT, "/"), "root");
	assert_string_equal(text_of(CGROUP_MEMORY, "/c"), "memory");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/c"), "unified");
	assert_string_equal(text_of(CGROUP_BLKIO, "/c"), strerror(ENOENT));
	assert_string_equal(text_of(CGROUP_MEMORY, "/none"), strerror(ENOENT));
}

static void a_mount_of_a_part_has_only_what_is_below(void **state)
{
	(void)state;
	tree_put(&tree, "part/c/file", "part");
	read_mounts("41 31 0:38 /pods %/part rw - cgroup2 cgroup2 rw\n");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/pods/c"), "part");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/pods2/c"), strerror(ENOENT));
	assert_string_equal(text_of(CGROUP_UNIFIED, "/c"), strerror(ENOENT));
	/* the whole is better, wherever it stands */
	tree_put(&tree, "whole/pods/c/file", "whole");
	read_mounts("41 31 0:38 /pods %/part rw - cgroup2 cgroup2 rw\n"
		    "42 31 0:38 / %/whole rw - cgroup2 cgroup2 rw\n"
		    "43 31 0:38 /pods %/part rw - cgroup2 cgroup2 rw\n");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/pods/c"), "whole");
}

static void a_mount_point_is_unescaped(void **state)
{
	(void)state;
	tree_put(&tree, "a b\\c/x/file", "blank");
	read_mounts("41 31 0:38 / %/a\\040b\\134c rw - cgroup2 cgroup2 rw\n");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/x"), "blank");
}

static void no_path_leads_out_of_the_hierarchy(void **state)
{
	(void)state;
	tree_put(&tree, "file", "outside");
	tree_put(&tree, "cg/c/file", "inside");
	tree_link(&tree, "cg/up", "..");
	tree_link(&tree, "cg/link/file", "../../file");
	read_mounts("41 31 0:38 / %/cg rw - cgroup2 cgroup2 rw\n");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/c"), "inside");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/.."), strerror(EXDEV));
	assert_string_equal(text_of(CGROUP_UNIFIED, "/../cg/c"), strerror(EXDEV));
	assert_string_equal(text_of(CGROUP_UNIFIED, "/up"), strerror(ELOOP));
	assert_string_equal(text_of(CGROUP_UNIFIED, "/link"), strerror(ELOOP));
}

static void garbage_is_no_mount(void **state)
{
	(void)state;
	tree_put(&tree, "cg/c/file", "inside");
	read_mounts(
		"\n - \n - cgroup2\n1 2 3 - cgroup2 x y\n41 31 0:38 / %/none rw - cgroup2 c rw\n"
		"41 31 0:38 / - cgroup2 cgroup2 rw\n1 2 3 4 5 6 - cgroup cgroup\n"
		"41 31 0:38 / %/cg rw - cgroup2 cgroup2 rw");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/c"), "inside");
	read_mounts("");
	assert_string_equal(text_of(CGROUP_UNIFIED, "/c"), strerror(ENOENT));
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct cgroup_mounts *none = NULL;

	(void)state;
	assert_int_equal(cgroup_mounts__new("/nonexistent/mountinfo", &none), -ENOENT);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_hierarchy_has_its_mount, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mount_of_a_part_has_only_what_is_below, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_mount_point_is_unescaped, setup, teardown),
		cmocka_unit_test_setup_teardown(no_path_leads_out_of_the_hierarchy, setup,
						teardown),
		cmocka_unit_test_setup_teardown(garbage_is_no_mount, setup, teardown),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
