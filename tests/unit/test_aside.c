/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/aside.h"

#define SHORT_MS 1

/* What jobs wait for, and what has become of them. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int held; /* jobs wait until it is 0 */
	long takes_ms;
	int result;
	unsigned begun, dropped;
} jobs = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct aside *aside;

static int run(struct aside_job *job)
{
	const struct timespec takes = { .tv_nsec = jobs.takes_ms * 1000000 };

	(void)job;
	nanosleep(&takes, NULL);
	pthread_mutex_lock(&jobs.lock);
	jobs.begun++;
	pthread_cond_broadcast(&jobs.changed);
	while (jobs.held)
		pthread_cond_wait(&jobs.changed, &jobs.lock);
	pthread_mutex_unlock(&jobs.lock);
	return jobs.result;
}

static void drop(struct aside_job *job)
{
	free(job);
	pthread_mutex_lock(&jobs.lock);
	jobs.dropped++;
	pthread_cond_broadcast(&jobs.changed);
	pthread_mutex_unlock(&jobs.lock);
}

static struct aside_job *job_new(void)
{
	struct aside_job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->run = run;
	job->drop = drop;
	return job;
}

static void hold(int held)
{
	pthread_mutex_lock(&jobs.lock);
	jobs.held = held;
	pthread_cond_broadcast(&jobs.changed);
	pthread_mutex_unlock(&jobs.lock);
}

/* Who is left behind may not even have begun. */
static void await_begun(unsigned count)
{
	pthread_mutex_lock(&jobs.lock);
	while (jobs.begun < count)
		pthread_cond_wait(&jobs.changed, &jobs.lock);
	assert_int_equal(jobs.begun, count);
	pthread_mutex_unlock(&jobs.lock);
}

static unsigned dropped(void)
{
	unsigned count;

	pthread_mutex_lock(&jobs.lock);
	count = jobs.dropped;
	pthread_mutex_unlock(&jobs.lock);
	return count;
}

static void await_dropped(unsigned count)
{
	pthread_mutex_lock(&jobs.lock);
	while (jobs.dropped < count)
		pthread_cond_wait(&jobs.changed, &jobs.lock);
	pthread_mutex_unlock(&jobs.lock);
}

/* Shortly after a job has been dropped, its thread counts as back. */
static void await_left_behind(unsigned count)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (aside__left_behind(aside) != count)
		nanosleep(&moment, NULL);
}

/* A job that does not come back. */
static void leave_behind(uint64_t about)
{
	assert_int_equal(aside__run(aside, about, SHORT_MS, job_new()), -ETIMEDOUT);
}

static void expect(uint64_t about, int result)
{
	struct aside_job *job = job_new();

	assert_int_equal(aside__run(aside, about, 60000, job), result);
	free(job);
}

static int question(uint64_t about)
{
	struct aside_job *job = job_new();
	int result = aside__run(aside, about, ASIDE_QUESTION_MS, job);

	if (result != -ETIMEDOUT)
		free(job);
	return result;
}

static int setup(void **state)
{
	(void)state;
	jobs.held = 0;
	jobs.takes_ms = 0;
	jobs.result = 7;
	jobs.begun = jobs.dropped = 0;
	return aside__new(&aside);
}

static int teardown(void **state)
{
	(void)state;
	hold(0);
	await_left_behind(0); /* or they are counted in the next test */
	aside__free(aside);
	return 0;
}

static void a_job_in_time_gives_its_result_and_stays_the_callers(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		expect(1, 7);
	await_begun(1000);
	assert_int_equal(dropped(), 0);
	assert_int_equal(aside__left_behind(aside), 0);
}

static void without_one_the_caller_waits(void **state)
{
	struct aside_job *job = job_new();

	(void)state;
	assert_int_equal(aside__run(NULL, 1, 0, job), 7);
	free(job);
}

static void what_does_not_come_back_keeps_only_the_same_from_being_asked(void **state)
{
	(void)state;
	hold(1);
	leave_behind(1);
	leave_behind(2);
	assert_int_equal(aside__left_behind(aside), 2);
	await_begun(2);
	hold(0);
	await_left_behind(0);
	hold(1);
	leave_behind(1);
	await_begun(3);
	expect(1, -EBUSY);
	await_begun(3);
	hold(0);
	await_left_behind(0);
	expect(1, 7);
}

static void of_each_that_is_left_behind_is_told_once(void **state)
{
	uint64_t about = 7;

	(void)state;
	assert_int_equal(aside__untold(aside, &about), 0);
	assert_int_equal(about, 7);
	hold(1);
	leave_behind(1);
	leave_behind(2);
	assert_int_equal(aside__untold(aside, &about), 1);
	assert_int_equal(about, 2);
	assert_int_equal(aside__untold(aside, &about), 1);
	assert_int_equal(about, 1);
	assert_int_equal(aside__untold(aside, &about), 0);
	/* what comes back is forgotten, told or not */
	leave_behind(3);
	hold(0);
	await_left_behind(0);
	assert_int_equal(aside__untold(aside, &about), 0);
	hold(1);
	leave_behind(1);
	assert_int_equal(aside__untold(aside, &about), 1);
	assert_int_equal(about, 1);
}

static void what_comes_back_late_is_dropped_once(void **state)
{
	(void)state;
	hold(1);
	leave_behind(1);
	assert_int_equal(dropped(), 0);
	hold(0);
	await_dropped(1);
	await_left_behind(0);
	expect(1, 7);
	assert_int_equal(dropped(), 1);
}

static void only_so_many_are_left_behind(void **state)
{
	(void)state;
	hold(1);
	for (uint64_t about = 1; about <= ASIDE_MAX; about++)
		leave_behind(about);
	expect(1000, -EBUSY);
	await_begun(ASIDE_MAX);
	hold(0);
	await_dropped(ASIDE_MAX);
	await_left_behind(0);
	expect(1000, 7);
}

/* Hundreds are of one. */
static uint64_t hundreds(void *arg, uint32_t tgid)
{
	assert_ptr_equal(arg, &jobs);
	return tgid / 100;
}

static void one_group_does_not_keep_others_from_being_asked_about(void **state)
{
	(void)state;
	aside__set_groups(aside, hundreds, &jobs);
	hold(1);
	for (uint64_t about = 100; about < 100 + ASIDE_GROUP_MAX; about++)
		leave_behind(about);
	expect(150, -EBUSY);
	leave_behind(200);
	leave_behind(ASIDE_DEVICE(150));
	leave_behind(50); /* of nobody knows which */
	hold(0);
	await_left_behind(0);
	expect(150, 7);
}

/* In all it is not much more than is waited for one. */
static void the_patience_for_many_is_limited(void **state)
{
	struct timespec before, after;

	(void)state;
	hold(1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (uint64_t about = 1; about <= 20; about++)
		assert_int_equal(aside__run(aside, about, ASIDE_QUESTION_MS, job_new()),
				 -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	/* 20 times 200 ms are 4 s */
	assert_in_range(after.tv_sec - before.tv_sec, 0, 3);
}

/* Who answers just in time, and that again and again. */
static void slow_answers_use_up_the_patience_too(void **state)
{
	unsigned asked = 0;

	(void)state;
	jobs.takes_ms = 15; /* less than is waited in any case */
	/* what takes its time by itself is not counted */
	for (int i = 0; i < 50; i++)
		expect(1, 7);
	while (asked < 1000 && question(2) != -EBUSY)
		asked++;
	/* 2 s, and not less */
	assert_in_range(asked, 20, 180);
	jobs.takes_ms = 0;
	await_left_behind(0);
	/* the others are still asked */
	assert_int_equal(question(3), 7);
	expect(2, 7); /* no question */
}

static void for_many_who_are_slow_all_wait_in_the_end(void **state)
{
	uint64_t about = 1;

	(void)state;
	jobs.takes_ms = 15;
	while (about < 1000 && question(about) != -EBUSY)
		about++;
	/* 3 s */
	assert_in_range(about, 20, 250);
	jobs.takes_ms = 0;
	assert_int_equal(question(1000), -EBUSY);
}

static void a_job_that_says_itself_that_it_took_too_long_stays_the_callers(void **state)
{
	(void)state;
	jobs.result = -ETIMEDOUT;
	expect(1, -EIO);
	assert_int_equal(aside__left_behind(aside), 0);
	assert_int_equal(dropped(), 0);
}

static int sleep_long(struct aside_job *job)
{
	const struct timespec time = { .tv_nsec = 200000000 };

	(void)job;
	nanosleep(&time, NULL);
	return 7;
}

/* Its answers come in time, each after long. */
static unsigned answered_slowly(uint64_t about, unsigned times)
{
	unsigned count = 0;
	int result = 7;

	while (count < times && result == 7) {
		struct aside_job *job = job_new();

		job->run = sleep_long;
		result = aside__run(aside, about, 2000, job);
		count += result == 7;
		if (result != -ETIMEDOUT)
			free(job);
	}
	return count;
}

static void jobs_that_wait_long_are_paid_for_but_probes_are_not(void **state)
{
	(void)state;
	assert_int_equal(answered_slowly(ASIDE_PROBES, 15), 15);
	assert_in_range(answered_slowly(ASIDE_DEVICE(1), 15), 5, 14);
}

static void jobs_that_do_not_come_back_are_few(void **state)
{
	unsigned left = 0;

	(void)state;
	hold(1);
	for (uint64_t about = 1; about <= 20; about++) {
		struct aside_job *job = job_new();

		if (aside__run(aside, about, 500, job) == -ETIMEDOUT)
			left++;
		else
			free(job);
	}
	/* 3 s, and not 10 */
	assert_in_range(left, 5, 8);
	/* who only asks has other patience */
	hold(0);
	await_left_behind(0);
	assert_int_equal(question(30), 7);
}

static void it_may_end_while_some_are_left_behind(void **state)
{
	(void)state;
	hold(1);
	leave_behind(1);
	leave_behind(2);
	aside__free(aside);
	hold(0);
	await_dropped(2);
	assert_int_equal(aside__new(&aside), 0);
}

static void threads_begin_anew(void **state)
{
	(void)state;
	expect(1, 7);
	hold(1);
	leave_behind(1);
	aside__renew(aside);
	hold(0);
	await_dropped(1);
	await_left_behind(0);
	expect(1, 7);
	aside__renew(aside);
	expect(1, 7);
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Who opens a FIFO for reading waits for a writer. */
static void a_descriptor_that_comes_late_is_closed(void **state)
{
	char path[] = "/tmp/tapmeter-aside-XXXXXX", fifo[64];
	unsigned before;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	before = open_files();
	assert_int_equal(aside__open(aside, 1, fifo, O_RDONLY | O_CLOEXEC), -ETIMEDOUT);
	assert_int_equal(aside__open(aside, 1, "/dev/null", O_RDONLY | O_CLOEXEC), -EBUSY);
	fd = aside__open(aside, 2, "/dev/null", O_RDONLY | O_CLOEXEC);
	assert_in_range(fd, 0, 1000);
	close(fd);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	await_left_behind(0);
	close(fd);
	assert_int_equal(open_files(), before);
	assert_int_equal(aside__open(aside, 1, "/nowhere", O_RDONLY | O_CLOEXEC), -ENOENT);
	unlink(fifo);
	rmdir(path);
}

static void a_read_that_does_not_come_back_leaves_the_callers_alone(void **state)
{
	char buf[8] = "", *text = "hello";
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, 5), 5);
	assert_int_equal(aside__read(aside, 1, ends[0], buf, sizeof(buf), -1), 5);
	assert_string_equal(buf, text);
	assert_int_equal(aside__read(aside, 1, ends[0], buf, sizeof(buf), -1), -ETIMEDOUT);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(aside__read(aside, 1, ends[1], buf, sizeof(buf), -1), -EBUSY);
	close(ends[1]);
	await_left_behind(0);
	assert_int_equal(aside__read(aside, 1, -1, buf, sizeof(buf), -1), -EBADF);
	assert_string_equal(buf, text);
}

static void a_file_is_read_as_far_as_there_is_room(void **state)
{
	char buf[8] = "", all[64];

	(void)state;
	assert_in_range(aside__read_file(aside, 1, "/proc/self/stat", buf, sizeof(buf)), 8, 8);
	assert_in_range(aside__read_file(aside, 1, "/proc/self/comm", all, sizeof(all)), 2, 16);
	assert_int_equal(aside__read_file(aside, 1, "/dev/null", all, sizeof(all)), 0);
	assert_int_equal(aside__read_file(aside, 1, "/nowhere", all, sizeof(all)), -ENOENT);
	assert_int_equal(aside__read_file(aside, 1, "/proc", all, sizeof(all)), -EISDIR);
}

static void memory_of_a_process_is_read(void **state)
{
	const uint64_t value = 0x1122334455667788;
	uint64_t read = 0;

	(void)state;
	assert_int_equal(aside__read_memory(aside, (uint32_t)getpid(), (uintptr_t)&value, &read,
					    sizeof(read)),
			 sizeof(read));
	assert_true(read == value);
	assert_int_equal(aside__read_memory(aside, (uint32_t)getpid(), 8, &read, sizeof(read)),
			 -EFAULT);
}

int main(void)
{
#define ASIDE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		ASIDE_TEST(a_job_in_time_gives_its_result_and_stays_the_callers),
		ASIDE_TEST(without_one_the_caller_waits),
		ASIDE_TEST(what_does_not_come_back_keeps_only_the_same_from_being_asked),
		ASIDE_TEST(of_each_that_is_left_behind_is_told_once),
		ASIDE_TEST(what_comes_back_late_is_dropped_once),
		ASIDE_TEST(only_so_many_are_left_behind),
		ASIDE_TEST(one_group_does_not_keep_others_from_being_asked_about),
		ASIDE_TEST(the_patience_for_many_is_limited),
		ASIDE_TEST(slow_answers_use_up_the_patience_too),
		ASIDE_TEST(for_many_who_are_slow_all_wait_in_the_end),
		ASIDE_TEST(a_job_that_says_itself_that_it_took_too_long_stays_the_callers),
		ASIDE_TEST(jobs_that_wait_long_are_paid_for_but_probes_are_not),
		ASIDE_TEST(jobs_that_do_not_come_back_are_few),
		ASIDE_TEST(it_may_end_while_some_are_left_behind),
		ASIDE_TEST(threads_begin_anew),
		ASIDE_TEST(a_descriptor_that_comes_late_is_closed),
		ASIDE_TEST(a_read_that_does_not_come_back_leaves_the_callers_alone),
		ASIDE_TEST(a_file_is_read_as_far_as_there_is_room),
		ASIDE_TEST(memory_of_a_process_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
