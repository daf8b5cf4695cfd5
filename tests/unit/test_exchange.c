/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "serve/exchange.h"

static void an_error_replaces_the_answer(void **state)
{
	struct http_response response = { .status = 200,
					  .content_type = "text/plain",
					  .content_encoding = "gzip" };

	(void)state;
	strbuf_addstr(&response.body, "half an answer");
	http_response_error(&response, 400, "bad_request", "%s: \"%s\"", "window", "\n\xff");
	assert_int_equal(response.status, 400);
	assert_string_equal(response.content_type, "application/json");
	assert_null(response.content_encoding);
	assert_string_equal(response.body.data,
			    "{\"error\":{\"code\":\"bad_request\","
			    "\"message\":\"window: \\\"\\n\xef\xbf\xbd\\\"\"}}\n");
	http_response_free(&response);
}

static void an_error_of_the_body_is_forgotten_with_it(void **state)
{
	struct http_response response = { .body.max = 100 };

	(void)state;
	strbuf_addf(&response.body, "%0200d", 0);
	assert_int_not_equal(response.body.err, 0);
	http_response_error(&response, 500, "internal", "x");
	assert_int_equal(response.body.err, 0);
	http_response_free(&response);
}

static int nothing_next(void *arg, struct strbuf *out)
{
	(void)arg;
	(void)out;
	return 0;
}

static void count_free(void *arg)
{
	++*(int *)arg;
}

static void what_makes_a_body_goes_with_the_answer(void **state)
{
	int freed = 0;
	struct http_producer producer = {
		.next = nothing_next,
		.free = count_free,
		.arg = &freed,
	};
	struct http_response response = { .producer = producer };

	(void)state;
	http_response_error(&response, 500, "internal", "x");
	assert_int_equal(freed, 1);
	http_response_free(&response);
	assert_int_equal(freed, 1);
	response.producer = producer;
	http_response_free(&response);
	assert_int_equal(freed, 2);
}

static void more_headers_than_there_is_room_for_are_dropped(void **state)
{
	struct http_response response = { 0 };

	(void)state;
	for (size_t i = 0; i < HTTP_MAX_HEADERS + 4; i++)
		http_response_header(&response, "Name", "value");
	assert_int_equal(response.header_count, HTTP_MAX_HEADERS);
	http_response_free(&response);
	assert_int_equal(response.header_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_replaces_the_answer),
		cmocka_unit_test(an_error_of_the_body_is_forgotten_with_it),
		cmocka_unit_test(what_makes_a_body_goes_with_the_answer),
		cmocka_unit_test(more_headers_than_there_is_room_for_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
