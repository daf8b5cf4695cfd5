/* SPDX-License-Identifier: Apache-2.0 */
#include "top/kernels.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How a column is made. */
enum how {
	FROM_KERNELS, /* a text of /api/v1/kernels */
	PROCESSES,
	SYSTEMS,
	TREND,
	CURRENT, /* a metric's current value */
	CAPACITY, /* its limit */
	OLDEST, /* the oldest call of both directions */
	HIT_RATIO,
};

#define TEXT COLUMN_TEXT
#define NUMBER COLUMN_NUMBER

/* A column that no kernel says anything of is left out: RPC and cache, limits, pods. */
static const struct column columns[] = {
	{ "KERNEL", TEXT, 0, FROM_KERNELS, NULL, "id", 12, 0, 1 },
	{ "TREND", COLUMN_TREND, 0, TREND, NULL, NULL, 0, 0, 1 },
	{ "SEND/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "zmq_send_messages", 0, 0, 1 },
	{ "RECV/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "zmq_recv_messages", 0, 0, 1 },
	{ "SENT/s", NUMBER, UNIT_BYTES, CURRENT, "rate", "zmq_send_bytes", 0, 0, 1 },
	{ "RECVD/s", NUMBER, UNIT_BYTES, CURRENT, "rate", "zmq_recv_bytes", 0, 0, 1 },
	{ "FAIL/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "zmq_failures", 0, 0, 1 },
	{ "CALLS", NUMBER, UNIT_COUNT, CURRENT, "gauge", "zmq_in_flight", 0, 0, 1 },
	{ "OLDEST", NUMBER, UNIT_SECONDS, OLDEST, NULL, NULL, 0, 0, 1 },
	{ "P50", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "zmq_call_p50", 0, 0, 0 },
	{ "P99", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "zmq_call_p99", 0, 0, 0 },
	{ "TRANSIT50", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "zmq_transit_p50", 0, 0, 0 },
	{ "TRANSIT99", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "zmq_transit_p99", 0, 0, 0 },
	{ "BACKLOG", NUMBER, UNIT_COUNT, CURRENT, "gauge", "zmq_backlog", 0, 0, 0 },
	{ "RPC/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "rpc_requests", 0, 0, 0 },
	{ "RPC OPEN", NUMBER, UNIT_COUNT, CURRENT, "gauge", "rpc_unanswered", 0, 0, 0 },
	{ "RPC OLDEST", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "rpc_oldest_seconds", 0, 0, 0 },
	{ "HIT", NUMBER, UNIT_SHARE, HIT_RATIO, NULL, NULL, 0, 1, 0 },
	{ "HITS/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "cache_hits", 0, 0, 0 },
	{ "MISSES/s", NUMBER, UNIT_COUNT, CURRENT, "rate", "cache_misses", 0, 0, 0 },
	{ "CACHE/s", NUMBER, UNIT_BYTES, CURRENT, "rate", "cache_bytes", 0, 0, 0 },
	{ "CACHE P50", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "cache_op_p50", 0, 0, 0 },
	{ "CACHE P99", NUMBER, UNIT_SECONDS, CURRENT, "gauge", "cache_op_p99", 0, 0, 0 },
	{ "CPU", NUMBER, UNIT_CPU, CURRENT, "diff", "cpu_util", 0, 1, 0 },
	{ "MEM", NUMBER, UNIT_BYTES, CURRENT, "gauge", "mem", 0, 1, 0 },
	{ "LIMIT", NUMBER, UNIT_BYTES, CAPACITY, "gauge", "mem", 0, 0, 0 },
	{ "NET RX/s", NUMBER, UNIT_BYTES, CURRENT, "rate", "net_rx", 0, 0, 0 },
	{ "NET TX/s", NUMBER, UNIT_BYTES, CURRENT, "rate", "net_tx", 0, 0, 0 },
	{ "CPU TIME", NUMBER, UNIT_MILLISECONDS, CURRENT, "gauge", "cpu_used", 0, 0, 0 },
	{ "IO READ", NUMBER, UNIT_BYTES, CURRENT, "gauge", "io_read", 0, 0, 0 },
	{ "IO WRITE", NUMBER, UNIT_BYTES, CURRENT, "gauge", "io_write", 0, 0, 0 },
	{ "PROCS", NUMBER, UNIT_COUNT, PROCESSES, NULL, "processes", 0, 0, 1 },
	{ "SYSTEMS", TEXT, 0, SYSTEMS, NULL, "systems", 24, 0, 0 },
	{ "NAME", TEXT, 0, FROM_KERNELS, NULL, "name", 24, 0, 0 },
	{ "POD", TEXT, 0, FROM_KERNELS, NULL, "pod", 32, 0, 0 },
	{ "NAMESPACE", TEXT, 0, FROM_KERNELS, NULL, "namespace", 24, 0, 0 },
	{ .title = NULL },
};

/* What is known of one kernel. */
struct kernel {
	json_t *entry; /* of /api/v1/kernels */
	const json_t *stat; /* of live-stat; NULL = it is not known there */
	const struct trend *trend;
	struct sheet *sheet;
};

static const json_t *metric(const json_t *stat, const char *group, const char *name)
{
	return json_object_get(json_object_get(stat, group), name);
}

static struct value current(const json_t *stat, const char *group, const char *name)
{
	const json_t *found = metric(stat, group, name);
	const json_t *capacity = json_object_get(found, "capacity");
	struct value value;

	if (!json_is_object(found))
		return (struct value){ 0 };
	value = value_json(json_object_get(found, "current"));
	if (value.kind == VALUE_NUMBER && json_number_value(capacity) > 0)
		value.part = value.number / json_number_value(capacity);
	return value;
}

static struct value capacity_of(const json_t *stat, const char *group, const char *name)
{
	const json_t *capacity = json_object_get(metric(stat, group, name), "capacity");

	if (json_is_null(capacity))
		return (struct value){ .kind = VALUE_UNLIMITED };
	return value_json(capacity);
}

static struct value oldest(const json_t *stat)
{
	struct value send = current(stat, "gauge", "zmq_send_oldest_seconds");
	struct value receive = current(stat, "gauge", "zmq_recv_oldest_seconds");

	if (send.kind == VALUE_NUMBER &&
	    (receive.kind != VALUE_NUMBER || send.number > receive.number))
		return send;
	return receive.kind == VALUE_NONE ? send : receive;
}

static struct value hit_ratio(const json_t *stat)
{
	struct value hits = current(stat, "rate", "cache_hits");
	struct value misses = current(stat, "rate", "cache_misses");
	struct value value;

	if (hits.kind == VALUE_NONE || misses.kind == VALUE_NONE)
		return (struct value){ 0 };
	if (hits.kind != VALUE_NUMBER || misses.kind != VALUE_NUMBER ||
	    !(hits.number + misses.number > 0))
		return (struct value){ .kind = VALUE_PENDING };
	value = value_number(hits.number / (hits.number + misses.number));
	value.part = value.number;
	return value;
}

/* The names in one text, which the sheet keeps. */
static struct value systems(struct kernel *kernel, const char *name)
{
	const json_t *list = json_object_get(kernel->entry, name);
	struct strbuf text = STRBUF_INIT;
	struct value value = { 0 };
	json_t *kept;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *system = json_string_value(json_array_get(list, i));

		if (!system)
			continue;
		strbuf_addstr(&text, text.len ? " " : "");
		strbuf_addstr(&text, system);
	}
	kept = text.len && !text.err ? json_string(text.data) : NULL;
	if (kept && !sheet__keep(kernel->sheet, kept))
		value = value_text(json_string_value(kept));
	json_decref(kept);
	strbuf_free(&text);
	return value;
}

static struct value make(struct kernel *kernel, const struct column *column)
{
	switch ((enum how)column->how) {
	case FROM_KERNELS:
		return value_text(json_string_value(json_object_get(kernel->entry, column->name)));
	case PROCESSES:
		return value_json(json_object_get(kernel->entry, column->name));
	case SYSTEMS:
		return systems(kernel, column->name);
	case TREND:
		return (struct value){ .kind = VALUE_TREND, .trend = kernel->trend };
	case CURRENT:
		return current(kernel->stat, column->group, column->name);
	case CAPACITY:
		return capacity_of(kernel->stat, column->group, column->name);
	case OLDEST:
		return oldest(kernel->stat);
	case HIT_RATIO:
		return hit_ratio(kernel->stat);
	}
	return (struct value){ 0 };
}

static const json_t *stat_of(const json_t *answers, const char *id)
{
	for (size_t i = 1; i < json_array_size(answers); i++) {
		const json_t *stat = json_object_get(
			json_object_get(json_array_get(answers, i), "by_kernel"), id);

		if (json_is_object(stat))
			return stat;
	}
	return NULL;
}

static double rate(const json_t *stat, const char *name)
{
	struct value value = current(stat, "rate", name);

	return value.kind == VALUE_NUMBER ? value.number : -1;
}

/* Messages both ways; all there are of a cache. */
static double activity(const json_t *stat)
{
	static const char *const names[] = { "zmq_send_messages", "zmq_recv_messages", "cache_hits",
					     "cache_misses" };
	double sum = -1;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		double number = rate(stat, names[i]);

		if (number >= 0)
			sum = fmax(sum, 0) + number;
	}
	return sum;
}

static void add(double *sum, double number)
{
	if (number >= 0)
		*sum = fmax(*sum, 0) + number;
}

static void add_to_totals(struct totals *totals, const json_t *stat)
{
	struct value in_flight = current(stat, "gauge", "zmq_in_flight"), age = oldest(stat);

	totals->kernels++;
	add(&totals->send, rate(stat, "zmq_send_messages"));
	add(&totals->receive, rate(stat, "zmq_recv_messages"));
	add(&totals->failures, rate(stat, "zmq_failures"));
	add(&totals->in_flight, in_flight.kind == VALUE_NUMBER ? in_flight.number : -1);
	if (age.kind == VALUE_NUMBER)
		totals->oldest = fmax(totals->oldest, age.number);
}

/* ---- all ----------------------------------------------------------------------------------------- */

static const char *id_of(const json_t *kernel)
{
	return json_string_value(json_object_get(kernel, "id"));
}

static int update_trends(const json_t *answers, const json_t *list, struct trends *trends)
{
	struct trend_point *points = calloc(json_array_size(list) + 1, sizeof(*points));
	size_t count = 0;
	int err;

	if (!points)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = id_of(json_array_get(list, i));

		if (id)
			points[count++] =
				(struct trend_point){ id, activity(stat_of(answers, id)) };
	}
	err = trends_update(trends, points, count);
	free(points);
	return err;
}

static int add_kernel(struct sheet *sheet, struct kernel *kernel, const char *id)
{
	struct sheet_row *row = sheet__add(sheet, id);

	if (!row)
		return -ENOMEM;
	for (size_t i = 0; i < sheet->column_count; i++)
		row->values[i] = make(kernel, &sheet->columns[i]);
	row->bad = rate(kernel->stat, "zmq_failures") > 0;
	return 0;
}

static int fill(json_t *answers, const json_t *list, const struct trends *trends,
		struct sheet *sheet, struct totals *totals)
{
	int err = sheet__keep(sheet, answers);

	for (size_t i = 0; i < json_array_size(list) && !err; i++) {
		json_t *entry = json_array_get(list, i);
		const char *id = id_of(entry);
		struct kernel kernel = { .entry = entry, .sheet = sheet };

		if (!id)
			continue;
		kernel.stat = stat_of(answers, id);
		kernel.trend = trends_find(trends, id);
		err = add_kernel(sheet, &kernel, id);
		add_to_totals(totals, kernel.stat);
	}
	return err;
}

int kernels_sheet(json_t *answers, struct trends *trends, int is_new, struct sheet **out,
		  struct totals *totals)
{
	const json_t *list = json_object_get(json_array_get(answers, 0), "kernels");
	struct sheet *sheet;
	int err = sheet__new(columns, json_array_size(list), &sheet);

	if (err)
		return err;
	*totals = (struct totals){ 0, -1, -1, -1, -1, -1 };
	if (is_new)
		err = update_trends(answers, list, trends);
	if (!err)
		err = fill(answers, list, trends, sheet, totals);
	if (err) {
		sheet__free(sheet);
		return err;
	}
	sheet__seal(sheet);
	*out = sheet;
	return 0;
}
