/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/quantile.h"
#include "util/duration.h"
#include "util/utf8.h"

#define NS_PER_S 1000000000ull
/*
 * A rate over less than this is noise; at start it comes from the first recorded point that is so
 * old.
 */
#define MIN_SPAN_NS (NS_PER_S / 2)

/* ---- metrics ---- */

enum group { GROUP_GAUGE, GROUP_DIFF, GROUP_RATE, GROUP_COUNT };

enum source {
	SOURCE_NONE, /* a known name that applies to no kernel yet */
	SOURCE_NUMBER, /* uint32_t of the kernel's point */
	SOURCE_AGE, /* uint64_t, nanoseconds */
	SOURCE_COUNTER, /* uint64_t, cumulative */
	SOURCE_QUANTILE, /* of a histogram over the window; `offset` is a QUANTILE() */
	SOURCE_BACKLOG, /* uint64_t, of kernels with paths whose both ends are here */
};

/* Which histogram, and how many percent. */
#define QUANTILE(kind, percent) ((kind)*100 + (percent))

static const struct metric {
	const char *name;
	enum group group;
	enum source source;
	size_t offset; /* in struct kernel_point */
} metrics[] = {
	{ "mem", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "cpu_used", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "io_read", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "io_write", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "zmq_in_flight", GROUP_GAUGE, SOURCE_NUMBER, offsetof(struct kernel_point, in_flight) },
	{ "zmq_send_oldest_seconds", GROUP_GAUGE, SOURCE_AGE,
	  offsetof(struct kernel_point, send_oldest_ns) },
	{ "zmq_recv_oldest_seconds", GROUP_GAUGE, SOURCE_AGE,
	  offsetof(struct kernel_point, recv_oldest_ns) },
	{ "zmq_call_p50", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_CALLS, 50) },
	{ "zmq_call_p99", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_CALLS, 99) },
	{ "zmq_transit_p50", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_TRANSIT, 50) },
	{ "zmq_transit_p99", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_TRANSIT, 99) },
	{ "zmq_backlog", GROUP_GAUGE, SOURCE_BACKLOG, offsetof(struct kernel_point, backlog) },
	{ "cache_op_p50", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_CACHE, 50) },
	{ "cache_op_p99", GROUP_GAUGE, SOURCE_QUANTILE, QUANTILE(HIST_CACHE, 99) },
	{ "rpc_unanswered", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "rpc_oldest_seconds", GROUP_GAUGE, SOURCE_NONE, 0 },
	{ "cpu_util", GROUP_DIFF, SOURCE_NONE, 0 },
	{ "net_rx", GROUP_RATE, SOURCE_NONE, 0 },
	{ "net_tx", GROUP_RATE, SOURCE_NONE, 0 },
	{ "zmq_send_messages", GROUP_RATE, SOURCE_COUNTER,
	  offsetof(struct kernel_point, send_messages) },
	{ "zmq_recv_messages", GROUP_RATE, SOURCE_COUNTER,
	  offsetof(struct kernel_point, recv_messages) },
	{ "zmq_send_bytes", GROUP_RATE, SOURCE_COUNTER, offsetof(struct kernel_point, send_bytes) },
	{ "zmq_recv_bytes", GROUP_RATE, SOURCE_COUNTER, offsetof(struct kernel_point, recv_bytes) },
	{ "zmq_failures", GROUP_RATE, SOURCE_COUNTER, offsetof(struct kernel_point, failures) },
	{ "cache_hits", GROUP_RATE, SOURCE_NONE, 0 },
	{ "cache_misses", GROUP_RATE, SOURCE_NONE, 0 },
	{ "cache_bytes", GROUP_RATE, SOURCE_NONE, 0 },
	{ "rpc_requests", GROUP_RATE, SOURCE_NONE, 0 },
};

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))
#define ALL_METRICS ((1u << METRICS) - 1)
_Static_assert(METRICS < 32, "metrics must fit into the request's bits");

/* ---- the request ---- */

static int add_metric(struct livestat_request *request, const char *name, char *err, size_t err_len)
{
	for (size_t i = 0; i < METRICS; i++) {
		if (!strcmp(name, metrics[i].name)) {
			request->metrics |= 1u << i;
			return 0;
		}
	}
	snprintf(err, err_len, "metrics: unknown metric \"%.64s\"", name);
	return -EINVAL;
}

static int set_window(struct livestat_request *request, const char *text, char *err, size_t err_len)
{
	uint64_t ns;

	if (duration_parse(text, &ns) || ns < LIVESTAT_MIN_WINDOW_NS ||
	    ns > LIVESTAT_MAX_WINDOW_NS) {
		snprintf(err, err_len,
			 "window: \"%.64s\" is not a duration between 1s and 600s, such as 10s",
			 text);
		return -EINVAL;
	}
	request->window_ns = ns;
	return 0;
}

static int set_shape(const char *name, char *err, size_t err_len)
{
	if (!strcmp(name, "native"))
		return 0;
	if (!strcmp(name, "backendai") || !strcmp(name, "backendai-agent"))
		snprintf(err, err_len, "shape: \"%s\" is not supported", name);
	else
		snprintf(err, err_len, "shape: unknown shape \"%.64s\"", name);
	return -EINVAL;
}

static int reserve_ids(struct livestat_request *request, size_t count, size_t max, char *err,
		       size_t err_len)
{
	if (!count) {
		snprintf(err, err_len, "kernel_ids: at least one is needed");
		return -EINVAL;
	}
	if (count > max) {
		snprintf(err, err_len, "kernel_ids: %zu ids, at most %zu are allowed", count, max);
		return -E2BIG;
	}
	request->ids = reallocarray(NULL, count, sizeof(request->ids[0]));
	return request->ids ? 0 : -ENOMEM;
}

static int compare_ids(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* What was left out gets its default, and every id is kept once. */
static void complete(struct livestat_request *request)
{
	size_t kept = 0;

	if (!request->metrics)
		request->metrics = ALL_METRICS;
	if (!request->window_ns)
		request->window_ns = LIVESTAT_DEFAULT_WINDOW_NS;
	qsort(request->ids, request->id_count, sizeof(request->ids[0]), compare_ids);
	for (size_t i = 0; i < request->id_count; i++) {
		if (!kept || strcmp(request->ids[kept - 1], request->ids[i]) != 0)
			request->ids[kept++] = request->ids[i];
	}
	request->id_count = kept;
}

static int wrong_type(const char *field, const char *expected, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s: must be %s", field, expected);
	return -EINVAL;
}

static int read_ids(const json_t *value, struct livestat_request *request, char *err,
		    size_t err_len)
{
	static const char expected[] = "a list of strings";
	int ret;

	if (!json_is_array(value))
		return wrong_type("kernel_ids", expected, err, err_len);
	ret = reserve_ids(request, json_array_size(value), LIVESTAT_MAX_IDS, err, err_len);
	if (ret)
		return ret;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *id = json_string_value(json_array_get(value, i));

		if (!id)
			return wrong_type("kernel_ids", expected, err, err_len);
		request->ids[request->id_count++] = id;
	}
	return 0;
}

static int read_metrics(const json_t *value, struct livestat_request *request, char *err,
			size_t err_len)
{
	static const char expected[] = "a list of at least one string";
	int ret = 0;

	if (!json_is_array(value) || !json_array_size(value))
		return wrong_type("metrics", expected, err, err_len);
	for (size_t i = 0; i < json_array_size(value) && !ret; i++) {
		const char *name = json_string_value(json_array_get(value, i));

		ret = name ? add_metric(request, name, err, err_len) :
			     wrong_type("metrics", expected, err, err_len);
	}
	return ret;
}

static int read_field(const char *field, const json_t *value, struct livestat_request *request,
		      char *err, size_t err_len)
{
	const char *text = json_string_value(value);

	if (!strcmp(field, "kernel_ids"))
		return read_ids(value, request, err, err_len);
	if (!strcmp(field, "metrics"))
		return read_metrics(value, request, err, err_len);
	if (strcmp(field, "window") != 0 && strcmp(field, "shape") != 0) {
		snprintf(err, err_len, "%.64s: unknown field", field);
		return -EINVAL;
	}
	if (!text)
		return wrong_type(field, "a string", err, err_len);
	return !strcmp(field, "window") ? set_window(request, text, err, err_len) :
					  set_shape(text, err, err_len);
}

int livestat_parse_body(const char *body, size_t len, struct livestat_request *request, char *err,
			size_t err_len)
{
	json_error_t where;
	json_t *root, *value;
	const char *field;
	int ret = 0;

	*request = (struct livestat_request){ 0 };
	root = json_loadb(body ? body : "", len, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		if (json_error_code(&where) == json_error_out_of_memory)
			return -ENOMEM;
		snprintf(err, err_len, "body: not valid JSON: %s (line %d, column %d)", where.text,
			 where.line, where.column);
		return -EINVAL;
	}
	request->document = root;
	if (!json_is_object(root))
		return wrong_type("body", "an object", err, err_len);
	json_object_foreach(root, field, value) {
		ret = read_field(field, value, request, err, err_len);
		if (ret)
			return ret;
	}
	if (!request->ids)
		return reserve_ids(request, 0, LIVESTAT_MAX_IDS, err, err_len);
	complete(request);
	return 0;
}

/* Parameters that may appear only once. */
static int read_single(const struct http_parameter *p, struct livestat_request *request,
		       int *has_shape, char *err, size_t err_len)
{
	int is_window = !strcmp(p->name, "window");

	if (!is_window && strcmp(p->name, "shape") != 0) {
		snprintf(err, err_len, "%.64s: unknown parameter", p->name);
		return -EINVAL;
	}
	if (is_window ? request->window_ns != 0 : *has_shape) {
		snprintf(err, err_len, "%s: given twice", p->name);
		return -EINVAL;
	}
	if (is_window)
		return set_window(request, p->value, err, err_len);
	*has_shape = 1;
	return set_shape(p->value, err, err_len);
}

static int read_parameter(const struct http_parameter *p, struct livestat_request *request,
			  int *has_shape, char *err, size_t err_len)
{
	size_t len = strlen(p->value);

	/* every byte that is not UTF-8 would be replaced by three */
	if (!strcmp(p->name, "kernel_id") && utf8_copy(NULL, 0, p->value, len) != len)
		return wrong_type("kernel_id", "UTF-8", err, err_len);
	if (!strcmp(p->name, "kernel_id")) {
		request->ids[request->id_count++] = p->value;
		return 0;
	}
	if (!strcmp(p->name, "metric"))
		return add_metric(request, p->value, err, err_len);
	return read_single(p, request, has_shape, err, err_len);
}

int livestat_parse_query(const struct http_parameter *parameters, size_t count,
			 struct livestat_request *request, char *err, size_t err_len)
{
	size_t ids = 0;
	int ret, has_shape = 0;

	*request = (struct livestat_request){ 0 };
	for (size_t i = 0; i < count; i++)
		ids += !strcmp(parameters[i].name, "kernel_id");
	ret = reserve_ids(request, ids, LIVESTAT_MAX_QUERY_IDS, err, err_len);
	for (size_t i = 0; i < count && !ret; i++)
		ret = read_parameter(&parameters[i], request, &has_shape, err, err_len);
	if (!ret)
		complete(request);
	return ret;
}

void livestat_request_free(struct livestat_request *request)
{
	free(request->ids);
	json_decref(request->document);
	*request = (struct livestat_request){ 0 };
}

/* ---- the answer ---- */

/* Two points of one kernel; `before` has mono_ns 0 if there is none. */
struct span {
	const struct kernel_point *now;
	struct kernel_point before;
	uint64_t ns; /* 0 = no rate can be computed */
	/* Of the two points, if a quantile is asked for. */
	int has_hists;
	struct kernel_hists hists_now, hists_before;
};

static uint64_t counter_at(const struct kernel_point *point, const struct metric *metric)
{
	uint64_t value;

	memcpy(&value, (const char *)point + metric->offset, sizeof(value));
	return value;
}

/* Seconds (and rates, below) always show a point: they are no integers, whatever their value. */
static void add_seconds(struct strbuf *out, uint64_t ns)
{
	strbuf_add_seconds(out, ns);
	if (ns % NS_PER_S == 0)
		strbuf_add(out, ".0", 2);
}

static void add_rate(struct strbuf *out, const struct span *span, const struct metric *metric)
{
	uint64_t now = counter_at(span->now, metric), before = counter_at(&span->before, metric);
	char text[40];
	int len;

	/*
	 * less than before: series of the kernel have expired, and what was counted since is not
	 * known
	 */
	if (!span->ns || now < before) {
		strbuf_addstr(out, "null");
		return;
	}
	len = snprintf(text, sizeof(text), "%.6f",
		       (double)(now - before) * (double)NS_PER_S / (double)span->ns);
	while (text[len - 1] == '0' && text[len - 2] != '.')
		len--;
	strbuf_add(out, text, (size_t)len);
}

static void add_quantile(struct strbuf *out, const struct span *span, const struct metric *metric)
{
	size_t kind = metric->offset / 100;
	double value = -1;

	if (span->ns && span->has_hists)
		value = quantile_between(span->hists_before.buckets[kind],
					 span->hists_now.buckets[kind],
					 (double)(metric->offset % 100) / 100);
	if (value < 0)
		strbuf_addstr(out, "null"); /* nothing has happened, or too little is known */
	else
		add_seconds(out, (uint64_t)(value * (double)NS_PER_S));
}

static void add_current(struct strbuf *out, const struct span *span, const struct metric *metric)
{
	uint32_t number;

	switch (metric->source) {
	case SOURCE_NUMBER:
		memcpy(&number, (const char *)span->now + metric->offset, sizeof(number));
		strbuf_addu64(out, number);
		break;
	case SOURCE_AGE:
		add_seconds(out, counter_at(span->now, metric));
		break;
	case SOURCE_QUANTILE:
		add_quantile(out, span, metric);
		break;
	case SOURCE_BACKLOG:
		strbuf_addu64(out, counter_at(span->now, metric));
		break;
	case SOURCE_COUNTER:
		add_rate(out, span, metric);
		break;
	case SOURCE_NONE:
		break;
	}
}

static int applies(const struct kernel_point *point, const struct metric *metric)
{
	if (metric->source == SOURCE_BACKLOG)
		return point->has_backlog != 0;
	if (metric->source == SOURCE_QUANTILE && metric->offset / 100 == HIST_TRANSIT)
		return point->has_transit != 0;
	if (metric->source == SOURCE_QUANTILE && metric->offset / 100 == HIST_CACHE)
		return point->has_cache != 0;
	return metric->source != SOURCE_NONE && point->has_messages;
}

static void add_group(struct strbuf *out, const struct span *span, uint32_t wanted,
		      enum group group)
{
	int first = 1;

	for (size_t i = 0; i < METRICS; i++) {
		if (metrics[i].group != group || !(wanted & 1u << i) ||
		    !applies(span->now, &metrics[i]))
			continue;
		strbuf_addstr(out, first ? "\"" : ",\"");
		strbuf_addstr(out, metrics[i].name);
		strbuf_addstr(out, "\":{\"current\":");
		add_current(out, span, &metrics[i]);
		strbuf_addch(out, '}');
		first = 0;
	}
}

static void add_kernel(struct strbuf *out, const struct span *span, uint32_t wanted)
{
	static const char *const heads[GROUP_COUNT] = {
		[GROUP_GAUGE] = "{\"gauge\":{",
		[GROUP_DIFF] = "},\"diff\":{",
		[GROUP_RATE] = "},\"rate\":{",
	};

	for (enum group group = 0; group < GROUP_COUNT; group++) {
		strbuf_addstr(out, heads[group]);
		add_group(out, span, wanted, group);
	}
	strbuf_addstr(out, "}}");
}

static int wants_quantiles(uint32_t wanted)
{
	for (size_t i = 0; i < METRICS; i++)
		if (wanted & 1u << i && metrics[i].source == SOURCE_QUANTILE)
			return 1;
	return 0;
}

static void find_span(const struct livestat_request *request, const struct snapshot *snapshot,
		      const struct kernel_sample *kernel, struct store *store, struct span *span)
{
	uint64_t now = snapshot->mono_ns;

	span->now = &kernel->point;
	span->before = (struct kernel_point){ 0 };
	span->ns = 0;
	span->has_hists = 0;
	if (store__point(store, kernel->kernel_id, now, request->window_ns, MIN_SPAN_NS,
			 &span->before))
		return;
	if (span->before.mono_ns && span->before.mono_ns < now)
		span->ns = now - span->before.mono_ns;
	if (!span->ns || !wants_quantiles(request->metrics))
		return;
	kernel_hists_expand(kernel, &span->hists_now);
	span->has_hists = !store__histograms(store, kernel->kernel_id, span->before.mono_ns,
					     &span->hists_before);
}

void livestat_answer(const struct livestat_request *request, const struct snapshot *snapshot,
		     struct store *store, struct strbuf *out)
{
	uint64_t widest = 0;

	strbuf_addstr(out, "{\"sampled_at\":");
	add_seconds(out, snapshot->real_ns);
	strbuf_addstr(out, ",\"by_kernel\":{");
	for (size_t i = 0; i < request->id_count; i++) {
		const struct kernel_sample *kernel = snapshot__kernel(snapshot, request->ids[i]);
		struct span span;

		if (i)
			strbuf_addch(out, ',');
		strbuf_add_json(out, request->ids[i]);
		strbuf_addch(out, ':');
		if (!kernel) {
			strbuf_addstr(out, "null");
			continue;
		}
		find_span(request, snapshot, kernel, store, &span);
		widest = span.ns > widest ? span.ns : widest;
		add_kernel(out, &span, request->metrics);
	}
	strbuf_addstr(out, "},\"window_seconds\":");
	add_seconds(out, widest);
	strbuf_addstr(out, "}\n");
}
