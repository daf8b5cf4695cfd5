/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "relay/otlp_queue.h"

static void add(struct otlp_queue *queue, size_t len, uint64_t points)
{
	struct strbuf body = STRBUF_INIT;

	assert_int_equal(strbuf_reserve(&body, len), 0);
	memset(body.data, 'x', len);
	body.len = len;
	otlp_queue_add(queue, &body, points);
	assert_null(body.data);
}

static void the_oldest_is_first(void **state)
{
	struct otlp_queue queue = { 0 };

	(void)state;
	assert_null(otlp_queue_first(&queue));
	for (uint64_t i = 1; i <= 3; i++)
		add(&queue, 10, i);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(otlp_queue_first(&queue)->points, i);
		otlp_queue_remove(&queue);
	}
	assert_null(otlp_queue_first(&queue));
	assert_int_equal(queue.dropped, 0);
	assert_int_equal(queue.bytes, 0);
}

static void beyond_the_length_the_oldest_goes_and_is_counted(void **state)
{
	struct otlp_queue queue = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= OTLP_QUEUE_LENGTH + 2; i++)
		add(&queue, 10, i);
	assert_int_equal(queue.count, OTLP_QUEUE_LENGTH);
	assert_int_equal(otlp_queue_first(&queue)->points, 3);
	assert_int_equal(queue.dropped, 2);
	assert_int_equal(queue.dropped_points, 1 + 2);
	otlp_queue_drop_all(&queue);
	assert_int_equal(queue.dropped, OTLP_QUEUE_LENGTH + 2);
	assert_int_equal(queue.bytes, 0);
}

static void so_does_it_beyond_the_size(void **state)
{
	struct otlp_queue queue = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 5; i++) {
		add(&queue, OTLP_QUEUE_BYTES / 4, i);
		assert_true(queue.bytes <= OTLP_QUEUE_BYTES);
	}
	assert_true(queue.dropped >= 1);
	assert_int_equal(queue.dropped + queue.count, 5);
	otlp_queue_drop_all(&queue);
	assert_int_equal(queue.dropped_points, 1 + 2 + 3 + 4 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_is_first),
		cmocka_unit_test(beyond_the_length_the_oldest_goes_and_is_counted),
		cmocka_unit_test(so_does_it_beyond_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
