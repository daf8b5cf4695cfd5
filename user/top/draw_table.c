/* SPDX-License-Identifier: Apache-2.0 */
#include "top/draw_table.h"
#include "top/glyph.h"

static void put(const struct canvas *canvas, size_t row, size_t column, enum style style,
		const struct strbuf *text)
{
	if (text->data && !text->err)
		canvas->put(canvas->to, row, column, style, text->data);
}

/* A line of the style's colour, over which the cells are put. */
static void put_ground(const struct canvas *canvas, size_t row, enum style style)
{
	struct strbuf line = STRBUF_INIT;

	glyph_blanks(&line, canvas->columns);
	put(canvas, row, 0, style, &line);
	strbuf_free(&line);
}

static void draw_titles(const struct canvas *canvas, const struct ui *ui, size_t row)
{
	const struct ui_page *page = &ui->page;
	const struct layout_wish wish = { .utf8 = canvas->utf8 };

	put_ground(canvas, row, STYLE_HEAD);
	for (size_t i = 0; i < page->layout.count; i++) {
		const struct layout_place *place = &page->layout.places[i];
		struct strbuf text = STRBUF_INIT;

		layout_title(&text, &page->sheet->columns[place->column], place->width, &wish);
		put(canvas, row, place->x,
		    place->column == ui->views[ui->view].column ? STYLE_SORTED : STYLE_HEAD, &text);
		strbuf_free(&text);
	}
	/* there is more on that side */
	if (page->layout.right)
		canvas->put(canvas->to, row, canvas->columns - 1, STYLE_HEAD, ">");
	if (page->layout.left && page->layout.count > 1)
		canvas->put(canvas->to, row, page->layout.places[1].x - 1, STYLE_HEAD, "<");
}

static enum style row_style(const struct sheet_row *row, int is_selected, int is_old)
{
	if (is_selected)
		return STYLE_SELECTED;
	if (is_old)
		return STYLE_FAINT;
	return row->bad ? STYLE_BAD : STYLE_PLAIN;
}

static void draw_row(const struct canvas *canvas, const struct ui_page *page, size_t line,
		     const struct sheet_row *row, enum style style)
{
	const struct layout_wish wish = { .utf8 = canvas->utf8 };

	if (style == STYLE_SELECTED)
		put_ground(canvas, line, style);
	for (size_t i = 0; i < page->layout.count; i++) {
		const struct layout_place *place = &page->layout.places[i];
		const struct column *column = &page->sheet->columns[place->column];
		enum style own = style;
		struct strbuf text = STRBUF_INIT;

		if (style == STYLE_PLAIN && column->kind == COLUMN_TREND)
			own = STYLE_GOOD;
		layout_cell(&text, column, &row->values[place->column], place->width, &wish);
		put(canvas, line, place->x, own, &text);
		strbuf_free(&text);
	}
}

void draw_table(const struct canvas *canvas, const struct ui *ui, size_t row, int is_old)
{
	const struct ui_page *page = &ui->page;
	const struct ui_view *view = &ui->views[ui->view];

	if (!page->sheet)
		return;
	draw_titles(canvas, ui, row);
	for (size_t i = 0; i < page->height && view->top + i < page->count; i++) {
		const struct sheet_row *found = &page->sheet->rows[page->rows[view->top + i]];

		draw_row(canvas, page, row + 1 + i, found,
			 row_style(found, view->top + i == view->cursor, is_old));
	}
}
