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

static void a_recent_one_will_do_however_cheap_a_new_one_were(void **state)
{
	struct snapshot *s = make_snapshot(SECOND, 1, none);

	(void)state;
	store__publish(agent.store, s, 1);
	snapshot__unref(s);
	agent.answers = 1;
	agent.answer_ns = 2 * SECOND;
	assert_int_equal(store__recent(agent.store, SECOND + MAX_AGE, 0, &s), 0);
	assert_int_equal(s->mono_ns, SECOND);
	assert_int_equal(agent.requests, 0);
	snapshot__unref(s);
	assert_int_equal(store__recent(agent.store, SECOND + MAX_AGE + 1, LONG, &s), 0);
	assert_int_equal(s->mono_ns, 2 * SECOND);
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

/* The point before the kernel's at now_ns; -ENOENT if there is none. */
static int point_of(const char *kernel_id, uint64_t now_ns, uint64_t window_ns, uint64_t min_age_ns,
		    struct kernel_point *out)
{
	/* it has counted most of all: nothing of what was recorded has begun anew since */
	const struct kernel_sample now = { .kernel_id = kernel_id,
					   .point = { .mono_ns = now_ns,
						      .send_messages = UINT64_MAX } };
	const struct kernel_sample *kernels[] = { &now };

	store__before(agent.store, kernels, 1, window_ns, min_age_ns, out);
	return out->mono_ns ? 0 : -ENOENT;
}

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
		point_of("k", now_ns, SECOND, 0, &point);
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

	point_of("k", now_ns, window * SECOND, min_age * SECOND, &point);
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
	assert_int_equal(point_of("k", now, 10 * SECOND, 0, &point), 0);
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
	assert_int_equal(point_of("k", 10 * SECOND, SECOND, 1, &point), -ENOENT);
	assert_int_equal(point_of("k", 10 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point.mono_ns, 10 * SECOND);
	assert_int_equal(point_of("j", 10 * SECOND, SECOND, 0, &point), -ENOENT);
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
	assert_int_equal(point_of("k", SECOND, SECOND, 0, &point), -ENOENT);
	record(agent.store, 100 * SECOND, 2, only_k);
	record(agent.store, 100 * SECOND, 3, only_k);
	record(agent.store, 50 * SECOND, 4, only_k);
	/* a reader from before: the point's age is 0 */
	assert_int_equal(point_of("k", 1, SECOND, 0, &point), 0);
	assert_int_equal(point.mono_ns, 100 * SECOND);
	assert_int_equal(point.send_messages, 2);
	assert_int_equal(point_of("k", 1, SECOND, 1, &point), -ENOENT);
	assert_int_equal(point_of("k", UINT64_MAX, UINT64_MAX, UINT64_MAX, &point), -ENOENT);
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
	assert_int_equal(point_of("k", 600 * SECOND, SECOND, 0, &point), 0);
	record(agent.store, 601 * SECOND, 1, some);
	assert_int_equal(point_of("k", 601 * SECOND, SECOND, 0, &point), -ENOENT);
	assert_int_equal(point_of("a", 601 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point_of("b", 601 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point_of("zz", 601 * SECOND, SECOND, 0, &point), 0);
}

static void a_kernel_that_comes_back_in_time_keeps_its_past(void **state)
{
	(void)state;
	record(agent.store, 10 * SECOND, 1, only_k);
	record(agent.store, 20 * SECOND, 1, none);
	record(agent.store, 310 * SECOND, 1, only_k);
	assert_int_equal(age_of_point(310 * SECOND, 300, 1), 300);
}

/* A kernel that has used so much at now_ns, as read half a second before. */
static struct kernel_sample user_of(uint64_t now_ns, uint64_t cpu_ns, uint32_t has)
{
	return (struct kernel_sample){
		.kernel_id = "k",
		.point = { .mono_ns = now_ns,
			   .has_messages = 1,
			   .usage = { .mono_ns = now_ns - SECOND / 2,
				      .has = has,
				      .cpu_ns = cpu_ns,
				      .memory_bytes = cpu_ns } },
	};
}

static void record_usage(uint64_t now_ns, uint64_t cpu_ns, uint32_t has)
{
	struct kernel_sample kernel = user_of(now_ns, cpu_ns, has);
	const struct snapshot s = { .mono_ns = now_ns, .kernel_count = 1, .kernels = &kernel };

	assert_int_equal(store__record(agent.store, &s), 0);
}

static struct kernel_point usage_before(uint64_t now_ns, uint64_t cpu_ns, uint32_t has)
{
	struct kernel_sample kernel = user_of(now_ns, cpu_ns, has);
	const struct kernel_sample *kernels[] = { &kernel };
	struct kernel_point point;

	store__before(agent.store, kernels, 1, 10 * SECOND, 1, &point);
	return point;
}

static void usage_is_found_by_the_time_when_it_was_read(void **state)
{
	struct kernel_sample kernel = user_of(120 * SECOND, 120, USAGE_CPU);
	const struct kernel_sample *kernels[] = { &kernel };
	struct kernel_point point;
	uint64_t t;

	(void)state;
	for (t = 100; t <= 110; t++)
		record_usage(t * SECOND, t, USAGE_CPU);
	kernel.point.usage.mono_ns = 112 * SECOND; /* long ago */
	store__before(agent.store, kernels, 1, 10 * SECOND, 1, &point);
	assert_int_equal(point.mono_ns, 110 * SECOND);
	assert_int_equal(point.usage.mono_ns, 102 * SECOND - SECOND / 2);
	assert_int_equal(point.usage.cpu_ns, 102);
	kernel.point.usage.mono_ns = 0; /* never */
	store__before(agent.store, kernels, 1, 10 * SECOND, 1, &point);
	assert_int_equal(point.usage.mono_ns, 0);
}

static void a_counter_that_has_begun_anew_is_void_in_older_points(void **state)
{
	(void)state;
	record_usage(100 * SECOND, 1000, USAGE_CPU);
	record_usage(101 * SECOND, 2000, USAGE_CPU);
	assert_int_equal(usage_before(102 * SECOND, 2000, USAGE_CPU).usage.cpu_ns, 1000);
	/* less than last recorded, although more than ten seconds ago */
	assert_true(usage_before(102 * SECOND, 1500, USAGE_CPU).usage.cpu_ns == HISTORY_VOID);
	/* of a snapshot from before that record */
	assert_int_equal(usage_before(100 * SECOND + SECOND / 2, 1500, USAGE_CPU).usage.cpu_ns,
			 1000);
	record_usage(102 * SECOND, 1500, USAGE_CPU);
	record_usage(103 * SECOND, 5000, USAGE_CPU);
	assert_true(usage_before(111 * SECOND, 5000, USAGE_CPU).usage.cpu_ns == HISTORY_VOID);
	assert_int_equal(usage_before(112 * SECOND, 5000, USAGE_CPU).usage.cpu_ns, 1500);
	/* memory is no counter */
	assert_int_equal(usage_before(111 * SECOND, 5000, USAGE_CPU).usage.memory_bytes, 2000);
}

static void another_container_under_the_same_id_begins_anew(void **state)
{
	struct kernel_sample kernel = user_of(102 * SECOND, 9000, USAGE_CPU);
	const struct kernel_sample *kernels[] = { &kernel };
	const struct snapshot s = { .mono_ns = 102 * SECOND,
				    .kernel_count = 1,
				    .kernels = &kernel };
	struct kernel_point point;

	(void)state;
	record_usage(100 * SECOND, 1000, USAGE_CPU);
	record_usage(101 * SECOND, 2000, USAGE_CPU);
	kernel.point.usage.instance = 1;
	store__before(agent.store, kernels, 1, SECOND, 1, &point);
	assert_true(point.usage.cpu_ns == HISTORY_VOID);
	assert_int_equal(store__record(agent.store, &s), 0);
	/* the first one again */
	assert_true(usage_before(110 * SECOND, 9500, USAGE_CPU).usage.cpu_ns == HISTORY_VOID);
}

static void what_is_not_known_for_a_while_has_not_fallen(void **state)
{
	(void)state;
	record_usage(100 * SECOND, 1000, USAGE_CPU);
	record_usage(101 * SECOND, 0, 0);
	assert_int_equal(usage_before(110 * SECOND, 1200, USAGE_CPU).usage.cpu_ns, 1000);
	record_usage(102 * SECOND, 500, USAGE_CPU);
	assert_true(usage_before(110 * SECOND, 1200, USAGE_CPU).usage.cpu_ns == HISTORY_VOID);
}

static void all_points_are_given_from_the_oldest_on(void **state)
{
	struct kernel_sample now = user_of(1000 * SECOND, 1000, USAGE_CPU);
	struct kernel_point points[HISTORY_MAX_POINTS];
	size_t count, i;
	uint64_t t;

	(void)state;
	assert_int_equal(store__points(agent.store, &now, points), 0);
	for (t = 0; t <= 1000; t++)
		record_usage((t + 1) * SECOND, t, USAGE_CPU);
	count = store__points(agent.store, &now, points);
	/* 941 to 999 by the second, and every tenth before: 401, … 931 */
	assert_int_equal(points[count - 1].mono_ns, 999 * SECOND);
	assert_int_equal(points[count - 59].mono_ns, 941 * SECOND);
	assert_int_equal(points[count - 60].mono_ns, 931 * SECOND);
	assert_int_equal(points[0].mono_ns, 401 * SECOND);
	for (i = 1; i < count; i++)
		assert_true(points[i - 1].mono_ns < points[i].mono_ns);
}

/* So many kernels in a snapshot, named a0, a1, … */
static void record_many(uint64_t mono_ns, char first, size_t count)
{
	static struct kernel_sample kernels[HISTORY_MAX_KERNELS + 2];
	static char names[HISTORY_MAX_KERNELS + 2][8];
	const struct snapshot s = { .mono_ns = mono_ns, .kernel_count = count, .kernels = kernels };

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "%c%04zu", first, i);
		kernels[i] =
			(struct kernel_sample){ .kernel_id = names[i], .point.mono_ns = mono_ns };
	}
	assert_int_equal(store__record(agent.store, &s), 0);
}

static void no_more_than_so_many_kernels_have_a_past(void **state)
{
	struct kernel_point point;

	(void)state;
	record_many(1 * SECOND, 'b', HISTORY_MAX_KERNELS);
	record_many(2 * SECOND, 'b', HISTORY_MAX_KERNELS + 2);
	assert_int_equal(store__refused(agent.store), 2);
	assert_int_equal(point_of("b4095", 3 * SECOND, SECOND, 1, &point), 0);
	assert_int_equal(point_of("b4096", 3 * SECOND, SECOND, 1, &point), -ENOENT);
	/* who is gone gives up its place to who is there, but not before it is needed */
	record_many(3 * SECOND, 'b', 1);
	assert_int_equal(point_of("b4095", 4 * SECOND, SECOND, 1, &point), 0);
	record_many(4 * SECOND, 'a', 2);
	assert_int_equal(store__refused(agent.store), 2);
	assert_int_equal(point_of("a0001", 5 * SECOND, SECOND, 1, &point), 0);
	assert_int_equal(point_of("b4095", 5 * SECOND, SECOND, 1, &point), -ENOENT);
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
		assert_int_equal(point_of("k", 2 * SECOND, SECOND, 0, &point), 0);
		assert_int_equal(point.mono_ns, SECOND);
	}
	assert_true(n > 1);
	assert_int_equal(point_of("a", 2 * SECOND, SECOND, 0, &point), 0);
	assert_int_equal(point_of("z", 2 * SECOND, SECOND, 0, &point), 0);
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
		TEST(a_recent_one_will_do_however_cheap_a_new_one_were),
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
		TEST(usage_is_found_by_the_time_when_it_was_read),
		TEST(a_counter_that_has_begun_anew_is_void_in_older_points),
		TEST(another_container_under_the_same_id_begins_anew),
		TEST(what_is_not_known_for_a_while_has_not_fallen),
		TEST(all_points_are_given_from_the_oldest_on),
		TEST(no_more_than_so_many_kernels_have_a_past),
		TEST(lack_of_memory_costs_new_kernels_only),
		TEST(a_store_without_memory_is_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
