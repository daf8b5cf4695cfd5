/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=reallocarray */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "store/labels.h"
#include "store/series_internal.h"

#define SECOND UINT64_C(1000000000)

/* ---- allocations that fail when told to ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);

static int fail_in = -1; /* so many allocations still succeed; -1 = all */

static int fails_now(void)
{
	if (fail_in < 0)
		return 0;
	return fail_in-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(p, count, size);
}

/* ---- */

static struct series_labels labels(const char *kernel_id, const char *endpoint)
{
	return (struct series_labels){
		.kind = SERIES_MESSAGE,
		.direction = DIRECTION_SEND,
		.kernel_id = kernel_id,
		.container = "",
		.pod = "",
		.namespace = "",
		.comm = "python",
		.system = "zmq",
		.endpoint = endpoint,
		.socket_type = "router",
		.side = "",
		.operation = "",
	};
}

static struct series *open_series(struct series_table *table, const char *kernel_id,
				  const char *endpoint)
{
	struct series_labels l = labels(kernel_id, endpoint);
	struct series *series;

	assert_int_equal(series_table__open(table, &l, &series), 0);
	return series;
}

static void retire(struct series_table *table, struct series *series, uint64_t now_ns)
{
	struct counters none = { 0 };

	assert_int_equal(series_table__retire(table, series, &none, now_ns), 0);
}

static struct series_table *new_table(size_t max_endpoints)
{
	struct series_table *table;

	assert_int_equal(series_table__new(max_endpoints, &table), 0);
	return table;
}

static void equal_labels_share_one_series(void **state)
{
	struct series_table *table = new_table(64);
	char endpoint[] = "tcp://a:1";
	struct series *a = open_series(table, "k", endpoint);

	(void)state;
	assert_ptr_equal(open_series(table, "k", "tcp://a:1"), a);
	endpoint[0] = 'x'; /* the series has a copy */
	assert_string_equal(series__labels(a)->endpoint, "tcp://a:1");
	assert_ptr_not_equal(open_series(table, "k", "tcp://a:2"), a);
	assert_int_equal(series_table__count(table), 2);
	series_table__free(table);
}

static void any_label_that_differs_makes_another_series(void **state)
{
	struct series_labels l = labels("k", "e"), changed[13];
	struct series_table *table = new_table(64);
	struct series *series;
	size_t i;

	(void)state;
	for (i = 0; i < 13; i++)
		changed[i] = l;
	changed[1].kind = SERIES_CACHE;
	changed[2].direction = DIRECTION_RECEIVE;
	changed[3].kernel_id = "x";
	changed[4].container = "x";
	changed[5].pod = "x";
	changed[6].namespace = "x";
	changed[7].comm = "x";
	changed[8].system = "x";
	changed[9].endpoint = "x";
	changed[10].socket_type = "x";
	changed[11].side = "x";
	changed[12].operation = "x";
	for (i = 0; i < 13; i++) {
		assert_int_equal(series_table__open(table, &changed[i], &series), 0);
		assert_int_equal(series_table__count(table), 2 * i + 1);
		assert_int_equal(series__id(series), 2 * i + 1);
		changed[i].internal = 1;
		assert_int_equal(series_table__open(table, &changed[i], &series), 0);
	}
	assert_int_equal(series_table__count(table), 26);
	series_table__free(table);
}

static void text_does_not_flow_from_one_label_into_the_next(void **state)
{
	struct series_labels a = labels("k", "e"), b = labels("k", "e");
	struct series_table *table = new_table(64);
	struct series *first, *second;

	(void)state;
	a.container = "ab";
	a.pod = "c";
	b.container = "a";
	b.pod = "bc";
	assert_int_equal(series_table__open(table, &a, &first), 0);
	assert_int_equal(series_table__open(table, &b, &second), 0);
	assert_ptr_not_equal(first, second);
	assert_string_equal(series__labels(first)->pod, "c");
	assert_string_equal(series__labels(second)->pod, "bc");
	series_table__free(table);
}

static void series_are_kept_in_the_order_of_their_labels(void **state)
{
	struct series_table *table = new_table(SIZE_MAX);
	char endpoint[32], kernel[32];
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(kernel, sizeof(kernel), "k%zu", i * 7919 % 31);
		snprintf(endpoint, sizeof(endpoint), "tcp://h:%zu", i * 104729 % 1000);
		open_series(table, kernel, endpoint);
	}
	assert_int_equal(series_table__count(table), 1000);
	for (i = 1; i < 1000; i++) {
		const struct series_labels *a = series__labels(series_table__at(table, i - 1));
		const struct series_labels *b = series__labels(series_table__at(table, i));
		int order = strcmp(a->kernel_id, b->kernel_id);

		assert_true(order < 0 || (!order && strcmp(a->endpoint, b->endpoint) < 0));
		assert_true(labels__compare(a, b) < 0 && labels__compare(b, a) > 0);
	}
	series_table__free(table);
}

static void labels_are_made_valid_utf8(void **state)
{
	struct series_table *table = new_table(1);
	struct series_labels l = labels("k\xff", "ipc://\xc0\xaf");
	struct series *series, *same;

	(void)state;
	l.comm = NULL;
	assert_int_equal(series_table__open(table, &l, &series), 0);
	assert_string_equal(series__labels(series)->kernel_id, "k\xef\xbf\xbd");
	assert_string_equal(series__labels(series)->endpoint, "ipc://\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(series__labels(series)->comm, "");
	/* the cap counts what is shown */
	assert_int_equal(series_table__open(table, &l, &same), 0);
	assert_ptr_equal(same, series);
	assert_int_equal(series_table__capped(table), 0);
	series_table__free(table);
}

static void endpoints_beyond_the_cap_are_other_per_kernel(void **state)
{
	struct series_table *table = new_table(2);

	(void)state;
	open_series(table, "k", "a");
	open_series(table, "k", "b");
	assert_string_equal(series__labels(open_series(table, "k", "c"))->endpoint, "other");
	assert_string_equal(series__labels(open_series(table, "k", "0"))->endpoint, "other");
	assert_int_equal(series_table__capped(table), 2);
	/* what is there already, and another kernel, are not concerned */
	assert_string_equal(series__labels(open_series(table, "k", "a"))->endpoint, "a");
	assert_string_equal(series__labels(open_series(table, "kk", "c"))->endpoint, "c");
	assert_string_equal(series__labels(open_series(table, "j", "c"))->endpoint, "c");
	assert_int_equal(series_table__capped(table), 2);
	assert_ptr_equal(open_series(table, "k", "d"), open_series(table, "k", "e"));
	series_table__free(table);
}

static void several_series_of_one_endpoint_take_one_place(void **state)
{
	struct series_table *table = new_table(1);
	struct series_labels l = labels("k", "a");
	struct series *series;

	(void)state;
	open_series(table, "k", "a");
	l.direction = DIRECTION_RECEIVE;
	assert_int_equal(series_table__open(table, &l, &series), 0);
	assert_string_equal(series__labels(series)->endpoint, "a");
	l.comm = "worker";
	assert_int_equal(series_table__open(table, &l, &series), 0);
	assert_string_equal(series__labels(series)->endpoint, "a");
	assert_string_equal(series__labels(open_series(table, "k", "b"))->endpoint, "other");
	series_table__free(table);
}

static void words_for_no_endpoint_take_no_place(void **state)
{
	struct series_table *table = new_table(0);

	(void)state;
	assert_string_equal(series__labels(open_series(table, "k", "none"))->endpoint, "none");
	assert_string_equal(series__labels(open_series(table, "k", "unknown"))->endpoint,
			    "unknown");
	assert_string_equal(series__labels(open_series(table, "k", ""))->endpoint, "");
	assert_string_equal(series__labels(open_series(table, "k", "other"))->endpoint, "other");
	assert_int_equal(series_table__capped(table), 0);
	assert_string_equal(series__labels(open_series(table, "k", "a"))->endpoint, "other");
	assert_int_equal(series_table__capped(table), 1);
	series_table__free(table);
}

static void an_expired_series_frees_its_place(void **state)
{
	struct series_table *table = new_table(1);
	struct series *a = open_series(table, "k", "a");

	(void)state;
	retire(table, a, 100 * SECOND);
	series_table__expire(table, 109 * SECOND, 10 * SECOND);
	assert_string_equal(series__labels(open_series(table, "k", "b"))->endpoint, "other");
	series_table__expire(table, 110 * SECOND, 10 * SECOND);
	assert_string_equal(series__labels(open_series(table, "k", "b"))->endpoint, "b");
	assert_string_equal(series__labels(open_series(table, "k", "a"))->endpoint, "other");
	series_table__free(table);
}

static void a_place_is_freed_by_the_last_of_its_series(void **state)
{
	struct series_table *table = new_table(1);
	struct series *a = open_series(table, "k", "a"), *b;
	struct series_labels l = labels("k", "a");

	(void)state;
	l.comm = "worker";
	assert_int_equal(series_table__open(table, &l, &b), 0);
	retire(table, a, 0);
	series_table__expire(table, 1, 1);
	assert_int_equal(series_table__count(table), 1);
	assert_string_equal(series__labels(open_series(table, "k", "b"))->endpoint, "other");
	retire(table, b, 1);
	series_table__expire(table, 2, 1);
	assert_string_equal(series__labels(open_series(table, "k", "b"))->endpoint, "b");
	series_table__free(table);
}

static void a_series_with_live_streams_does_not_expire(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "a");

	(void)state;
	assert_ptr_equal(open_series(table, "k", "a"), a);
	retire(table, a, 1);
	series_table__expire(table, UINT64_MAX, 0);
	assert_int_equal(series_table__count(table), 1);
	/* idle, then alive again */
	retire(table, a, 1);
	assert_ptr_equal(open_series(table, "k", "a"), a);
	series_table__expire(table, UINT64_MAX, 0);
	assert_int_equal(series_table__count(table), 1);
	series_table__free(table);
}

static void a_clock_that_went_back_expires_nothing(void **state)
{
	struct series_table *table = new_table(64);

	(void)state;
	retire(table, open_series(table, "k", "a"), 100);
	series_table__expire(table, 99, 10);
	assert_int_equal(series_table__count(table), 1);
	series_table__free(table);
}

static void labels_that_come_back_are_a_new_series_from_zero(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "a");
	uint64_t id = series__id(a);
	struct counters totals = { .frames = 5 };

	(void)state;
	assert_int_equal(series_table__retire(table, a, &totals, 0), 0);
	assert_int_equal(a->retired->frames, 5);
	series_table__expire(table, 1, 1);
	a = open_series(table, "k", "a");
	assert_null(a->retired);
	assert_true(series__id(a) > id);
	series_table__free(table);
}

static void labels_outlive_their_series(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "tcp://a:1");
	const struct series_labels *l = labels__ref(series__labels(a));

	(void)state;
	retire(table, a, 0);
	series_table__expire(table, 1, 1);
	series_table__free(table);
	assert_string_equal(l->endpoint, "tcp://a:1");
	labels__unref(l);
	labels__unref(NULL);
	series_table__free(NULL);
}

static void retired_totals_add_up(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "a");
	struct counters c = {
		.frames = 1,
		.messages = 2,
		.bytes = 3,
		.would_block = 4,
		.timeouts = 5,
		.sum_ns = 6,
		.other_errors = 7,
		.unknown_errors = 8,
		.errors = { { .error = EINTR, .count = 9 }, { .error = EFAULT, .count = 10 } },
	};

	(void)state;
	c.hist[0] = 11;
	c.hist[TM_HIST_BUCKETS - 1] = 12;
	open_series(table, "k", "a");
	assert_null(a->retired);
	assert_int_equal(series_table__retire(table, a, &c, 0), 0);
	assert_int_equal(series_table__retire(table, a, &c, 0), 0);
	assert_int_equal(a->retired->frames, 2);
	assert_int_equal(a->retired->messages, 4);
	assert_int_equal(a->retired->bytes, 6);
	assert_int_equal(a->retired->would_block, 8);
	assert_int_equal(a->retired->timeouts, 10);
	assert_int_equal(a->retired->sum_ns, 12);
	assert_int_equal(a->retired->other_errors, 14);
	assert_int_equal(a->retired->unknown_errors, 16);
	assert_int_equal(a->retired->errors[0].error, EINTR);
	assert_int_equal(a->retired->errors[0].count, 18);
	assert_int_equal(a->retired->errors[1].count, 20);
	assert_int_equal(a->retired->errors[2].error, 0);
	assert_int_equal(a->retired->hist[0], 22);
	assert_int_equal(a->retired->hist[1], 0);
	assert_int_equal(a->retired->hist[TM_HIST_BUCKETS - 1], 24);
	series_table__free(table);
}

static void an_errno_without_a_place_goes_to_the_others(void **state)
{
	struct counters to = { 0 }, from = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < TM_MAX_ERRNOS; i++)
		to.errors[i] = (struct tm_errno_count){ .error = 100 + i, .count = 1 };
	from.errors[0] = (struct tm_errno_count){ .error = 107, .count = 2 };
	from.errors[1] = (struct tm_errno_count){ .error = 108, .count = 3 };
	from.errors[3] = (struct tm_errno_count){ .error = 100, .count = 4 }; /* after the end */
	counters_add(&to, &from);
	assert_int_equal(to.errors[7].count, 3);
	assert_int_equal(to.errors[0].count, 1);
	assert_int_equal(to.other_errors, 3);
}

static void the_first_errnos_of_a_series_stay_the_ones_kept_apart(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "a");
	struct counters c = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		c.errors[i] = (struct tm_errno_count){ .error = 10 + i, .count = 1 };
	series__admit_errors(a, &c);
	assert_int_equal(c.errors[5].error, 15);
	c = (struct counters){ 0 };
	for (i = 0; i < 5; i++)
		c.errors[i] = (struct tm_errno_count){ .error = 20 + i, .count = 1 };
	c.errors[5] = (struct tm_errno_count){ .error = 12, .count = 1 };
	series__admit_errors(a, &c);
	assert_int_equal(c.errors[0].error, 20);
	assert_int_equal(c.errors[1].error, 21);
	assert_int_equal(c.errors[2].error, 12);
	assert_int_equal(c.errors[3].error, 0);
	assert_int_equal(c.other_errors, 3);
	series_table__free(table);
}

static void an_open_that_finds_no_memory_changes_nothing(void **state)
{
	int n, err = -ENOMEM;

	(void)state;
	for (n = 0; err; n++) {
		struct series_table *table = new_table(1);
		struct series_labels l = labels("k", "a");
		struct series *series;

		fail_in = n;
		err = series_table__open(table, &l, &series);
		fail_in = -1;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(series_table__count(table), 0);
			/* the place is still there for another */
			open_series(table, "k", "b");
			assert_int_equal(series_table__capped(table), 0);
		}
		series_table__free(table);
	}
	assert_int_equal(n, 6); /* labels, array and entry of the place and of the series */
}

static void an_open_beyond_the_cap_that_finds_no_memory_is_not_counted(void **state)
{
	struct series_table *table = new_table(0);
	struct series_labels l = labels("k", "a");
	struct series *series;
	int n, err = -ENOMEM;

	(void)state;
	for (n = 0; err; n++) {
		assert_int_equal(series_table__capped(table), 0);
		fail_in = n;
		err = series_table__open(table, &l, &series);
		fail_in = -1;
		assert_true(!err || err == -ENOMEM);
	}
	assert_int_equal(series_table__capped(table), 1);
	series_table__free(table);
}

static void a_stream_that_cannot_retire_for_lack_of_memory_can_later(void **state)
{
	struct series_table *table = new_table(64);
	struct series *a = open_series(table, "k", "a");
	struct counters totals = { .frames = 5 };

	(void)state;
	fail_in = 0;
	assert_int_equal(series_table__retire(table, a, &totals, 0), -ENOMEM);
	fail_in = -1;
	series_table__expire(table, UINT64_MAX, 0);
	assert_int_equal(series_table__count(table), 1);
	assert_int_equal(series_table__retire(table, a, &totals, 0), 0);
	assert_int_equal(a->retired->frames, 5);
	series_table__expire(table, UINT64_MAX, 0);
	assert_int_equal(series_table__count(table), 0);
	series_table__free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_labels_share_one_series),
		cmocka_unit_test(any_label_that_differs_makes_another_series),
		cmocka_unit_test(text_does_not_flow_from_one_label_into_the_next),
		cmocka_unit_test(series_are_kept_in_the_order_of_their_labels),
		cmocka_unit_test(labels_are_made_valid_utf8),
		cmocka_unit_test(endpoints_beyond_the_cap_are_other_per_kernel),
		cmocka_unit_test(several_series_of_one_endpoint_take_one_place),
		cmocka_unit_test(words_for_no_endpoint_take_no_place),
		cmocka_unit_test(an_expired_series_frees_its_place),
		cmocka_unit_test(a_place_is_freed_by_the_last_of_its_series),
		cmocka_unit_test(a_series_with_live_streams_does_not_expire),
		cmocka_unit_test(a_clock_that_went_back_expires_nothing),
		cmocka_unit_test(labels_that_come_back_are_a_new_series_from_zero),
		cmocka_unit_test(labels_outlive_their_series),
		cmocka_unit_test(retired_totals_add_up),
		cmocka_unit_test(an_errno_without_a_place_goes_to_the_others),
		cmocka_unit_test(the_first_errnos_of_a_series_stay_the_ones_kept_apart),
		cmocka_unit_test(an_open_that_finds_no_memory_changes_nothing),
		cmocka_unit_test(an_open_beyond_the_cap_that_finds_no_memory_is_not_counted),
		cmocka_unit_test(a_stream_that_cannot_retire_for_lack_of_memory_can_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
