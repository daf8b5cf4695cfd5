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
#include "store/snapshot.h"

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

/* ---- what every test needs ---- */

static struct series_table *table;

static int setup(void **state)
{
	(void)state;
	return series_table__new(64, &table);
}

static int teardown(void **state)
{
	(void)state;
	series_table__free(table);
	table = NULL;
	return 0;
}

static struct series_labels labels(const char *kernel_id, enum series_direction direction)
{
	return (struct series_labels){
		.kind = SERIES_MESSAGE,
		.direction = direction,
		.kernel_id = kernel_id,
		.container = "",
		.pod = "",
		.namespace = "",
		.comm = "python",
		.system = "zmq",
		.endpoint = "tcp://a:1",
		.socket_type = "router",
		.side = "",
		.operation = "",
	};
}

static struct series_labels cache_labels(const char *kernel_id, const char *system)
{
	struct series_labels l = labels(kernel_id, DIRECTION_NONE);

	l.kind = SERIES_CACHE;
	l.system = system;
	l.operation = "get";
	return l;
}

static struct series *open_labels(struct series_labels l)
{
	struct series *series;

	assert_int_equal(series_table__open(table, &l, &series), 0);
	return series;
}

static struct snapshot_builder *new_builder(void)
{
	struct snapshot_builder *b;

	assert_int_equal(snapshot_builder__new(5, 6, 7, &b), 0);
	return b;
}

static void add(struct snapshot_builder *b, struct series *series, const struct counters *counters)
{
	struct stream_sample row = { 0 };

	assert_int_equal(snapshot_builder__add_stream(b, series, counters, &row), 0);
}

static struct snapshot *seal(struct snapshot_builder *b)
{
	struct snapshot *s;

	assert_int_equal(snapshot_builder__add_retired(b, table), 0);
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	return s;
}

static struct counters some_counters(uint64_t n)
{
	struct counters c = {
		.frames = n,
		.messages = 2 * n,
		.bytes = 3 * n,
		.cache = { .received = 4 * n,
			   .hits = 5 * n,
			   .misses = 6 * n,
			   .ok = 7 * n,
			   .evictions = 8 * n,
			   .expirations = 9 * n },
		.would_block = 4 * n,
		.timeouts = 5 * n,
		.sum_ns = 6 * n,
		.other_errors = 7 * n,
		.unknown_errors = 8 * n,
		.errors = { { .error = EFAULT, .count = n }, { .error = EINTR, .count = 2 * n } },
	};

	c.hist[40] = n;
	c.hist[42] = 2 * n;
	return c;
}

static void assert_some_sample(const struct series_sample *sample, uint64_t n)
{
	assert_int_equal(sample->frames, n);
	assert_int_equal(sample->messages, 2 * n);
	assert_int_equal(sample->bytes, 3 * n);
	assert_int_equal(sample->would_block, 4 * n);
	assert_int_equal(sample->timeouts, 5 * n);
	assert_int_equal(sample->sum_ns, 6 * n);
	assert_int_equal(sample->other_errors, 7 * n);
	assert_int_equal(sample->unknown_errors, 8 * n);
	assert_int_equal(sample->error_count, 2);
	assert_int_equal(sample->errors[0].error, EINTR);
	assert_int_equal(sample->errors[0].count, 2 * n);
	assert_int_equal(sample->errors[1].error, EFAULT);
	assert_int_equal(sample->errors[1].count, n);
	assert_int_equal(sample->hist.first, 40);
	assert_int_equal(sample->hist.count, 3);
	assert_int_equal(sample->hist.buckets[0], n);
	assert_int_equal(sample->hist.buckets[1], 0);
	assert_int_equal(sample->hist.buckets[2], 2 * n);
}

/* ---- requests ---- */

static void requests_of_several_sockets_are_summed(void **state)
{
	struct series_labels l = labels("k", DIRECTION_NONE);
	struct counters c = { .messages = 4, .frames = 1, .hist[40] = 1 };
	struct snapshot_builder *b = new_builder();
	const struct kernel_sample *kernel;
	struct series *series;
	struct snapshot *s;

	(void)state;
	l.kind = SERIES_RPC;
	l.side = "client";
	l.operation = "store";
	series = open_labels(l);
	assert_int_equal(snapshot_builder__add_requests(b, series, &c, 3, 100), 0);
	assert_int_equal(snapshot_builder__add_requests(b, series, &c, 2, 70), 0);
	s = seal(b);
	assert_int_equal(s->series_count, 1);
	assert_int_equal(s->series[0].messages, 8);
	assert_int_equal(s->series[0].in_flight, 5);
	assert_int_equal(s->series[0].oldest_ns, 100);
	kernel = snapshot__kernel(s, "k");
	assert_true(kernel->point.has_rpc);
	assert_false(kernel->point.has_messages);
	assert_int_equal(kernel->point.rpc_requests, 8);
	assert_int_equal(kernel->point.rpc_unanswered, 5);
	assert_int_equal(kernel->point.rpc_oldest_ns, 100);
	snapshot__unref(s);
}

/* ---- series ---- */

static void one_stream_is_one_sample(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters c = some_counters(1);
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	add(b, series, &c);
	s = seal(b);
	assert_int_equal(s->mono_ns, 5);
	assert_int_equal(s->real_ns, 6);
	assert_int_equal(s->number, 7);
	assert_int_equal(s->series_count, 1);
	assert_ptr_equal(s->series[0].labels, series__labels(series));
	assert_some_sample(&s->series[0], 1);
	snapshot__unref(s);
}

static void live_and_retired_streams_of_a_series_add_up(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters one = some_counters(1), ten = some_counters(10),
			hundred = some_counters(100);
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	open_labels(labels("k", DIRECTION_SEND));
	open_labels(labels("k", DIRECTION_SEND));
	assert_int_equal(series_table__retire(table, series, &hundred, 0), 0);
	add(b, series, &one);
	add(b, series, &ten);
	s = seal(b);
	assert_int_equal(s->series_count, 1);
	assert_some_sample(&s->series[0], 111);
	assert_int_equal(s->series[0].live_streams, 2);
	snapshot__unref(s);
}

static void calls_in_flight_are_added_and_the_oldest_kept(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct stream_sample rows[2] = {
		{ .in_flight = 2, .oldest_ns = 900 },
		{ .in_flight = 3, .oldest_ns = 800 },
	};
	struct snapshot_builder *b = new_builder();
	struct counters none = { 0 };
	struct snapshot *s;

	(void)state;
	assert_int_equal(snapshot_builder__add_stream(b, series, &none, &rows[0]), 0);
	assert_int_equal(snapshot_builder__add_stream(b, series, &none, &rows[1]), 0);
	s = seal(b);
	assert_int_equal(s->series[0].in_flight, 5);
	assert_int_equal(s->series[0].oldest_ns, 900);
	assert_int_equal(s->series[0].hist.count, 0);
	assert_int_equal(s->series[0].error_count, 0);
	snapshot__unref(s);
}

static void a_histogram_keeps_its_first_and_last_bucket(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters c = { 0 };
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	c.hist[0] = 1;
	c.hist[TM_HIST_BUCKETS - 1] = 2;
	add(b, series, &c);
	s = seal(b);
	assert_int_equal(s->series[0].hist.first, 0);
	assert_int_equal(s->series[0].hist.count, TM_HIST_BUCKETS);
	assert_int_equal(s->series[0].hist.buckets[0], 1);
	assert_int_equal(s->series[0].hist.buckets[TM_HIST_BUCKETS - 1], 2);
	snapshot__unref(s);
}

static void histograms_of_different_ranges_add_up(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters low = { 0 }, high = { 0 };
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	low.hist[3] = 1;
	high.hist[9] = 2;
	add(b, series, &high);
	add(b, series, &low);
	s = seal(b);
	assert_int_equal(s->series[0].hist.first, 3);
	assert_int_equal(s->series[0].hist.count, 7);
	assert_int_equal(s->series[0].hist.buckets[0], 1);
	assert_int_equal(s->series[0].hist.buckets[6], 2);
	snapshot__unref(s);
}

static void series_without_live_streams_stay_until_they_expire(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters c = some_counters(1);
	struct snapshot *s;

	(void)state;
	assert_int_equal(series_table__retire(table, series, &c, 0), 0);
	s = seal(new_builder());
	assert_int_equal(s->series_count, 1);
	assert_int_equal(s->series[0].live_streams, 0);
	assert_some_sample(&s->series[0], 1);
	assert_non_null(snapshot__kernel(s, "k"));
	snapshot__unref(s);
	series_table__expire(table, 10, 10);
	s = seal(new_builder());
	assert_int_equal(s->series_count, 0);
	assert_null(snapshot__kernel(s, "k"));
	snapshot__unref(s);
}

static void series_come_in_the_same_order_with_and_without_retired_totals(void **state)
{
	struct series *series[50];
	struct counters none = { 0 };
	struct snapshot_builder *b;
	struct snapshot *with, *without;
	char kernel[16];
	size_t i;

	(void)state;
	for (i = 0; i < 50; i++) {
		snprintf(kernel, sizeof(kernel), "k%zu", i * 7 % 50);
		series[i] = open_labels(i % 3 ? labels(kernel, DIRECTION_SEND) :
						cache_labels(kernel, "redis"));
	}
	b = new_builder();
	for (i = 0; i < 50; i++)
		add(b, series[i], &none);
	with = seal(b);
	b = new_builder();
	for (i = 50; i-- > 0;)
		add(b, series[i], &none);
	assert_int_equal(snapshot_builder__seal(b, &without), 0);
	assert_int_equal(with->series_count, 50);
	assert_int_equal(without->series_count, 50);
	for (i = 0; i < 50; i++) {
		const struct series_labels *l = with->series[i].labels;

		assert_ptr_equal(l, without->series[i].labels);
		if (!i)
			continue;
		assert_true(l[0].kind >= with->series[i - 1].labels->kind);
		if (l->kind == with->series[i - 1].labels->kind)
			assert_true(strcmp(l->kernel_id, with->series[i - 1].labels->kernel_id) >
				    0);
	}
	snapshot__unref(with);
	snapshot__unref(without);
}

static void a_snapshot_outlives_the_series_it_shows(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters c = some_counters(1);
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	add(b, series, &c);
	s = seal(b);
	assert_int_equal(series_table__retire(table, series, &c, 0), 0);
	series_table__expire(table, 1, 1);
	series_table__free(table);
	table = NULL;
	assert_string_equal(s->series[0].labels->endpoint, "tcp://a:1");
	assert_string_equal(s->streams[0].labels->endpoint, "tcp://a:1");
	assert_string_equal(s->kernels[0].kernel_id, "k");
	assert_string_equal(s->kernels[0].systems[0], "zmq");
	assert_ptr_equal(snapshot__ref(s), s);
	assert_null(snapshot__unref(s));
	assert_string_equal(s->series[0].labels->endpoint, "tcp://a:1");
	assert_null(snapshot__unref(s));
	assert_null(snapshot__unref(NULL));
}

/* ---- counters never go backwards ---- */

#define STREAMS 40

struct stream {
	struct series *series; /* NULL = none */
	struct counters counters;
};

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* As a slot does: the first eight errnos have names, the rest has not. */
static void fail_once(struct counters *c, uint32_t error)
{
	struct counters once = { .errors = { { .error = error, .count = 1 } } };

	counters_add(c, &once);
}

static void live_a_little(struct stream *stream)
{
	static const char *const kernels[] = { "a", "b", "c" };
	struct counters *c = &stream->counters;

	if (!stream->series) {
		stream->series = open_labels(labels(kernels[random_below(3)],
						    1 + (enum series_direction)random_below(2)));
		stream->counters = (struct counters){ 0 };
	}
	c->frames += random_below(3);
	c->messages += random_below(2);
	c->bytes += random_below(100);
	c->hist[random_below(TM_HIST_BUCKETS)]++;
	fail_once(c, 1 + random_below(25));
	if (random_below(10) == 0) {
		assert_int_equal(series_table__retire(table, stream->series, c, 0), 0);
		stream->series = NULL;
	}
}

static struct snapshot *read_all(const struct stream *streams)
{
	struct snapshot_builder *b = new_builder();
	uint32_t i, start = random_below(STREAMS); /* the order must not matter */

	for (i = start; i < start + STREAMS; i++) {
		const struct stream *stream = &streams[i % STREAMS];

		if (stream->series)
			add(b, stream->series, &stream->counters);
	}
	return seal(b);
}

static uint64_t bucket(const struct hist_view *hist, size_t i)
{
	return i >= hist->first && i < (size_t)hist->first + hist->count ?
		       hist->buckets[i - hist->first] :
		       0;
}

static uint64_t count_of(const struct series_sample *sample, uint32_t error)
{
	size_t i;

	for (i = 0; i < sample->error_count; i++) {
		if (sample->errors[i].error == error)
			return sample->errors[i].count;
	}
	return 0;
}

static void assert_not_less(const struct series_sample *now, const struct series_sample *before)
{
	size_t i;

	assert_true(now->frames >= before->frames);
	assert_true(now->messages >= before->messages);
	assert_true(now->bytes >= before->bytes);
	assert_true(now->other_errors >= before->other_errors);
	for (i = 0; i < before->error_count; i++)
		assert_true(count_of(now, before->errors[i].error) >= before->errors[i].count);
	for (i = 0; i < TM_HIST_BUCKETS; i++)
		assert_true(bucket(&now->hist, i) >= bucket(&before->hist, i));
}

static uint64_t all_failures(const struct snapshot *s)
{
	uint64_t sum = 0;
	size_t i, j;

	for (i = 0; i < s->series_count; i++) {
		sum += s->series[i].other_errors;
		for (j = 0; j < s->series[i].error_count; j++)
			sum += s->series[i].errors[j].count;
	}
	return sum;
}

static void no_counter_goes_backwards_while_streams_come_and_go(void **state)
{
	static struct stream streams[STREAMS];
	struct snapshot *last = seal(new_builder()), *s;
	uint64_t round, expected = 0;
	size_t i, j;

	(void)state;
	for (round = 1; round <= 300; round++) {
		for (i = 0; i < STREAMS; i++)
			live_a_little(&streams[i]);
		expected += STREAMS;
		s = read_all(streams);
		for (i = 0, j = 0; i < last->series_count; i++, j++) {
			while (j < s->series_count && s->series[j].labels != last->series[i].labels)
				j++;
			assert_true(j < s->series_count);
			assert_not_less(&s->series[j], &last->series[i]);
		}
		assert_int_equal(all_failures(s), expected);
		snapshot__unref(last);
		last = s;
	}
	assert_int_equal(last->series_count, 6);
	snapshot__unref(last);
}

/* ---- rows, taps ---- */

static void rows_are_sorted_by_slot_and_carry_their_labels(void **state)
{
	static const uint32_t slots[] = { 7, 3, 9, 0, 8 };
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct snapshot_builder *b = new_builder();
	struct counters none = { 0 };
	struct snapshot *s;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct stream_sample row = { .slot = slots[i], .tgid = slots[i] + 100 };

		assert_int_equal(snapshot_builder__add_stream(b, slots[i] == 9 ? NULL : series,
							      &none, &row),
				 0);
	}
	s = seal(b);
	assert_int_equal(s->stream_count, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(s->streams[i].tgid, s->streams[i].slot + 100);
		assert_true(!i || s->streams[i - 1].slot < s->streams[i].slot);
	}
	assert_ptr_equal(s->streams[0].labels, series__labels(series));
	assert_null(s->streams[4].labels); /* slot 9 waits for its labels */
	assert_int_equal(s->series[0].live_streams, 4);
	snapshot__unref(s);
}

static void taps_are_copied(void **state)
{
	char path[] = "/lib/libzmq\xff.so.5";
	struct tap_sample tap = {
		.profile = "libzmq",
		.path = path,
		.function = "zmq_msg_send",
		.attach = "multi",
		.offset = 1,
		.function_offset = 2,
		.instruction = "push rbp",
		.placement = "entry",
		.up = 1,
		.reason = NULL,
		.processes = 3,
	};
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++) {
		tap.offset = i;
		assert_int_equal(snapshot_builder__add_tap(b, &tap), 0);
	}
	memset(path, 'x', sizeof(path) - 1);
	s = seal(b);
	assert_int_equal(s->tap_count, 100);
	assert_string_equal(s->taps[99].path, "/lib/libzmq\xef\xbf\xbd.so.5");
	assert_string_equal(s->taps[99].instruction, "push rbp");
	assert_string_equal(s->taps[99].reason, "");
	assert_int_equal(s->taps[99].offset, 99);
	assert_int_equal(s->taps[99].processes, 3);
	snapshot__unref(s);
}

static void what_is_filled_in_directly_stays(void **state)
{
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	snapshot_builder__raw(b)->lost[TM_LOST_UNREADABLE] = 3;
	snapshot_builder__raw(b)->streams_limit = 16384;
	s = seal(b);
	assert_int_equal(s->lost[TM_LOST_UNREADABLE], 3);
	assert_int_equal(s->streams_limit, 16384);
	snapshot__unref(s);
}

static void every_loss_has_a_name(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < TM_LOST_COUNT; i++)
		assert_true(lost_name((enum tm_lost)i)[0]);
	assert_string_equal(lost_name(TM_LOST_STREAMS_FULL), "streams_full");
	assert_string_equal(lost_name(TM_LOST_MMAP_EVENTS), "mmap_events");
	assert_string_equal(lost_name(TM_LOST_COUNT), "");
	assert_string_equal(lost_name((enum tm_lost) - 1), "");
}

/* ---- kernels ---- */

static void a_kernel_sums_up_its_series(void **state)
{
	struct series *send = open_labels(labels("k", DIRECTION_SEND));
	struct series *receive = open_labels(labels("k", DIRECTION_RECEIVE));
	struct series *cache = open_labels(cache_labels("k", "redis"));
	struct series *other = open_labels(labels("l", DIRECTION_SEND));
	struct counters one = some_counters(1), ten = some_counters(10),
			hundred = some_counters(100);
	struct stream_sample row = { .in_flight = 1, .oldest_ns = 50 };
	struct snapshot_builder *b = new_builder();
	const struct kernel_point *p;
	struct snapshot *s;

	(void)state;
	assert_int_equal(snapshot_builder__add_stream(b, send, &one, &row), 0);
	row.oldest_ns = 60;
	assert_int_equal(snapshot_builder__add_stream(b, receive, &ten, &row), 0);
	assert_int_equal(snapshot_builder__add_stream(b, cache, &hundred, &row), 0);
	row.in_flight = 0;
	assert_int_equal(snapshot_builder__add_stream(b, cache, &one, &row), 0);
	add(b, other, &hundred);
	s = seal(b);
	assert_int_equal(s->kernel_count, 2);
	p = &snapshot__kernel(s, "k")->point;
	assert_int_equal(p->mono_ns, 5);
	assert_int_equal(p->send_messages, 2);
	assert_int_equal(p->recv_messages, 20);
	assert_int_equal(p->send_bytes, 3);
	assert_int_equal(p->recv_bytes, 30);
	assert_int_equal(p->failures, (1 + 2 + 7 + 8) * 11);
	assert_int_equal(p->cache_operations, 101 + (1 + 2 + 7 + 8) * 101);
	assert_int_equal(p->cache_hits, 5 * 101);
	assert_int_equal(p->cache_misses, 6 * 101);
	assert_int_equal(p->cache_bytes, (3 + 4) * 101);
	assert_int_equal(p->in_flight, 2); /* the cache's call is no message */
	assert_int_equal(p->send_oldest_ns, 50);
	assert_int_equal(p->recv_oldest_ns, 60);
	assert_true(p->has_messages && p->has_cache);
	assert_false(snapshot__kernel(s, "l")->point.has_cache);
	snapshot__unref(s);
}

static void internal_series_are_not_in_the_sums(void **state)
{
	struct series_labels l = labels("k", DIRECTION_SEND);
	struct counters c = some_counters(1);
	struct snapshot_builder *b = new_builder();
	struct stream_sample row = { .in_flight = 1, .oldest_ns = 50 };
	struct snapshot *s;

	(void)state;
	l.internal = 1;
	assert_int_equal(snapshot_builder__add_stream(b, open_labels(l), &c, &row), 0);
	s = seal(b);
	assert_int_equal(s->kernels[0].point.send_messages, 0);
	assert_int_equal(s->kernels[0].point.failures, 0);
	assert_int_equal(s->kernels[0].point.in_flight, 0);
	assert_int_equal(s->kernels[0].point.has_messages, 0);
	assert_int_equal(s->kernels[0].system_count, 1);
	snapshot__unref(s);
}

static void systems_of_a_kernel_are_sorted_and_named_once(void **state)
{
	static const char *const systems[] = { "valkey", "redis", "memcached", "redis", "valkey" };
	struct snapshot_builder *b = new_builder();
	const struct kernel_sample *kernel;
	struct snapshot *s;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct series_labels l = cache_labels("k", systems[i]);

		l.comm = i % 2 ? "a" : "b";
		open_labels(l);
	}
	open_labels(labels("k", DIRECTION_SEND));
	s = seal(b);
	kernel = snapshot__kernel(s, "k");
	assert_int_equal(kernel->system_count, 4);
	assert_string_equal(kernel->systems[0], "memcached");
	assert_string_equal(kernel->systems[1], "redis");
	assert_string_equal(kernel->systems[2], "valkey");
	assert_string_equal(kernel->systems[3], "zmq");
	snapshot__unref(s);
}

static void kernels_with_processes_and_kernels_with_series_are_one_list(void **state)
{
	struct kernel_sample p = { .kernel_id = "p",
				   .container = "cp",
				   .pod = "",
				   .namespace = "",
				   .processes = 2 };
	struct kernel_sample q = { .kernel_id = "q\xff",
				   .container = "cq",
				   .pod = NULL,
				   .namespace = "",
				   .processes = 1 };
	struct series_labels l = labels("p", DIRECTION_SEND);
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	l.container = "an older one";
	l.pod = "pod of p";
	open_labels(l);
	open_labels(labels("a", DIRECTION_SEND));
	open_labels(labels("z", DIRECTION_SEND));
	open_labels(cache_labels("z", "redis"));
	open_labels(labels("", DIRECTION_SEND));
	assert_int_equal(snapshot_builder__add_kernel(b, &q), 0);
	assert_int_equal(snapshot_builder__add_kernel(b, &p), 0);
	assert_int_equal(snapshot_builder__add_kernel(b, &p), 0);
	s = seal(b);
	assert_int_equal(s->kernel_count, 4);
	assert_string_equal(s->kernels[0].kernel_id, "a");
	assert_string_equal(s->kernels[1].kernel_id, "p");
	assert_string_equal(s->kernels[2].kernel_id, "q\xef\xbf\xbd");
	assert_string_equal(s->kernels[3].kernel_id, "z");
	assert_int_equal(s->kernels[0].processes, 0);
	assert_int_equal(s->kernels[1].processes, 4);
	assert_string_equal(s->kernels[1].container, "cp");
	assert_string_equal(s->kernels[1].pod, "pod of p");
	assert_string_equal(s->kernels[2].pod, "");
	assert_int_equal(s->kernels[2].system_count, 0);
	assert_int_equal(s->kernels[2].point.mono_ns, 5);
	assert_ptr_equal(snapshot__kernel(s, "p"), &s->kernels[1]);
	assert_null(snapshot__kernel(s, ""));
	assert_null(snapshot__kernel(s, "zz"));
	snapshot__unref(s);
}

static void a_kernel_has_the_usage_of_the_container_it_is_shown_with(void **state)
{
	struct kernel_sample a = { .kernel_id = "k", .container = "a", .processes = 1 };
	struct kernel_sample b = {
		.kernel_id = "k",
		.container = "b",
		.processes = 1,
		.point.usage = { .has = USAGE_CPU, .cpu_ns = 7 },
	};
	struct snapshot_builder *builder = new_builder();
	struct snapshot *s;

	(void)state;
	assert_int_equal(snapshot_builder__add_kernel(builder, &b), 0);
	assert_int_equal(snapshot_builder__add_kernel(builder, &a), 0);
	s = seal(builder);
	assert_string_equal(s->kernels[0].container, "a");
	assert_int_equal(s->kernels[0].point.usage.has, 0);
	snapshot__unref(s);
	builder = new_builder();
	assert_int_equal(snapshot_builder__add_kernel(builder, &a), 0);
	a.point.usage = (struct kernel_usage){ .has = USAGE_CPU, .cpu_ns = 5 };
	assert_int_equal(snapshot_builder__add_kernel(builder, &b), 0);
	assert_int_equal(snapshot_builder__add_kernel(builder, &a), 0);
	s = seal(builder);
	assert_string_equal(s->kernels[0].container, "a");
	assert_int_equal(s->kernels[0].point.usage.cpu_ns, 5);
	assert_int_equal(s->kernels[0].processes, 3);
	snapshot__unref(s);
}

static void an_empty_snapshot_is_a_snapshot(void **state)
{
	struct snapshot *s = seal(new_builder());

	(void)state;
	assert_int_equal(s->series_count, 0);
	assert_int_equal(s->stream_count, 0);
	assert_int_equal(s->tap_count, 0);
	assert_int_equal(s->kernel_count, 0);
	assert_null(snapshot__kernel(s, "k"));
	snapshot__unref(s);
}

/* ---- wrong use, no memory ---- */

static void filling_in_the_wrong_order_is_an_error(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND)), *foreign;
	struct snapshot_builder *b = new_builder();
	struct series_labels l = labels("k", DIRECTION_SEND);
	struct series_table *another;
	struct counters none = { 0 };
	struct stream_sample row = { 0 };
	struct snapshot *s;

	(void)state;
	assert_int_equal(snapshot_builder__add_retired(b, table), 0);
	assert_int_equal(snapshot_builder__add_stream(b, series, &none, &row), -EINVAL);
	assert_int_equal(snapshot_builder__add_retired(b, table), -EINVAL);
	assert_int_equal(snapshot_builder__seal(b, &s), -EINVAL);

	assert_int_equal(series_table__new(1, &another), 0);
	assert_int_equal(series_table__open(another, &l, &foreign), 0);
	b = new_builder();
	add(b, foreign, &none);
	assert_int_equal(snapshot_builder__add_retired(b, table), -EINVAL);
	snapshot_builder__free(b);
	series_table__free(another);
}

static void a_snapshot_thrown_away_leaves_no_trace(void **state)
{
	struct series *series = open_labels(labels("k", DIRECTION_SEND));
	struct counters c = some_counters(1);
	struct snapshot_builder *b = new_builder();
	struct snapshot *s;

	(void)state;
	add(b, series, &c);
	snapshot_builder__free(b);
	snapshot_builder__free(NULL);
	b = new_builder();
	add(b, series, &c);
	s = seal(b);
	assert_some_sample(&s->series[0], 1);
	snapshot__unref(s);
}

/* Everything a snapshot can have; gives up where the agent would not: only at the end. */
static int fill_and_seal(struct series *const *series, struct snapshot **out)
{
	struct tap_sample tap = { .profile = "libzmq", .path = "/lib/libzmq.so.5" };
	struct kernel_sample kernel = { .kernel_id = "k", .container = "c" };
	struct snapshot_builder *b;
	struct counters c = some_counters(1);
	uint32_t i;
	int err;

	err = snapshot_builder__new(1, 2, 3, &b);
	if (err)
		return err;
	for (i = 0; i < 40; i++) {
		struct stream_sample row = { .slot = 40 - i };

		snapshot_builder__add_stream(b, series[i / 2], &c, &row);
	}
	snapshot_builder__add_tap(b, &tap);
	snapshot_builder__add_kernel(b, &kernel);
	snapshot_builder__add_retired(b, table);
	return snapshot_builder__seal(b, out);
}

static void lack_of_memory_anywhere_is_reported_at_the_end(void **state)
{
	struct counters c = some_counters(10);
	struct snapshot *s = NULL;
	struct series *series[20];
	int n, err = -ENOMEM;
	char kernel[16];
	uint32_t i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(kernel, sizeof(kernel), "k%u", i);
		series[i] = open_labels(labels(kernel, DIRECTION_SEND));
		assert_int_equal(series_table__retire(table, series[i], &c, 0), 0);
	}
	for (n = 0; err; n++) {
		fail_in = n;
		err = fill_and_seal(series, &s);
		fail_in = -1;
		assert_true(!err || err == -ENOMEM);
	}
	assert_true(n > 10);
	assert_non_null(s);
	assert_int_equal(s->series_count, 20);
	assert_some_sample(&s->series[19], 12);
	snapshot__unref(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_of_several_sockets_are_summed),
		TEST(one_stream_is_one_sample),
		TEST(live_and_retired_streams_of_a_series_add_up),
		TEST(calls_in_flight_are_added_and_the_oldest_kept),
		TEST(a_histogram_keeps_its_first_and_last_bucket),
		TEST(histograms_of_different_ranges_add_up),
		TEST(series_without_live_streams_stay_until_they_expire),
		TEST(series_come_in_the_same_order_with_and_without_retired_totals),
		TEST(a_snapshot_outlives_the_series_it_shows),
		TEST(no_counter_goes_backwards_while_streams_come_and_go),
		TEST(rows_are_sorted_by_slot_and_carry_their_labels),
		TEST(taps_are_copied),
		TEST(what_is_filled_in_directly_stays),
		TEST(every_loss_has_a_name),
		TEST(a_kernel_sums_up_its_series),
		TEST(internal_series_are_not_in_the_sums),
		TEST(systems_of_a_kernel_are_sorted_and_named_once),
		TEST(kernels_with_processes_and_kernels_with_series_are_one_list),
		TEST(a_kernel_has_the_usage_of_the_container_it_is_shown_with),
		TEST(an_empty_snapshot_is_a_snapshot),
		TEST(filling_in_the_wrong_order_is_an_error),
		TEST(a_snapshot_thrown_away_leaves_no_trace),
		TEST(lack_of_memory_anywhere_is_reported_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
