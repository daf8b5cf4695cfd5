/* SPDX-License-Identifier: Apache-2.0 */
#include "top/sheet.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int sheet__new(const struct column *columns, size_t room, struct sheet **out)
{
	struct sheet *sheet = calloc(1, sizeof(*sheet));

	if (!sheet)
		return -ENOMEM;
	sheet->columns = columns;
	while (sheet->column_count < SHEET_COLUMNS && columns[sheet->column_count].title)
		sheet->column_count++;
	sheet->room = room;
	sheet->rows = calloc(room + 1, sizeof(*sheet->rows));
	sheet->values = calloc(room * sheet->column_count + 1, sizeof(*sheet->values));
	sheet->texts = json_array();
	if (!sheet->rows || !sheet->values || !sheet->texts) {
		sheet__free(sheet);
		return -ENOMEM;
	}
	*out = sheet;
	return 0;
}

void sheet__free(struct sheet *sheet)
{
	if (!sheet)
		return;
	for (size_t i = 0; i < sheet->count; i++)
		free(sheet->rows[i].key);
	free(sheet->rows);
	free(sheet->values);
	json_decref(sheet->texts);
	free(sheet);
}

int sheet__keep(struct sheet *sheet, json_t *value)
{
	return json_array_append(sheet->texts, value) ? -ENOMEM : 0;
}

struct sheet_row *sheet__add(struct sheet *sheet, const char *key)
{
	struct sheet_row *row = &sheet->rows[sheet->count];

	if (sheet->count >= sheet->room)
		return NULL;
	row->key = strdup(key);
	if (!row->key)
		return NULL;
	row->values = &sheet->values[sheet->count * sheet->column_count];
	sheet->count++;
	return row;
}

void sheet__seal(struct sheet *sheet)
{
	for (size_t i = 0; i < sheet->column_count; i++) {
		sheet->has[i] = sheet->columns[i].always;
		for (size_t row = 0; row < sheet->count && !sheet->has[i]; row++)
			sheet->has[i] = sheet->rows[row].values[i].kind != VALUE_NONE;
	}
}

size_t sheet__column(const struct sheet *sheet, const char *title)
{
	size_t i = 0;

	while (i < sheet->column_count && strcmp(sheet->columns[i].title, title) != 0)
		i++;
	return i;
}

struct value value_number(double number)
{
	/* JSON has no such numbers, but sums may become some */
	if (!isfinite(number))
		return (struct value){ .kind = VALUE_PENDING };
	return (struct value){ .kind = VALUE_NUMBER, .number = number, .part = -1 };
}

struct value value_text(const char *text)
{
	if (!text || !*text)
		return (struct value){ 0 };
	return (struct value){ .kind = VALUE_TEXT, .text = text };
}

struct value value_json(const json_t *number)
{
	if (!number)
		return (struct value){ 0 };
	if (!json_is_number(number))
		return (struct value){ .kind = VALUE_PENDING };
	return value_number(json_number_value(number));
}

/* ---- order ------------------------------------------------------------------------------------- */

struct sorting {
	const struct sheet *sheet;
	const struct order *order;
};

/* What sorts last: that does not apply, then that is not known yet. */
static int is_known(const struct value *value)
{
	return value->kind == VALUE_NUMBER || value->kind == VALUE_TEXT;
}

static int compare_values(const struct value *x, const struct value *y)
{
	if (x->kind == VALUE_TEXT)
		/* 9 before 10: pids, ports */
		return strverscmp(x->text, y->kind == VALUE_TEXT ? y->text : "");
	return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const struct sheet_row *x = &sorting->sheet->rows[*(const size_t *)a];
	const struct sheet_row *y = &sorting->sheet->rows[*(const size_t *)b];
	size_t column = sorting->order->column;
	int result = 0;

	if (column < sorting->sheet->column_count) {
		const struct value *u = &x->values[column], *v = &y->values[column];

		if (is_known(u) != is_known(v))
			return is_known(v) - is_known(u);
		if (is_known(u))
			result = compare_values(u, v);
	}
	if (result)
		return sorting->order->falling ? -result : result;
	return strcmp(x->key, y->key);
}

static int is_shown(const struct sheet *sheet, const struct sheet_row *row,
		    const struct order *order)
{
	if (order->only) {
		const struct value *value = &row->values[order->only_column];

		if (value->kind != VALUE_TEXT || strcmp(value->text, order->only) != 0)
			return 0;
	}
	if (!order->filter || !*order->filter)
		return 1;
	for (size_t i = 0; i < sheet->column_count; i++)
		if (row->values[i].kind == VALUE_TEXT &&
		    strcasestr(row->values[i].text, order->filter))
			return 1;
	return 0;
}

size_t sheet__order(const struct sheet *sheet, const struct order *order, size_t *rows)
{
	struct sorting sorting = { sheet, order };
	size_t count = 0;

	for (size_t i = 0; i < sheet->count; i++)
		if (is_shown(sheet, &sheet->rows[i], order))
			rows[count++] = i;
	if (count)
		qsort_r(rows, count, sizeof(*rows), compare_rows, &sorting);
	return count;
}
