/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <string.h>
#include "top/layout.h"
#include "top/sheet.h"

static const struct column columns[] = {
	{ .title = "NAME", .kind = COLUMN_TEXT, .max = 6, .always = 1 },
	{ .title = "TREND", .kind = COLUMN_TREND, .always = 1 },
	{ .title = "RATE", .kind = COLUMN_NUMBER, .unit = UNIT_COUNT },
	{ .title = "CPU", .kind = COLUMN_NUMBER, .unit = UNIT_CPU, .bar = 1 },
	{ .title = "NEVER", .kind = COLUMN_NUMBER },
	{ .title = "WHERE", .kind = COLUMN_TEXT, .max = 8 },
	{ .title = NULL },
};

static struct sheet *make(void)
{
	struct sheet *sheet;
	struct sheet_row *row;

	assert_int_equal(sheet__new(columns, 4, &sheet), 0);
	row = sheet__add(sheet, "k1");
	row->values[0] = value_text("port:9");
	row->values[2] = value_number(5);
	row->values[3] = value_number(500);
	row->values[3].part = 0.5;
	row->values[5] = value_text("Berlin");
	row = sheet__add(sheet, "k2");
	row->values[0] = value_text("port:10");
	row->values[2] = value_json(json_null());
	row->values[5] = value_text("a longer place");
	row = sheet__add(sheet, "k3");
	row->values[0] = value_text("alpha");
	row->values[2] = value_number(50000);
	row = sheet__add(sheet, "k0");
	row->values[0] = value_text("beta");
	row->values[2] = value_number(5);
	assert_null(sheet__add(sheet, "no room"));
	sheet__seal(sheet);
	return sheet;
}

static void expect_order(const struct sheet *sheet, const struct order *order, const char *expected)
{
	size_t rows[4], count = sheet__order(sheet, order, rows);
	char keys[16] = "";

	for (size_t i = 0; i < count; i++)
		strcat(keys, sheet->rows[rows[i]].key);
	assert_string_equal(keys, expected);
}

static void sorts_with_what_is_not_known_last(void **state)
{
	struct sheet *sheet = make();

	(void)state;
	expect_order(sheet, &(struct order){ .column = 2 }, "k0k1k3k2");
	expect_order(sheet, &(struct order){ .column = 2, .falling = 1 }, "k3k0k1k2");
	/* numbers in names by their value */
	expect_order(sheet, &(struct order){ .column = 0 }, "k3k0k1k2");
	expect_order(sheet, &(struct order){ .column = 0, .falling = 1 }, "k2k1k0k3");
	/* nothing to sort by: by key */
	expect_order(sheet, &(struct order){ .column = 1 }, "k0k1k2k3");
	expect_order(sheet, &(struct order){ .column = 99 }, "k0k1k2k3");
	sheet__free(sheet);
}

static void filters_by_any_text(void **state)
{
	struct sheet *sheet = make();

	(void)state;
	expect_order(sheet, &(struct order){ .filter = "BER" }, "k1");
	expect_order(sheet, &(struct order){ .filter = "port:" }, "k1k2");
	expect_order(sheet, &(struct order){ .filter = "50000" }, "");
	expect_order(sheet, &(struct order){ .only = "beta" }, "k0");
	expect_order(sheet, &(struct order){ .only = "bet" }, "");
	expect_order(sheet, &(struct order){ .only = "Berlin", .only_column = 5, .filter = "x" },
		     "");
	sheet__free(sheet);
}

static void knows_which_columns_say_something(void **state)
{
	struct sheet *sheet = make();

	(void)state;
	assert_true(sheet->has[0] && sheet->has[1] && sheet->has[2] && sheet->has[3]);
	assert_false(sheet->has[4]);
	assert_int_equal(sheet__column(sheet, "CPU"), 3);
	assert_int_equal(sheet__column(sheet, "none"), sheet->column_count);
	sheet__free(sheet);
}

static void tells_null_from_nothing(void **state)
{
	json_t *text = json_string("1"), *number = json_real(1.5);

	(void)state;
	assert_int_equal(value_json(NULL).kind, VALUE_NONE);
	assert_int_equal(value_json(text).kind, VALUE_PENDING);
	assert_true(value_json(number).number == 1.5);
	assert_int_equal(value_number(1.0 / 0.0).kind, VALUE_PENDING);
	assert_int_equal(value_text("").kind, VALUE_NONE);
	json_decref(text);
	json_decref(number);
}

/* ---- layout ------------------------------------------------------------------------------------ */

static void expect_line(const struct sheet *sheet, const struct layout_wish *wish, size_t row,
			const char *expected)
{
	static const size_t rows[] = { 0, 1, 2, 3 };
	struct strbuf line = STRBUF_INIT;
	struct layout layout;

	layout_make(sheet, rows, 4, wish, &layout);
	for (size_t i = 0; i < layout.count; i++) {
		const struct layout_place *place = &layout.places[i];

		strbuf_addstr(&line, i ? "  " : "");
		layout_cell(&line, &columns[place->column], &sheet->rows[row].values[place->column],
			    place->width, wish);
	}
	assert_string_equal(line.data, expected);
	strbuf_free(&line);
}

static void lays_out_as_much_as_fits(void **state)
{
	struct sheet *sheet = make();
	struct layout_wish wish = { .utf8 = 1 };

	(void)state;
	expect_line(sheet, &wish, 0, "port:9                 5   50.0% ██▌··  Berlin        ");
	expect_line(sheet, &wish, 1, "port:10              ...       -        a longer place");
	wish.width = 48;
	expect_line(sheet, &wish, 1, "port:10              ...       -        a longe…");
	wish.width = 47;
	expect_line(sheet, &wish, 1, "port:…              ...       -        a longe…");
	wish.width = 46;
	expect_line(sheet, &wish, 1, "port:10              ...       -      ");
	wish.width = 20;
	expect_line(sheet, &wish, 1, "port:10          ");
	wish.skip = 1;
	expect_line(sheet, &wish, 1, "port:10    ...");
	wish.width = 8;
	expect_line(sheet, &wish, 1, "port:10");
	wish = (struct layout_wish){ .plain = 1 };
	expect_line(sheet, &wish, 0, "port:9      5  50.0%  Berlin        ");
	sheet__free(sheet);
}

static void puts_titles_above_their_numbers(void **state)
{
	struct layout_wish wish = { .utf8 = 1 };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	layout_title(&out, &columns[2], 6, &wish);
	layout_title(&out, &columns[0], 6, &wish);
	layout_title(&out, &columns[3], 12, &wish);
	assert_string_equal(out.data, "  RATENAME     CPU      ");
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_with_what_is_not_known_last),
		cmocka_unit_test(filters_by_any_text),
		cmocka_unit_test(knows_which_columns_say_something),
		cmocka_unit_test(tells_null_from_nothing),
		cmocka_unit_test(lays_out_as_much_as_fits),
		cmocka_unit_test(puts_titles_above_their_numbers),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
