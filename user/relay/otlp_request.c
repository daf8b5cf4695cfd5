/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page has one family after the other, each with the metrics of all kernels; a request has one kernel after the other,
 * each with its metrics of all families. So there is a buffer for each kernel, to which finished messages are added: what
 * is in memory is one family and the requests. Messages around other messages are written by hand, for they would have to
 * be in memory as a whole before.
 */
#include "relay/otlp_request.h"
#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "otlp.pb-c.h"
#include "relay/otlp_names.h"
#include "serve/family_reader.h"

#define MAX_ATTRIBUTES 32
#define MAX_POINTS 1000 /* in one Metric */
#define MAX_BUCKETS 4608 /* from the lowest bound of ours to that of what is infinite */

#define FIELD(number) (char)((number) << 3 | 2) /* with a length: a message, a text */

struct owner {
	char *key; /* the labels that go to the resource: "NAME=VALUE" and a line's end, each */
	struct strbuf resource; /* a Resource */
	struct strbuf metrics; /* ScopeMetrics.metrics */
	uint64_t points;
	size_t number; /* in the list */
};

struct maker {
	const struct otlp_source *source;
	otlp_body_fn fn;
	void *arg;
	void *tree; /* of the owners, by key */
	struct owner **owners; /* in the order in which they came */
	size_t owner_count;
	struct strbuf scratch, points, metric;
};

/* One metric of a family, and where it goes. */
struct item {
	size_t owner;
	unsigned rule;
	size_t order;
	const Prometheus__Metric *metric;
};

/* ---- bytes ------------------------------------------------------------------------------------------- */

static void add_varint(struct strbuf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		strbuf_addch(out, (char)(value | 0x80));
	strbuf_addch(out, (char)value);
}

static size_t varint_len(uint64_t value)
{
	size_t len = 1;

	for (; value >= 0x80; value >>= 7)
		len++;
	return len;
}

static void add_packed(struct strbuf *out, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);

	if (strbuf_reserve(out, len))
		return;
	out->len += protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
	out->data[out->len] = '\0';
}

static void add_field(struct strbuf *out, int number, const struct strbuf *content)
{
	strbuf_addch(out, FIELD(number));
	add_varint(out, content->len);
	if (content->len)
		strbuf_add(out, content->data, content->len);
	if (content->err)
		out->err = content->err;
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

struct attributes {
	Otlp__KeyValue pairs[MAX_ATTRIBUTES];
	Otlp__AnyValue values[MAX_ATTRIBUTES];
	Otlp__KeyValue *pointers[MAX_ATTRIBUTES];
	char names[MAX_ATTRIBUTES][OTLP_NAME_SIZE];
	char host[OTLP_NAME_SIZE];
	size_t count;
};

/* What is beyond the limit, which no family of ours comes near, is left out. */
static Otlp__AnyValue *add_value(struct attributes *list, const char *name)
{
	size_t i = list->count;

	if (i == MAX_ATTRIBUTES)
		return NULL;
	list->count++;
	list->values[i] = (Otlp__AnyValue)OTLP__ANY_VALUE__INIT;
	list->pairs[i] = (Otlp__KeyValue)OTLP__KEY_VALUE__INIT;
	list->pairs[i].key = (char *)(uintptr_t)name;
	list->pairs[i].value = &list->values[i];
	list->pointers[i] = &list->pairs[i];
	return &list->values[i];
}

static void add_text(struct attributes *list, const char *name, const char *text)
{
	Otlp__AnyValue *value = add_value(list, name);

	if (value)
		value->string_value = (char *)(uintptr_t)text;
}

static void add_integer(struct attributes *list, const char *name, int64_t integer)
{
	Otlp__AnyValue *value = add_value(list, name);

	if (!value)
		return;
	value->has_int_value = 1;
	value->int_value = integer;
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static void add_label(struct attributes *list, enum otlp_kind kind, const char *label,
		      const char *value)
{
	unsigned port;

	if (list->count == MAX_ATTRIBUTES || otlp_resource_attribute(label, value))
		return;
	add_text(list, otlp_attribute(kind, label, list->names[list->count]),
		 otlp_value(kind, label, value));
	if (kind != OTLP_KIND_MESSAGING)
		return;
	if (!strcmp(label, "direction"))
		add_text(list, "messaging.operation.name", value);
	if (!strcmp(label, "endpoint") &&
	    otlp_server(value, list->host, sizeof(list->host), &port)) {
		add_text(list, "server.address", list->host);
		add_integer(list, "server.port", port);
	}
}

static void fill_attributes(struct attributes *list, enum otlp_kind kind,
			    const Prometheus__Metric *metric)
{
	list->count = 0;
	for (size_t i = 0; i < metric->n_label; i++)
		add_label(list, kind, text_of(metric->label[i]->name),
			  text_of(metric->label[i]->value));
}

/* ---- owners --------------------------------------------------------------------------------------------- */

static int compare_owners(const void *a, const void *b)
{
	return strcmp(((const struct owner *)a)->key, ((const struct owner *)b)->key);
}

/* What is said of the agent's own container or pod is not true of another one. */
static int is_of_agent_only(const char *name)
{
	return !strncmp(name, "container.", 10) || !strncmp(name, "k8s.pod.", 8) ||
	       !strncmp(name, "k8s.container.", 14) || !strcmp(name, "k8s.namespace.name");
}

static void fill_resource(const struct maker *maker, struct owner *owner,
			  const Prometheus__Metric *metric)
{
	Otlp__Resource resource = OTLP__RESOURCE__INIT;
	struct attributes list = { .count = 0 };

	for (size_t i = 0; i < metric->n_label; i++) {
		const char *value = text_of(metric->label[i]->value);
		const char *name = otlp_resource_attribute(text_of(metric->label[i]->name), value);

		if (name)
			add_text(&list, name, value);
	}
	for (size_t i = 0; i < maker->source->resource_count; i++)
		if (!*owner->key ||
		    (!is_of_agent_only(maker->source->resource[i].name) &&
		     strcmp(maker->source->resource[i].name, "tapmeter.kernel.id") != 0))
			add_text(&list, maker->source->resource[i].name,
				 maker->source->resource[i].value);
	resource.n_attributes = list.count;
	resource.attributes = list.pointers;
	add_packed(&owner->resource, &resource.base);
}

static void owner_free(struct owner *owner)
{
	strbuf_free(&owner->resource);
	strbuf_free(&owner->metrics);
	free(owner->key);
	free(owner);
}

/* Into the list, which the tree's entries have a place of. */
static int add_owner(struct maker *maker, const char *key, const Prometheus__Metric *metric)
{
	struct owner **longer =
		reallocarray(maker->owners, maker->owner_count + 1, sizeof(struct owner *));
	struct owner *owner = calloc(1, sizeof(*owner));

	if (longer)
		maker->owners = longer;
	if (owner)
		owner->key = strdup(key);
	if (!longer || !owner || !owner->key || !tsearch(owner, &maker->tree, compare_owners)) {
		if (owner)
			owner_free(owner);
		return -ENOMEM;
	}
	owner->number = maker->owner_count;
	maker->owners[maker->owner_count++] = owner;
	fill_resource(maker, owner, metric);
	return owner->resource.err;
}

static int find_owner(struct maker *maker, const Prometheus__Metric *metric, struct owner **out)
{
	struct owner wanted = { 0 };
	struct owner *const *found;
	int err;

	strbuf_clear(&maker->scratch);
	strbuf_addstr(&maker->scratch, "");
	for (size_t i = 0; i < metric->n_label; i++) {
		const char *label = text_of(metric->label[i]->name);
		const char *value = text_of(metric->label[i]->value);

		if (otlp_resource_attribute(label, value))
			strbuf_addf(&maker->scratch, "%s=%s\n", label, value);
	}
	if (maker->scratch.err)
		return maker->scratch.err;
	wanted.key = maker->scratch.data ? maker->scratch.data : (char *)(uintptr_t) "";
	found = tfind(&wanted, &maker->tree, compare_owners);
	if (!found) {
		err = add_owner(maker, wanted.key, metric);
		if (err)
			return err;
		found = &maker->owners[maker->owner_count - 1];
	}
	*out = *found;
	return 0;
}

/* ---- points ------------------------------------------------------------------------------------------------ */

/* What all points of a Metric share. */
struct run {
	const struct maker *maker;
	const Prometheus__MetricFamily *family;
	enum otlp_kind kind;
	struct otlp_naming naming;
	uint64_t start_ns;
	int exponential;
};

static void add_number(struct maker *maker, const struct run *run, const Prometheus__Metric *metric)
{
	Otlp__NumberPoint point = OTLP__NUMBER_POINT__INIT;
	struct attributes list;
	double value = 0;

	if (metric->counter)
		value = metric->counter->value;
	else if (metric->gauge)
		value = metric->gauge->value;
	fill_attributes(&list, run->kind, metric);
	point.n_attributes = list.count;
	point.attributes = list.pointers;
	point.has_time_unix_nano = 1;
	point.time_unix_nano = maker->source->real_ns;
	point.has_start_time_unix_nano = metric->counter && run->start_ns;
	point.start_time_unix_nano = run->start_ns;
	point.has_as_int = run->naming.integers && fabs(value) < 0x1p63;
	point.has_as_double = !point.has_as_int;
	point.as_double = value;
	if (point.has_as_int)
		point.as_int = (int64_t)value;
	strbuf_clear(&maker->scratch);
	add_packed(&maker->scratch, &point.base);
	add_field(&maker->points, 1, &maker->scratch);
}

/*
 * Spans of Prometheus into neighbouring buckets of OpenTelemetry: index i of the one is up to base^i, of the other from
 * base^i. -EPROTO: the spans make no sense.
 */
static int fill_buckets(const Prometheus__Histogram *from, uint64_t counts[MAX_BUCKETS],
			Otlp__Buckets *buckets)
{
	int64_t index = 0, first = 0, count = 0;
	size_t next = 0;

	buckets->bucket_counts = counts;
	for (size_t i = 0; i < from->n_positive_span; i++) {
		index += from->positive_span[i]->offset;
		if (!i)
			first = index;
		for (uint32_t j = 0; j < from->positive_span[i]->length; j++, index++) {
			if (next == from->n_positive_delta || index < first ||
			    index - first >= MAX_BUCKETS ||
			    __builtin_add_overflow(count, from->positive_delta[next++], &count) ||
			    count < 0)
				return -EPROTO;
			while (buckets->n_bucket_counts < (size_t)(index - first))
				counts[buckets->n_bucket_counts++] = 0;
			counts[buckets->n_bucket_counts++] = (uint64_t)count;
		}
	}
	buckets->has_offset = 1;
	buckets->offset = (int32_t)(first - 1);
	return 0;
}

static int add_exponential(struct maker *maker, const struct run *run,
			   const Prometheus__Metric *metric)
{
	const Prometheus__Histogram *from = metric->histogram;
	Otlp__ExponentialPoint point = OTLP__EXPONENTIAL_POINT__INIT;
	Otlp__Buckets buckets = OTLP__BUCKETS__INIT;
	uint64_t counts[MAX_BUCKETS];
	struct attributes list;
	int err = fill_buckets(from, counts, &buckets);

	if (err)
		return err;
	fill_attributes(&list, run->kind, metric);
	point.n_attributes = list.count;
	point.attributes = list.pointers;
	point.has_time_unix_nano = point.has_start_time_unix_nano = 1;
	point.time_unix_nano = maker->source->real_ns;
	point.start_time_unix_nano = run->start_ns;
	point.has_count = point.has_sum = point.has_scale = point.has_zero_count = 1;
	point.count = from->sample_count;
	point.sum = from->sample_sum;
	point.scale = from->schema;
	point.zero_count = from->zero_count;
	point.has_zero_threshold = 1;
	point.zero_threshold = from->zero_threshold;
	point.positive = buckets.n_bucket_counts ? &buckets : NULL;
	strbuf_clear(&maker->scratch);
	add_packed(&maker->scratch, &point.base);
	add_field(&maker->points, 1, &maker->scratch);
	return 0;
}

static int add_classic(struct maker *maker, const struct run *run, const Prometheus__Metric *metric)
{
	const Prometheus__Histogram *from = metric->histogram;
	Otlp__HistogramPoint point = OTLP__HISTOGRAM_POINT__INIT;
	uint64_t counts[MAX_BUCKETS], below = 0;
	double bounds[MAX_BUCKETS];
	struct attributes list;
	size_t count = from->n_bucket;

	if (count && isinf(from->bucket[count - 1]->upper_bound))
		count--;
	if (count >= MAX_BUCKETS)
		return -EPROTO;
	for (size_t i = 0; i < count; i++) {
		bounds[i] = from->bucket[i]->upper_bound;
		counts[i] = from->bucket[i]->cumulative_count - below;
		below = from->bucket[i]->cumulative_count;
	}
	counts[count] = from->sample_count - below;
	fill_attributes(&list, run->kind, metric);
	point.n_attributes = list.count;
	point.attributes = list.pointers;
	point.has_time_unix_nano = point.has_start_time_unix_nano = 1;
	point.time_unix_nano = maker->source->real_ns;
	point.start_time_unix_nano = run->start_ns;
	point.has_count = point.has_sum = 1;
	point.count = from->sample_count;
	point.sum = from->sample_sum;
	point.n_bucket_counts = count + 1;
	point.bucket_counts = counts;
	point.n_explicit_bounds = count;
	point.explicit_bounds = bounds;
	strbuf_clear(&maker->scratch);
	add_packed(&maker->scratch, &point.base);
	add_field(&maker->points, 1, &maker->scratch);
	return 0;
}

static int add_point(struct maker *maker, const struct run *run, const Prometheus__Metric *metric)
{
	if (run->family->type == PROMETHEUS__METRIC_TYPE__HISTOGRAM) {
		if (!metric->histogram)
			return -EPROTO;
		return run->exponential ? add_exponential(maker, run, metric) :
					  add_classic(maker, run, metric);
	}
	add_number(maker, run, metric);
	return 0;
}

/* ---- metrics ------------------------------------------------------------------------------------------------ */

/* The field of Metric.data, and what follows the points in it: cumulative, monotonic. */
static int data_of(const struct run *run, const char **trailer)
{
	*trailer = "\x10\x02";
	if (run->family->type == PROMETHEUS__METRIC_TYPE__HISTOGRAM)
		return run->exponential ? 10 : 9;
	if (run->family->type == PROMETHEUS__METRIC_TYPE__COUNTER) {
		*trailer = "\x10\x02\x18\x01";
		return 7;
	}
	*trailer = "";
	return 5;
}

static void add_metric(struct maker *maker, const struct run *run, struct strbuf *out)
{
	Otlp__Metric head = OTLP__METRIC__INIT;
	const char *trailer;
	int field = data_of(run, &trailer);

	head.name = (char *)(uintptr_t)run->naming.name;
	head.description = run->family->help;
	head.unit = (char *)(uintptr_t)run->naming.unit;
	strbuf_addstr(&maker->points, trailer);
	strbuf_clear(&maker->metric);
	add_packed(&maker->metric, &head.base);
	add_field(&maker->metric, field, &maker->points);
	add_field(out, 2, &maker->metric);
}

/* ---- requests ------------------------------------------------------------------------------------------------- */

static void add_scope(const struct maker *maker, const struct owner *owner, struct strbuf *out)
{
	Otlp__Scope scope = OTLP__SCOPE__INIT;
	size_t len;

	scope.name = (char *)(uintptr_t) "tapmeter";
	scope.version = (char *)(uintptr_t)maker->source->version;
	len = protobuf_c_message_get_packed_size(&scope.base);
	strbuf_addch(out, FIELD(2));
	add_varint(out, 1 + varint_len(len) + len + owner->metrics.len);
	strbuf_addch(out, FIELD(1));
	add_varint(out, len);
	add_packed(out, &scope.base);
	strbuf_add(out, owner->metrics.data, owner->metrics.len);
}

/* Moves what there is of the owner into the request. */
static int add_resource_metrics(struct maker *maker, struct owner *owner, struct strbuf *body)
{
	struct strbuf content = STRBUF_INIT;

	if (!owner->metrics.len)
		return owner->metrics.err;
	add_field(&content, 1, &owner->resource);
	add_scope(maker, owner, &content);
	if (owner->metrics.err)
		content.err = owner->metrics.err;
	add_field(body, 1, &content);
	strbuf_free(&content);
	strbuf_free(&owner->metrics);
	owner->metrics = (struct strbuf)STRBUF_INIT;
	owner->points = 0;
	return body->err;
}

static int put_out(struct maker *maker, struct strbuf *body, uint64_t points)
{
	int err = body->err;

	if (!err && points)
		err = maker->fn(maker->arg, body, points);
	strbuf_free(body);
	*body = (struct strbuf)STRBUF_INIT;
	return err;
}

static int put_out_owner(struct maker *maker, struct owner *owner)
{
	struct strbuf body = STRBUF_INIT;
	uint64_t points = owner->points;
	int err = add_resource_metrics(maker, owner, &body);

	if (!err)
		err = put_out(maker, &body, points);
	strbuf_free(&body);
	return err;
}

static int put_out_rest(struct maker *maker)
{
	struct strbuf body = STRBUF_INIT;
	uint64_t points = 0;
	int err = 0;

	for (size_t i = 0; i < maker->owner_count && !err; i++) {
		points += maker->owners[i]->points;
		err = add_resource_metrics(maker, maker->owners[i], &body);
		if (!err && body.len >= OTLP_BODY_SIZE) {
			err = put_out(maker, &body, points);
			points = 0;
		}
	}
	if (!err)
		err = put_out(maker, &body, points);
	strbuf_free(&body);
	return err;
}

/* ---- families -------------------------------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct item *one = a, *other = b;

	if (one->owner != other->owner)
		return one->owner < other->owner ? -1 : 1;
	if (one->rule != other->rule)
		return one->rule < other->rule ? -1 : 1;
	return one->order < other->order ? -1 : 1;
}

static int fill_items(struct maker *maker, const Prometheus__MetricFamily *family,
		      struct item *items)
{
	struct owner *owner = NULL;

	for (size_t i = 0; i < family->n_metric; i++) {
		int err = find_owner(maker, family->metric[i], &owner);

		if (err)
			return err;
		items[i] = (struct item){ .owner = owner->number,
					  .rule = otlp_rule_of(family->name, family->metric[i]),
					  .order = i,
					  .metric = family->metric[i] };
	}
	qsort(items, family->n_metric, sizeof(*items), compare_items);
	return 0;
}

static int add_run(struct maker *maker, const Prometheus__MetricFamily *family,
		   const struct item *items, size_t count)
{
	struct owner *owner = maker->owners[items->owner];
	const Prometheus__Histogram *histogram = items->metric->histogram;
	struct run run = {
		.family = family,
		.kind = otlp_kind_of(family->name),
		.start_ns = maker->source->start_real_ns,
		.exponential = histogram && histogram->has_schema,
	};
	int err = 0;

	otlp_name(family, items->rule, &run.naming);
	if (run.naming.start_unknown)
		run.start_ns = 0;
	strbuf_clear(&maker->points);
	for (size_t i = 0; i < count && !err; i++)
		err = add_point(maker, &run, items[i].metric);
	if (err)
		return err;
	add_metric(maker, &run, &owner->metrics);
	owner->points += count;
	if (owner->metrics.len >= OTLP_BODY_SIZE)
		return put_out_owner(maker, owner);
	return owner->metrics.err;
}

static int add_runs(struct maker *maker, const Prometheus__MetricFamily *family,
		    const struct item *items)
{
	size_t first = 0;
	int err = 0;

	for (size_t i = 1; i <= family->n_metric && !err; i++) {
		if (i < family->n_metric && i - first < MAX_POINTS &&
		    items[i].owner == items[first].owner && items[i].rule == items[first].rule)
			continue;
		err = add_run(maker, family, items + first, i - first);
		first = i;
	}
	return err;
}

static int add_family(struct maker *maker, const Prometheus__MetricFamily *family)
{
	struct item *items;
	int err;

	if (!family->name)
		return -EPROTO;
	items = calloc(family->n_metric + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	err = fill_items(maker, family, items);
	if (!err)
		err = add_runs(maker, family, items);
	free(items);
	return err;
}

static int add_families(struct maker *maker)
{
	Prometheus__MetricFamily *family;
	struct family_reader reader;
	int ret, err = 0;

	family_reader_init(&reader, maker->source->page, maker->source->len);
	while (!err && (ret = family_reader_next(&reader, &family)) != 0) {
		if (ret < 0)
			return ret;
		err = add_family(maker, family);
		family_free(family);
	}
	return err;
}

static void nothing(void *owner)
{
	(void)owner;
}

int otlp_request_make(const struct otlp_source *source, otlp_body_fn fn, void *arg)
{
	struct maker maker = { .source = source, .fn = fn, .arg = arg };
	int err = add_families(&maker);

	if (!err)
		err = put_out_rest(&maker);
	tdestroy(maker.tree, nothing);
	for (size_t i = 0; i < maker.owner_count; i++)
		owner_free(maker.owners[i]);
	free(maker.owners);
	strbuf_free(&maker.scratch);
	strbuf_free(&maker.points);
	strbuf_free(&maker.metric);
	return err;
}

/* ---- counting ------------------------------------------------------------------------------------------------------ */

static int read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EPROTO;
}

/* The fields of MetricFamily: numbers, or with a length. */
static int count_metrics(const uint8_t *at, const uint8_t *end, uint64_t *count)
{
	uint64_t tag, value;

	while (at < end) {
		if (read_varint(&at, end, &tag) || read_varint(&at, end, &value))
			return -EPROTO;
		*count += tag == (4 << 3 | 2);
		if ((tag & 7) == 0)
			continue;
		if ((tag & 7) != 2 || value > (uint64_t)(end - at))
			return -EPROTO;
		at += value;
	}
	return 0;
}

uint64_t otlp_request_points(const void *page, size_t len)
{
	const uint8_t *at = page, *end = at + len;
	uint64_t count = 0, size;

	while (at < end) {
		if (read_varint(&at, end, &size) || size > (uint64_t)(end - at) ||
		    count_metrics(at, at + size, &count))
			return 0;
		at += size;
	}
	return count;
}
