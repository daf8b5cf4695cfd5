/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "relay/otlp_reply.h"

#define SECOND_NS 1000000000ull

static void the_status_says_what_to_do_with_the_request(void **state)
{
	static const struct {
		long status;
		int err;
		enum otlp_verdict verdict;
	} cases[] = {
		{ 200, 0, OTLP_SENT },
		{ 202, 0, OTLP_SENT },
		{ 429, 0, OTLP_AGAIN },
		{ 502, 0, OTLP_AGAIN },
		{ 503, 0, OTLP_AGAIN },
		{ 504, 0, OTLP_AGAIN },
		{ 400, 0, OTLP_REFUSED },
		{ 307, 0, OTLP_REFUSED },
		{ 500, 0, OTLP_REFUSED },
		{ 401, 0, OTLP_REFUSED },
		{ 0, -ECONNREFUSED, OTLP_AGAIN },
		{ 0, -ETIMEDOUT, OTLP_AGAIN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(otlp_verdict(cases[i].status, cases[i].err), cases[i].verdict);
}

static void a_partial_success_says_how_much_and_why(void **state)
{
	static const char body[] = "\x0a\x07\x08\x03\x12\x03old";
	char message[16];

	(void)state;
	assert_int_equal(otlp_rejected(body, sizeof(body) - 1, 100, message, sizeof(message)), 3);
	assert_string_equal(message, "old");
	/* not more than there were */
	assert_int_equal(otlp_rejected(body, sizeof(body) - 1, 2, message, sizeof(message)), 2);
	/* what is too long is cut */
	otlp_rejected(body, sizeof(body) - 1, 2, message, 3);
	assert_string_equal(message, "ol");
}

static void an_answer_without_sense_says_nothing(void **state)
{
	static const char negative[] = "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	char message[16];

	(void)state;
	assert_int_equal(otlp_rejected("", 0, 9, message, sizeof(message)), 0);
	assert_int_equal(otlp_rejected("<html>", 6, 9, message, sizeof(message)), 0);
	assert_string_equal(message, "");
	assert_int_equal(otlp_rejected(negative, sizeof(negative) - 1, 9, message, sizeof(message)),
			 0);
}

static void waits_grow_up_to_a_limit_unless_the_receiver_says(void **state)
{
	(void)state;
	assert_int_equal(otlp_wait_ns(1, 0, 0), 1 * SECOND_NS);
	assert_int_equal(otlp_wait_ns(3, 0, 0), 4 * SECOND_NS);
	assert_int_equal(otlp_wait_ns(3, UINT32_MAX, 0), 2 * SECOND_NS);
	assert_int_equal(otlp_wait_ns(1000000, 0, 0), OTLP_MAX_WAIT_NS);
	assert_int_equal(otlp_wait_ns(1000000, 0, 7), 7 * SECOND_NS);
	assert_int_equal(otlp_wait_ns(1, 0, UINT64_MAX), OTLP_MAX_TOLD_WAIT_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_says_what_to_do_with_the_request),
		cmocka_unit_test(a_partial_success_says_how_much_and_why),
		cmocka_unit_test(an_answer_without_sense_says_nothing),
		cmocka_unit_test(waits_grow_up_to_a_limit_unless_the_receiver_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
