/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/table.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "toolkit/cell.h"

#define MIN_ID_WIDTH 12 /* as short as others make container ids */
#define GAP 2 /* blanks between columns */

static const struct column {
	const char *title;
	const char *group, *metric;
	const char *field;
	enum unit unit;
} columns[] = {
	{ "CPU", "diff", "cpu_util", "current", UNIT_CPU },
	{ "CPU TIME", "gauge", "cpu_used", "current", UNIT_MILLISECONDS },
	{ "MEM", "gauge", "mem", "current", UNIT_BYTES },
	{ "LIMIT", "gauge", "mem", "capacity", UNIT_BYTES },
	{ "NET RX/s", "rate", "net_rx", "current", UNIT_BYTES },
	{ "NET TX/s", "rate", "net_tx", "current", UNIT_BYTES },
	{ "IO READ", "gauge", "io_read", "current", UNIT_BYTES },
	{ "IO WRITE", "gauge", "io_write", "current", UNIT_BYTES },
	{ "SEND/s", "rate", "zmq_send_messages", "current", UNIT_COUNT },
	{ "RECV/s", "rate", "zmq_recv_messages", "current", UNIT_COUNT },
	{ "SENT/s", "rate", "zmq_send_bytes", "current", UNIT_BYTES },
	{ "RECVD/s", "rate", "zmq_recv_bytes", "current", UNIT_BYTES },
	{ "FAIL/s", "rate", "zmq_failures", "current", UNIT_COUNT },
	{ "CALLS", "gauge", "zmq_in_flight", "current", UNIT_COUNT },
	{ "OLDEST SEND", "gauge", "zmq_send_oldest_seconds", "current", UNIT_SECONDS },
	{ "OLDEST RECV", "gauge", "zmq_recv_oldest_seconds", "current", UNIT_SECONDS },
	{ "CALL P50", "gauge", "zmq_call_p50", "current", UNIT_SECONDS },
	{ "CALL P99", "gauge", "zmq_call_p99", "current", UNIT_SECONDS },
	{ "TRANSIT P50", "gauge", "zmq_transit_p50", "current", UNIT_SECONDS },
	{ "TRANSIT P99", "gauge", "zmq_transit_p99", "current", UNIT_SECONDS },
	{ "BACKLOG", "gauge", "zmq_backlog", "current", UNIT_COUNT },
	{ "HITS/s", "rate", "cache_hits", "current", UNIT_COUNT },
	{ "MISSES/s", "rate", "cache_misses", "current", UNIT_COUNT },
	{ "CACHE/s", "rate", "cache_bytes", "current", UNIT_BYTES },
	{ "CACHE P50", "gauge", "cache_op_p50", "current", UNIT_SECONDS },
	{ "CACHE P99", "gauge", "cache_op_p99", "current", UNIT_SECONDS },
	{ "RPC/s", "rate", "rpc_requests", "current", UNIT_COUNT },
	{ "RPC OPEN", "gauge", "rpc_unanswered", "current", UNIT_COUNT },
	{ "RPC OLDEST", "gauge", "rpc_oldest_seconds", "current", UNIT_SECONDS },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct row {
	const char *id;
	const json_t *kernel; /* null = the agent does not know it */
	char cells[COLUMNS][CELL_LEN];
};

struct table {
	struct row *rows;
	size_t count;
	size_t widths[COLUMNS]; /* 0 = no row has it */
};

int table__new(struct table **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void table__free(struct table *table)
{
	if (!table)
		return;
	free(table->rows);
	free(table);
}

/* ---- filling it ------------------------------------------------------------------------------ */

static void widen(size_t *width, size_t len)
{
	if (len > *width)
		*width = len;
}

static void fill_cell(struct table *table, struct row *row, size_t i)
{
	const struct column *column = &columns[i];
	const json_t *metric =
		json_object_get(json_object_get(row->kernel, column->group), column->metric);
	const json_t *value = json_object_get(metric, column->field);
	int is_capacity = !strcmp(column->field, "capacity");

	if (!metric || (is_capacity && !value)) {
		snprintf(row->cells[i], CELL_LEN, "-");
		return;
	}
	if (json_is_number(value))
		cell_number(row->cells[i], json_number_value(value), column->unit);
	else
		snprintf(row->cells[i], CELL_LEN, "%s", is_capacity ? "none" : "...");
	widen(&table->widths[i], strlen(column->title));
	widen(&table->widths[i], strlen(row->cells[i]));
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->id, y->id);
}

int table__add(struct table *table, const json_t *answer)
{
	json_t *kernels = json_object_get(answer, "by_kernel");
	size_t count = table->count + json_object_size(kernels);
	struct row *rows = reallocarray(table->rows, count + 1, sizeof(*rows));
	const char *id;
	json_t *kernel;

	if (!rows)
		return -ENOMEM;
	table->rows = rows;
	json_object_foreach(kernels, id, kernel) {
		struct row *row = &rows[table->count++];

		*row = (struct row){ .id = id, .kernel = kernel };
		for (size_t i = 0; i < COLUMNS && json_is_object(kernel); i++)
			fill_cell(table, row, i);
	}
	qsort(rows, table->count, sizeof(*rows), compare_rows);
	return 0;
}

size_t table__unknown(const struct table *table)
{
	size_t unknown = 0;

	for (size_t i = 0; i < table->count; i++)
		unknown += !json_is_object(table->rows[i].kernel);
	return unknown;
}

/* ---- writing it ------------------------------------------------------------------------------- */

static void pad(struct strbuf *out, size_t blanks)
{
	while (blanks--)
		strbuf_addch(out, ' ');
}

static size_t longest_id(const struct table *table)
{
	struct strbuf scratch = STRBUF_INIT;
	size_t longest = strlen("KERNEL");

	for (size_t i = 0; i < table->count; i++)
		widen(&longest, cell_add_name(&scratch, table->rows[i].id, 0));
	strbuf_free(&scratch);
	return longest;
}

/* What the other columns leave of the terminal's width, if it is less than ids take. */
static size_t id_width(const struct table *table, size_t width)
{
	size_t longest = longest_id(table), others = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		others += table->widths[i] ? table->widths[i] + GAP : 0;
	if (!width || others + longest <= width)
		return longest;
	if (width < others + MIN_ID_WIDTH)
		return longest < MIN_ID_WIDTH ? longest : MIN_ID_WIDTH;
	return width - others;
}

static void write_right(struct strbuf *out, const char *text, size_t width)
{
	pad(out, GAP + width - strlen(text));
	strbuf_addstr(out, text);
}

static void write_row(const struct table *table, const struct row *row, size_t ids,
		      struct strbuf *out)
{
	size_t len = cell_add_name(out, row->id, ids);

	if (!json_is_object(row->kernel)) {
		pad(out, ids - len + GAP);
		strbuf_addstr(out, "unknown\n");
		return;
	}
	pad(out, ids - len);
	for (size_t i = 0; i < COLUMNS; i++)
		if (table->widths[i])
			write_right(out, row->cells[i], table->widths[i]);
	strbuf_addch(out, '\n');
}

void table__write(const struct table *table, size_t width, struct strbuf *out)
{
	size_t ids = id_width(table, width);

	strbuf_addstr(out, "KERNEL");
	pad(out, ids - strlen("KERNEL"));
	for (size_t i = 0; i < COLUMNS; i++)
		if (table->widths[i])
			write_right(out, columns[i].title, table->widths[i]);
	strbuf_addch(out, '\n');
	for (size_t i = 0; i < table->count; i++)
		write_row(table, &table->rows[i], ids, out);
}
