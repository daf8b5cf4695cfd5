/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "util/utf8.h"

#define R "\xef\xbf\xbd"

static const struct {
	const char *in;
	const char *out;
} cases[] = {
	{ "", "" },
	{ "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555" },
	{ "\x01\x7f", "\x01\x7f" },
	/* first and last of each length */
	{ "\xc2\x80 \xdf\xbf", "\xc2\x80 \xdf\xbf" },
	{ "\xe0\xa0\x80 \xef\xbf\xbf", "\xe0\xa0\x80 \xef\xbf\xbf" },
	{ "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf" },
	/* around the surrogates */
	{ "\xed\x9f\xbf \xee\x80\x80", "\xed\x9f\xbf \xee\x80\x80" },
	{ "\xed\xa0\x80", R R R },
	{ "\xed\xbf\xbf", R R R },
	/* overlong */
	{ "\xc0\x80", R R },
	{ "\xc1\xbf", R R },
	{ "\xe0\x80\x80", R R R },
	{ "\xe0\x9f\xbf", R R R },
	{ "\xf0\x80\x80\x80", R R R R },
	{ "\xf0\x8f\xbf\xbf", R R R R },
	/* above U+10FFFF, and bytes that never occur */
	{ "\xf4\x90\x80\x80", R R R R },
	{ "\xf5\x80\x80\x80", R R R R },
	{ "\xf8\x88\x80\x80\x80", R R R R R },
	{ "\xfe\xff", R R },
	/* continuation without a start; cut off; a start in the middle of another */
	{ "\x80", R },
	{ "a\xbf"
	  "b",
	  "a" R "b" },
	{ "\xc3", R },
	{ "\xe2\x82", R R },
	{ "\xe2\x82"
	  "a",
	  R R "a" },
	{ "\xf0\x9f\x98", R R R },
	{ "\xe2\xc3\xa9", R "\xc3\xa9" },
	{ "\xe2\x82\xc3\xa9", R R "\xc3\xa9" },
};

/* a copy of exactly its length on the heap, so that reading beyond it is caught */
static char *exact_copy(const char *s, size_t len)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, s, len);
	return copy;
}

static void every_bad_byte_becomes_one_replacement_character(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].in);
		char out[64], *in = exact_copy(cases[i].in, len);

		assert_int_equal(utf8_copy(out, sizeof(out), in, len), strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
		free(in);
	}
}

static void what_comes_out_goes_through_unchanged(void **state)
{
	unsigned char in[4];
	char once[16], twice[16];
	unsigned int i;

	(void)state;
	for (i = 0; i < 1u << 16; i++) {
		in[0] = (unsigned char)(0xe0 +
					(i >> 13) * 4); /* some three- and four-byte starts */
		in[1] = (unsigned char)(i >> 8);
		in[2] = (unsigned char)i;
		in[3] = 0x80;
		utf8_copy(once, sizeof(once), (const char *)in, 4);
		assert_int_equal(utf8_copy(twice, sizeof(twice), once, strlen(once)), strlen(once));
		if (!memchr(in, 0, 4))
			assert_string_equal(once, twice);
	}
}

static void length_is_known_without_a_buffer(void **state)
{
	(void)state;
	assert_int_equal(utf8_copy(NULL, 0, "a\xff", 2), 4);
	assert_int_equal(utf8_copy(NULL, 0, NULL, 0), 0);
}

static void a_character_that_does_not_fit_ends_the_copy(void **state)
{
	char out[5];

	(void)state;
	memset(out, 'x', sizeof(out));
	/* three letters and the euro sign: the 'd' behind it would fit, but must not close the gap */
	assert_int_equal(utf8_copy(out, sizeof(out),
				   "abc\xe2\x82\xac"
				   "d",
				   7),
			 7);
	assert_string_equal(out, "abc");
	assert_int_equal(utf8_copy(out, 1, "abc", 3), 3);
	assert_string_equal(out, "");
}

static void a_nul_byte_is_copied(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(utf8_copy(out, sizeof(out), "a\0b", 3), 3);
	assert_memory_equal(out, "a\0b", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_byte_becomes_one_replacement_character),
		cmocka_unit_test(what_comes_out_goes_through_unchanged),
		cmocka_unit_test(length_is_known_without_a_buffer),
		cmocka_unit_test(a_character_that_does_not_fit_ends_the_copy),
		cmocka_unit_test(a_nul_byte_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
