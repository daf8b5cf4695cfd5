/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "serve/listen.h"

static char err[256];

static int has_ipv6(void)
{
	struct listen_socket s;

	if (listen_open("[::1]:0", &s, err, sizeof(err)))
		return 0;
	close(s.fd);
	return 1;
}

static void refuses_addresses_that_are_none(void **state)
{
	static const char *const table[] = {
		"",
		":",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:-1",
		"127.0.0.1:65536",
		"127.0.0.1:99999",
		"127.0.0.1:4294967296",
		"127.0.0.1: 80",
		"127.0.0.1:80 ",
		"::1:9752",
		"[::1]",
		"[::1:9752",
		"::1]:9752",
		"[]:9752",
		"[127.0.0.1]:9752",
		"[localhost]:9752",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct listen_socket s = { .fd = -7 };

		err[0] = '\0';
		if (listen_open(table[i], &s, err, sizeof(err)) >= 0)
			fail_msg("accepted: %s", table[i]);
		assert_int_equal(s.fd, -7);
		assert_non_null(strstr(err, "cannot listen on "));
		assert_non_null(strstr(err, table[i]));
	}
}

static void a_very_long_address_is_refused(void **state)
{
	struct listen_socket s;
	char address[5000];

	(void)state;
	memset(address, 'a', sizeof(address));
	snprintf(address + sizeof(address) - 6, 6, ":9752");
	assert_int_equal(listen_open(address, &s, err, sizeof(err)), -EINVAL);
}

static void port_zero_becomes_a_real_one(void **state)
{
	struct listen_socket s;
	int listening = 0;
	socklen_t len = sizeof(listening);

	(void)state;
	assert_int_equal(listen_open("127.0.0.1:0", &s, err, sizeof(err)), 0);
	assert_memory_equal(s.address, "127.0.0.1:", 10);
	assert_string_not_equal(s.address, "127.0.0.1:0");
	assert_int_equal(getsockopt(s.fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len), 0);
	assert_int_equal(listening, 1);
	close(s.fd);
}

static void a_port_in_use_is_said_so(void **state)
{
	struct listen_socket first, second;

	(void)state;
	assert_int_equal(listen_open("127.0.0.1:0", &first, err, sizeof(err)), 0);
	assert_int_equal(listen_open(first.address, &second, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, first.address));
	assert_non_null(strstr(err, "Address already in use"));
	close(first.fd);
}

static void knows_what_is_loopback(void **state)
{
	static const struct {
		const char *address;
		int loopback, ipv6;
	} table[] = {
		{ "127.0.0.1:0", 1, 0 }, { "127.1.2.3:0", 1, 0 },
		{ "localhost:0", 1, 0 }, { "0.0.0.0:0", 0, 0 },
		{ ":0", 0, 0 },		 { "[::1]:0", 1, 1 },
		{ "[::]:0", 0, 1 },	 { "[::ffff:127.0.0.1]:0", 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct listen_socket s;
		int ret;

		if (table[i].ipv6 && !has_ipv6())
			continue;
		ret = listen_open(table[i].address, &s, err, sizeof(err));
		/* an IPv6-only socket cannot have a mapped IPv4 address */
		if (ret && strstr(table[i].address, "ffff"))
			continue;
		assert_int_equal(ret, 0);
		if (s.loopback != table[i].loopback)
			fail_msg("%s: %s", table[i].address, s.address);
		close(s.fd);
	}
}

static void ipv6_addresses_stand_in_brackets(void **state)
{
	struct listen_socket s;

	(void)state;
	if (!has_ipv6())
		skip();
	assert_int_equal(listen_open("[::1]:0", &s, err, sizeof(err)), 0);
	assert_memory_equal(s.address, "[::1]:", 6);
	close(s.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_addresses_that_are_none),
		cmocka_unit_test(a_very_long_address_is_refused),
		cmocka_unit_test(port_zero_becomes_a_real_one),
		cmocka_unit_test(a_port_in_use_is_said_so),
		cmocka_unit_test(knows_what_is_loopback),
		cmocka_unit_test(ipv6_addresses_stand_in_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
