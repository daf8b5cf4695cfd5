/* SPDX-License-Identifier: Apache-2.0 */
#include "top/batch.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "top/glyph.h"
#include "top/layout.h"

/* Blanks at a line's end are nobody's business. */
static void end_line(struct strbuf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	strbuf_addch(out, '\n');
}

static void write_rows(const struct sheet *sheet, const size_t *rows, size_t count,
		       const struct layout *layout, const struct layout_wish *wish,
		       struct strbuf *out)
{
	/* the line of titles is row 0 */
	for (size_t row = 0; row <= count; row++) {
		for (size_t i = 0; i < layout->count; i++) {
			const struct layout_place *place = &layout->places[i];
			const struct column *column = &sheet->columns[place->column];

			glyph_blanks(out, i ? LAYOUT_GAP : 0);
			if (!row)
				layout_title(out, column, place->width, wish);
			else
				layout_cell(out, column,
					    &sheet->rows[rows[row - 1]].values[place->column],
					    place->width, wish);
		}
		end_line(out);
	}
}

static int write_sheet(const struct sheet *sheet, int utf8, struct strbuf *out)
{
	const struct layout_wish wish = { .utf8 = utf8, .plain = 1 };
	const struct order order = { .column = 0 };
	size_t *rows = calloc(sheet->count + 1, sizeof(*rows)), count;
	struct layout layout;

	if (!rows)
		return -ENOMEM;
	count = sheet__order(sheet, &order, rows);
	layout_make(sheet, rows, count, &wish, &layout);
	write_rows(sheet, rows, count, &layout, &wish, out);
	free(rows);
	return 0;
}

static void write_head(const struct model_view *view, const char *name, const char *url,
		       struct strbuf *out)
{
	time_t when = (time_t)view->sampled_at;
	char text[32] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	strbuf_addf(out, "tapmeter top - %s - %s - %s\n", name, text, url);
}

int batch_write(const struct model *model, unsigned parts, const char *url, int utf8,
		struct strbuf *out)
{
	static const char *const names[PART_COUNT] = { "kernels", "streams", "taps" };
	int err = 0;

	for (enum part part = 0; part < PART_COUNT && !err; part++) {
		const struct model_view *view = &model->views[part];

		if (!(parts & PART_BIT(part)) || !view->sheet || view->why[0])
			continue;
		write_head(view, names[part], url, out);
		err = write_sheet(view->sheet, utf8, out);
		strbuf_addch(out, '\n');
	}
	return err ? err : out->err;
}
