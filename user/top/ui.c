/* SPDX-License-Identifier: Apache-2.0 */
#include "top/ui.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ui_view *view_of(struct ui *ui)
{
	return &ui->views[ui->view];
}

void ui_init(struct ui *ui, enum part view, int utf8)
{
	*ui = (struct ui){ .view = view, .utf8 = utf8 };
	/* SHEET_COLUMNS: not chosen yet */
	for (enum part part = 0; part < PART_COUNT; part++)
		ui->views[part].column = SHEET_COLUMNS;
}

void ui_free(struct ui *ui)
{
	for (enum part part = 0; part < PART_COUNT; part++)
		free(ui->views[part].key);
	free(ui->kernel);
	free(ui->page.rows);
	*ui = (struct ui){ 0 };
}

unsigned ui_wants(const struct ui *ui)
{
	return PART_BIT(PART_KERNELS) | PART_BIT(ui->view);
}

unsigned ui_takes(const struct ui *ui, const struct model *model)
{
	if (!ui->frozen)
		return ~0u;
	return model->views[ui->view].sheet ? 0 : PART_BIT(ui->view);
}

/* ---- keys -------------------------------------------------------------------------------------- */

static void unfollow(struct ui_view *view)
{
	free(view->key);
	view->key = NULL;
}

static int move_to(struct ui *ui, size_t place)
{
	struct ui_view *view = view_of(ui);

	if (place >= ui->page.count)
		place = ui->page.count ? ui->page.count - 1 : 0;
	view->cursor = place;
	unfollow(view);
	if (!place || !ui_selected(ui))
		return 0;
	view->key = strdup(ui_selected(ui)->key);
	return view->key ? 0 : -ENOMEM;
}

static void look_at(struct ui *ui, enum part part)
{
	ui->view = part;
	ui->mode = UI_TABLE;
	ui->page.sheet = NULL;
	ui->page.count = 0;
	if (part == PART_STREAMS) {
		free(ui->kernel);
		ui->kernel = NULL;
	}
}

/* The next column on that side that can be sorted by. */
static void sort_beside(struct ui *ui, int forward)
{
	struct ui_view *view = view_of(ui);
	const struct sheet *sheet = ui->page.sheet;
	size_t at = view->column, count;

	if (!sheet)
		return;
	count = sheet->column_count;
	do
		at = (at + (forward ? 1 : count - 1)) % count;
	while (at != view->column && (!sheet->has[at] || sheet->columns[at].kind == COLUMN_TREND));
	view->column = at;
	view->falling = sheet->columns[at].kind == COLUMN_NUMBER;
	view->show_sorted = 1;
}

static int drill_down(struct ui *ui)
{
	const struct sheet_row *row = ui_selected(ui);
	char *kernel;

	if (!row)
		return 0;
	ui->scroll = 0;
	if (ui->view != PART_KERNELS) {
		ui->mode = UI_DETAIL;
		return 0;
	}
	kernel = strdup(row->key);
	if (!kernel)
		return -ENOMEM;
	look_at(ui, PART_STREAMS);
	ui->kernel = kernel;
	unfollow(view_of(ui));
	view_of(ui)->cursor = 0;
	return 0;
}

/* One step towards where it was before. */
static void back(struct ui *ui)
{
	if (ui->mode != UI_TABLE)
		ui->mode = UI_TABLE;
	else if (*view_of(ui)->filter)
		*view_of(ui)->filter = '\0';
	else if (ui->kernel && ui->view == PART_STREAMS)
		look_at(ui, PART_KERNELS);
}

static int table_char(struct ui *ui, char c)
{
	switch (c) {
	case '<':
	case ',':
	case '>':
	case '.':
		sort_beside(ui, c == '>' || c == '.');
		break;
	case 'r':
		view_of(ui)->falling = !view_of(ui)->falling;
		break;
	case '/':
		ui->mode = UI_FILTER;
		break;
	case 'i':
		if (ui_selected(ui))
			ui->mode = UI_DETAIL;
		ui->scroll = 0;
		break;
	case 'k':
		return move_to(ui, view_of(ui)->cursor ? view_of(ui)->cursor - 1 : 0);
	case 'j':
		return move_to(ui, view_of(ui)->cursor + 1);
	default:
		break;
	}
	return 0;
}

/* What works everywhere but where text is typed. */
static int any_char(struct ui *ui, char c)
{
	switch (c) {
	case 'q':
		ui->quit = 1;
		return 1;
	case '1':
	case '2':
	case '3':
		look_at(ui, (enum part)(c - '1'));
		return 1;
	case ' ':
		ui->frozen = !ui->frozen;
		return 1;
	case 'h':
	case '?':
		ui->mode = ui->mode == UI_HELP ? UI_TABLE : UI_HELP;
		ui->scroll = 0;
		return 1;
	default:
		return 0;
	}
}

static int table_input(struct ui *ui, const struct input *input)
{
	struct ui_view *view = view_of(ui);
	size_t page = ui->page.height ? ui->page.height : 1;

	switch (input->kind) {
	case INPUT_CHAR:
		return table_char(ui, input->text[0]);
	case INPUT_UP:
		return move_to(ui, view->cursor ? view->cursor - 1 : 0);
	case INPUT_DOWN:
		return move_to(ui, view->cursor + 1);
	case INPUT_PAGE_UP:
		return move_to(ui, view->cursor > page ? view->cursor - page : 0);
	case INPUT_PAGE_DOWN:
		return move_to(ui, view->cursor + page);
	case INPUT_HOME:
		return move_to(ui, 0);
	case INPUT_END:
		return move_to(ui, SIZE_MAX);
	case INPUT_LEFT:
		view->skip -= view->skip > 0;
		break;
	case INPUT_RIGHT:
		view->skip += ui->page.layout.right > 0;
		break;
	case INPUT_ENTER:
		return drill_down(ui);
	case INPUT_TAB:
		look_at(ui, (ui->view + 1) % PART_COUNT);
		break;
	default:
		break;
	}
	return 0;
}

/* Takes the last character away. */
static void shorten(char *text)
{
	size_t len = strlen(text);

	while (len && ((unsigned char)text[--len] & 0xc0) == 0x80)
		;
	text[len] = '\0';
}

static void filter_input(struct ui *ui, const struct input *input)
{
	char *filter = view_of(ui)->filter;

	if (input->kind == INPUT_ENTER) {
		ui->mode = UI_TABLE;
	} else if (input->kind == INPUT_ESCAPE) {
		*filter = '\0';
		ui->mode = UI_TABLE;
	} else if (input->kind == INPUT_BACKSPACE) {
		shorten(filter);
	} else if (input->kind == INPUT_CHAR) {
		size_t len = strlen(filter), more = strlen(input->text);

		if (len + more < UI_FILTER_LEN)
			memcpy(filter + len, input->text, more + 1);
	}
}

/* Help and details; the one who draws keeps `scroll` within what there is. */
static void text_input(struct ui *ui, const struct input *input)
{
	size_t page = ui->page.height ? ui->page.height : 1;

	if (input->kind == INPUT_DOWN)
		ui->scroll++;
	else if (input->kind == INPUT_UP)
		ui->scroll -= ui->scroll > 0;
	else if (input->kind == INPUT_PAGE_DOWN)
		ui->scroll += page;
	else if (input->kind == INPUT_PAGE_UP)
		ui->scroll = ui->scroll > page ? ui->scroll - page : 0;
	else if (input->kind == INPUT_ENTER)
		ui->mode = UI_TABLE;
}

int ui_input(struct ui *ui, const struct input *input)
{
	if (ui->mode == UI_FILTER) {
		filter_input(ui, input);
		return 0;
	}
	if (input->kind == INPUT_CHAR && any_char(ui, input->text[0]))
		return 0;
	if (input->kind == INPUT_ESCAPE || input->kind == INPUT_BACKSPACE) {
		back(ui);
		return 0;
	}
	if (ui->mode == UI_TABLE)
		return table_input(ui, input);
	text_input(ui, input);
	return 0;
}
