/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_UI_H
#define TAPMETER_TOP_UI_H
/*
 * What the user has chosen to see, and what keys do about it. Knows nothing of terminals. Pure. One
 * thread.
 */
#include "top/layout.h"
#include "top/model.h"

enum input_kind {
	INPUT_NONE,
	INPUT_CHAR,
	INPUT_UP,
	INPUT_DOWN,
	INPUT_LEFT,
	INPUT_RIGHT,
	INPUT_PAGE_UP,
	INPUT_PAGE_DOWN,
	INPUT_HOME,
	INPUT_END,
	INPUT_ENTER,
	INPUT_ESCAPE,
	INPUT_BACKSPACE,
	INPUT_TAB,
};

struct input {
	enum input_kind kind;
	char text[5]; /* INPUT_CHAR: one character, UTF-8 */
};

enum ui_mode {
	UI_TABLE,
	UI_FILTER, /* the table, while the filter is typed */
	UI_DETAIL, /* all of one row */
	UI_HELP,
};

#define UI_FILTER_LEN 64

/* One view's choices. */
struct ui_view {
	size_t column; /* it is sorted by */
	int falling;
	char filter[UI_FILTER_LEN];
	size_t skip; /* columns scrolled away */
	size_t top; /* the first row that is seen */
	size_t cursor; /* place of the selected row */
	char *key; /* of that row, which is followed; NULL = the first place, whoever is there */
	int show_sorted; /* scroll to the column it is sorted by */
};

/* What is seen now. */
struct ui_page {
	const struct sheet *sheet; /* NULL = not read yet; the model's */
	size_t *rows; /* all that pass the filter, in order */
	size_t count, room;
	size_t height; /* rows of the sheet that are seen at once */
	struct layout layout;
};

struct ui {
	int utf8;
	int quit;
	int frozen;
	enum part view;
	enum ui_mode mode;
	char *kernel; /* only this one's streams; NULL = all */
	size_t scroll; /* lines of help or details */
	struct ui_view views[PART_COUNT];
	struct ui_page page;
};

void ui_init(struct ui *ui, enum part view, int utf8);
void ui_free(struct ui *ui);
/* Which parts of a reading are needed. */
unsigned ui_wants(const struct ui *ui);
/* Which parts of this model may be replaced now: none that is frozen. */
unsigned ui_takes(const struct ui *ui, const struct model *model);
/*
 * Makes the page, for a table of that many columns and rows. To be called after each change of the
 * model, before anything else. -ENOMEM.
 */
int ui_arrange(struct ui *ui, const struct model *model, size_t width, size_t height);
/* The selected row; NULL = there is none. */
const struct sheet_row *ui_selected(const struct ui *ui);
/* -ENOMEM. */
int ui_input(struct ui *ui, const struct input *input);

#endif
