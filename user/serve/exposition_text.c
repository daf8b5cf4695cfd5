/* SPDX-License-Identifier: Apache-2.0 */
/* The two text formats: 0.0.4 and OpenMetrics 1.0. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve/exposition_format.h"

/*
 * 2^k seconds, k = -23 … 7: exact, and as short as they can be without another number coming
 * nearer; this is also OpenMetrics' canonical form. Whole numbers have a ".0" there, and by custom
 * none in the older format.
 */
#define LE(text)                       \
	{                              \
		text, sizeof(text) - 1 \
	}
static const struct le {
	const char *text;
	size_t len;
} bounds[CLASSIC_BOUNDS] = {
	LE("1.1920928955078125e-07"),
	LE("2.384185791015625e-07"),
	LE("4.76837158203125e-07"),
	LE("9.5367431640625e-07"),
	LE("1.9073486328125e-06"),
	LE("3.814697265625e-06"),
	LE("7.62939453125e-06"),
	LE("1.52587890625e-05"),
	LE("3.0517578125e-05"),
	LE("6.103515625e-05"),
	LE("0.0001220703125"),
	LE("0.000244140625"),
	LE("0.00048828125"),
	LE("0.0009765625"),
	LE("0.001953125"),
	LE("0.00390625"),
	LE("0.0078125"),
	LE("0.015625"),
	LE("0.03125"),
	LE("0.0625"),
	LE("0.125"),
	LE("0.25"),
	LE("0.5"),
	LE("1.0"),
	LE("2.0"),
	LE("4.0"),
	LE("8.0"),
	LE("16.0"),
	LE("32.0"),
	LE("64.0"),
	LE("128.0"),
};
#define FIRST_WHOLE_BOUND 23
#define MAX_LE_LEN 22

static const char *type_name(const struct exposition *e)
{
	switch (e->family->type) {
	case FAMILY_COUNTER:
		return "counter";
	case FAMILY_HISTOGRAM:
		return "histogram";
	case FAMILY_INFO:
		return e->format == EXPOSITION_OPENMETRICS ? "info" : "gauge";
	case FAMILY_GAUGE:
		break;
	}
	return "gauge";
}

static void add_comment(struct exposition *e, const char *keyword, const char *text)
{
	strbuf_addstr(e->out, keyword);
	strbuf_addstr(e->out, e->family->name);
	/* the older format describes samples, OpenMetrics families */
	if (e->format == EXPOSITION_TEXT)
		strbuf_addstr(e->out, exposition_suffix(e->family));
	strbuf_addch(e->out, ' ');
	strbuf_addstr(e->out, text);
	strbuf_addch(e->out, '\n');
}

static void begin(struct exposition *e)
{
	if (e->format == EXPOSITION_TEXT)
		add_comment(e, "# HELP ", e->family->help);
	add_comment(e, "# TYPE ", type_name(e));
	if (e->format == EXPOSITION_TEXT)
		return;
	if (*e->family->unit)
		add_comment(e, "# UNIT ", e->family->unit);
	add_comment(e, "# HELP ", e->family->help);
}

static void add_value(struct exposition *e, uint64_t value)
{
	if (!strcmp(e->family->unit, "seconds"))
		strbuf_add_seconds(e->out, value);
	else
		strbuf_addu64(e->out, value);
}

/* name{labels,extra="value"} and the blank */
static void add_name(struct exposition *e, const char *suffix, const char *labels,
		     size_t labels_len, const char *extra_name, const char *extra_value)
{
	strbuf_addstr(e->out, e->family->name);
	strbuf_addstr(e->out, suffix);
	if (labels_len || extra_name) {
		strbuf_addch(e->out, '{');
		strbuf_add(e->out, labels, labels_len);
		if (labels_len && extra_name)
			strbuf_addch(e->out, ',');
		if (extra_name) {
			strbuf_addstr(e->out, extra_name);
			strbuf_add(e->out, "=\"", 2);
			strbuf_addstr(e->out, extra_value);
			strbuf_addch(e->out, '"');
		}
		strbuf_addch(e->out, '}');
	}
	strbuf_addch(e->out, ' ');
}

static void sample(struct exposition *e, const char *labels, size_t labels_len,
		   const char *extra_name, const char *extra_value, uint64_t value)
{
	add_name(e, exposition_suffix(e->family), labels, labels_len, extra_name, extra_value);
	add_value(e, value);
	strbuf_addch(e->out, '\n');
}

/* The shortest decimal that is read as the same number. */
static void add_number(struct strbuf *out, double value)
{
	char text[32];
	int digits = 15;

	if (isnan(value)) {
		strbuf_addstr(out, "NaN");
	} else if (isinf(value)) {
		strbuf_addstr(out, value > 0 ? "+Inf" : "-Inf");
	} else {
		do
			snprintf(text, sizeof(text), "%.*g", digits, value);
		while (digits++ < 17 && (strtod(text, NULL) < value || strtod(text, NULL) > value));
		strbuf_addstr(out, text);
	}
}

static void number(struct exposition *e, const char *labels, size_t labels_len, double value)
{
	add_name(e, "", labels, labels_len, NULL, NULL);
	add_number(e->out, value);
	strbuf_addch(e->out, '\n');
}

/*
 * The lines of the bounds are nine tenths of a big page: their common beginning is made once per
 * series and only copied from then on.
 */
static uint64_t add_buckets(struct exposition *e, const char *labels, size_t labels_len,
			    const uint64_t buckets[TM_HIST_BUCKETS])
{
	size_t start = e->out->len, head_len, inner = 0;
	uint64_t total = 0;
	char *p;

	add_name(e, "_bucket", labels, labels_len, "le", "");
	head_len = e->out->len - start - strlen("\"} ");
	if (strbuf_reserve(e->out, (head_len + MAX_LE_LEN + STRBUF_U64_MAX + 4) * CLASSIC_BOUNDS))
		return 0;
	p = e->out->data + start + head_len;
	for (size_t i = 0; i < CLASSIC_BOUNDS; i++) {
		size_t le_len = bounds[i].len;

		if (i >= FIRST_WHOLE_BOUND && e->format == EXPOSITION_TEXT)
			le_len -= strlen(".0");
		for (; inner <= i * INNER_PER_CLASSIC; inner++)
			total += buckets[inner];
		if (i)
			p = (char *)memcpy(p, e->out->data + start, head_len) + head_len;
		p = (char *)memcpy(p, bounds[i].text, le_len) + le_len;
		p = (char *)memcpy(p, "\"} ", 3) + 3;
		p += strbuf_format_u64(p, total);
		*p++ = '\n';
	}
	*p = '\0';
	e->out->len = (size_t)(p - e->out->data);
	return total + buckets[TM_HIST_BOUNDS];
}

static void add_bucket(struct exposition *e, const char *labels, size_t labels_len, const char *le,
		       uint64_t count)
{
	add_name(e, "_bucket", labels, labels_len, "le", le);
	strbuf_addu64(e->out, count);
	strbuf_addch(e->out, '\n');
}

static void add_count(struct exposition *e, const char *labels, size_t labels_len, uint64_t count)
{
	add_name(e, "_count", labels, labels_len, NULL, NULL);
	strbuf_addu64(e->out, count);
	strbuf_addch(e->out, '\n');
}

static void histogram_at(struct exposition *e, const char *labels, size_t labels_len,
			 const char *const *le, size_t count, const uint64_t *buckets,
			 uint64_t sum_billionths)
{
	uint64_t total = 0;

	for (size_t i = 0; i <= count; i++) {
		total += buckets[i];
		add_bucket(e, labels, labels_len, i < count ? le[i] : "+Inf", total);
	}
	add_name(e, "_sum", labels, labels_len, NULL, NULL);
	strbuf_add_seconds(e->out, sum_billionths);
	strbuf_addch(e->out, '\n');
	add_count(e, labels, labels_len, total);
}

static void histogram(struct exposition *e, const char *labels, size_t labels_len,
		      const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns)
{
	uint64_t count = add_buckets(e, labels, labels_len, buckets);

	add_bucket(e, labels, labels_len, "+Inf", count);
	add_name(e, "_sum", labels, labels_len, NULL, NULL);
	add_value(e, sum_ns);
	strbuf_addch(e->out, '\n');
	add_count(e, labels, labels_len, count);
}

static void end(struct exposition *e)
{
	if (e->format == EXPOSITION_OPENMETRICS)
		strbuf_addstr(e->out, "# EOF\n");
}

const struct exposition_ops exposition_text = {
	begin, sample, number, histogram, histogram_at, end
};
