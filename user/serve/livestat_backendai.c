/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "serve/livestat_write.h"

/* What Backend.AI's manager says of metrics that have no ceiling: the largest signed 64 bits. */
#define CAPACITY_SENTINEL INT64_MAX

static int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

const char *livestat_unit_hint(const char *metric)
{
	if (!strcmp(metric, "cpu_used"))
		return "msec";
	if (ends_with(metric, "_util"))
		return "percent";
	if (!strcmp(metric, "mem") || ends_with(metric, "_mem") || !strncmp(metric, "io_", 3))
		return "bytes";
	if (!strncmp(metric, "net_", 4))
		return "bps";
	return metric;
}

static int is_without_ceiling(const char *metric)
{
	return !strcmp(metric, "cpu_used") || !strncmp(metric, "net_", 4) ||
	       !strncmp(metric, "io_", 3);
}

static void add_text(struct strbuf *out, const char *key, struct livestat_number n)
{
	strbuf_addstr(out, key);
	livestat_add_decimal(out, n);
	strbuf_addch(out, '"');
}

/* "0", or two decimals if there is a capacity to be a part of. */
static void add_pct(struct strbuf *out, struct livestat_number current,
		    struct livestat_number capacity)
{
	uint64_t hundredths;

	if (!livestat_is_number(capacity) || (!capacity.whole && !capacity.billionths)) {
		strbuf_addch(out, '0');
		return;
	}
	hundredths = livestat_percent(current, capacity);
	strbuf_addu64(out, hundredths / 100);
	strbuf_addch(out, '.');
	strbuf_addch(out, (char)('0' + hundredths / 10 % 10));
	strbuf_addch(out, (char)('0' + hundredths % 10));
}

static void write_value(struct strbuf *out, const struct livestat_metric *metric,
			const struct livestat_value *value)
{
	const struct livestat_number none = { 0 };
	struct livestat_number capacity = value->capacity;

	if (livestat_is_number(value->current) && is_without_ceiling(metric->name))
		capacity = livestat_whole(CAPACITY_SENTINEL);
	strbuf_addch(out, '"');
	strbuf_addstr(out, metric->name);
	add_text(out, "\":{\"current\":\"", value->current);
	add_text(out, ",\"capacity\":\"", capacity);
	strbuf_addstr(out, ",\"pct\":\"");
	add_pct(out, value->current, capacity);
	strbuf_addstr(out, "\",\"unit_hint\":\"");
	strbuf_addstr(out, livestat_unit_hint(metric->name));
	strbuf_addstr(out, "\",\"stats.min\":\"0\",\"stats.max\":\"0\",\"stats.sum\":\"0\","
			   "\"stats.avg\":\"0\"");
	add_text(out, ",\"stats.diff\":\"", metric->group == LIVESTAT_DIFF ? value->current : none);
	add_text(out, ",\"stats.rate\":\"", metric->group == LIVESTAT_RATE ? value->current : none);
	strbuf_addstr(out, ",\"stats.version\":null}");
}

/* ---- both legacy shapes ---- */

void livestat_write_map(struct strbuf *out, const struct livestat_value values[LIVESTAT_METRICS],
			livestat_write_value_fn write_one)
{
	int first = 1;

	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (values[i].current.kind == LIVESTAT_ABSENT)
			continue;
		strbuf_addch(out, first ? '{' : ',');
		first = 0;
		write_one(out, &livestat_metrics[i], &values[i]);
	}
	strbuf_addstr(out, first ? "null" : "}");
}

void livestat_write_backendai(struct strbuf *out,
			      const struct livestat_value values[LIVESTAT_METRICS])
{
	livestat_write_map(out, values, write_value);
}
