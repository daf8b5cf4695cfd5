/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/* LDFLAGS: -Wl,--wrap=elf_file__new,--wrap=probes__attach,--wrap=probes__mappings,--wrap=probes__file_is_held,--wrap=intake__has_time */
/* Mappings that lead to no tap, or not yet: of files that are not what they should be, and of who has had enough. */
#include "taps_fixture.h"

/* ---- files that are not what they should be ---------------------------------------------- */

/* tapped.so with `size` bytes from `offset` on overwritten. */
static void damage(const char *name, off_t offset, size_t size)
{
	char garbage[4096];
	int fd;

	memset(garbage, 0xa5, sizeof(garbage));
	assert_int_equal(shell("cp tapped.so %s", name), 0);
	fd = open(in_directory(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, garbage, size, offset), size);
	close(fd);
}

/* Where in the file its hash table lies. */
static off_t hash_offset(void)
{
	char line[64] = "";
	FILE *file;

	assert_int_equal(shell("readelf -SW tapped.so | sed -n "
			       "'s/.*gnu.hash  *GNU_HASH  *[0-9a-f]* \\([0-9a-f]*\\).*/\\1/p' >at"),
			 0);
	file = fopen(in_directory("at"), "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	return (off_t)strtoul(line, NULL, 16);
}

static void broken_files_do_not_keep_others_from_being_tapped(void **state)
{
	struct worker *broken, *worker;
	unsigned opened;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("printf '\\177ELF but not really' >text.so"), 0);
	damage("header.so", 16, 48);
	damage("hash.so", hash_offset(), 32);
	broken = free_worker();
	broken->paths[0] = in_directory("text.so");
	broken->paths[1] = in_directory("header.so");
	broken->paths[2] = in_directory("hash.so");
	broken->only_map = 1;
	start_prepared(broken);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	assert_int_equal(counted(worker), 1);
	/* all were looked into, once and for all */
	opened = fault.opened;
	assert_true(opened >= 4);
	sweep(START + SECOND);
	assert_int_equal(fault.opened, opened);
}

static void a_device_is_never_opened(void **state)
{
	struct inotify_event event;
	struct worker *worker;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)state;
	skip_if(why_not);
	if (mknod(in_directory("zero"), S_IFCHR | 0600, makedev(1, 5)))
		skip_if("cannot make a device node");
	worker = free_worker();
	worker->paths[0] = in_directory("zero");
	worker->only_map = 1;
	start_prepared(worker);
	assert_true(inotify_add_watch(fd, in_directory("zero"), IN_OPEN) >= 0);
	sweep(START);
	assert_int_equal(told.attached, 0);
	assert_true(read(fd, &event, sizeof(event)) < 0 && errno == EAGAIN);
	/* had it been, we would have seen it */
	close(open(in_directory("zero"), O_RDONLY | O_CLOEXEC));
	assert_int_equal(read(fd, &event, sizeof(event)), sizeof(event));
	close(fd);
	(void)worker;
}

static void keep_mapping(void *arg, const struct tm_mapping *mapping)
{
	struct tm_mapping *kept = arg;
	struct stat st;

	assert_int_equal(stat(in_directory("tapped.so"), &st), 0);
	if (mapping->inode == st.st_ino)
		*kept = *mapping;
}

/* A process must not pass a file off for another by mapping it there just when we look. */
static void a_file_that_is_not_the_one_that_was_mapped_is_not_taken_for_it(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	assert_int_not_equal(mapping.inode, 0);
	fault.forged = &mapping;
	/* what was mapped there when the mappings were listed */
	mapping.inode++;
	mapping.mtime++;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	mapping.mtime--;
	mapping.size++;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	mapping.inode--;
	mapping.size--;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 1);
}

/* FUSE is only said of it: what would be asked is seen by whether the file is looked into. */
static void a_file_on_a_fuse_that_the_host_has_not_mounted_is_not_opened(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	mapping.fuse = FUSE_DEVICE;
	fault.opened = 0;
	write_mountinfo(FUSE_DEVICE + 1);
	for (int i = 0; i < 3; i++)
		sweep(START + (uint64_t)i * 20 * SECOND);
	assert_int_equal(fault.opened, 0);
	assert_int_equal(told.attached, 0);
	assert_int_equal(taps__passed_over(taps).unsafe, 1);
	assert_int_equal(told.passed_over.unsafe, 1);
	/* it is not held against the same file mapped otherwise: reads may be passed through to it */
	mapping.fuse = 0;
	sweep(START + 61 * SECOND);
	assert_int_equal(told.attached, 1);
	assert_int_equal(taps__passed_over(taps).unsafe, 1);
}

static void a_file_on_a_fuse_that_the_host_has_mounted_is_tapped(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	mapping.fuse = FUSE_DEVICE;
	write_mountinfo(FUSE_DEVICE + 1);
	sweep(START);
	assert_int_equal(told.attached, 0);
	/* the number has become another's */
	write_mountinfo(FUSE_DEVICE);
	sweep(START + 11 * SECOND);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.reason, "");
}

/* Probes that could not be set are tried again: by then it may be another's. */
static void a_known_file_is_not_opened_through_such_a_fuse_either(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	fault.attach_error = -EBUSY;
	sweep(START);
	assert_int_equal(told.attached, 1);
	fault.attach_error = 0;
	mapping.fuse = FUSE_DEVICE;
	write_mountinfo(FUSE_DEVICE + 1);
	sweep(START + 11 * SECOND);
	assert_int_equal(told.attached, 1);
	mapping.fuse = 0;
	sweep(START + 22 * SECOND);
	assert_int_equal(told.attached, 2);
}

static void a_mapping_that_has_gone_is_no_error(void **state)
{
	struct tm_mapping mapping = { .start = 0x1000, .end = 0x2000, .inode = 1 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	mapping.process.tgid = (uint32_t)worker->pid;
	mapping.process.start_ns = 1;
	fault.forged = &mapping;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	fault.forged = NULL;
	sweep(START);
	assert_int_equal(told.attached, 1);
}

static void a_file_changed_in_place_still_counts_once(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so touched.so"), 0);
	worker = start_worker(in_directory("touched.so"));
	sweep(START);
	assert_int_equal(shell("touch -d '1 hour ago' touched.so"), 0);
	sweep(START + SECOND);
	step(worker);
	assert_int_equal(counted(worker), 1);
	sweep(START + LINGER + SECOND);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 1);
	step(worker);
	assert_int_equal(counted(worker), 2);
}

/* ---- what one may take -------------------------------------------------------------------- */

/* Without a shell: hundreds are made while workers wait. */
static const char *copy_of_tapped(const char *name)
{
	int from = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	const char *path = in_directory(name);
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t len;

	assert_true(from >= 0 && to >= 0);
	while ((len = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)len), len);
	close(from);
	close(to);
	return path;
}

static void one_owner_has_a_quarter_of_the_numbers(void **state)
{
	enum { SHARE = TM_MAX_OBJECT_CLASSES / 4, MORE = 5 };
	static void *mapped[SHARE + MORE];
	struct worker *greedy;
	char name[32];

	(void)state;
	skip_if(why_not);
	taps__free(taps);
	assert_int_equal(open_taps(1, 0), 0);
	start_worker(in_directory("tapped.so"));
	for (int i = 0; i < SHARE + MORE; i++) {
		snprintf(name, sizeof(name), "copy%d.so", i);
		mapped[i] = map_file(copy_of_tapped(name));
	}
	greedy = start_prepared(free_worker()); /* has them by fork(2) */
	sweep(START);
	assert_int_equal(told.attached, 1 + SHARE);
	assert_int_equal(taps__passed_over(taps).full, MORE);
	assert_int_equal(told.passed_over.full, MORE);
	/* what there is no room for is not tried all the time, but is not held against another */
	fault.opened = 0;
	sweep(START + SECOND);
	assert_int_equal(fault.opened, 0);
	start_prepared(free_worker());
	sweep(START + 2 * SECOND);
	assert_int_equal(told.attached, 1 + SHARE + MORE);
	assert_int_equal(taps__passed_over(taps).full, MORE);
	stop_worker(greedy);
	for (int i = 0; i < SHARE + MORE; i++)
		munmap(mapped[i], 4096);
}

static void who_has_no_time_left_is_passed_over_alone(void **state)
{
	struct worker *greedy, *other;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so other.so"), 0);
	greedy = start_worker(in_directory("tapped.so"));
	other = start_worker(in_directory("other.so"));
	fault.no_time = greedy->pid;
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.path, in_directory("other.so"));
	assert_in_range(taps__passed_over(taps).late, 1, 1000);
	assert_int_equal(told.passed_over.late, taps__passed_over(taps).late);
	assert_int_equal(taps__look(taps, (uint32_t)greedy->pid, START), 0);
	assert_int_equal(told.attached, 1);
	step(other);
	assert_int_equal(counted(other), 1);
	fault.no_time = 0;
	assert_int_equal(taps__look(taps, (uint32_t)greedy->pid, START), 0);
	assert_int_equal(told.attached, 2);
	step(greedy);
	assert_int_equal(counted(greedy), 1);
}

static void an_incomplete_list_of_mappings_is_no_reason_to_let_go(void **state)
{
	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	sweep(START);
	fault.mappings_error = -ENOMEM;
	assert_int_equal(taps__sweep(taps, START + 10 * LINGER, LINGER), -ENOMEM);
	assert_int_equal(taps__look(taps, 1, START + 10 * LINGER), -ENOMEM);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 0);
	fault.mappings_error = 0;
	sweep(START + 20 * LINGER);
	assert_int_equal(taps__up(taps), 1);
}

static void a_file_that_cannot_be_tapped_is_tried_again_after_ten_seconds(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	fault.attach_error = -EBUSY;
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_non_null(strstr(told.reason, strerror(EBUSY)));
	assert_int_equal(taps__up(taps), 0);
	assert_non_null(strstr(seen_taps().last.reason, strerror(EBUSY)));
	fault.attach_error = 0;
	sweep(START + 10 * SECOND - 1);
	assert_int_equal(told.attached, 1);
	sweep(START + 10 * SECOND);
	assert_int_equal(told.attached, 2);
	assert_string_equal(told.reason, "");
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	assert_int_equal(counted(worker), 1);
}

/* ---- who cannot be looked at ------------------------------------------------------------- */

static struct tm_mapping busy(const struct worker *worker)
{
	struct tm_mapping mapping = { 0 };

	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	assert_int_not_equal(mapping.inode_at, 0);
	mapping.kind = TM_MAPPING_BUSY;
	return mapping;
}

static void who_holds_its_memorys_lock_still_maps_what_it_did(void **state)
{
	struct tm_mapping mapping;
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	mapping = busy(worker);
	fault.forged = &mapping;
	told.processes = 0;
	for (unsigned i = 1; i < 5; i++)
		sweep(START + i * 2ull * LINGER);
	assert_int_equal(told.detached, 0);
	assert_int_equal(told.processes, 4);
	assert_int_equal(seen_taps().last.processes, 1);
	assert_int_equal(taps__passed_over(taps).busy, 4);
	assert_in_range(told.passed_over.busy, 3, 4);
	step(worker);
	assert_int_equal(counted(worker), 1);
	/* another one of the same number never did */
	mapping.process.exec_id++;
	sweep(START + 20 * LINGER);
	assert_int_equal(told.detached, 1);
}

static void a_file_is_tapped_only_when_nobody_holds_it(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	fault.holder = 77;
	sweep(START);
	sweep(START + 2 * SECOND);
	sweep(START + 4 * SECOND);
	assert_int_equal(told.attached, 1); /* it is said once */
	assert_string_equal(told.reason,
			    "process 77, which maps the file, holds the lock of its memory");
	assert_string_equal(seen_taps().last.reason, told.reason);
	assert_int_equal(seen_taps().up, 0);
	fault.holder = 0;
	sweep(START + 5 * SECOND);
	assert_int_equal(told.attached, 1);
	sweep(START + 6 * SECOND);
	assert_int_equal(told.attached, 2);
	assert_string_equal(told.reason, "");
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static void a_tap_stays_while_somebody_holds_the_file(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	stop_worker(worker);
	fault.holder = 77;
	assert_int_equal(taps__give_up_dearest(taps, START), 0);
	for (unsigned i = 1; i < 4; i++)
		sweep(START + i * 2ull * LINGER);
	assert_int_equal(told.detached, 0);
	assert_int_equal(taps__up(taps), 1);
	fault.holder = 0;
	sweep(START + 8 * LINGER);
	assert_int_equal(told.detached, 1);
}

int main(void)
{
#define TAPS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TAPS_TEST(broken_files_do_not_keep_others_from_being_tapped),
		TAPS_TEST(a_device_is_never_opened),
		TAPS_TEST(a_file_that_is_not_the_one_that_was_mapped_is_not_taken_for_it),
		TAPS_TEST(a_file_on_a_fuse_that_the_host_has_not_mounted_is_not_opened),
		TAPS_TEST(a_file_on_a_fuse_that_the_host_has_mounted_is_tapped),
		TAPS_TEST(a_known_file_is_not_opened_through_such_a_fuse_either),
		TAPS_TEST(a_mapping_that_has_gone_is_no_error),
		TAPS_TEST(a_file_changed_in_place_still_counts_once),
		TAPS_TEST(one_owner_has_a_quarter_of_the_numbers),
		TAPS_TEST(who_has_no_time_left_is_passed_over_alone),
		TAPS_TEST(an_incomplete_list_of_mappings_is_no_reason_to_let_go),
		TAPS_TEST(a_file_that_cannot_be_tapped_is_tried_again_after_ten_seconds),
		TAPS_TEST(who_holds_its_memorys_lock_still_maps_what_it_did),
		TAPS_TEST(a_file_is_tapped_only_when_nobody_holds_it),
		TAPS_TEST(a_tap_stays_while_somebody_holds_the_file),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
