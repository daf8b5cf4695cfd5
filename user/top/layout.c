/* SPDX-License-Identifier: Apache-2.0 */
#include "top/layout.h"
#include <string.h>
#include "top/glyph.h"

#define BAR_WIDTH 5
#define TREND_WIDTH 8
#define CUT_MIN 8 /* a text of which less is seen is left out */

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What numbers of that unit take mostly, so that columns do not jump to and fro. */
static size_t usual_width(enum unit unit)
{
	return unit == UNIT_BYTES ? 7 : unit == UNIT_COUNT ? 5 : 6;
}

void layout_value(struct strbuf *out, const struct column *column, const struct value *value)
{
	char text[CELL_LEN];

	switch (value->kind) {
	case VALUE_NONE:
	case VALUE_TREND:
		strbuf_addch(out, '-');
		break;
	case VALUE_PENDING:
		strbuf_addstr(out, "...");
		break;
	case VALUE_UNLIMITED:
		strbuf_addstr(out, "none");
		break;
	case VALUE_NUMBER:
		cell_number(text, value->number, column->unit);
		strbuf_addstr(out, text);
		break;
	case VALUE_TEXT:
		strbuf_addstr(out, value->text);
		break;
	}
}

static size_t value_width(const struct column *column, const struct value *value, int utf8)
{
	struct strbuf text = STRBUF_INIT;
	size_t width;

	layout_value(&text, column, value);
	width = glyph_width(text.data ? text.data : "", utf8);
	strbuf_free(&text);
	return width;
}

/* What the column would take, were there room enough. */
static size_t natural_width(const struct sheet *sheet, size_t i, const size_t *rows, size_t count,
			    const struct layout_wish *wish)
{
	const struct column *column = &sheet->columns[i];
	size_t width = strlen(column->title);

	if (column->kind == COLUMN_TREND)
		return TREND_WIDTH;
	if (column->kind == COLUMN_NUMBER && !wish->plain)
		width = max(width, usual_width(column->unit));
	for (size_t row = 0; row < count; row++)
		width = max(width,
			    value_width(column, &sheet->rows[rows[row]].values[i], wish->utf8));
	if (column->kind == COLUMN_NUMBER && column->bar && !wish->plain)
		width += 1 + BAR_WIDTH;
	return width;
}

static size_t wanted_width(const struct column *column, size_t natural,
			   const struct layout_wish *wish)
{
	if (!wish->width || column->kind != COLUMN_TEXT || !column->max)
		return natural;
	return max(min(natural, column->max), strlen(column->title));
}

static int is_there(const struct sheet *sheet, size_t i, const struct layout_wish *wish)
{
	return sheet->has[i] && !(wish->plain && sheet->columns[i].kind == COLUMN_TREND);
}

static void place(struct layout *layout, size_t column, size_t *x, size_t width)
{
	layout->places[layout->count++] = (struct layout_place){ column, *x, width };
	*x += width + LAYOUT_GAP;
}

/* Columns after the first, as many as fit; a text may be cut at the end. */
static void place_others(const struct sheet *sheet, const size_t *naturals,
			 const struct layout_wish *wish, size_t x, struct layout *out)
{
	size_t skip = wish->skip;

	for (size_t i = 1; i < sheet->column_count; i++) {
		size_t width = wanted_width(&sheet->columns[i], naturals[i], wish);

		if (!is_there(sheet, i, wish))
			continue;
		if (skip) {
			skip--;
			out->left++;
			continue;
		}
		if (wish->width && x + width > wish->width) {
			if (out->right || sheet->columns[i].kind != COLUMN_TEXT ||
			    x + CUT_MIN > wish->width) {
				out->right++;
				continue;
			}
			width = wish->width - x;
		}
		/* none is shown behind one that was left out */
		if (out->right)
			out->right++;
		else
			place(out, i, &x, width);
	}
}

static void widen(struct layout *layout, size_t i, size_t by)
{
	layout->places[i].width += by;
	while (++i < layout->count)
		layout->places[i].x += by;
}

/* Room that is left goes to texts that were cut, from the left. */
static void give_rest(const struct sheet *sheet, const size_t *naturals,
		      const struct layout_wish *wish, struct layout *out)
{
	const struct layout_place *last = &out->places[out->count - 1];
	size_t end = last->x + last->width;
	size_t rest = wish->width > end ? wish->width - end : 0;

	for (size_t i = 0; i < out->count && rest; i++) {
		const struct layout_place *at = &out->places[i];
		size_t more = naturals[at->column] > at->width ? naturals[at->column] - at->width :
								 0;

		if (sheet->columns[at->column].kind != COLUMN_TEXT)
			continue;
		more = min(more, rest);
		widen(out, i, more);
		rest -= more;
	}
}

void layout_make(const struct sheet *sheet, const size_t *rows, size_t count,
		 const struct layout_wish *wish, struct layout *out)
{
	size_t naturals[SHEET_COLUMNS] = { 0 }, first, x = 0;

	*out = (struct layout){ 0 };
	for (size_t i = 0; i < sheet->column_count; i++)
		if (is_there(sheet, i, wish))
			naturals[i] = natural_width(sheet, i, rows, count, wish);
	first = naturals[0];
	if (wish->width)
		first = min(min(first, max(sheet->columns[0].max, wish->width / 7)),
			    max(1, wish->width / 2));
	place(out, 0, &x, first);
	place_others(sheet, naturals, wish, x, out);
	if (wish->width)
		give_rest(sheet, naturals, wish, out);
}

/* ---- cells --------------------------------------------------------------------------------------- */

static void add_right(struct strbuf *out, const char *text, size_t width, int utf8)
{
	size_t own = glyph_width(text, utf8);

	if (own < width)
		glyph_blanks(out, width - own);
	glyph_text(out, text, width, utf8);
}

static void add_left(struct strbuf *out, const char *text, size_t width, int utf8)
{
	glyph_blanks(out, width - glyph_text(out, text, width, utf8));
}

static void add_trend(struct strbuf *out, const struct value *value, size_t width, int utf8)
{
	if (value->trend)
		glyph_spark(out, value->trend, width, utf8);
	else
		glyph_blanks(out, width);
}

static void add_bar(struct strbuf *out, const struct value *value, int utf8)
{
	strbuf_addch(out, ' ');
	if (value->kind == VALUE_NUMBER && value->part >= 0)
		glyph_bar(out, value->part, BAR_WIDTH, utf8);
	else
		glyph_blanks(out, BAR_WIDTH);
}

void layout_cell(struct strbuf *out, const struct column *column, const struct value *value,
		 size_t width, const struct layout_wish *wish)
{
	struct strbuf text = STRBUF_INIT;
	const char *shown;
	int has_bar = column->bar && !wish->plain && width > BAR_WIDTH + 1;

	if (column->kind == COLUMN_TREND) {
		add_trend(out, value, width, wish->utf8);
		return;
	}
	layout_value(&text, column, value);
	shown = text.data ? text.data : "";
	if (column->kind == COLUMN_TEXT)
		add_left(out, shown, width, wish->utf8);
	else
		add_right(out, shown, width - (has_bar ? BAR_WIDTH + 1 : 0), wish->utf8);
	if (has_bar)
		add_bar(out, value, wish->utf8);
	strbuf_free(&text);
}

/* Above its numbers: beside the bar, if there is one. */
void layout_title(struct strbuf *out, const struct column *column, size_t width,
		  const struct layout_wish *wish)
{
	size_t bar = column->bar && !wish->plain && width > BAR_WIDTH + 1 ? BAR_WIDTH + 1 : 0;

	if (column->kind == COLUMN_NUMBER)
		add_right(out, column->title, width - bar, wish->utf8);
	else
		add_left(out, column->title, width, wish->utf8);
	glyph_blanks(out, bar);
}
