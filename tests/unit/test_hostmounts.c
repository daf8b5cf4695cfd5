/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"
#include "tap/hostmounts.h"

#define DEVICE(major, minor) ((uint32_t)(major) << 20 | (minor))

static struct tree tree;
static struct host_mounts *mounts;
static char path[512];

static int setup(void **state)
{
	(void)state;
	if (tree_new(&tree))
		return -1;
	tree_path(&tree, "mountinfo", path);
	return host_mounts__new(path, &mounts);
}

static int teardown(void **state)
{
	(void)state;
	host_mounts__free(mounts);
	return tree_free(&tree);
}

static void put(const char *text)
{
	tree_put(&tree, "mountinfo", text);
	host_mounts__outdate(mounts);
}

static void each_device_of_the_text_is_mounted_and_no_other(void **state)
{
	(void)state;
	put("22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
	    "90 22 0:57 / /cvmfs/one rw,nosuid - fuse.cvmfs2 cvmfs2 ro,user_id=0\n"
	    "91 22 0:5 /in /bound rw - devtmpfs dev rw");
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(259, 1)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 5)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 58)), 0);
	assert_int_equal(host_mounts__have(mounts, DEVICE(57, 0)), 0);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 0)), 0);
}

static void what_follows_in_a_line_is_no_device_however_long_the_line_is(void **state)
{
	char text[8192] = "22 1 0:30 / /";

	(void)state;
	while (strlen(text) < sizeof(text) - 100)
		strcat(text, "\\012 1 1 0:57 / /a ");
	strcat(text, " rw - fuse \\0121 1 0:57 rw\n23 22 0:31 / /b rw - tmpfs b rw\n");
	put(text);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 0);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 30)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 31)), 1);
}

static void what_is_no_mount_is_left_out(void **state)
{
	(void)state;
	put("\n\n1\n1 2\n1 2 3\n1 2 0:\n1 2 :57\n1 2 0:57\n1 2 -1:57 /\n1 2 0:1048633 / x\n1 2 4096:57 / x\n"
	    "1 2 0:99999999999999999999 / x\nx 2 0:57 / x\n1 2 0x0:57 / x\n3 4 0:58 / /x\n");
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 0);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 58)), 1);
}

static void it_is_read_anew_only_when_it_is_outdated(void **state)
{
	(void)state;
	put("1 2 0:57 / /x rw\n");
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 1);
	tree_put(&tree, "mountinfo", "1 2 0:58 / /x rw\n");
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 58)), 0);
	host_mounts__outdate(mounts);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 58)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 0);
}

static void what_cannot_be_read_has_nothing(void **state)
{
	struct host_mounts *none;

	(void)state;
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 57)), 0);
	assert_int_equal(host_mounts__new(NULL, &none), 0);
	assert_int_equal(host_mounts__have(none, DEVICE(0, 57)), 0);
	host_mounts__free(none);
	host_mounts__free(NULL);
}

static void there_may_be_as_many_as_linux_allows(void **state)
{
	size_t size = (size_t)HOST_MOUNTS_MAX * 40, len = 0;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (unsigned i = HOST_MOUNTS_MAX + 1; i > 0; i--)
		len += (size_t)snprintf(text + len, size - len, "%u 1 0:%u / /x rw\n", i, i);
	put(text);
	free(text);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, HOST_MOUNTS_MAX + 1)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 2)), 1);
	assert_int_equal(host_mounts__have(mounts, DEVICE(0, 1)), 0); /* beyond */
}

int main(void)
{
#define MOUNTS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		MOUNTS_TEST(each_device_of_the_text_is_mounted_and_no_other),
		MOUNTS_TEST(what_follows_in_a_line_is_no_device_however_long_the_line_is),
		MOUNTS_TEST(what_is_no_mount_is_left_out),
		MOUNTS_TEST(it_is_read_anew_only_when_it_is_outdated),
		MOUNTS_TEST(what_cannot_be_read_has_nothing),
		MOUNTS_TEST(there_may_be_as_many_as_linux_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
