/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "bpf_test.h"
#include "tap/mmapwatch.h"

#define OVERFLOW 4000 /* mappings; a ring has room for some hundreds */

static struct mmap_watch *watch;
static struct stat file;
static char why_not[512];

static int setup(void **state)
{
	int err = mmap_watch__new(&watch);

	(void)state;
	if (err == -EACCES || err == -EPERM) {
		snprintf(why_not, sizeof(why_not), "perf_event_open: not permitted");
		return 0;
	}
	return err || make_directory(__FILE__) || shell("cp tapped.so other.so") ||
	       stat(in_directory("tapped.so"), &file);
}

static int teardown(void **state)
{
	(void)state;
	mmap_watch__free(watch);
	return remove_directory();
}

/* ---- what is noticed --------------------------------------------------------------------- */

struct notices {
	uint32_t tgid;
	unsigned of_process, of_file; /* and the process */
	uint64_t lost;
};

static void note(void *arg, uint32_t tgid, uint32_t major, uint32_t minor, uint64_t inode,
		 uint64_t generation)
{
	struct notices *notices = arg;

	(void)generation;
	if (tgid != notices->tgid)
		return;
	notices->of_process++;
	notices->of_file += inode == file.st_ino && major == major(file.st_dev) &&
			    minor == minor(file.st_dev);
}

static struct notices read_notices(pid_t of)
{
	struct notices notices = { .tgid = (uint32_t)of };

	mmap_watch__read(watch, note, &notices, &notices.lost);
	return notices;
}

static int is_readable(int timeout_ms)
{
	struct pollfd fd = { .fd = mmap_watch__fd(watch), .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

/* ---- what processes do ------------------------------------------------------------------- */

static void load_library(void *arg)
{
	(void)arg;
	if (!dlopen(in_directory("tapped.so"), RTLD_NOW))
		_exit(1);
}

static void map_as(int protection, int flags, int fd)
{
	void *memory = mmap(NULL, 4096, protection, flags, fd, 0);

	if (memory == MAP_FAILED || munmap(memory, 4096))
		_exit(1);
}

static void map_data(void *arg)
{
	int fd = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);

	(void)arg;
	map_as(PROT_READ, MAP_PRIVATE, fd);
	map_as(PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	close(fd);
}

static void map_code_without_file(void *arg)
{
	(void)arg;
	map_as(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void map_many_times(void *arg)
{
	int fd = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(sched_getcpu(), &first);
	sched_setaffinity(0, sizeof(first), &first); /* one ring */
	for (int i = 0; i < OVERFLOW; i++)
		map_as(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	close(fd);
	*(int *)arg = sched_getcpu();
}

/* Two files in turn, so that no notice looks like the one before. */
static void map_on_cpu(void *arg)
{
	int fd = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	int other = open(in_directory("other.so"), O_RDONLY | O_CLOEXEC);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(*(int *)arg, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; i < 10; i++) {
		map_as(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
		map_as(PROT_READ | PROT_EXEC, MAP_PRIVATE, other);
	}
	close(fd);
	close(other);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void a_library_loaded_late_is_noticed(void **state)
{
	struct notices notices;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	read_notices(0);
	pid = run_child(load_library, NULL);
	assert_true(is_readable(10000));
	notices = read_notices(pid);
	assert_int_equal(notices.of_file, 1);
	assert_int_equal(read_notices(pid).of_process, 0); /* told once */
}

static void a_program_that_starts_is_noticed(void **state)
{
	pid_t pid = why_not[0] ? 0 : fork();
	int status;

	(void)state;
	skip_if(why_not);
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_readable(10000));
	/* itself, the dynamic loader, libc */
	assert_in_range(read_notices(pid).of_process, 2, 10);
}

static void what_is_not_executable_or_no_file_is_not_noticed(void **state)
{
	(void)state;
	skip_if(why_not);
	assert_int_equal(read_notices(run_child(map_data, NULL)).of_process, 0);
	assert_int_equal(read_notices(run_child(map_code_without_file, NULL)).of_process, 0);
}

static void notices_without_room_are_counted_with_the_next_one(void **state)
{
	int *cpu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct notices notices, next;
	pid_t pid;

	(void)state;
	skip_if(why_not);
	assert_ptr_not_equal(cpu, MAP_FAILED);
	read_notices(0);
	pid = run_child(map_many_times, cpu);
	notices = read_notices(pid);
	assert_in_range(notices.of_file, 100, OVERFLOW - 1);
	pid = run_child(map_on_cpu, cpu);
	next = read_notices(pid);
	assert_int_equal(next.of_file, 10);
	/* others may have lost some, too */
	assert_in_range(notices.lost + next.lost, OVERFLOW - notices.of_file, 2 * OVERFLOW);
	munmap(cpu, 4096);
}

static void a_ring_read_many_times_over_loses_nothing(void **state)
{
	int cpu = sched_getcpu();

	(void)state;
	skip_if(why_not);
	read_notices(0);
	for (int i = 0; i < 200; i++) { /* several times round */
		struct notices notices = read_notices(run_child(map_on_cpu, &cpu));

		assert_int_equal(notices.of_file, 10);
		assert_int_equal(notices.of_process, 20);
		assert_int_equal(notices.lost, 0);
	}
}

static void freeing_takes_null(void **state)
{
	(void)state;
	mmap_watch__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_library_loaded_late_is_noticed),
		cmocka_unit_test(a_program_that_starts_is_noticed),
		cmocka_unit_test(what_is_not_executable_or_no_file_is_not_noticed),
		cmocka_unit_test(notices_without_room_are_counted_with_the_next_one),
		cmocka_unit_test(a_ring_read_many_times_over_loses_nothing),
		cmocka_unit_test(freeing_takes_null),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
