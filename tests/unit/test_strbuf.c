/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "util/strbuf.h"

static void holds_nothing_until_something_is_added(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	assert_null(b.data);
	strbuf_add(&b, "", 0);
	assert_string_equal(b.data, "");
	strbuf_free(&b);
	assert_null(b.data);
}

static void grows_as_needed_and_stays_terminated(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		strbuf_addch(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 10000);
	assert_int_equal(b.data[9999], 'a' + 9999 % 26);
	assert_int_equal(b.err, 0);
	strbuf_free(&b);
}

static void refuses_to_grow_beyond_its_bound_and_stays_refused(void **state)
{
	struct strbuf b = { .max = 8 };

	(void)state;
	strbuf_addstr(&b, "12345678");
	assert_int_equal(b.err, 0);
	strbuf_addch(&b, '9');
	assert_int_equal(b.err, -E2BIG);
	strbuf_addf(&b, "%s", "");
	assert_string_equal(b.data, "12345678");
	assert_int_equal(strbuf_reserve(&b, 0), -E2BIG);
	strbuf_free(&b);
}

static void is_usable_again_once_cleared(void **state)
{
	struct strbuf b = { .max = 4 };

	(void)state;
	strbuf_addstr(&b, "12345");
	assert_int_equal(b.err, -E2BIG);
	strbuf_clear(&b);
	strbuf_addstr(&b, "abcd");
	assert_int_equal(b.err, 0);
	assert_string_equal(b.data, "abcd");
	strbuf_free(&b);
}

static void refuses_sizes_that_would_overflow(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&b, "x");
	assert_int_equal(strbuf_reserve(&b, SIZE_MAX), -ENOMEM);
	assert_int_equal(b.len, 1);
	strbuf_free(&b);
}

static void formats_like_printf(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addf(&b, "%d-%s", -7, "x");
	strbuf_addf(&b, "%0200d", 1);
	assert_int_equal(b.len, 204);
	assert_memory_equal(b.data, "-7-x000", 7);
	strbuf_free(&b);
}

static void writes_whole_numbers(void **state)
{
	static const struct {
		uint64_t v;
		const char *text;
	} table[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ 1234567890, "1234567890" },
		{ UINT64_MAX, "18446744073709551615" },
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strbuf_clear(&b);
		strbuf_addu64(&b, table[i].v);
		assert_string_equal(b.data, table[i].text);
	}
	strbuf_free(&b);
}

static void writes_nanoseconds_as_the_shortest_exact_seconds(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} table[] = {
		{ 0, "0" },
		{ 1, "0.000000001" },
		{ 119, "0.000000119" },
		{ 100000000, "0.1" },
		{ 1000000000, "1" },
		{ 1500000000, "1.5" },
		{ 128000000000, "128" },
		{ 10000000010, "10.00000001" },
		{ UINT64_MAX, "18446744073.709551615" },
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strbuf_clear(&b);
		strbuf_add_seconds(&b, table[i].ns);
		assert_string_equal(b.data, table[i].text);
	}
	strbuf_free(&b);
}

static void replaces_what_is_not_utf8(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "exactly8", "exactly8" },
		{ "sixteen chars \xc3\xa9", "sixteen chars \xc3\xa9" },
		{ "sixteen chars..\xff", "sixteen chars..\xef\xbf\xbd" },
		{ "\x80tail of eight and more", "\xef\xbf\xbdtail of eight and more" },
		{ "\xc3(", "\xef\xbf\xbd(" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strbuf_clear(&b);
		strbuf_add_utf8(&b, table[i].in, strlen(table[i].in));
		assert_string_equal(b.data, table[i].out);
	}
	strbuf_free(&b);
}

static void escapes_label_values(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "tcp://*:5555", "tcp://*:5555" },
		{ "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" },
		{ "a\nb", "a\\nb" },
		{ "\n\"\\", "\\n\\\"\\\\" },
		{ "tab\there", "tab\there" },
		{ "\xff\"\xc3\xa9", "\xef\xbf\xbd\\\"\xc3\xa9" },
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strbuf_clear(&b);
		strbuf_add_label(&b, table[i].in);
		assert_string_equal(b.data, table[i].out);
	}
	strbuf_free(&b);
}

static void quotes_json_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "\"\"" },
		{ "a/b", "\"a/b\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
		{ "caf\xc3\xa9 \xfe", "\"caf\xc3\xa9 \xef\xbf\xbd\"" },
	};
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strbuf_clear(&b);
		strbuf_add_json(&b, table[i].in);
		assert_string_equal(b.data, table[i].out);
	}
	strbuf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_nothing_until_something_is_added),
		cmocka_unit_test(grows_as_needed_and_stays_terminated),
		cmocka_unit_test(refuses_to_grow_beyond_its_bound_and_stays_refused),
		cmocka_unit_test(is_usable_again_once_cleared),
		cmocka_unit_test(refuses_sizes_that_would_overflow),
		cmocka_unit_test(formats_like_printf),
		cmocka_unit_test(writes_whole_numbers),
		cmocka_unit_test(writes_nanoseconds_as_the_shortest_exact_seconds),
		cmocka_unit_test(replaces_what_is_not_utf8),
		cmocka_unit_test(escapes_label_values),
		cmocka_unit_test(quotes_json_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
