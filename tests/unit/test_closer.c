/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=probe_link__free */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "tap/closer.h"

/* Links that nobody looks into. */
#define LINK(n) ((struct probe_link *)(uintptr_t)(n))

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int held; /* closing a link waits until it is not */
	int begun; /* links whose closing has begun */
	uintptr_t closed[16]; /* in order */
	size_t count;
} kernel = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct closer *closer;

void __wrap_probe_link__free(struct probe_link *link);

void __wrap_probe_link__free(struct probe_link *link)
{
	if (!link)
		return;
	pthread_mutex_lock(&kernel.lock);
	kernel.begun++;
	pthread_cond_broadcast(&kernel.changed);
	while (kernel.held)
		pthread_cond_wait(&kernel.changed, &kernel.lock);
	kernel.closed[kernel.count++] = (uintptr_t)link;
	pthread_mutex_unlock(&kernel.lock);
}

static void hold(int held)
{
	pthread_mutex_lock(&kernel.lock);
	kernel.held = held;
	pthread_cond_broadcast(&kernel.changed);
	pthread_mutex_unlock(&kernel.lock);
}

static void await_begun(int count)
{
	pthread_mutex_lock(&kernel.lock);
	while (kernel.begun < count)
		pthread_cond_wait(&kernel.changed, &kernel.lock);
	pthread_mutex_unlock(&kernel.lock);
}

static int setup(void **state)
{
	(void)state;
	kernel.held = kernel.begun = 0;
	kernel.count = 0;
	return closer__new(&closer);
}

static void finish(void)
{
	hold(0);
	closer__free(closer);
	closer = NULL;
}

static int teardown(void **state)
{
	(void)state;
	finish();
	return 0;
}

static void links_are_closed_in_the_order_in_which_they_come(void **state)
{
	uint64_t tickets[3];

	(void)state;
	hold(1);
	for (int i = 0; i < 3; i++)
		tickets[i] = closer__close(closer, LINK(i + 1));
	await_begun(1);
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(tickets[i], 0);
		assert_int_equal(closer__is_closed(closer, tickets[i]), 0);
	}
	finish();
	assert_int_equal(kernel.count, 3);
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(kernel.closed[i], i + 1);
}

static void a_closed_link_is_known_to_be(void **state)
{
	uint64_t ticket = closer__close(closer, LINK(7));
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct probe_link *none;

	(void)state;
	while (!closer__is_closed(closer, ticket))
		nanosleep(&moment, NULL);
	assert_int_equal(kernel.count, 1);
	assert_int_equal(closer__take_back(closer, ticket, &none), -ENOENT);
	/* no link is closed from the start */
	assert_int_equal(closer__is_closed(closer, closer__close(closer, NULL)), 1);
}

static void a_link_whose_turn_has_not_come_is_given_back(void **state)
{
	uint64_t first, second, third;
	struct probe_link *link = NULL;

	(void)state;
	hold(1);
	first = closer__close(closer, LINK(1));
	await_begun(1);
	second = closer__close(closer, LINK(2));
	third = closer__close(closer, LINK(3));
	assert_int_equal(closer__take_back(closer, third, &link), 0);
	assert_ptr_equal(link, LINK(3));
	assert_int_equal(closer__take_back(closer, second, &link), 0);
	assert_ptr_equal(link, LINK(2));
	assert_int_equal(closer__is_closed(closer, second), 1);
	assert_int_equal(closer__is_closed(closer, first), 0);
	closer__close(closer, LINK(4));
	finish();
	assert_int_equal(kernel.count, 2);
	assert_int_equal(kernel.closed[0], 1);
	assert_int_equal(kernel.closed[1], 4);
}

static void *take_back(void *ticket)
{
	struct probe_link *none;

	return closer__take_back(closer, *(uint64_t *)ticket, &none) == -ENOENT ? NULL : ticket;
}

static void a_link_that_is_being_closed_is_waited_for(void **state)
{
	uint64_t ticket;
	pthread_t thread;
	void *link = LINK(9);

	(void)state;
	hold(1);
	ticket = closer__close(closer, LINK(1));
	await_begun(1);
	assert_int_equal(pthread_create(&thread, NULL, take_back, &ticket), 0);
	hold(0);
	assert_int_equal(pthread_join(thread, &link), 0);
	assert_null(link);
	assert_int_equal(kernel.count, 1);
}

static void a_link_that_is_not_closed_for_long_is_waited_for_once(void **state)
{
	struct timespec before, after;
	struct probe_link *none;
	uint64_t ticket;

	(void)state;
	hold(1);
	ticket = closer__close(closer, LINK(1));
	await_begun(1);
	assert_int_equal(closer__take_back(closer, ticket, &none), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 30; i++)
		assert_int_equal(closer__take_back(closer, ticket, &none), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range(after.tv_sec - before.tv_sec, 0, 30); /* not 60 */
	hold(0);
	while (!closer__is_closed(closer, ticket))
		;
	assert_int_equal(closer__take_back(closer, ticket, &none), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(links_are_closed_in_the_order_in_which_they_come,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_link_is_known_to_be, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_whose_turn_has_not_come_is_given_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_link_that_is_being_closed_is_waited_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_link_that_is_not_closed_for_long_is_waited_for_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
