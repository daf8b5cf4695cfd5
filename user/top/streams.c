/* SPDX-License-Identifier: Apache-2.0 */
#include "top/streams.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "top/stream_counts.h"

enum how {
	ENDPOINT, /* or what there is instead */
	LABEL,
	FIELD,
	KEY, /* a text of the stream itself */
	TREND,
	RATE, /* of a counter */
	MEAN, /* duration of calls between the readings */
	OLDEST,
};

#define TEXT COLUMN_TEXT
#define NUMBER COLUMN_NUMBER

static const struct column columns[] = {
	{ "ENDPOINT", TEXT, 0, ENDPOINT, NULL, "endpoint", 24, 0, 1 },
	{ "DIR", TEXT, 0, LABEL, NULL, "direction", 7, 0, 1 },
	{ "TREND", COLUMN_TREND, 0, TREND, NULL, NULL, 0, 0, 1 },
	{ "MSG/s", NUMBER, UNIT_COUNT, RATE, NULL, "messages", 0, 0, 1 },
	{ "BYTES/s", NUMBER, UNIT_BYTES, RATE, NULL, "bytes", 0, 0, 1 },
	{ "FAIL/s", NUMBER, UNIT_COUNT, RATE, NULL, "failures", 0, 0, 1 },
	{ "CALLS", NUMBER, UNIT_COUNT, FIELD, NULL, "in_flight", 0, 0, 1 },
	{ "OLDEST", NUMBER, UNIT_SECONDS, OLDEST, NULL, "oldest_call_seconds", 0, 0, 1 },
	{ "MEAN", NUMBER, UNIT_SECONDS, MEAN, NULL, NULL, 0, 0, 1 },
	{ "MSGS", NUMBER, UNIT_COUNT, FIELD, NULL, "messages", 0, 0, 1 },
	{ "BYTES", NUMBER, UNIT_BYTES, FIELD, NULL, "bytes", 0, 0, 1 },
	{ "FRAMES", NUMBER, UNIT_COUNT, FIELD, NULL, "frames", 0, 0, 1 },
	{ "FAILED", NUMBER, UNIT_COUNT, FIELD, NULL, "failures", 0, 0, 1 },
	{ "BLOCK", NUMBER, UNIT_COUNT, FIELD, NULL, "would_block", 0, 0, 1 },
	{ "TIMEOUT", NUMBER, UNIT_COUNT, FIELD, NULL, "timeouts", 0, 0, 1 },
	{ "AGE", NUMBER, UNIT_SECONDS, FIELD, NULL, "age_seconds", 0, 0, 1 },
	{ "PID", TEXT, 0, KEY, NULL, "pid", 10, 0, 1 },
	{ "COMM", TEXT, 0, LABEL, NULL, "comm", 15, 0, 0 },
	{ "TYPE", TEXT, 0, LABEL, NULL, "socket_type", 8, 0, 0 },
	{ "SYSTEM", TEXT, 0, LABEL, NULL, "system", 12, 0, 0 },
	{ "OPERATION", TEXT, 0, KEY, NULL, "operation", 16, 0, 1 },
	{ "SIDE", TEXT, 0, LABEL, NULL, "side", 8, 0, 0 },
	{ "KERNEL", TEXT, 0, LABEL, NULL, "kernel_id", 16, 0, 0 },
	{ "POD", TEXT, 0, LABEL, NULL, "pod", 32, 0, 0 },
	{ "NAMESPACE", TEXT, 0, LABEL, NULL, "namespace", 24, 0, 0 },
	{ "PROFILE", TEXT, 0, KEY, NULL, "profile", 16, 0, 1 },
	{ "OBJECT", TEXT, 0, KEY, NULL, "object", 18, 0, 0 },
	{ .title = NULL },
};

struct stream {
	json_t *json;
	const struct stream_counts *now;
	const struct stream_counts *before; /* NULL = there is no rate yet */
	const struct trend *trend;
	struct sheet *sheet;
};

static const char *label(const struct stream *stream, const char *name)
{
	return json_string_value(json_object_get(json_object_get(stream->json, "labels"), name));
}

/* Numbers that are names: as text, which the sheet keeps. */
static struct value key_text(struct stream *stream, const char *name)
{
	const json_t *field = json_object_get(stream->json, name);
	struct value value = { 0 };
	json_t *text;

	if (!json_is_integer(field))
		return value_text(json_string_value(field));
	text = json_sprintf("%lld", (long long)json_integer_value(field));
	if (text && !sheet__keep(stream->sheet, text))
		value = value_text(json_string_value(text));
	json_decref(text);
	return value;
}

static struct value endpoint(struct stream *stream, const char *name)
{
	if (json_is_null(json_object_get(stream->json, "labels")))
		return value_text("(not known yet)");
	if (label(stream, name))
		return value_text(label(stream, name));
	return value_text("(none)");
}

static struct value rate(const struct stream *stream, const char *name)
{
	if (!stream->before)
		return (struct value){ .kind = VALUE_PENDING };
	return value_number(stream_counts_rate(stream->before, stream->now, name));
}

static struct value mean(const struct stream *stream)
{
	double calls, seconds;

	if (!stream->before)
		return (struct value){ .kind = VALUE_PENDING };
	calls = stream->now->numbers[COUNT_FRAMES] - stream->before->numbers[COUNT_FRAMES];
	seconds = stream->now->numbers[COUNT_CALL_SECONDS] -
		  stream->before->numbers[COUNT_CALL_SECONDS];
	return calls > 0 ? value_number(seconds / calls) : (struct value){ 0 };
}

/* 0 means that there is none. */
static struct value oldest(const struct stream *stream, const char *name)
{
	struct value value = value_json(json_object_get(stream->json, name));

	return value.number > 0 ? value : (struct value){ 0 };
}

static struct value make(struct stream *stream, const struct column *column)
{
	switch ((enum how)column->how) {
	case ENDPOINT:
		return endpoint(stream, column->name);
	case LABEL:
		return value_text(label(stream, column->name));
	case FIELD:
		return value_json(json_object_get(stream->json, column->name));
	case KEY:
		return key_text(stream, column->name);
	case TREND:
		return (struct value){ .kind = VALUE_TREND, .trend = stream->trend };
	case RATE:
		return rate(stream, column->name);
	case MEAN:
		return mean(stream);
	case OLDEST:
		return oldest(stream, column->name);
	}
	return (struct value){ 0 };
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int update_trends(const struct streams_before *before, const struct streams_before *now,
			 struct trends *trends)
{
	struct trend_point *points = calloc(now->count + 1, sizeof(*points));
	int err;

	if (!points)
		return -ENOMEM;
	for (size_t i = 0; i < now->count; i++) {
		const struct stream_counts *counts = &now->items[i];
		const struct stream_counts *old =
			stream_counts_same(before->items, before->count, counts);

		points[i].key = counts->key;
		points[i].number = old ? stream_counts_rate(old, counts, "messages") : -1;
	}
	err = trends_update(trends, points, now->count);
	free(points);
	return err;
}

static int add_stream(struct sheet *sheet, struct stream *stream)
{
	struct sheet_row *row = sheet__add(sheet, stream->now->key);
	struct value failures = rate(stream, "failures");

	if (!row)
		return -ENOMEM;
	for (size_t i = 0; i < sheet->column_count; i++)
		row->values[i] = make(stream, &sheet->columns[i]);
	row->bad = failures.kind == VALUE_NUMBER && failures.number > 0;
	return 0;
}

static int fill(const struct streams_before *before, const struct streams_before *now,
		const struct trends *trends, struct sheet *sheet)
{
	int err = 0;

	for (size_t i = 0; i < now->count && !err; i++) {
		struct stream stream = { .json = now->items[i].json,
					 .now = &now->items[i],
					 .sheet = sheet };

		/* on two pages */
		if (i && !strcmp(now->items[i].key, now->items[i - 1].key))
			continue;
		stream.before = stream_counts_same(before->items, before->count, stream.now);
		stream.trend = trends_find(trends, stream.now->key);
		err = add_stream(sheet, &stream);
	}
	return err;
}

int streams_sheet(json_t *pages, struct streams_before *before, struct trends *trends,
		  struct sheet **out)
{
	struct streams_before now = { 0 };
	struct sheet *sheet = NULL;
	int err = stream_counts_read(pages, &now.items, &now.count);

	if (!err)
		err = sheet__new(columns, now.count, &sheet);
	if (!err)
		err = sheet__keep(sheet, pages);
	if (!err)
		err = update_trends(before, &now, trends);
	if (!err)
		err = fill(before, &now, trends, sheet);
	if (err) {
		streams_before_free(&now);
		sheet__free(sheet);
		return err;
	}
	streams_before_free(before);
	*before = now;
	sheet__seal(sheet);
	*out = sheet;
	return 0;
}

void streams_before_free(struct streams_before *before)
{
	stream_counts_free(before->items, before->count);
	*before = (struct streams_before){ 0 };
}
