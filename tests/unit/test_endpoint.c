/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "subject/endpoint.h"

static const struct endpoint_scope here = { .net = 1,
					    .mount = 2,
					    .process = { .tgid = 3, .start_ns = 4 } };
static const struct endpoint_scope there = { .net = 11,
					     .mount = 12,
					     .process = { .tgid = 13, .start_ns = 14 } };

static const char *key(const char *endpoint, const struct endpoint_scope *scope)
{
	static char keys[2][ENDPOINT_KEY_SIZE];
	static int next;
	char *out = keys[next++ % 2];

	strcpy(out, "");
	endpoint_key(endpoint, scope, out);
	return out;
}

static void names_of_one_address_have_one_key(void **state)
{
	static const char *const names[] = {
		"tcp://0.0.0.0:38209",	 "tcp://localhost:38209",
		"tcp://127.0.0.1:38209", "tcp://127.0.0.2:38209",
		"tcp://[::]:38209",	 "tcp://[::1]:38209",
		"tcp://*:38209",	 "tcp://10.0.0.1:0;localhost:38209",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(key(names[i], &here), key(names[0], &here));
	assert_string_equal(key("tcp://10.0.0.5:1", &here), key("tcp://10.0.0.5:1", &there));
}

static void different_paths_have_different_keys(void **state)
{
	static const char *const names[] = {
		"tcp://0.0.0.0:38209",
		"tcp://0.0.0.0:38208",
		"tcp://10.0.0.5:38209",
		"ipc:///a",
		"ipc:///b",
		"ipc://@a",
		"inproc://a",
		"inproc://b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(key(names[i], &here), key(names[j], &here));
}

static void names_hold_in_their_namespace_only(void **state)
{
	static const char *const names[] = { "tcp://0.0.0.0:1", "ipc:///a", "ipc://@a",
					     "inproc://a" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_not_equal(key(names[i], &here), key(names[i], &there));
}

static void what_cannot_be_told_has_no_key(void **state)
{
	static const struct endpoint_scope nowhere = { 0 };
	static const char *const names[] = { "",       "none",	  "unknown",  "udp://1:2",
					     "tcp://", "tcp://a", "tcp://a:", "ipc://relative" };
	char out[ENDPOINT_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(endpoint_key(names[i], &here, out), -ENOENT);
	assert_int_equal(endpoint_key("tcp://0.0.0.0:1", &nowhere, out), -ENOENT);
	assert_int_equal(endpoint_key("ipc:///a", &nowhere, out), -ENOENT);
}

static void the_longest_endpoint_fits(void **state)
{
	char endpoint[TM_TEXT_LEN], out[ENDPOINT_KEY_SIZE];
	struct endpoint_scope most = { UINT64_MAX, UINT64_MAX, { UINT64_MAX, UINT32_MAX, 0 } };

	(void)state;
	memset(endpoint, 'x', sizeof(endpoint) - 1);
	endpoint[sizeof(endpoint) - 1] = 0;
	memcpy(endpoint, "inproc://", 9);
	assert_int_equal(endpoint_key(endpoint, &most, out), 0);
	assert_int_equal(out[strlen(out) - 1], 'x');
	endpoint[sizeof(endpoint) - 2] = 'y';
	assert_int_equal(endpoint_key(endpoint, &most, out), 0);
	assert_int_equal(out[strlen(out) - 1], 'y');
}

static const char *bound(const char *receiver, const char *receiver_type, const char *sender,
			 const char *sender_type)
{
	const struct endpoint_end ends[] = { { receiver, receiver_type }, { sender, sender_type } };

	return endpoint_bound(&ends[0], &ends[1]);
}

static void the_bound_end_names_the_path(void **state)
{
	static const char wild[] = "tcp://0.0.0.0:5", name[] = "tcp://localhost:5";
	static const char number[] = "tcp://127.0.0.1:5", other[] = "tcp://127.0.0.1:6";

	(void)state;
	assert_string_equal(bound(wild, "dealer", name, "router"), wild);
	assert_string_equal(bound(name, "sub", wild, "pub"), wild);
	assert_string_equal(bound(number, "pair", wild, "pair"), wild);
	assert_string_equal(bound(name, "pair", number, "pair"), number);
	assert_string_equal(bound(number, "pair", number, "pair"), number);
	/* the other end has connected to more than one: its socket type tells */
	assert_string_equal(bound(number, "sub", other, "pub"), other);
	assert_string_equal(bound(number, "pull", other, "push"), number);
	assert_string_equal(bound(number, "pull", "", ""), number);
	assert_string_equal(bound("unknown", "pull", other, "push"), other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_one_address_have_one_key),
		cmocka_unit_test(different_paths_have_different_keys),
		cmocka_unit_test(names_hold_in_their_namespace_only),
		cmocka_unit_test(what_cannot_be_told_has_no_key),
		cmocka_unit_test(the_longest_endpoint_fits),
		cmocka_unit_test(the_bound_end_names_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
