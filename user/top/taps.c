/* SPDX-License-Identifier: Apache-2.0 */
#include "top/taps.h"
#include <errno.h>
#include "util/strbuf.h"

enum how { STRING, NUMBER, STATE, WHY };

static const struct column columns[] = {
	{ "FUNCTION", COLUMN_TEXT, 0, STRING, NULL, "function", 20, 0, 1 },
	{ "TAP", COLUMN_TEXT, 0, STATE, NULL, "up", 4, 0, 1 },
	{ "PROCS", COLUMN_NUMBER, UNIT_COUNT, NUMBER, NULL, "processes", 0, 0, 1 },
	{ "WHY NOT", COLUMN_TEXT, 0, WHY, NULL, "reason", 40, 0, 0 },
	{ "FILE", COLUMN_TEXT, 0, STRING, NULL, "path", 48, 0, 1 },
	{ "PROFILE", COLUMN_TEXT, 0, STRING, NULL, "profile", 16, 0, 1 },
	{ "ATTACH", COLUMN_TEXT, 0, STRING, NULL, "attach", 8, 0, 0 },
	{ "INSTRUCTION", COLUMN_TEXT, 0, STRING, NULL, "instruction", 24, 0, 0 },
	{ "PLACEMENT", COLUMN_TEXT, 0, STRING, NULL, "placement", 32, 0, 0 },
	{ .title = NULL },
};

static struct value make(const json_t *tap, const struct column *column)
{
	const json_t *field = json_object_get(tap, column->name);

	switch ((enum how)column->how) {
	case STRING:
		return value_text(json_string_value(field));
	case NUMBER:
		return value_json(field);
	case STATE:
		return value_text(json_is_true(field) ? "up" : "DOWN");
	case WHY:
		if (json_is_true(json_object_get(tap, "up")))
			return (struct value){ 0 };
		return value_text(json_string_value(field));
	}
	return (struct value){ 0 };
}

static const char *text(const json_t *tap, const char *name)
{
	const char *found = json_string_value(json_object_get(tap, name));

	return found ? found : "";
}

/* The place in the list tells two taps apart that are the same in all else. */
static int add_tap(struct sheet *sheet, const json_t *tap, size_t number)
{
	struct strbuf key = STRBUF_INIT;
	struct sheet_row *row = NULL;

	strbuf_addf(&key, "%s %s %s %zu", text(tap, "function"), text(tap, "path"),
		    text(tap, "profile"), number);
	if (!key.err)
		row = sheet__add(sheet, key.data);
	strbuf_free(&key);
	if (!row)
		return -ENOMEM;
	for (size_t i = 0; i < sheet->column_count; i++)
		row->values[i] = make(tap, &sheet->columns[i]);
	row->bad = !json_is_true(json_object_get(tap, "up"));
	return 0;
}

int taps_sheet(json_t *answers, struct sheet **out)
{
	const json_t *list = json_object_get(json_array_get(answers, 0), "taps");
	struct sheet *sheet;
	int err = sheet__new(columns, json_array_size(list), &sheet);

	if (err)
		return err;
	err = sheet__keep(sheet, answers);
	for (size_t i = 0; i < json_array_size(list) && !err; i++)
		err = add_tap(sheet, json_array_get(list, i), i);
	if (err) {
		sheet__free(sheet);
		return err;
	}
	sheet__seal(sheet);
	*out = sheet;
	return 0;
}
