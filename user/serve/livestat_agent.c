/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat_write.h"

static void add_text(struct strbuf *out, const char *key, struct livestat_number n)
{
	strbuf_addstr(out, key);
	livestat_add_rounded(out, n);
	strbuf_addch(out, '"');
}

static void add_capacity(struct strbuf *out, struct livestat_number capacity)
{
	if (livestat_is_number(capacity))
		add_text(out, ",\"capacity\":\"", capacity);
	else
		strbuf_addstr(out, ",\"capacity\":null");
}

/* "0.00" without a capacity, else without zeroes at the end, as all numbers here. */
static void add_pct(struct strbuf *out, const struct livestat_value *value)
{
	struct livestat_number capacity = value->capacity;

	if (livestat_is_number(capacity) && (capacity.whole || capacity.billionths))
		livestat_add_rounded(
			out, livestat_scaled(livestat_percent(value->current, capacity), 100));
	else
		strbuf_addstr(out, "0.00");
}

static void write_value(struct strbuf *out, const struct livestat_metric *metric,
			const struct livestat_value *value)
{
	strbuf_addch(out, '"');
	strbuf_addstr(out, metric->name);
	add_text(out, "\":{\"current\":\"", value->current);
	add_capacity(out, value->capacity);
	strbuf_addstr(out, ",\"pct\":\"");
	add_pct(out, value);
	strbuf_addstr(out, "\",\"unit_hint\":\"");
	strbuf_addstr(out, livestat_unit_hint(metric->name));
	strbuf_addch(out, '"');
	if (metric->stats & LIVESTAT_STAT_MAX)
		add_text(out, ",\"stats.max\":\"", value->max);
	if (metric->stats & LIVESTAT_STAT_AVG)
		add_text(out, ",\"stats.avg\":\"", value->avg);
	if (metric->stats & LIVESTAT_STAT_RATE)
		add_text(out, ",\"stats.rate\":\"", value->rate);
	strbuf_addstr(out, ",\"stats.version\":2}");
}

void livestat_write_agent(struct strbuf *out, const struct livestat_value values[LIVESTAT_METRICS])
{
	livestat_write_map(out, values, write_value);
}
