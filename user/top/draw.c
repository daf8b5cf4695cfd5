/* SPDX-License-Identifier: Apache-2.0 */
#include "top/draw.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "top/draw_table.h"
#include "top/draw_text.h"
#include "top/glyph.h"

#define SAY_AGAIN 10 /* seconds for which it is said that the agent answers again */
#define KERNEL_WIDTH 16
#define LINE_MAX_LEN 2048

/* ---- lines ------------------------------------------------------------------------------------- */

/* The lines that are not the table's: above it, and its titles; below it there is one more. */
static size_t lines_above(size_t rows)
{
	return rows >= 9 ? 3 : rows >= 7 ? 2 : 1;
}

size_t draw_height(size_t rows)
{
	size_t others = lines_above(rows) + 2;

	return rows > others ? rows - others : 0;
}

size_t draw_width(size_t columns)
{
	return columns > 1 ? columns - 1 : columns;
}

static size_t put(const struct canvas *canvas, size_t row, size_t column, enum style style,
		  const char *text)
{
	struct strbuf line = STRBUF_INIT;
	size_t width = 0;

	if (column < canvas->columns && row < canvas->rows) {
		width = glyph_text(&line, text, canvas->columns - column, canvas->utf8);
		if (!line.err && line.len)
			canvas->put(canvas->to, row, column, style, line.data);
	}
	strbuf_free(&line);
	return column + width;
}

__attribute__((format(printf, 5, 6))) static size_t putf(const struct canvas *canvas, size_t row,
							 size_t column, enum style style,
							 const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return put(canvas, row, column, style, text);
}

static void clock_text(char out[16], time_t when)
{
	struct tm tm;

	if (!localtime_r(&when, &tm) || !strftime(out, 16, "%H:%M:%S", &tm))
		snprintf(out, 16, "?");
}

/* ---- above the table --------------------------------------------------------------------------- */

/* Who is asked, and when the numbers were true. */
static void draw_title(const struct canvas *canvas, const struct ui *ui, const struct model *model,
		       const char *url)
{
	const struct model_view *view = &model->views[ui->view];
	char when[16], right[64];
	size_t at = put(canvas, 0, 0, STYLE_STRONG, "tapmeter top"), width;

	clock_text(when, (time_t)view->sampled_at);
	snprintf(right, sizeof(right), "%s%s", ui->frozen ? "FROZEN " : "",
		 view->sheet ? when : "");
	width = strlen(right);
	if (canvas->columns > at + width + 4) {
		struct canvas rest = *canvas;

		rest.columns -= width + 1;
		put(&rest, 0, at + 2, STYLE_PLAIN, url);
	}
	if (canvas->columns > at + width + 1)
		put(canvas, 0, canvas->columns - width,
		    ui->frozen || model->link.lost ? STYLE_BAD : STYLE_PLAIN, right);
}

static size_t put_total(const struct canvas *canvas, size_t at, const char *name, double number,
			enum unit unit, const char *per, enum style style)
{
	char text[CELL_LEN];

	if (number < 0)
		return at;
	cell_number(text, number, unit);
	at = putf(canvas, 1, at + 2, STYLE_PLAIN, "%s ", name);
	return putf(canvas, 1, at, style, "%s%s", text, per);
}

static void draw_totals(const struct canvas *canvas, const struct model *model)
{
	const struct totals *totals = &model->totals;
	struct strbuf spark = STRBUF_INIT;
	size_t at, room;

	if (!model->views[PART_KERNELS].sheet)
		return;
	at = putf(canvas, 1, 0, STYLE_STRONG, "%zu kernel%s", totals->kernels,
		  totals->kernels == 1 ? "" : "s");
	at = put_total(canvas, at, "send", totals->send, UNIT_COUNT, "/s", STYLE_STRONG);
	at = put_total(canvas, at, "recv", totals->receive, UNIT_COUNT, "/s", STYLE_STRONG);
	at = put_total(canvas, at, "fail", totals->failures, UNIT_COUNT, "/s",
		       totals->failures > 0 ? STYLE_BAD : STYLE_STRONG);
	at = put_total(canvas, at, "calls", totals->in_flight, UNIT_COUNT, "", STYLE_STRONG);
	at = put_total(canvas, at, "oldest", totals->oldest, UNIT_SECONDS, "", STYLE_STRONG);
	room = canvas->columns > at + 2 ? canvas->columns - at - 2 : 0;
	if (room > TREND_POINTS)
		room = TREND_POINTS;
	glyph_spark(&spark, &model->total, room, canvas->utf8);
	if (!spark.err && room)
		put(canvas, 1, canvas->columns - room, STYLE_GOOD, spark.data);
	strbuf_free(&spark);
}

static size_t draw_tabs(const struct canvas *canvas, const struct ui *ui, size_t row)
{
	static const char *const names[PART_COUNT] = { "Kernels", "Streams", "Taps" };
	size_t at = 0;

	for (enum part part = 0; part < PART_COUNT; part++) {
		int is_this = part == ui->view;

		at = putf(canvas, row, at, is_this ? STYLE_STRONG : STYLE_FAINT,
			  is_this ? "[%d %s]" : " %d %s ", (int)part + 1, names[part]);
	}
	return at;
}

/* Which view it is, and what is special about it. */
static void draw_view(const struct canvas *canvas, const struct ui *ui, size_t row)
{
	const struct ui_view *view = &ui->views[ui->view];
	size_t at = draw_tabs(canvas, ui, row);

	if (ui->kernel && ui->view == PART_STREAMS) {
		struct strbuf kernel = STRBUF_INIT;

		glyph_text(&kernel, ui->kernel, KERNEL_WIDTH, canvas->utf8);
		at = putf(canvas, row, at + 1, STYLE_STRONG, "of %s",
			  kernel.data ? kernel.data : "");
		strbuf_free(&kernel);
	}
	if (ui->mode == UI_FILTER || *view->filter)
		at = putf(canvas, row, at + 1, STYLE_STRONG, "/%s", view->filter);
	if (ui->page.sheet)
		putf(canvas, row, at + 1, STYLE_FAINT, "%zu of %zu by %s %s", ui->page.count,
		     ui->page.sheet->count, ui->page.sheet->columns[view->column].title,
		     view->falling ? "falling" : "rising");
}

/* ---- below it ---------------------------------------------------------------------------------- */

static void draw_link(const struct canvas *canvas, const struct model_link *link, size_t row)
{
	char when[16];

	clock_text(when, link->lost_at);
	putf(canvas, row, 0, STYLE_BAD, "no answer since %s, trying again: %s", when, link->why);
}

/* What there is to say, the most important first. */
static void draw_foot(const struct canvas *canvas, const struct ui *ui, const struct model *model,
		      time_t now)
{
	const struct model_link *link = &model->link;
	size_t row = canvas->rows - 1;

	if (ui->mode == UI_FILTER)
		putf(canvas, row, 0, STYLE_STRONG, "/%s_", ui->views[ui->view].filter);
	else if (link->lost)
		draw_link(canvas, link, row);
	else if (model->views[ui->view].why[0])
		put(canvas, row, 0, STYLE_BAD, model->views[ui->view].why);
	else if (link->back_at && now - link->back_at < SAY_AGAIN)
		putf(canvas, row, 0, STYLE_GOOD,
		     "answers again, after %lld s; an agent that was restarted counts from 0",
		     (long long)link->away);
	else if (ui->frozen)
		put(canvas, row, 0, STYLE_BAD, "frozen; Space goes on");
	else if (ui->mode != UI_TABLE)
		put(canvas, row, 0, STYLE_FAINT, "Up Down scroll  Esc back  q quit");
	else
		put(canvas, row, 0, STYLE_FAINT,
		    ui->view == PART_KERNELS ?
			    "h help  q quit  Enter streams  < > sort  r reverse  / filter  Space freeze" :
			    "h help  q quit  Esc back  Enter all  < > sort  r reverse  / filter");
}

void draw(const struct canvas *canvas, struct ui *ui, const struct model *model, const char *url,
	  time_t now)
{
	size_t above = lines_above(canvas->rows);

	if (canvas->columns < DRAW_MIN_COLUMNS || canvas->rows < DRAW_MIN_ROWS) {
		put(canvas, 0, 0, STYLE_PLAIN, "too small");
		return;
	}
	if (above > 1)
		draw_title(canvas, ui, model, url);
	if (above > 2)
		draw_totals(canvas, model);
	draw_view(canvas, ui, above - 1);
	if (ui->mode == UI_HELP)
		draw_help(canvas, ui, above, canvas->rows - 1);
	else if (ui->mode == UI_DETAIL)
		draw_detail(canvas, ui, above, canvas->rows - 1);
	else
		draw_table(canvas, ui, above, model->link.lost);
	draw_foot(canvas, ui, model, now);
}
