/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_SERVE_FIXTURE_H
#define TESTS_UNIT_SERVE_FIXTURE_H
/*
 * A store with snapshots of three kernels, made as the agent makes them: "alpha" sends and receives
 * through ZeroMQ and has a socket monitor, "beta" talks to a cache, "gamma" has a tapped process
 * and no series yet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "store/store.h"

#define SECOND UINT64_C(1000000000)
#define FIXTURE_REAL_NS UINT64_C(1793334567123000000)
#define FIXTURE_STREAMS 4

struct fixture {
	struct store *store;
	struct series_table *table;
	struct series *series[FIXTURE_STREAMS];
	uint64_t number;
};

static inline void fixture_no_request(void *arg)
{
	(void)arg;
}

static inline void fixture_new(struct fixture *f)
{
	const struct series_labels labels[FIXTURE_STREAMS] = {
		{ .kind = SERIES_MESSAGE,
		  .direction = DIRECTION_SEND,
		  .kernel_id = "alpha",
		  .container = "c1",
		  .pod = "pod-1",
		  .namespace = "default",
		  .comm = "python3",
		  .system = "zmq",
		  .endpoint = "tcp://*:5555",
		  .socket_type = "router" },
		{ .kind = SERIES_MESSAGE,
		  .direction = DIRECTION_RECEIVE,
		  .kernel_id = "alpha",
		  .container = "c1",
		  .pod = "pod-1",
		  .namespace = "default",
		  .comm = "python3",
		  .system = "zmq",
		  .endpoint = "tcp://*:5555",
		  .socket_type = "router" },
		{ .kind = SERIES_MESSAGE,
		  .direction = DIRECTION_RECEIVE,
		  .kernel_id = "alpha",
		  .container = "c1",
		  .pod = "pod-1",
		  .namespace = "default",
		  .comm = "python3",
		  .system = "zmq",
		  .endpoint = "inproc://monitor",
		  .socket_type = "pair",
		  .internal = 1 },
		{ .kind = SERIES_CACHE,
		  .direction = DIRECTION_NONE,
		  .kernel_id = "beta",
		  .container = "c2",
		  .comm = "php",
		  .system = "redis",
		  .side = "client",
		  .operation = "get" },
	};

	*f = (struct fixture){ 0 };
	/* the age does not matter: tests that are not about it stand still at one time */
	assert_int_equal(store__new(SECOND, fixture_no_request, NULL, &f->store), 0);
	assert_int_equal(series_table__new(64, &f->table), 0);
	for (size_t i = 0; i < FIXTURE_STREAMS; i++)
		assert_int_equal(series_table__open(f->table, &labels[i], &f->series[i]), 0);
}

static inline void fixture_free(struct fixture *f)
{
	store__free(f->store);
	series_table__free(f->table);
}

static inline void fixture_add_things(struct snapshot_builder *b)
{
	const struct kernel_sample kernels[] = {
		{ .kernel_id = "alpha",
		  .container = "c1",
		  .name = "work-1",
		  .pod = "pod-1",
		  .namespace = "default",
		  .processes = 2 },
		{ .kernel_id = "gamma",
		  .container = "",
		  .pod = "",
		  .namespace = "",
		  .processes = 1 },
	};
	const struct tap_sample taps[] = {
		{ .profile = "zmq",
		  .path = "/usr/lib/libzmq.so.5",
		  .function = "zmq_msg_send",
		  .attach = "multi",
		  .offset = 0x5a10,
		  .function_offset = 0x5a10,
		  .instruction = "push rbp",
		  .placement = "entry",
		  .up = 1,
		  .adopted = 1,
		  .reason = "",
		  .processes = 2 },
		{ .profile = "zmq",
		  .path = "/opt/\"odd\"\xff.so",
		  .function = "zmq_msg_recv",
		  .attach = "",
		  .instruction = "",
		  .placement = "",
		  .up = 0,
		  .reason = "no such symbol" },
	};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		assert_int_equal(snapshot_builder__add_kernel(b, &kernels[i]), 0);
	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
		assert_int_equal(snapshot_builder__add_tap(b, &taps[i]), 0);
}

/*
 * A snapshot in which each of the streams has counted `count` messages of 100 bytes; one reference.
 */
static inline struct snapshot *fixture_snapshot(struct fixture *f, uint64_t mono_ns, uint64_t count)
{
	struct counters counters = { .frames = count,
				     .messages = count,
				     .bytes = count * 100,
				     .sum_ns = count * 1000,
				     .hist[10] = count };
	const struct stream_sample waiting = { .profile = "zmq",
					       .operation = "send",
					       .slot = 9,
					       .tgid = 100,
					       .age_ns = 5 };
	struct snapshot_builder *b;
	struct snapshot *s = NULL;

	assert_int_equal(snapshot_builder__new(mono_ns, FIXTURE_REAL_NS, ++f->number, &b), 0);
	for (size_t i = 0; i < FIXTURE_STREAMS; i++) {
		const struct stream_sample row = {
			.profile = i == 3 ? "redis" : "zmq",
			.operation = i == 0 ? "send" : "receive",
			.slot = (uint32_t)i,
			.tgid = 100,
			.object = i == 3 ? 0 : 0x7f0000001000 + i,
			.age_ns = 90 * SECOND,
			.frames = count,
			.messages = count,
			.bytes = count * 100,
			.failures = i,
			.sum_ns = count * 1000,
			.in_flight = (uint32_t)i,
			.oldest_ns = i * 1500000000,
		};

		assert_int_equal(snapshot_builder__add_stream(b, f->series[i], &counters, &row), 0);
	}
	assert_int_equal(snapshot_builder__add_stream(b, NULL, &counters, &waiting), 0);
	assert_int_equal(snapshot_builder__add_retired(b, f->table), 0);
	fixture_add_things(b);
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	return s;
}

/* Such a snapshot into the store: as the newest one, and into the history. */
static inline void fixture_publish(struct fixture *f, uint64_t mono_ns, uint64_t count)
{
	struct snapshot *s = fixture_snapshot(f, mono_ns, count);

	assert_int_equal(store__record(f->store, s), 0);
	store__publish(f->store, s, SECOND);
	snapshot__unref(s);
}

#endif
