/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' protobuf format: one message MetricFamily after the other, each behind its length. A
 * family may have thousands of metrics, so it never lies in memory as a whole: its length comes from
 * a first pass, in which protobuf-c only measures; then its head and its metrics are written one by
 * one, which to protobuf is the same as if they had been written together.
 *
 * A histogram is there in both forms. Native schema 2 has the bounds 2^(i/4), which are ours, so that
 * the native buckets are our counts as they are. Two of ours have no such bucket:
 *
 * - the first one, all up to the lowest bound, 2^-23 s: this is what the zero bucket of that threshold
 *   counts;
 * - the last one, all above the highest bound, 2^7 s. A native bucket without an upper bound is only
 *   the one for +Inf, and there it is counted: the number of calls is right, and a quantile among
 *   these says +Inf, "not known", instead of a time that nobody has measured. The classic form
 *   counts them the same way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "metrics.pb-c.h"
#include "serve/exposition_format.h"
#include "serve/exposition_native.h"

#define MAX_LABELS 32
#define LENGTH_DELIMITED 2u /* the wire type of messages */
#define METRIC_FIELD 4u /* of MetricFamily */
#define METRIC_TAG ((char)(METRIC_FIELD << 3 | LENGTH_DELIMITED))

#define ZERO_THRESHOLD 0x1p-23
/* So many empty buckets between two others are cheaper than another span. */
#define BRIDGED 2

/* ---- the wire ---- */

static size_t varint_len(size_t n)
{
	size_t len = 1;

	while (n >>= 7)
		len++;
	return len;
}

static void add_varint(struct strbuf *out, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		strbuf_addch(out, (char)(n | 0x80));
	strbuf_addch(out, (char)n);
}

static void add_message(struct strbuf *out, const ProtobufCMessage *message, size_t len)
{
	if (strbuf_reserve(out, len))
		return;
	protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
	out->len += len;
	out->data[out->len] = '\0';
}

/* ---- families ---- */

static Prometheus__MetricType type_of(const struct family_head *family)
{
	switch (family->type) {
	case FAMILY_COUNTER:
		return PROMETHEUS__METRIC_TYPE__COUNTER;
	case FAMILY_HISTOGRAM:
		return PROMETHEUS__METRIC_TYPE__HISTOGRAM;
	case FAMILY_GAUGE:
	case FAMILY_INFO:
		break;
	}
	return PROMETHEUS__METRIC_TYPE__GAUGE;
}

/* The first sample has come: a length begins to be added up. */
static void begin_length(struct exposition *e, size_t head_len)
{
	if (e->length_count == e->length_room) {
		size_t room = e->length_room ? e->length_room * 2 : 64;
		size_t *lengths = reallocarray(e->lengths, room, sizeof(*lengths));

		if (!lengths) {
			e->out->err = -ENOMEM;
			return;
		}
		e->lengths = lengths;
		e->length_room = room;
	}
	e->lengths[e->length_count++] = head_len;
}

static void begin(struct exposition *e)
{
	Prometheus__MetricFamily head = PROMETHEUS__METRIC_FAMILY__INIT;
	size_t len;

	strbuf_clear(&e->scratch);
	strbuf_addstr(&e->scratch, e->family->name);
	strbuf_addstr(&e->scratch, exposition_suffix(e->family));
	if (e->scratch.err) {
		e->out->err = e->scratch.err;
		return;
	}
	head.name = e->scratch.data;
	head.help = (char *)(uintptr_t)e->family->help;
	head.has_type = 1;
	head.type = type_of(e->family);
	if (*e->family->unit)
		head.unit = (char *)(uintptr_t)e->family->unit;
	len = protobuf_c_message_get_packed_size(&head.base);
	if (e->measuring) {
		begin_length(e, len);
		return;
	}
	if (e->next_length == e->length_count) { /* more than were measured */
		e->out->err = -EINVAL;
		return;
	}
	add_varint(e->out, e->lengths[e->next_length++]);
	add_message(e->out, &head.base, len);
}

/* ---- labels ---- */

struct labels {
	Prometheus__LabelPair pairs[MAX_LABELS];
	Prometheus__LabelPair *pointers[MAX_LABELS];
	size_t count;
};

static int add_label(struct labels *labels, const char *name, const char *value)
{
	Prometheus__LabelPair *pair = &labels->pairs[labels->count];

	if (labels->count == MAX_LABELS)
		return -E2BIG;
	*pair = (Prometheus__LabelPair)PROMETHEUS__LABEL_PAIR__INIT;
	pair->name = (char *)(uintptr_t)name;
	pair->value = (char *)(uintptr_t)value;
	labels->pointers[labels->count++] = pair;
	return 0;
}

/* Takes the escapes out of a value, in place, up to its closing quote, where it then ends. */
static char *unescape(char *text)
{
	char *to = text;

	for (; *text && *text != '"'; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			*to++ = *text == 'n' ? '\n' : *text;
		} else {
			*to++ = *text;
		}
	}
	if (*text)
		text++;
	*to = '\0';
	return text;
}

/* The text a="1",b="2" into pairs, which lie in e->scratch. */
static int read_labels(struct exposition *e, const char *text, size_t len, struct labels *labels)
{
	char *p;
	int err = 0;

	strbuf_clear(&e->scratch);
	strbuf_add(&e->scratch, text, len);
	p = e->scratch.data;
	if (e->scratch.err)
		return e->scratch.err;
	while (*p && !err) {
		char *name = p, *value = strchr(p, '=');

		if (!value || value[1] != '"')
			return -EINVAL;
		*value = '\0';
		value += 2;
		p = unescape(value);
		err = add_label(labels, name, value);
		if (*p == ',')
			p++;
	}
	return err;
}

/* ---- samples ---- */

static double value_of(const struct exposition *e, uint64_t value)
{
	return !strcmp(e->family->unit, "seconds") ? (double)value / 1e9 : (double)value;
}

static void add_metric(struct exposition *e, Prometheus__Metric metric, const char *labels_text,
		       size_t labels_len, const char *extra_name, const char *extra_value)
{
	struct labels labels;
	size_t len;
	int err;

	labels.count = 0;
	err = read_labels(e, labels_text, labels_len, &labels);
	if (!err && extra_name)
		err = add_label(&labels, extra_name, extra_value);
	if (err || e->out->err) {
		e->out->err = e->out->err ? e->out->err : err;
		return;
	}
	metric.n_label = labels.count;
	metric.label = labels.pointers;
	len = protobuf_c_message_get_packed_size(&metric.base);
	if (e->measuring) {
		e->lengths[e->length_count - 1] += 1 + varint_len(len) + len;
		return;
	}
	strbuf_addch(e->out, METRIC_TAG);
	add_varint(e->out, len);
	add_message(e->out, &metric.base, len);
}

static void sample(struct exposition *e, const char *labels, size_t labels_len,
		   const char *extra_name, const char *extra_value, uint64_t value)
{
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__Counter counter = PROMETHEUS__COUNTER__INIT;
	Prometheus__Gauge gauge = PROMETHEUS__GAUGE__INIT;

	if (e->family->type == FAMILY_COUNTER) {
		counter.has_value = 1;
		counter.value = value_of(e, value);
		metric.counter = &counter;
	} else {
		gauge.has_value = 1;
		gauge.value = value_of(e, value);
		metric.gauge = &gauge;
	}
	add_metric(e, metric, labels, labels_len, extra_name, extra_value);
}

/* ---- histograms ---- */

struct classic {
	Prometheus__Bucket buckets[CLASSIC_BOUNDS];
	Prometheus__Bucket *pointers[CLASSIC_BOUNDS];
};

/* Returns the number of all calls; +Inf, which that is, may be left out. */
static uint64_t fill_classic(struct classic *classic, const uint64_t buckets[TM_HIST_BUCKETS])
{
	double bound = ZERO_THRESHOLD;
	uint64_t total = 0;
	size_t inner = 0;

	for (size_t i = 0; i < CLASSIC_BOUNDS; i++, bound *= 2) {
		for (; inner <= i * INNER_PER_CLASSIC; inner++)
			total += buckets[inner];
		classic->buckets[i] = (Prometheus__Bucket)PROMETHEUS__BUCKET__INIT;
		classic->buckets[i].has_cumulative_count = 1;
		classic->buckets[i].cumulative_count = total;
		classic->buckets[i].has_upper_bound = 1;
		classic->buckets[i].upper_bound = bound;
		classic->pointers[i] = &classic->buckets[i];
	}
	return total + buckets[TM_HIST_BOUNDS];
}

/* A span takes at least one bucket and what lies before it; one more is that of +Inf. */
#define MAX_SPANS (TM_HIST_BUCKETS / (BRIDGED + 2) + 2)

struct native {
	Prometheus__BucketSpan spans[MAX_SPANS];
	Prometheus__BucketSpan *pointers[MAX_SPANS];
	size_t span_count;
	int64_t deltas[TM_HIST_BUCKETS];
	size_t delta_count;
	int next_index; /* behind the last span */
	uint64_t last; /* the count of the last bucket */
};

static void add_bucket(struct native *native, int index, uint64_t count)
{
	Prometheus__BucketSpan *span;

	if (!native->span_count || index != native->next_index) {
		span = &native->spans[native->span_count];
		*span = (Prometheus__BucketSpan)PROMETHEUS__BUCKET_SPAN__INIT;
		span->has_offset = 1;
		span->offset = index - native->next_index;
		span->has_length = 1;
		native->pointers[native->span_count++] = span;
	}
	native->spans[native->span_count - 1].length++;
	native->deltas[native->delta_count++] = (int64_t)(count - native->last);
	native->last = count;
	native->next_index = index + 1;
}

static void fill_native(struct native *native, const uint64_t buckets[TM_HIST_BUCKETS])
{
	native->span_count = native->delta_count = 0;
	native->next_index = 0;
	native->last = 0;
	for (int i = 1; i < TM_HIST_BOUNDS; i++) {
		int index = NATIVE_FIRST_INDEX + i;

		if (!buckets[i])
			continue;
		while (native->span_count && index > native->next_index &&
		       index - native->next_index <= BRIDGED)
			add_bucket(native, native->next_index, 0);
		add_bucket(native, index, buckets[i]);
	}
	if (buckets[TM_HIST_BOUNDS])
		add_bucket(native, NATIVE_INFINITE_INDEX, buckets[TM_HIST_BOUNDS]);
}

static void histogram(struct exposition *e, const char *labels, size_t labels_len,
		      const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns)
{
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__Histogram message = PROMETHEUS__HISTOGRAM__INIT;
	struct classic classic;
	struct native native;

	message.has_sample_count = 1;
	message.sample_count = fill_classic(&classic, buckets);
	message.has_sample_sum = 1;
	message.sample_sum = value_of(e, sum_ns);
	message.n_bucket = CLASSIC_BOUNDS;
	message.bucket = classic.pointers;
	fill_native(&native, buckets);
	message.has_schema = 1;
	message.schema = NATIVE_SCHEMA;
	message.has_zero_threshold = 1;
	message.zero_threshold = ZERO_THRESHOLD;
	message.has_zero_count = 1;
	message.zero_count = buckets[0];
	message.n_positive_span = native.span_count;
	message.positive_span = native.pointers;
	message.n_positive_delta = native.delta_count;
	message.positive_delta = native.deltas;
	metric.histogram = &message;
	add_metric(e, metric, labels, labels_len, NULL, NULL);
}

static void histogram_at(struct exposition *e, const char *labels, size_t labels_len,
			 const char *const *le, size_t count, const uint64_t *buckets,
			 uint64_t sum_billionths)
{
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__Histogram message = PROMETHEUS__HISTOGRAM__INIT;
	Prometheus__Bucket bounds[EXPOSITION_MAX_BOUNDS], *pointers[EXPOSITION_MAX_BOUNDS];
	uint64_t total = 0;

	for (size_t i = 0; i < count && i < EXPOSITION_MAX_BOUNDS; i++) {
		total += buckets[i];
		bounds[i] = (Prometheus__Bucket)PROMETHEUS__BUCKET__INIT;
		bounds[i].has_cumulative_count = 1;
		bounds[i].cumulative_count = total;
		bounds[i].has_upper_bound = 1;
		bounds[i].upper_bound = strtod(le[i], NULL);
		pointers[i] = &bounds[i];
	}
	message.has_sample_count = 1;
	message.sample_count = total + buckets[count];
	message.has_sample_sum = 1;
	message.sample_sum = (double)sum_billionths / 1e9;
	message.n_bucket = count;
	message.bucket = pointers;
	metric.histogram = &message;
	add_metric(e, metric, labels, labels_len, NULL, NULL);
}

static void end(struct exposition *e)
{
	(void)e;
}

const struct exposition_ops exposition_protobuf = { begin, sample, histogram, histogram_at, end };
