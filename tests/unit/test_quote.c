/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/quote.h"

static const struct {
	const char *text, *quoted;
} cases[] = {
	{ "", "''" },
	{ "plain", "'plain'" },
	{ "tcp://h\xc3\xb6st", "'tcp://h\xc3\xb6st'" },
	{ "a\nb\t\x1b[31mred\x7f", "'a?b??[31mred?'" },
	{ "\xc2\x9b"
	  "31m",
	  "'??31m'" },
	{ "\xc2\xa0", "'\xc2\xa0'" },
	{ "\xff\xc2", "'\xef\xbf\xbd\xef\xbf\xbd'" },
	{ "123456789012345678901234567890123456789012345678901234567890",
	  "'123456789012345678901234567890123456789012345678901234567890'" },
	{ "1234567890123456789012345678901234567890123456789012345678901",
	  "'123456789012345678901234567890123456789012345678901234567890...'" },
	/* never half a character */
	{ "12345678901234567890123456789012345678901234567890123456789\xc3\xb6",
	  "'12345678901234567890123456789012345678901234567890123456789...'" },
};

static void any_text_is_shown_harmlessly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(quote(cases[i].text).text, cases[i].quoted);
}

static void a_huge_text_is_cut(void **state)
{
	static char huge[1 << 20];

	(void)state;
	memset(huge, 0xff, sizeof(huge) - 1);
	assert_true(strlen(quote(huge).text) < sizeof(struct quoted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_text_is_shown_harmlessly),
		cmocka_unit_test(a_huge_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
