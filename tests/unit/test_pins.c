/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=fstatfs,--wrap=bpf_obj_get */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "tap/layout.h"
#include "tap/pins.h"

#define BPF_FS_MAGIC 0xcafe4a11

/* ---- a directory that is taken for one of a bpffs ---------------------------------------------- */

static struct {
	char parent[64], dir[80];
	int is_bpffs;
	ino_t asked; /* the inode behind the last path that bpf_obj_get() was asked for */
	unsigned asked_count;
} fake;

int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);
int __wrap_bpf_obj_get(const char *path);

int __wrap_fstatfs(int fd, struct statfs *fs)
{
	int err = __real_fstatfs(fd, fs);

	if (fake.is_bpffs)
		fs->f_type = (__typeof__(fs->f_type))BPF_FS_MAGIC;
	return err;
}

int __wrap_bpf_obj_get(const char *path)
{
	struct stat st;

	fake.asked_count++;
	if (!stat(path, &st))
		fake.asked = st.st_ino;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int make_directory(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	strcpy(fake.parent, "/tmp/tapmeter-pins-XXXXXX");
	if (!mkdtemp(fake.parent))
		return -1;
	snprintf(fake.dir, sizeof(fake.dir), "%s/pins", fake.parent);
	fake.is_bpffs = 1;
	return 0;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", fake.parent);
	return system(command); /* NOLINT: the path is ours */
}

static const char *in_dir(const char *name)
{
	static char path[PINS_NAME_SIZE + 80];

	snprintf(path, sizeof(path), "%s/%s", fake.dir, name);
	return path;
}

static void put_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static struct pins *open_dir(void)
{
	char err[256] = "";
	struct pins *pins = NULL;

	if (pins__open(fake.dir, err, sizeof(err), &pins))
		fail_msg("%s", err);
	return pins;
}

static void expect_refusal(const char *dir, int error, const char *words)
{
	char err[256] = "";
	struct pins *pins = NULL;

	assert_int_equal(pins__open(dir, err, sizeof(err), &pins), error);
	assert_null(pins);
	if (!strstr(err, words))
		fail_msg("%s", err);
}

static void a_directory_that_others_may_enter_is_refused(void **state)
{
	static const mode_t modes[] = { 0777, 0755, 0770, 0707, 0720, 0702, 0701, 01777 };
	struct pins *pins;

	(void)state;
	assert_int_equal(mkdir(fake.dir, 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(fake.dir, modes[i]), 0);
		expect_refusal(fake.dir, -EPERM, "0700");
	}
	assert_int_equal(chmod(fake.dir, 0700), 0);
	pins = open_dir();
	pins__close(pins);
}

static void a_directory_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(mkdir(fake.dir, 0700), 0);
	assert_int_equal(chown(fake.dir, 65534, 65534), 0);
	expect_refusal(fake.dir, -EPERM, "the agent's user");
}

static void a_symbolic_link_to_a_directory_is_refused(void **state)
{
	char target[96];

	(void)state;
	snprintf(target, sizeof(target), "%s/target", fake.parent);
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(symlink(target, fake.dir), 0);
	expect_refusal(fake.dir, -ENOTDIR, fake.dir);
}

static void a_new_directory_is_for_the_agent_alone_and_for_one_agent(void **state)
{
	struct pins *pins = open_dir();
	struct stat st;

	(void)state;
	assert_int_equal(stat(fake.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	expect_refusal(fake.dir, -EBUSY, "another agent");
	pins__close(pins);
	pins = open_dir();
	pins__close(pins);
}

/* ---- what is in it ---------------------------------------------------------------------------- */

static void what_is_pinned_is_opened_by_its_own_inode(void **state)
{
	struct pins *pins = open_dir();
	struct stat st;
	int fd;

	(void)state;
	put_file(in_dir("kept"));
	assert_int_equal(stat(in_dir("kept"), &st), 0);
	fd = pins__get(pins, "kept");
	assert_true(fd >= 0);
	close(fd);
	assert_true(fake.asked == st.st_ino);
	assert_int_equal(pins__get(pins, "map_slots"), -ENOENT);
	/* what is there is no link */
	assert_int_equal(pins__get_link(pins, "kept"), -EINVAL);
	pins__close(pins);
}

static void what_leads_elsewhere_is_never_opened(void **state)
{
	struct pins *pins = open_dir();

	(void)state;
	put_file(in_dir("target"));
	assert_int_equal(symlink("target", in_dir("kept")), 0);
	assert_int_equal(symlink("/nowhere", in_dir("map_slots")), 0);
	assert_int_equal(mkdir(in_dir("map_losses"), 0700), 0);
	assert_int_equal(mkfifo(in_dir("map_runs"), 0600), 0);
	assert_int_equal(pins__get(pins, "kept"), -EINVAL);
	assert_int_equal(pins__get(pins, "map_slots"), -EINVAL);
	assert_int_equal(pins__get(pins, "map_losses"), -EINVAL);
	assert_int_equal(pins__get(pins, "map_runs"), -EINVAL);
	assert_int_equal(fake.asked_count, 0);
	pins__close(pins);
}

static void what_another_user_has_put_there_is_never_opened(void **state)
{
	struct pins *pins = open_dir();

	(void)state;
	put_file(in_dir("kept"));
	if (geteuid() || chown(in_dir("kept"), 65534, 65534)) {
		pins__close(pins);
		skip();
	}
	assert_int_equal(pins__get(pins, "kept"), -EINVAL);
	assert_int_equal(fake.asked_count, 0);
	pins__close(pins);
}

static int is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static void only_what_is_an_agents_is_removed(void **state)
{
	static const char *const ours[] = {
		"kept", "map_slots", "agent_streams", "life_exit", "link-1-2-3-4-5-6-7-8-1-0",
	};
	static const char *const others[] = {
		"cilium_calls",
		"link-me",
		"link-1-2-3-4-5-6-7-8-ffffffff-0",
		"kept2",
	};
	struct pins *pins = open_dir();
	char target[96];

	(void)state;
	snprintf(target, sizeof(target), "%s/target", fake.parent);
	put_file(target);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		put_file(in_dir(ours[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put_file(in_dir(others[i]));
	assert_int_equal(symlink(target, in_dir("map_losses")), 0);
	assert_int_equal(mkdir(in_dir("map_runs"), 0700), 0);
	put_file(in_dir("map_runs/inside"));
	assert_int_equal(pins__wipe(pins), 0);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_false(is_there(in_dir(ours[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(is_there(in_dir(others[i])));
	assert_false(is_there(in_dir("map_losses")));
	assert_true(is_there(target));
	assert_true(is_there(in_dir("map_runs/inside")));
	pins__close(pins);
}

static void names_say_what_they_are_of(void **state)
{
	(void)state;
	assert_int_equal(pinned_kind("link-1-2-3-4-5-6-7-8-1-0"), PINNED_LINK);
	assert_int_equal(pinned_kind("life_exec"), PINNED_LINK);
	assert_int_equal(pinned_kind("map_slots"), PINNED_MAP);
	assert_int_equal(pinned_kind("agent_journal"), PINNED_MAP);
	assert_int_equal(pinned_kind("kept"), PINNED_MAP);
	assert_int_equal(pinned_kind(""), PINNED_OTHER);
	assert_int_equal(pinned_kind("link-"), PINNED_OTHER);
	assert_int_equal(pinned_kind("maps"), PINNED_OTHER);
}

/* ---- names ---------------------------------------------------------------------------------- */

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
		"link-1-2-3-4-5-0-7-8-2-1", /* file 0 is none */
		"link-1-2-3-4-5-6-7-8-2001-1", /* no file has so many functions */
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
	char err[256] = "";
	struct pins *pins = NULL;

	(void)state;
	fake.is_bpffs = 0;
	expect_refusal(fake.dir, -EINVAL, "mount -t bpf");
	assert_int_equal(rmdir(fake.dir), 0);
	assert_int_equal(pins__open_existing(fake.dir, err, sizeof(err), &pins), -ENOENT);
	expect_refusal("/nowhere/at/all", -ENOENT, "/nowhere");
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

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(a_directory_that_is_in_no_bpffs_is_refused),
		IN_DIRECTORY(a_directory_that_others_may_enter_is_refused),
		IN_DIRECTORY(a_directory_of_another_user_is_refused),
		IN_DIRECTORY(a_symbolic_link_to_a_directory_is_refused),
		IN_DIRECTORY(a_new_directory_is_for_the_agent_alone_and_for_one_agent),
		IN_DIRECTORY(what_is_pinned_is_opened_by_its_own_inode),
		IN_DIRECTORY(what_leads_elsewhere_is_never_opened),
		IN_DIRECTORY(what_another_user_has_put_there_is_never_opened),
		IN_DIRECTORY(only_what_is_an_agents_is_removed),
		cmocka_unit_test(names_say_what_they_are_of),
		cmocka_unit_test(a_links_name_says_which_it_is),
		cmocka_unit_test(other_names_are_none_of_links),
		cmocka_unit_test(a_hash_goes_by_where_texts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
