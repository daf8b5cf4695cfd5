/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "backlog.h"

static const struct endpoint_scope here = { .net = 1, .mount = 1 };
static struct series_table *table;
static struct backlog *backlog;

static int set_up(void **state)
{
	(void)state;
	return series_table__new(10, &table) || backlog__new(table, &backlog);
}

static int tear_down(void **state)
{
	(void)state;
	backlog__free(backlog);
	series_table__free(table);
	return 0;
}

static struct flow *open_flow(const char *type, enum series_direction direction,
			      const char *endpoint)
{
	const struct series_labels labels = {
		.direction = direction,
		.kernel_id = direction == DIRECTION_SEND ? "from" : "to",
		.container = "",
		.pod = "",
		.namespace = "",
		.comm = "c",
		.system = "zmq",
		.endpoint = endpoint,
		.socket_type = type,
		.side = "",
		.operation = "",
	};
	struct flow *flow;

	assert_int_equal(backlog__open(backlog, &labels, &here, &flow), 0);
	return flow;
}

/* What a snapshot shows; -1 if there is no such series. */
static int64_t shown(struct flow *flow, uint64_t sent, uint64_t received, uint32_t in_flight,
		     int waits)
{
	struct snapshot_builder *b;
	struct snapshot *s;
	int64_t found = -1;

	assert_int_equal(snapshot_builder__new(1, 1, 1, &b), 0);
	backlog__begin(backlog);
	backlog__count(flow, DIRECTION_RECEIVE, received, 0);
	backlog__count(flow, DIRECTION_SEND, sent, in_flight);
	if (waits)
		backlog__waits(flow);
	assert_int_equal(backlog__end(backlog, b), 0);
	assert_int_equal(snapshot_builder__add_retired(b, table), 0);
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	for (size_t i = 0; i < s->series_count; i++) {
		assert_int_equal(s->series[i].labels->kind, SERIES_BACKLOG);
		assert_string_equal(s->series[i].labels->kernel_id, "to");
		assert_string_equal(s->series[i].labels->endpoint, "tcp://0.0.0.0:5");
		assert_int_equal(found, -1);
		found = (int64_t)s->series[i].backlog;
	}
	snapshot__unref(s);
	return found;
}

static void both_ends_are_needed(void **state)
{
	struct flow *flow = open_flow("push", DIRECTION_SEND, "tcp://localhost:5");

	(void)state;
	assert_int_equal(shown(flow, 10, 0, 0, 0), -1);
	assert_ptr_equal(open_flow("pull", DIRECTION_RECEIVE, "tcp://0.0.0.0:5"), flow);
	assert_int_equal(shown(flow, 10, 3, 0, 0), 7);
	assert_int_equal(shown(flow, 10, 10, 0, 0), 0);
}

static void directions_are_kept_apart(void **state)
{
	struct flow *there = open_flow("dealer", DIRECTION_SEND, "tcp://localhost:5");

	(void)state;
	assert_ptr_not_equal(open_flow("dealer", DIRECTION_RECEIVE, "tcp://localhost:5"), there);
	assert_ptr_equal(open_flow("router", DIRECTION_RECEIVE, "tcp://0.0.0.0:5"), there);
	assert_ptr_not_equal(open_flow("router", DIRECTION_SEND, "tcp://0.0.0.0:5"), there);
}

static void without_a_direction_there_is_none(void **state)
{
	(void)state;
	assert_null(open_flow("pub", DIRECTION_SEND, "tcp://0.0.0.0:5"));
	assert_null(open_flow("sub", DIRECTION_RECEIVE, "tcp://localhost:5"));
	assert_null(open_flow("push", DIRECTION_SEND, "none"));
}

static struct flow *open_both(void)
{
	open_flow("push", DIRECTION_SEND, "tcp://localhost:5");
	return open_flow("pull", DIRECTION_RECEIVE, "tcp://0.0.0.0:5");
}

static void what_was_sent_before_is_put_aside(void **state)
{
	struct flow *flow = open_both();

	(void)state;
	assert_int_equal(shown(flow, 0, 100, 0, 0), 0);
	assert_int_equal(shown(flow, 30, 100, 0, 0), 30);
	assert_int_equal(shown(flow, 30, 130, 0, 0), 0);
}

static void calls_in_flight_may_have_been_received(void **state)
{
	struct flow *flow = open_both();

	(void)state;
	assert_int_equal(shown(flow, 10, 11, 1, 0), 0);
	assert_int_equal(shown(flow, 11, 11, 0, 0), 0);
	assert_int_equal(shown(flow, 12, 11, 0, 0), 1);
}

static void a_receive_before_the_tap_is_forgiven_once(void **state)
{
	struct flow *flow = open_both();

	(void)state;
	assert_int_equal(shown(flow, 10, 9, 0, 0), 1);
	assert_int_equal(shown(flow, 10, 8, 0, 1), 2);
	assert_int_equal(shown(flow, 10, 9, 0, 1), 0);
	assert_int_equal(shown(flow, 11, 9, 0, 1), 1);
}

static void ended_streams_still_count(void **state)
{
	struct flow *flow = open_both();

	(void)state;
	backlog__close(backlog, flow, DIRECTION_SEND, 50, 1);
	assert_int_equal(shown(flow, 0, 20, 0, 0), 30);
	open_flow("push", DIRECTION_SEND, "tcp://localhost:5");
	assert_int_equal(shown(flow, 5, 20, 0, 0), 35);
}

static void when_both_ends_are_gone_it_shows_nothing(void **state)
{
	struct flow *flow = open_both();

	(void)state;
	assert_int_equal(shown(flow, 50, 20, 0, 0), 30);
	backlog__close(backlog, flow, DIRECTION_SEND, 50, 1);
	backlog__close(backlog, flow, DIRECTION_RECEIVE, 20, 1);
	assert_int_equal(shown(NULL, 0, 0, 0, 0), 0);
	/* the next ones begin anew */
	flow = open_both();
	assert_int_equal(shown(flow, 3, 1, 0, 0), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_ends_are_needed),
		TEST(directions_are_kept_apart),
		TEST(without_a_direction_there_is_none),
		TEST(what_was_sent_before_is_put_aside),
		TEST(calls_in_flight_may_have_been_received),
		TEST(a_receive_before_the_tap_is_forgiven_once),
		TEST(ended_streams_still_count),
		TEST(when_both_ends_are_gone_it_shows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
