/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tap/layout.h"
#include "tap/pins.h"

static const struct pinned_link example = {
	.inode = 0xffffffffffffffffull,
	.size = 12345,
	.mtime = -1,
	.device = 0xfd00001,
	.generation = 0xffffffff,
	.number = 7,
	.round = 3,
	.link_device = 0x103,
	.parts = 128,
};

static void a_links_name_says_which_it_is(void **state)
{
	char name[PINS_NAME_SIZE];
	struct pinned_link found;
	uint32_t part;

	(void)state;
	pinned_link_name(&example, 127, name);
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name));
	assert_int_equal(pinned_link_parse(name, &found, &part), 0);
	assert_int_equal(part, 127);
	assert_memory_equal(&found, &example, sizeof(found));
}

static void other_names_are_none_of_links(void **state)
{
	static const char *const names[] = {
		"",
		"kept",
		"life_exit",
		"link-",
		"link-1-2-3-4-5-6-7-8-9",
		"link-1-2-3-4-5-6-7-8-1-1",
		"link-1-2-3-4-5-6-7-8-2-1-",
		"link-1-2-3-4-5-6-7-8-2-01",
		"link-1-2-3-4-5-6-7-8-2--1",
		"link-0x1-2-3-4-5-6-7-8-2-1",
		"link-1-2-3-4-5-6-7-8-2-1ffffffff",
		"link-1-2-3-4-5-6-7-8-9-ffffffff-1",
	};
	struct pinned_link found;
	uint32_t part;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(pinned_link_parse(names[i], &found, &part), -EINVAL);
	assert_int_equal(pinned_link_parse("link-1-2-3-4-5-6-7-8-2-1", &found, &part), 0);
}

static void a_directory_that_is_in_no_bpffs_is_refused(void **state)
{
	char path[] = "/tmp/tapmeter-pins-XXXXXX", err[256] = "";
	struct pins *pins = NULL;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(pins__open(path, err, sizeof(err), &pins), -EINVAL);
	assert_non_null(strstr(err, "mount -t bpf"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(pins__open_existing(path, err, sizeof(err), &pins), -ENOENT);
	assert_int_equal(pins__open("/nowhere/at/all", err, sizeof(err), &pins), -ENOENT);
	assert_null(pins);
	pins__close(NULL);
}

static void a_hash_goes_by_where_texts_end(void **state)
{
	uint64_t one = layout_add_text(layout_add_text(LAYOUT_START, "ab"), "c");
	uint64_t other = layout_add_text(layout_add_text(LAYOUT_START, "a"), "bc");

	(void)state;
	assert_int_not_equal(one, other);
	assert_int_equal(layout_add_text(LAYOUT_START, NULL), layout_add_text(LAYOUT_START, ""));
	/* FNV-1a of "foobar" */
	assert_true(layout_add(LAYOUT_START, "foobar", 6) == 0x85944171f73967e8ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_links_name_says_which_it_is),
		cmocka_unit_test(other_names_are_none_of_links),
		cmocka_unit_test(a_directory_that_is_in_no_bpffs_is_refused),
		cmocka_unit_test(a_hash_goes_by_where_texts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
