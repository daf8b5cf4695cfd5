/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/final_json.h"
#include <inttypes.h>
#include <math.h>
#include "serve/measures.h"

#define ITEM "\n    " /* an element of the list of metrics */
#define MEMBER "\n      "
#define INNER "\n        "

/* What a reader makes the same double of; what is not finite has no form in JSON. */
static void add_number(struct strbuf *out, double value)
{
	uint64_t integer;

	if (!isfinite(value))
		strbuf_addstr(out, "null");
	else if (measure_integer(value, &integer))
		strbuf_addu64(out, integer);
	else
		strbuf_addf(out, "%.17g", value);
}

static void add_named(struct strbuf *out, const char *name, double value)
{
	strbuf_addf(out, "," MEMBER "\"%s\": ", name);
	add_number(out, value);
}

static void add_series(struct strbuf *out, const struct measure_series *series)
{
	strbuf_addf(out, "," MEMBER "\"count\": %" PRIu64, series->count);
	add_named(out, "total", series->total);
	add_named(out, "min", series->min);
	add_named(out, "max", series->max);
	add_named(out, "sum_sq", series->sum_sq);
	strbuf_addstr(out, "," MEMBER "\"percentiles\": {");
	for (int i = 0; series->count && i < MEASURE_PERCENTILES; i++) {
		strbuf_addf(out, "%s" INNER "\"%s\": ", i ? "," : "", measure_percentiles[i]);
		add_number(out, series->percentiles[i]);
	}
	strbuf_addstr(out, series->count ? MEMBER "}," : "},");
	strbuf_addstr(out, MEMBER "\"histogram\": [");
	for (size_t i = 0; i < series->bucket_count; i++) {
		strbuf_addf(out, "%s" INNER "[[", i ? "," : "");
		add_number(out, series->buckets[i].low);
		strbuf_addstr(out, ", ");
		add_number(out, series->buckets[i].high);
		strbuf_addf(out, "], %" PRIu64 "]", series->buckets[i].count);
	}
	strbuf_addstr(out, series->count ? MEMBER "]" : "]");
}

struct list {
	struct strbuf *out;
	int begun;
};

static int add_measure(void *arg, const struct measure *measure)
{
	struct list *list = arg;
	struct strbuf *out = list->out;

	strbuf_addstr(out, list->begun ? "," ITEM : ITEM);
	list->begun = 1;
	strbuf_addf(out, "{" MEMBER "\"type\": \"%s\"," MEMBER "\"name\": ",
		    measure->is_series ? "series" : "counter");
	strbuf_add_json(out, measure->name);
	if (measure->is_series)
		add_series(out, &measure->series);
	else
		add_named(out, "value", measure->value);
	strbuf_addstr(out, ITEM "}");
	return out->err;
}

int final_json_write(const struct final_snapshot *snapshot, struct strbuf *out)
{
	struct list list = { .out = out };
	int err;

	strbuf_addf(out,
		    "{\n  \"counter\": %" PRIu64 ",\n  \"timestamp_ns\": %" PRIu64
		    ",\n  \"state\": \"%s\",\n  \"n_pending_tasks\": %" PRIu64
		    ",\n  \"metrics\": [",
		    snapshot->counter, snapshot->timestamp_ns, snapshot->state, snapshot->pending);
	err = measures_each(snapshot->page, snapshot->len, add_measure, &list);
	strbuf_addstr(out, list.begun ? "\n  ]\n}\n" : "]\n}\n");
	return err ? err : out->err;
}
