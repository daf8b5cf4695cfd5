/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=calloc */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "store/store.h"

#define SECOND UINT64_C(1000000000)
#define MAX_AGE (SECOND / 10)
#define LONG (60 * SECOND) /* a wait that ends for another reason */

/* ---- allocations that fail when told to ---- */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int fail_in = -1; /* so many allocations still succeed; -1 = all */

void *__wrap_calloc(size_t count, size_t size)
{
	if (fail_in >= 0 && fail_in-- == 0)
		return NULL;
	return __real_calloc(count, size);
}

/* ---- snapshots to put in ---- */

/* One with the kernels named; a NULL ends the list. `sent`: the messages the first one has sent. */
static struct snapshot *make_snapshot(uint64_t mono_ns, uint64_t sent, const char *const *kernels)
{
	struct counters counters = { .messages = sent };
	struct stream_sample row = { 0 };
	struct snapshot_builder *b;
	struct series_table *table;
	struct snapshot *s;

	assert_int_equal(snapshot_builder__new(mono_ns, 0, sent, &b), 0);
	assert_int_equal(series_table__new(1, &table), 0);
	for (; *kernels; kernels++) {
		struct series_labels labels = { .direction = DIRECTION_SEND,
						.kernel_id = *kernels };
		struct series *series;

		assert_int_equal(series_table__open(table, &labels, &series), 0);
		assert_int_equal(snapshot_builder__add_stream(b, series, &counters, &row), 0);
	}
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	series_table__free(table);
	return s;
}

static const char *const none[] = { NULL };
static const char *const only_k[] = { "k", NULL };

static void publish(struct store *store, uint64_t mono_ns)
{
	struct snapshot *s = make_snapshot(mono_ns, mono_ns, none);

	store__publish(store, s, MAX_AGE);
	snapshot__unref(s);
}

static void record(struct store *store, uint64_t mono_ns, uint64_t sent, const char *const *kernels)
{
	struct snapshot *s = make_snapshot(mono_ns, sent, kernels);

	assert_int_equal(store__record(store, s), 0);
	snapshot__unref(s);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* ---- fresh: one thread ---- */

/* The agent, as the store sees it: counts requests, and answers the one it was told to, at once. */
struct agent {
	struct store *store;
	atomic_int requests;
	int answers; /* which request is answered, 0 = none, -1 = all */
	uint64_t answer_ns;
	pthread_mutex_t lock;
	pthread_cond_t asked;
};

static void request(void *arg)
{
	struct agent *agent = arg;
	int n;

	pthread_mutex_lock(&agent->lock);
	n = atomic_fetch_add(&agent->requests, 1) + 1;
	pthread_cond_broadcast(&agent->asked);
	pthread_mutex_unlock(&agent->lock);
	if (n == agent->answers || agent->answers < 0)
		publish(agent->store, agent->answer_ns);
}

static void await_requests(struct agent *agent, int n)
{
	pthread_mutex_lock(&agent->lock);
	while (agent->requests < n)
		pthread_cond_wait(&agent->asked, &agent->lock);
	pthread_mutex_unlock(&agent->lock);
}

static struct agent agent;

static int setup(void **state)
{
	(void)state;
	agent = (struct agent){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.asked = PTHREAD_COND_INITIALIZER,
	};
	return store__new(MAX_AGE, request, &agent, &agent.store);
}

static int teardown(void **state)
{
	(void)state;
	store__free(agent.store);
	return 0;
}

static void a_young_snapshot_is_given_at_once(void **state)
{
	struct snapshot *s;

	(void)state;
	publish(agent.store, SECOND);
	assert_int_equal(store__fresh(agent.store, SECOND + MAX_AGE, 0, &s), 0);
	assert_int_equal(s->mono_ns, SECOND);
	assert_int_equal(agent.requests, 0);
	snapshot__unref(s);
}

static void an_older_one_is_asked_for_anew(void **state)
{
	struct snapshot *s;

	(void)state;
	publish(agent.store, SECOND);
	agent.answers = 1;
	agent.answer_ns = 2 * SECOND;
	assert_int_equal(store__fresh(agent.store, SECOND + MAX_AGE + 1, LONG, &s), 0);
	assert_int_equal(s->mono_ns, 2 * SECOND);
	assert_int_equal(agent.requests, 1);
	snapshot__unref(s);
}

static void a_snapshot_from_after_the_readers_time_is_fresh(void **state)
{
	struct snapshot *s;

	(void)state;
	publish(agent.store, UINT64_MAX);
	assert_int_equal(store__fresh(agent.store, 0, 0, &s), 0);
	snapshot__unref(s);
}

static void without_an_answer_the_reader_gives_up(void **state)
{
	struct snapshot *s = NULL;

	(void)state;
	assert_int_equal(store__fresh(agent.store, SECOND, 0, &s), -ETIMEDOUT);
	assert_int_equal(store__fresh(agent.store, SECOND, SECOND / 1000, &s), -ETIMEDOUT);
	assert_null(s);
}

static void a_request_that_got_lost_is_made_again(void **state)
{
	struct snapshot *s;

	(void)state;
	assert_int_equal(store__fresh(agent.store, SECOND, SECOND / 1000, &s), -ETIMEDOUT);
	assert_int_equal(agent.requests, 1);
	agent.answers = 2;
	agent.answer_ns = SECOND;
	assert_int_equal(store__fresh(agent.store, SECOND, LONG, &s), 0);
	assert_int_equal(agent.requests, 2);
	snapshot__unref(s);
}

static void answers_that_are_always_stale_do_not_hold_the_reader_for_ever(void **state)
{
	struct snapshot *s;

	(void)state;
	agent.answers = -1;
	agent.answer_ns = 1;
	assert_int_equal(store__fresh(agent.store, 10 * SECOND, SECOND / 1000, &s), -ETIMEDOUT);
	assert_true(agent.requests > 0);
}

static void nothing_is_given_after_the_stop(void **state)
{
	struct snapshot *s;

	(void)state;
	publish(agent.store, SECOND);
	store__stop(agent.store);
	assert_int_equal(store__fresh(agent.store, SECOND, LONG, &s), -ESHUTDOWN);
	store__free(NULL);
}

/* ---- fresh: many threads ---- */

struct reader {
	pthread_t thread;
	uint64_t now_ns, timeout_ns;
	int err;
	uint64_t got_ns;
};

static void *read_once(void *arg)
{
	struct reader *reader = arg;
	struct snapshot *s;

	reader->err = store__fresh(agent.store, reader->now_ns, reader->timeout_ns, &s);
	if (!reader->err) {
		reader->got_ns = s->mono_ns;
		snapshot__unref(s);
	}
	return NULL;
}

static void start(struct reader *reader, uint64_t now_ns, uint64_t timeout_ns)
{
	reader->now_ns = now_ns;
	reader->timeout_ns = timeout_ns;
	assert_int_equal(pthread_create(&reader->thread, NULL, read_once, reader), 0);
}

static void readers_that_come_meanwhile_share_the_request(void **state)
{
	struct reader first = { 0 };
	struct snapshot *s;

	(void)state;
	start(&first, SECOND, UINT64_MAX); /* no time-out overflows */
	await_requests(&agent, 1);
	/* does not ask: its whole wait passes and there is still one request */
	assert_int_equal(store__fresh(agent.store, SECOND, SECOND / 1000, &s), -ETIMEDOUT);
	assert_int_equal(agent.requests, 1);
	publish(agent.store, SECOND);
	pthread_join(first.thread, NULL);
	assert_int_equal(first.err, 0);
	assert_int_equal(first.got_ns, SECOND);
}

static void a_waiting_reader_does_not_take_a_stale_snapshot(void **state)
{
	struct reader reader = { 0 };

	(void)state;
	start(&reader, 10 * SECOND, LONG);
	await_requests(&agent, 1);
	publish(agent.store, 9 * SECOND); /* was under way when the reader came */
	await_requests(&agent, 2);
	publish(agent.store, 10 * SECOND);
	pthread_join(reader.thread, NULL);
	assert_int_equal(reader.err, 0);
	assert_int_equal(reader.got_ns, 10 * SECOND);
}

static void the_stop_wakes_who_waits(void **state)
{
	struct reader readers[8] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		start(&readers[i], SECOND, LONG);
	await_requests(&agent, 1);
	store__stop(agent.store);
	for (i = 0; i < 8; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].err, -ESHUTDOWN);
	}
}

#define READS 300

static atomic_int readers_left;

static void *read_often(void *arg)
{
	struct reader *reader = arg;
	struct kernel_point point;
	struct snapshot *s;
	int i;

	for (i = 0; i < READS; i++) {
		uint64_t now_ns = monotonic_ns();

		reader->err = store__fresh(agent.store, now_ns, LONG, &s);
		if (reader->err || s->mono_ns + MAX_AGE < now_ns ||
		    s->series[0].messages != s->number || s->series[0].labels->kernel_id[0] != 'k')
			break;
		store__point(agent.store, "k", now_ns, SECOND, 0, &point);
		snapshot__unref(s);
	}
	reader->got_ns = (uint64_t)i;
	if (atomic_fetch_sub(&readers_left, 1) == 1)
		request(&agent); /* wakes the publisher */
	return NULL;
}

static void eight_readers_and_a_publisher_get_along(void **state)
{
	struct reader readers[8] = { 0 };
	size_t i;
	int n;

	(void)state;
	store__free(agent.store);
	/* so short that the readers have to ask all the time */
	assert_int_equal(store__new(SECOND / 100000, request, &agent, &agent.store), 0);
	readers_left = 8;
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_often, &readers[i]),
				 0);
	for (n = 1; readers_left; n++) {
		struct snapshot *s;

		await_requests(&agent, n);
		s = make_snapshot(monotonic_ns(), (uint64_t)n, only_k);
		assert_int_equal(store__record(agent.store, s), 0);
		store__publish(agent.store, s, MAX_AGE);
		snapshot__unref(s);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].err, 0);
		assert_int_equal(readers[i].got_ns, READS);
	}
}

/* ---- history ---- */

/* Age in seconds of the point that answers the window, 0 = none. */
static uint64_t age_of_point(uint64_t now_ns, uint64_t window, uint64_t min_age)
{
	struct kernel_point point;

	assert_int_equal(store__point(agent.store, "k", now_ns, window * SECOND, min_age * SECOND,
				      &point),
			 0);
	return point.mono_ns ? (now_ns - point.mono_ns) / SECOND : 0;
}

static void the_point_nearest_to_the_window_is_given(void **state)
{
	uint64_t t, now = 1000 * SECOND;
	struct kernel_point point;

	(void)state;
	for (t = 0; t <= 1000; t++)
		record(agent.store, t * SECOND, t, only_k);
	for (t = 1; t <= 60; t++)
		assert_int_equal(age_of_point(now, t, 1), t);
	assert_int_equal(age_of_point(now, 62, 1), 60);
	assert_int_equal(age_of_point(now, 100, 1), 99); /* recorded at 1, 11, 21, … */
	assert_int_equal(age_of_point(now, 300, 1), 299);
	assert_int_equal(age_of_point(now, 600, 1), 599);
	assert_int_equal(age_of_point(now + 6 * SECOND, 600, 1), 605);
	assert_int_equal(age_of_point(now, 0, 5), 5);
	assert_int_equal(age_of_point(now, 3, 59), 59);
	assert_int_equal(store__point(agent.store, "k", now, 10 * SECOND, 0, &point), 0);
	assert_int_equal(point.send_messages, 990);
	assert_int_equal(point.has_messages, 1);
}

static void of_two_points_as_near_the_older_is_given(void **state)
{
	uint64_t t;

	(void)state;
	/* 62 points: the newest has gone round to the ring's beginning, and comes first in it */
	for (t = 2; t <= 124; t += 2)
		record(agent.store, t * SECOND, t, only_k);
	assert_int_equal(age_of_point(133 * SECOND, 10, 1), 11);
	assert_int_equal(age_of_point(133 * SECOND, 12, 1), 13);
}

static void a_long_interval_makes_a_sparser_minute(void **state)
{
	uint64_t t, now = 1000 * SECOND;

	(void)state;
	for (t = 5; t <= 1000; t += 5)
		record(agent.store, t * SECOND, t, only_k);
	assert_int_equal(age_of_point(now, 5, 1), 5);
	assert_int_equal(age_of_point(now, 12, 1), 10);
	assert_int_equal(age_of_point(now, 300, 1), 300); /* 61 points 5 s apart */
	assert_int_equal(age_of_point(now, 600, 1), 605);
}

static void a_short_interval_does_not_shorten_the_minute(void **state)
{
	uint64_t t, tenth = SECOND / 10, now = 1000 * SECOND;

	(void)state;
	for (t = 1; t <= 10000; t++)
		record(agent.store, t * tenth, t, only_k);
	assert_in_range(age_of_point(now, 45, 1), 44, 46);
	assert_in_range(age_of_point(now, 570, 1), 560, 580);
}

static void a_timer_a_little_early_misses_no_point(void **state)
{
	uint64_t t, now = 0;

	(void)state;
	for (t = 1; t <= 100; t++) {
		now = t * SECOND + (t % 2 ? 4 : 0) * SECOND / 1000;
		record(agent.store, now, t, only_k);
	}
	assert_int_equal(age_of_point(now + SECOND / 2, 60, 1), 60);
	assert_int_equal(age_of_point(now + SECOND / 2, 31, 1), 31);
}

static void without_an_old_enough_point_there_is_none(void **state)
{
	struct kernel_point point;

	(void)state;
	record(agent.store, 10 * SECOND, 1, only_k);
	assert_int_equal(store__point(agent.store, "k", 10 * SECOND, SECOND, 1, &point), 0);
	assert_int_equal(point.mono_ns, 0);
	assert_int_equal(store__point(agent.store, "k", 10 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point.mono_ns, 10 * SECOND);
	assert_int_equal(store__point(agent.store, "j", 10 * SECOND, SECOND, 0, &point), -ENOENT);
}

/* A snapshot whose kernel "k" has counted calls in these buckets. */
static void record_hist(uint64_t mono_ns, const uint64_t hist[TM_HIST_BUCKETS],
			enum series_kind kind)
{
	struct series_labels labels = { .kind = kind, .kernel_id = "k" };
	struct stream_sample row = { 0 };
	struct counters counters = { 0 };
	struct snapshot_builder *b;
	struct series_table *table;
	struct series *series;
	struct snapshot *s;

	memcpy(counters.hist, hist, sizeof(counters.hist));
	assert_int_equal(snapshot_builder__new(mono_ns, 0, 1, &b), 0);
	assert_int_equal(series_table__new(1, &table), 0);
	assert_int_equal(series_table__open(table, &labels, &series), 0);
	assert_int_equal(snapshot_builder__add_stream(b, series, &counters, &row), 0);
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	series_table__free(table);
	assert_int_equal(store__record(agent.store, s), 0);
	snapshot__unref(s);
}

static void histograms_come_back_as_they_were(void **state)
{
	static const uint64_t hists[][TM_HIST_BUCKETS] = {
		{ 0 },
		{ [0] = 1 },
		{ [TM_HIST_BUCKETS - 1] = UINT64_MAX },
		{ [0] = 127, [1] = 128, [60] = UINT64_C(1) << 63, [TM_HIST_BUCKETS - 1] = 16384 },
	};
	static const enum kernel_hist kinds[] = { [SERIES_MESSAGE] = HIST_CALLS,
						  [SERIES_CACHE] = HIST_CACHE,
						  [SERIES_TRANSIT] = HIST_TRANSIT };
	struct kernel_hists out;
	uint64_t time = SECOND;

	(void)state;
	for (size_t i = 0; i < sizeof(hists) / sizeof(hists[0]); i++) {
		for (enum series_kind kind = SERIES_MESSAGE; kind <= SERIES_TRANSIT; kind++) {
			record_hist(time, hists[i], kind);
			assert_int_equal(store__histograms(agent.store, "k", time, &out), 0);
			assert_memory_equal(out.buckets[kinds[kind]], hists[i], sizeof(hists[i]));
			memset(out.buckets[kinds[kind]], 0, sizeof(hists[i]));
			for (size_t k = 0; k < TM_HIST_BUCKETS; k++)
				assert_int_equal(out.buckets[0][k] | out.buckets[1][k] |
							 out.buckets[2][k],
						 0);
			time += SECOND;
		}
	}
	/* not recorded; and one that the rings have overwritten */
	assert_int_equal(store__histograms(agent.store, "k", 5 * SECOND + 1, &out), -ENOENT);
	assert_int_equal(store__histograms(agent.store, "j", 5 * SECOND, &out), -ENOENT);
	for (int i = 0; i < 100; i++, time += SECOND)
		record_hist(time, hists[1], SERIES_MESSAGE);
	assert_int_equal(store__histograms(agent.store, "k", 3 * SECOND, &out), -ENOENT);
	assert_int_equal(store__histograms(agent.store, "k", time - SECOND, &out), 0);
}

static void odd_clocks_do_no_harm(void **state)
{
	struct kernel_point point;

	(void)state;
	record(agent.store, 0, 1, only_k); /* 0 means "none" */
	assert_int_equal(store__point(agent.store, "k", SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point.mono_ns, 0);
	record(agent.store, 100 * SECOND, 2, only_k);
	record(agent.store, 100 * SECOND, 3, only_k);
	record(agent.store, 50 * SECOND, 4, only_k);
	/* a reader from before: the point's age is 0 */
	assert_int_equal(store__point(agent.store, "k", 1, SECOND, 0, &point), 0);
	assert_int_equal(point.mono_ns, 100 * SECOND);
	assert_int_equal(point.send_messages, 2);
	assert_int_equal(store__point(agent.store, "k", 1, SECOND, 1, &point), 0);
	assert_int_equal(point.mono_ns, 0);
	assert_int_equal(store__point(agent.store, "k", UINT64_MAX, UINT64_MAX, UINT64_MAX, &point),
			 0);
	assert_int_equal(point.mono_ns, 0);
}

static void a_kernel_that_is_gone_is_forgotten_after_ten_minutes(void **state)
{
	static const char *const all[] = { "a", "k", "z", NULL };
	static const char *const some[] = { "a", "b", "z", "zz", NULL };
	struct kernel_point point;

	(void)state;
	record(agent.store, SECOND, 1, all);
	record(agent.store, 2 * SECOND, 1, some);
	record(agent.store, 600 * SECOND, 1, some);
	assert_int_equal(store__point(agent.store, "k", 600 * SECOND, SECOND, 0, &point), 0);
	record(agent.store, 601 * SECOND, 1, some);
	assert_int_equal(store__point(agent.store, "k", 601 * SECOND, SECOND, 0, &point), -ENOENT);
	assert_int_equal(store__point(agent.store, "a", 601 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(store__point(agent.store, "b", 601 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(store__point(agent.store, "zz", 601 * SECOND, SECOND, 0, &point), 0);
}

static void a_kernel_that_comes_back_in_time_keeps_its_past(void **state)
{
	(void)state;
	record(agent.store, 10 * SECOND, 1, only_k);
	record(agent.store, 20 * SECOND, 1, none);
	record(agent.store, 310 * SECOND, 1, only_k);
	assert_int_equal(age_of_point(310 * SECOND, 300, 1), 300);
}

static void lack_of_memory_costs_new_kernels_only(void **state)
{
	static const char *const more[] = { "a", "k", "z", NULL };
	struct snapshot *s = make_snapshot(2 * SECOND, 7, more);
	struct kernel_point point;
	int n, err = -ENOMEM;

	(void)state;
	record(agent.store, SECOND, 1, only_k);
	for (n = 0; err; n++) {
		fail_in = n;
		err = store__record(agent.store, s);
		fail_in = -1;
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(store__point(agent.store, "k", 2 * SECOND, SECOND, 0, &point), 0);
		assert_int_equal(point.mono_ns, SECOND);
	}
	assert_true(n > 1);
	assert_int_equal(store__point(agent.store, "a", 2 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(store__point(agent.store, "z", 2 * SECOND, SECOND, 0, &point), 0);
	snapshot__unref(s);
}

static void a_store_without_memory_is_no_store(void **state)
{
	struct store *store = NULL;

	(void)state;
	fail_in = 0;
	assert_int_equal(store__new(1, request, &agent, &store), -ENOMEM);
	fail_in = 1;
	assert_int_equal(store__new(1, request, &agent, &store), -ENOMEM);
	fail_in = -1;
	assert_null(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_young_snapshot_is_given_at_once),
		TEST(an_older_one_is_asked_for_anew),
		TEST(a_snapshot_from_after_the_readers_time_is_fresh),
		TEST(without_an_answer_the_reader_gives_up),
		TEST(a_request_that_got_lost_is_made_again),
		TEST(answers_that_are_always_stale_do_not_hold_the_reader_for_ever),
		TEST(nothing_is_given_after_the_stop),
		TEST(readers_that_come_meanwhile_share_the_request),
		TEST(a_waiting_reader_does_not_take_a_stale_snapshot),
		TEST(the_stop_wakes_who_waits),
		TEST(eight_readers_and_a_publisher_get_along),
		TEST(the_point_nearest_to_the_window_is_given),
		TEST(of_two_points_as_near_the_older_is_given),
		TEST(a_long_interval_makes_a_sparser_minute),
		TEST(a_short_interval_does_not_shorten_the_minute),
		TEST(a_timer_a_little_early_misses_no_point),
		TEST(without_an_old_enough_point_there_is_none),
		TEST(histograms_come_back_as_they_were),
		TEST(odd_clocks_do_no_harm),
		TEST(a_kernel_that_is_gone_is_forgotten_after_ten_minutes),
		TEST(a_kernel_that_comes_back_in_time_keeps_its_past),
		TEST(lack_of_memory_costs_new_kernels_only),
		TEST(a_store_without_memory_is_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
