/* SPDX-License-Identifier: Apache-2.0 */
#include "top/draw_text.h"
#include <stdio.h>
#include "top/glyph.h"
#include "top/keys.h"

#define NAME_WIDTH 14

/* A text of many lines, of which some are seen. */
struct pad {
	const struct canvas *canvas;
	size_t row, end; /* where on the canvas */
	size_t skip; /* lines that are scrolled away */
	size_t lines; /* until now */
	int is_drawn; /* else they are only counted */
};

static void pad_put(const struct pad *pad, size_t column, enum style style, const char *text)
{
	size_t row = pad->row + pad->lines - pad->skip;
	struct strbuf line = STRBUF_INIT;

	if (!pad->is_drawn || pad->lines < pad->skip || row >= pad->end ||
	    column >= pad->canvas->columns)
		return;
	glyph_text(&line, text, pad->canvas->columns - column, pad->canvas->utf8);
	if (line.data && !line.err)
		pad->canvas->put(pad->canvas->to, row, column, style, line.data);
	strbuf_free(&line);
}

/* A name and what goes with it, in as many lines as it takes. */
static void pad_pair(struct pad *pad, const char *name, const char *text)
{
	size_t room = pad->canvas->columns > NAME_WIDTH + 1 ? pad->canvas->columns - NAME_WIDTH : 1;

	pad_put(pad, 0, STYLE_STRONG, name);
	do {
		size_t bytes = glyph_wrap(text, room, pad->canvas->utf8);
		struct strbuf line = STRBUF_INIT;

		strbuf_add(&line, text, bytes);
		pad_put(pad, NAME_WIDTH, STYLE_PLAIN, line.data && !line.err ? line.data : "");
		strbuf_free(&line);
		text += bytes;
		pad->lines++;
	} while (*text);
}

static void write_help(struct pad *pad, const struct ui *ui)
{
	(void)ui;
	for (const struct key_help *help = key_helps; help->keys; help++)
		pad_pair(pad, help->keys, help->does);
	for (size_t i = 0; help_notes[i]; i++) {
		pad_put(pad, 0, STYLE_FAINT, help_notes[i]);
		pad->lines++;
	}
}

static void write_value(struct pad *pad, const struct column *column, const struct value *value)
{
	struct strbuf text = STRBUF_INIT;

	if (value->kind == VALUE_TREND && value->trend)
		glyph_spark(&text, value->trend, TREND_POINTS, pad->canvas->utf8);
	else
		layout_value(&text, column, value);
	if (value->kind == VALUE_NUMBER && value->part >= 0) {
		strbuf_addch(&text, ' ');
		glyph_bar(&text, value->part, 10, pad->canvas->utf8);
	}
	pad_pair(pad, column->title, text.data && !text.err ? text.data : "");
	strbuf_free(&text);
}

static void write_detail(struct pad *pad, const struct ui *ui)
{
	const struct sheet_row *row = ui_selected(ui);

	if (!row) {
		pad_put(pad, 0, STYLE_PLAIN, "it is gone");
		pad->lines++;
		return;
	}
	for (size_t i = 0; i < ui->page.sheet->column_count; i++)
		if (row->values[i].kind != VALUE_NONE)
			write_value(pad, &ui->page.sheet->columns[i], &row->values[i]);
}

static void draw_pad(const struct canvas *canvas, struct ui *ui, size_t row, size_t end,
		     void (*write)(struct pad *, const struct ui *))
{
	struct pad pad = { .canvas = canvas, .row = row, .end = end };
	size_t room = end > row ? end - row : 0;

	write(&pad, ui);
	if (pad.lines < room + ui->scroll)
		ui->scroll = pad.lines > room ? pad.lines - room : 0;
	pad.skip = ui->scroll;
	pad.lines = 0;
	pad.is_drawn = 1;
	write(&pad, ui);
}

void draw_help(const struct canvas *canvas, struct ui *ui, size_t row, size_t end)
{
	draw_pad(canvas, ui, row, end, write_help);
}

void draw_detail(const struct canvas *canvas, struct ui *ui, size_t row, size_t end)
{
	draw_pad(canvas, ui, row, end, write_detail);
}
