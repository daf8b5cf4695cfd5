/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of a view: which rows, in which order, which columns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "top/ui.h"

/* What is busiest first; of taps those that are down. */
static void choose_order(struct ui_view *view, const struct sheet *sheet)
{
	static const char *const titles[] = { "SEND/s", "MSG/s", "TAP" };

	view->column = 0;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		size_t column = sheet__column(sheet, titles[i]);

		if (column < sheet->column_count)
			view->column = column;
	}
	view->falling = sheet->columns[view->column].kind == COLUMN_NUMBER;
}

static int make_room(struct ui_page *page, size_t count)
{
	size_t *rows;

	if (count < page->room)
		return 0;
	rows = reallocarray(page->rows, count + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	page->rows = rows;
	page->room = count + 1;
	return 0;
}

/* The selected row may have moved, or be gone: then the one in its place is taken. */
static void follow(struct ui_view *view, const struct ui_page *page)
{
	if (view->key)
		for (size_t i = 0; i < page->count; i++)
			if (!strcmp(page->sheet->rows[page->rows[i]].key, view->key))
				view->cursor = i;
	if (view->cursor >= page->count)
		view->cursor = page->count ? page->count - 1 : 0;
	if (view->top > view->cursor)
		view->top = view->cursor;
	if (page->height && view->cursor >= view->top + page->height)
		view->top = view->cursor - page->height + 1;
	if (view->top + page->height > page->count)
		view->top = page->count > page->height ? page->count - page->height : 0;
}

static int is_placed(const struct layout *layout, size_t column)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->places[i].column == column)
			return 1;
	return 0;
}

/* Scrolls, if the column it is sorted by is to be seen and is not. */
static void lay_out(struct ui *ui, size_t width)
{
	struct ui_view *view = &ui->views[ui->view];
	struct ui_page *page = &ui->page;
	const size_t *rows = page->rows + view->top;
	size_t seen = page->count - view->top;
	struct layout_wish wish = { .width = width, .skip = view->skip, .utf8 = ui->utf8 };

	if (seen > page->height)
		seen = page->height;
	layout_make(page->sheet, rows, seen, &wish, &page->layout);
	if (view->show_sorted && !is_placed(&page->layout, view->column)) {
		for (wish.skip = 0; wish.skip < page->sheet->column_count; wish.skip++) {
			layout_make(page->sheet, rows, seen, &wish, &page->layout);
			if (is_placed(&page->layout, view->column))
				break;
		}
	}
	view->show_sorted = 0;
	view->skip = page->layout.left;
}

int ui_arrange(struct ui *ui, const struct model *model, size_t width, size_t height)
{
	struct ui_view *view = &ui->views[ui->view];
	struct ui_page *page = &ui->page;
	const struct sheet *sheet = model->views[ui->view].sheet;
	struct order order = { .filter = view->filter };

	page->sheet = NULL;
	page->count = 0;
	page->height = height;
	if (!sheet)
		return 0;
	if (view->column >= sheet->column_count)
		choose_order(view, sheet);
	order.column = view->column;
	order.falling = view->falling;
	if (ui->kernel && ui->view == PART_STREAMS) {
		order.only = ui->kernel;
		order.only_column = sheet__column(sheet, "KERNEL");
	}
	if (make_room(page, sheet->count))
		return -ENOMEM;
	page->sheet = sheet;
	page->count = sheet__order(sheet, &order, page->rows);
	follow(view, page);
	lay_out(ui, width);
	return 0;
}

const struct sheet_row *ui_selected(const struct ui *ui)
{
	const struct ui_view *view = &ui->views[ui->view];

	if (!ui->page.sheet || view->cursor >= ui->page.count)
		return NULL;
	return &ui->page.sheet->rows[ui->page.rows[view->cursor]];
}
