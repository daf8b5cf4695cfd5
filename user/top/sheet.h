/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_SHEET_H
#define TAPMETER_TOP_SHEET_H
/*
 * A table of values, as a view shows it: rows with keys, columns from a table of the view. Numbers
 * stay numbers, so that it can be sorted. Pure. One thread.
 */
#include <jansson.h>
#include <stddef.h>
#include "toolkit/cell.h"
#include "top/trend.h"

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_TREND };

struct column {
	const char *title; /* NULL ends a table */
	enum column_kind kind;
	enum unit unit; /* COLUMN_NUMBER */
	/* For the one who fills it: how it is made, and which number of the API it is. */
	unsigned how;
	const char *group, *name;
	/* COLUMN_TEXT: columns of the terminal, if they are scarce; 0 = as long as it is */
	size_t max;
	int bar; /* COLUMN_NUMBER: a bar beside it */
	int always; /* shown even if no row has it */
};

enum value_kind {
	VALUE_NONE, /* does not apply */
	VALUE_PENDING, /* not known yet */
	VALUE_UNLIMITED,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_TREND,
};

struct value {
	enum value_kind kind;
	double number;
	double part; /* of the bar: 0 to 1; negative = it has none */
	const char *text; /* valid UTF-8, lives as long as the sheet */
	const struct trend *trend; /* lives until the next reading */
};

struct sheet_row {
	char *key; /* tells it from the others, also in the next reading */
	int bad; /* somebody should look at it */
	struct value *values; /* one per column */
};

#define SHEET_COLUMNS 48 /* at most */

struct sheet {
	const struct column *columns;
	size_t column_count;
	struct sheet_row *rows;
	struct value *values; /* of all rows */
	size_t count, room;
	json_t *texts; /* an array that keeps what texts lie in */
	int has[SHEET_COLUMNS]; /* whether any row says something in that column */
};

/* With room for so many rows. -ENOMEM. */
int sheet__new(const struct column *columns, size_t room, struct sheet **out);
/* Accepts NULL. */
void sheet__free(struct sheet *sheet);
/* Keeps a JSON value for as long as the sheet lives. -ENOMEM. */
int sheet__keep(struct sheet *sheet, json_t *value);
/* The next row, all VALUE_NONE. The key is copied. NULL: no memory, or no room. */
struct sheet_row *sheet__add(struct sheet *sheet, const char *key);
/* After the last row: which columns there are. */
void sheet__seal(struct sheet *sheet);
/* The column with that title, or `column_count`. */
size_t sheet__column(const struct sheet *sheet, const char *title);

/* Which rows are shown, and in which order. */
struct order {
	size_t column; /* by which; columns without numbers or text do not change the order */
	int falling;
	const char *filter; /* only rows that have this in one of their texts; case does not matter */
	size_t only_column; /* if `only`: rows with exactly this text in that column */
	const char *only;
};

/*
 * Fills `rows`, which has room for all of them, with the numbers of those that are shown; returns how many. What
 * is not known is last, whatever the direction; rows that are equal are sorted by key.
 */
size_t sheet__order(const struct sheet *sheet, const struct order *order, size_t *rows);

struct value value_number(double number);
/* NULL and "" = VALUE_NONE */
struct value value_text(const char *text);
/* {"current": …} of live-stat and the like: a JSON number, null (not known yet), or nothing. */
struct value value_json(const json_t *number);

#endif
