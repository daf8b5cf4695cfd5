/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "events/bus.h"

#define SECOND_NS UINT64_C(1000000000)

static void publish(struct bus *bus, uint64_t value)
{
	const struct event_attribute attribute = EVENT_NUMBER("value", value);
	const struct event event = {
		.type = EVENT_COUNTS_LOST,
		.attribute_count = 1,
		.attributes = &attribute,
	};

	bus__publish(bus, &event);
}

static struct subscriber_stats stats_of(struct bus *bus, const char *name)
{
	struct bus_stats stats;

	bus__stats(bus, &stats);
	for (size_t i = 0; i < stats.subscriber_count; i++)
		if (!strcmp(stats.subscribers[i].name, name))
			return stats.subscribers[i];
	fail_msg("no subscriber %s", name);
	return stats.subscribers[0];
}

static uint64_t dropped(struct bus *bus)
{
	struct bus_stats stats;

	bus__stats(bus, &stats);
	return stats.dropped;
}

/* ---- one after the other -------------------------------------------------------------- */

static void events_come_in_order_with_their_values(void **state)
{
	struct subscriber *subscriber;
	struct event *event;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(8, &bus), 0);
	assert_int_equal(bus__subscribe(bus, "one", NULL, NULL, &subscriber), 0);
	for (uint64_t i = 0; i < 3; i++)
		publish(bus, 40 + i);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(subscriber__next(subscriber, 0, &event), 0);
		assert_int_equal(event->number, i + 1);
		assert_int_equal(event->attributes[0].number, 40 + i);
		event__unref(event);
	}
	assert_int_equal(subscriber__next(subscriber, 0, &event), -ETIMEDOUT);
	subscriber__free(subscriber);
	assert_int_equal(bus__stop(bus, 0), 0);
	bus__free(bus);
}

static void a_full_queue_drops_the_newest_and_counts_them(void **state)
{
	struct subscriber *slow, *quick;
	struct event *event;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(4, &bus), 0);
	assert_int_equal(bus__subscribe(bus, "slow", NULL, NULL, &slow), 0);
	assert_int_equal(bus__subscribe(bus, "quick", NULL, NULL, &quick), 0);
	for (uint64_t i = 1; i <= 7; i++) {
		publish(bus, i);
		assert_int_equal(subscriber__next(quick, 0, &event), 0);
		assert_int_equal(event->number, i);
		event__unref(event);
	}
	assert_int_equal(stats_of(bus, "quick").dropped, 0);
	assert_int_equal(stats_of(bus, "slow").dropped, 3);
	assert_int_equal(stats_of(bus, "slow").lag, 4);
	for (uint64_t i = 1; i <= 4; i++) {
		assert_int_equal(subscriber__next(slow, 0, &event), 0);
		assert_int_equal(event->number, i);
		event__unref(event);
	}
	publish(bus, 8);
	assert_int_equal(subscriber__next(slow, 0, &event), 0);
	assert_int_equal(event->number, 8);
	event__unref(event);
	subscriber__free(slow);
	assert_int_equal(dropped(bus), 3); /* those who have left still count */
	subscriber__free(quick);
	bus__stop(bus, 0);
	bus__free(bus);
}

static void what_a_leaving_subscriber_did_not_fetch_is_dropped(void **state)
{
	struct subscriber *subscriber;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(4, &bus), 0);
	assert_int_equal(bus__subscribe(bus, "one", NULL, NULL, &subscriber), 0);
	publish(bus, 1);
	publish(bus, 2);
	subscriber__free(subscriber);
	assert_int_equal(dropped(bus), 2);
	bus__stop(bus, 0);
	bus__free(bus);
}

static void after_the_stop_nothing_is_accepted(void **state)
{
	struct subscriber *subscriber, *late;
	struct event *event;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(4, &bus), 0);
	assert_int_equal(bus__subscribe(bus, "one", NULL, NULL, &subscriber), 0);
	publish(bus, 1);
	assert_int_equal(bus__stop(bus, 0), 0);
	publish(bus, 2);
	assert_int_equal(bus__subscribe(bus, "two", NULL, NULL, &late), -ESHUTDOWN);
	assert_int_equal(subscriber__next(subscriber, SECOND_NS, &event), 0);
	assert_int_equal(event->number, 1);
	event__unref(event);
	assert_int_equal(subscriber__next(subscriber, SECOND_NS, &event), -ESHUTDOWN);
	assert_int_equal(dropped(bus), 1);
	subscriber__free(subscriber);
	bus__free(bus);
}

static void count_wake(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void wakes_who_found_the_queue_empty(void **state)
{
	struct subscriber *subscriber;
	struct event *event;
	atomic_uint wakes = 0;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(4, &bus), 0);
	assert_int_equal(bus__subscribe(bus, "one", count_wake, &wakes, &subscriber), 0);
	publish(bus, 1);
	publish(bus, 2);
	assert_int_equal(wakes, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(subscriber__next(subscriber, 0, &event), 0);
		event__unref(event);
	}
	publish(bus, 3);
	assert_int_equal(wakes, 2);
	bus__stop(bus, 0);
	assert_int_equal(wakes, 3);
	subscriber__free(subscriber);
	bus__free(bus);
}

/* What comes first is `first`, and the rest up to `last` follows. */
static void assert_fetches(struct subscriber *subscriber, uint64_t first, uint64_t last)
{
	struct event *event;

	for (uint64_t number = first; number <= last; number++) {
		assert_int_equal(subscriber__next(subscriber, 0, &event), 0);
		assert_int_equal(event->number, number);
		assert_int_equal(event->attributes[0].number, number);
		event__unref(event);
	}
	assert_int_equal(subscriber__next(subscriber, 0, &event), -ETIMEDOUT);
}

static void who_comes_back_gets_what_he_missed(void **state)
{
	static const struct {
		uint64_t published, after, first, dropped;
	} cases[] = {
		{ 0, 0, 1, 0 }, /* nothing has happened */
		{ 5, 0, 1, 0 },
		{ 5, 3, 4, 0 },
		{ 5, 5, 6, 0 }, /* nothing was missed */
		{ 5, 9, 6, 0 }, /* not ours */
		{ 5, UINT64_MAX, 6, 0 },
		{ BUS_KEPT, 0, 1, 0 },
		{ BUS_KEPT + 1, 1, 2, 0 },
		{ BUS_KEPT + 1, 0, 2, 1 }, /* the first is no longer there */
		{ 3ull * BUS_KEPT + 7, 7, 2ull * BUS_KEPT + 8, 2ull * BUS_KEPT },
	};
	struct subscriber *subscriber;
	struct bus *bus;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(bus__new(BUS_ROOM, &bus), 0);
		for (uint64_t n = 1; n <= cases[i].published; n++)
			publish(bus, n);
		assert_int_equal(bus__resume(bus, "one", cases[i].after, NULL, NULL, &subscriber),
				 0);
		publish(bus, cases[i].published + 1);
		assert_fetches(subscriber, cases[i].first, cases[i].published + 1);
		assert_int_equal(subscriber__dropped(subscriber), cases[i].dropped);
		subscriber__free(subscriber);
		assert_int_equal(dropped(bus), cases[i].dropped);
		bus__stop(bus, 0);
		bus__free(bus);
	}
}

static void what_has_no_room_in_the_queue_of_who_comes_back_is_dropped(void **state)
{
	struct subscriber *subscriber;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(4, &bus), 0);
	for (uint64_t n = 1; n <= 6; n++)
		publish(bus, n);
	assert_int_equal(bus__resume(bus, "one", 0, NULL, NULL, &subscriber), 0);
	assert_fetches(subscriber, 1, 4);
	assert_int_equal(subscriber__dropped(subscriber), 2);
	subscriber__free(subscriber);
	bus__stop(bus, 0);
	bus__free(bus);
}

static void there_is_a_limit_to_subscribers(void **state)
{
	struct subscriber *subscribers[BUS_MAX_SUBSCRIBERS], *one_more;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(1, &bus), 0);
	for (size_t i = 0; i < BUS_MAX_SUBSCRIBERS; i++)
		assert_int_equal(bus__subscribe(bus, "many", NULL, NULL, &subscribers[i]), 0);
	assert_int_equal(bus__subscribe(bus, "more", NULL, NULL, &one_more), -ENOSPC);
	for (size_t i = 0; i < BUS_MAX_SUBSCRIBERS; i++)
		subscriber__free(subscribers[i]);
	bus__stop(bus, 0);
	bus__free(bus);
}

/* ---- all at once ------------------------------------------------------------------------ */

#define PRODUCERS 4
#define EACH 50000

struct reader {
	uint64_t next[PRODUCERS]; /* the least value that may come from each producer */
	uint64_t last_number, seen, disorder;
};

static int read_in_order(void *arg, const struct event *event)
{
	struct reader *reader = arg;
	uint64_t producer = event->attributes[0].number / EACH;
	uint64_t value = event->attributes[0].number % EACH;

	reader->disorder += event->number <= reader->last_number;
	reader->disorder += value < reader->next[producer];
	reader->last_number = event->number;
	reader->next[producer] = value + 1;
	reader->seen++;
	return 0;
}

static int always_fail(void *arg, const struct event *event)
{
	(void)event;
	atomic_fetch_add((atomic_ulong *)arg, 1);
	return -EIO;
}

static int block(void *arg, const struct event *event)
{
	(void)event;
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return 0;
}

struct producer {
	struct bus *bus;
	uint64_t first;
};

static void *produce(void *arg)
{
	const struct producer *producer = arg;

	for (uint64_t i = 0; i < EACH; i++)
		publish(producer->bus, producer->first + i);
	return NULL;
}

static void produce_all(struct bus *bus)
{
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ bus, i * EACH };
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (size_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message(
		"publishing cost %.0f ns each, %d threads at once, 4 subscribers\n",
		((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
			(double)(PRODUCERS * EACH),
		PRODUCERS);
}

static void one_that_blocks_and_one_that_fails_do_not_touch_the_others(void **state)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	atomic_ulong failed = 0;
	struct reader good[2] = { 0 };
	struct bus_stats stats;
	struct bus *bus;

	(void)state;
	pthread_mutex_lock(&gate);
	assert_int_equal(bus__new(BUS_ROOM, &bus), 0);
	assert_int_equal(bus__run(bus, "good", read_in_order, &good[0]), 0);
	assert_int_equal(bus__run(bus, "blocked", block, &gate), 0);
	assert_int_equal(bus__run(bus, "failing", always_fail, &failed), 0);
	assert_int_equal(bus__run(bus, "good too", read_in_order, &good[1]), 0);
	produce_all(bus);
	/* full but for the one that it has in its hands */
	assert_int_equal(stats_of(bus, "blocked").dropped + BUS_ROOM +
				 stats_of(bus, "blocked").delivered,
			 PRODUCERS * EACH);
	pthread_mutex_unlock(&gate);
	assert_int_equal(bus__stop(bus, 60 * SECOND_NS), 0);
	bus__stats(bus, &stats);
	assert_int_equal(stats.published, PRODUCERS * EACH);
	for (size_t i = 0; i < stats.subscriber_count; i++) {
		/* nothing is lost that is not counted */
		assert_int_equal(stats.subscribers[i].delivered + stats.subscribers[i].dropped,
				 PRODUCERS * EACH);
		assert_int_equal(stats.subscribers[i].lag, 0);
	}
	assert_int_equal(good[0].seen, stats_of(bus, "good").delivered);
	assert_int_equal(good[0].disorder + good[1].disorder, 0);
	assert_int_equal(stats_of(bus, "failing").errors, failed);
	assert_int_equal(failed, stats_of(bus, "failing").delivered);
	assert_int_equal(stats_of(bus, "good").errors, 0);
	bus__free(bus);
}

static void a_subscriber_that_never_ends_does_not_keep_the_stop(void **state)
{
	pthread_mutex_t *gate = malloc(sizeof(*gate));
	struct bus *bus;

	(void)state;
	pthread_mutex_init(gate, NULL);
	pthread_mutex_lock(gate);
	assert_int_equal(bus__new(16, &bus), 0);
	assert_int_equal(bus__run(bus, "blocked", block, gate), 0);
	for (uint64_t i = 0; i < 3; i++)
		publish(bus, i);
	while (!stats_of(bus, "blocked").delivered)
		;
	assert_int_equal(bus__stop(bus, SECOND_NS / 100), 1);
	assert_int_equal(stats_of(bus, "blocked").dropped, 2);
	pthread_mutex_unlock(gate); /* the thread ends now; the bus stays for it */
	assert_int_equal(bus__stop(bus, 60 * SECOND_NS), 0);
	bus__free(bus);
	free(gate);
}

/* ---- events ------------------------------------------------------------------------------ */

static void an_event_keeps_its_own_copies_as_utf8(void **state)
{
	char name[] = "before", kernel[] = "k\xff", path[1000];
	struct event_attribute attributes[] = { EVENT_TEXT("name", name), EVENT_TEXT("path", path),
						EVENT_NUMBER("n", 7) };
	struct event from = { .type = EVENT_TAP_FAILED,
			      .pid = 42,
			      .real_ns = 1500000000,
			      .number = 9,
			      .kernel_id = kernel,
			      .attribute_count = 3,
			      .attributes = attributes };
	struct strbuf out = STRBUF_INIT;
	struct event *event;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(event__new(&from, &event), 0);
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(strlen(event->attributes[1].text), 256);
	event->attribute_count = 1;
	event_add_json(&out, event);
	assert_string_equal(
		out.data,
		"{\"number\":9,\"type\":\"tap.failed\",\"time\":1.5,\"kernel_id\":\"k\xef\xbf\xbd\","
		"\"pid\":42,\"attributes\":{\"name\":\"before\"}}");
	strbuf_free(&out);
	event__unref(event);
	from.attribute_count = EVENT_MAX_ATTRIBUTES + 1;
	assert_int_equal(event__new(&from, &event), -E2BIG);
}

static void every_type_has_a_name(void **state)
{
	(void)state;
	for (enum event_type type = 0; type < EVENT_TYPE_COUNT; type++)
		assert_non_null(strchr(event_type_name(type), '.'));
	assert_string_equal(event_type_name(EVENT_TYPE_COUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_in_order_with_their_values),
		cmocka_unit_test(a_full_queue_drops_the_newest_and_counts_them),
		cmocka_unit_test(what_a_leaving_subscriber_did_not_fetch_is_dropped),
		cmocka_unit_test(after_the_stop_nothing_is_accepted),
		cmocka_unit_test(wakes_who_found_the_queue_empty),
		cmocka_unit_test(who_comes_back_gets_what_he_missed),
		cmocka_unit_test(what_has_no_room_in_the_queue_of_who_comes_back_is_dropped),
		cmocka_unit_test(there_is_a_limit_to_subscribers),
		cmocka_unit_test(one_that_blocks_and_one_that_fails_do_not_touch_the_others),
		cmocka_unit_test(a_subscriber_that_never_ends_does_not_keep_the_stop),
		cmocka_unit_test(an_event_keeps_its_own_copies_as_utf8),
		cmocka_unit_test(every_type_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
