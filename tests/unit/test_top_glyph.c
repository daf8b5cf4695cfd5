/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include "top/glyph.h"

static void expect(struct strbuf *out, const char *expected)
{
	assert_string_equal(out->data ? out->data : "", expected);
	strbuf_free(out);
}

static void cuts_text_to_columns_and_shows_nothing_that_commands(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		int utf8;
		const char *expected;
		size_t width;
	} table[] = {
		{ "plain", 9, 1, "plain", 5 },
		{ "plain", 5, 1, "plain", 5 },
		{ "plain", 4, 1, "pla…", 4 },
		{ "plain", 4, 0, "pla~", 4 },
		{ "plain", 1, 1, "…", 1 },
		{ "plain", 0, 1, "", 0 },
		{ "", 3, 1, "", 0 },
		{ "a\x1b[2J\x7f\n", 9, 1, "a?[2J??", 7 },
		{ "\xc2\x9b"
		  "2J",
		  9, 1, "?2J", 3 },
		{ "日本語", 6, 1, "日本語", 6 },
		{ "日本語", 5, 1, "日本…", 5 },
		{ "日本語", 4, 1, "日…", 3 },
		{ "日本", 9, 0, "??", 2 },
		/* right to left override; a mark on the letter before */
		{ "a\xe2\x80\xae"
		  "b",
		  9, 1, "a?b", 3 },
		{ "e\xcc\x81", 9, 1, "e?", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct strbuf out = STRBUF_INIT;
		size_t width = glyph_text(&out, table[i].text, table[i].max, table[i].utf8);

		expect(&out, table[i].expected);
		assert_int_equal(width, table[i].width);
	}
	assert_int_equal(glyph_width("a日", 1), 3);
}

static void wraps_where_the_columns_end(void **state)
{
	(void)state;
	assert_int_equal(glyph_wrap("abcdef", 4, 1), 4);
	assert_int_equal(glyph_wrap("ab", 4, 1), 2);
	assert_int_equal(glyph_wrap("", 4, 1), 0);
	assert_int_equal(glyph_wrap("日本語", 5, 1), 6);
	/* a character that is too wide is not waited for for ever */
	assert_int_equal(glyph_wrap("日本語", 1, 1), 3);
}

static void draws_bars(void **state)
{
	static const struct {
		double part;
		int utf8;
		const char *expected;
	} table[] = {
		{ 0, 1, "····" },      { 0.001, 1, "▏···" }, { 0.5, 1, "██··" },
		{ 0.5625, 1, "██▎·" }, { 1, 1, "████" },     { 7, 1, "████" },
		{ -1, 1, "····" },     { NAN, 1, "····" },   { INFINITY, 1, "████" },
		{ 0.5, 0, "||.." },    { 0.01, 0, "|..." },  { 0, 0, "...." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct strbuf out = STRBUF_INIT;

		glyph_bar(&out, table[i].part, 4, table[i].utf8);
		expect(&out, table[i].expected);
	}
}

static void draws_trends_relative_to_the_greatest(void **state)
{
	static const double numbers[] = { 7000, 0, 1, 350, -1, 700 };
	struct trend trend = { 0 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		trend_add(&trend, numbers[i]);
	/* what is no longer seen does not count */
	glyph_spark(&out, &trend, 5, 1);
	expect(&out, "▁▂▅ █");
	glyph_spark(&out, &trend, 8, 0);
	expect(&out, "  #_.. .");
	trend = (struct trend){ 0 };
	trend_add(&trend, 0);
	glyph_spark(&out, &trend, 3, 1);
	expect(&out, "  ▁");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_text_to_columns_and_shows_nothing_that_commands),
		cmocka_unit_test(wraps_where_the_columns_end),
		cmocka_unit_test(draws_bars),
		cmocka_unit_test(draws_trends_relative_to_the_greatest),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
