/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/plausible.h"

static void names_are_plausible_or_not(void **state)
{
	static const struct {
		const char *text;
		int plausible;
	} cases[] = {
		{ "k", 1 },
		{ "0b9f2c4e-6a1d-4c57-9d53-1f7b2a90c1de", 1 },
		{ "with space", 1 },
		{ "k\xc3\xbc"
		  "rzel",
		  1 },
		{ "\xef\xbf\xbd", 1 }, /* U+FFFD itself */
		{ "1234567", 1 },
		{ "12345678", 0 }, /* with its NUL, it does not fit into 8 bytes */
		{ "", 0 },
		{ "a\nb", 0 },
		{ "a\tb", 0 },
		{ "\x1b[1m", 0 },
		{ "\x7f", 0 },
		{ "\xc2\x85", 0 }, /* C1: next line */
		{ "\xc2\xa0", 1 },
		{ "\xff", 0 },
		{ "\xc3", 0 },
		{ "\xed\xa0\x80", 0 }, /* a surrogate */
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = strlen(cases[i].text) < 9 ? 8 : sizeof(text);

		memset(text, 'x', sizeof(text));
		strncpy(text, cases[i].text, sizeof(text) - 1);
		if (plausible_name(text, size) != cases[i].plausible)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names_are_plausible_or_not) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
