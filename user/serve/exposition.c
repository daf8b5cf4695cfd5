/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/exposition.h"
#include <stdlib.h>
#include "serve/exposition_format.h"

static const struct exposition_ops *ops_of(const struct exposition *e)
{
	return e->format == EXPOSITION_PROTOBUF ? &exposition_protobuf : &exposition_text;
}

void exposition_init(struct exposition *e, enum exposition_format format, struct strbuf *out)
{
	*e = (struct exposition){
		.out = out,
		.format = format,
		.measuring = format == EXPOSITION_PROTOBUF,
	};
}

void exposition_free(struct exposition *e)
{
	free(e->lengths);
	strbuf_free(&e->scratch);
}

void exposition_measured(struct exposition *e)
{
	e->measuring = 0;
	e->next_length = 0;
}

const char *exposition_suffix(const struct family_head *family)
{
	switch (family->type) {
	case FAMILY_COUNTER:
		return "_total";
	case FAMILY_INFO:
		return "_info";
	case FAMILY_GAUGE:
	case FAMILY_HISTOGRAM:
		break;
	}
	return "";
}

void exposition_family(struct exposition *e, const struct family_head *family)
{
	e->family = family;
	e->begun = 0;
}

static void begin(struct exposition *e)
{
	if (e->begun)
		return;
	e->begun = 1;
	ops_of(e)->begin(e);
}

void exposition_sample(struct exposition *e, const char *labels, size_t labels_len,
		       const char *extra_name, const char *extra_value, uint64_t value)
{
	begin(e);
	ops_of(e)->sample(e, labels, labels_len, extra_name, extra_value, value);
}

void exposition_number(struct exposition *e, const char *labels, size_t labels_len, double value)
{
	begin(e);
	ops_of(e)->number(e, labels, labels_len, value);
}

void exposition_histogram(struct exposition *e, const char *labels, size_t labels_len,
			  const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns)
{
	begin(e);
	ops_of(e)->histogram(e, labels, labels_len, buckets, sum_ns);
}

void exposition_histogram_at(struct exposition *e, const char *labels, size_t labels_len,
			     const char *const *le, size_t count, const uint64_t *buckets,
			     uint64_t sum_billionths)
{
	begin(e);
	ops_of(e)->histogram_at(e, labels, labels_len, le, count, buckets, sum_billionths);
}

void exposition_end(struct exposition *e)
{
	ops_of(e)->end(e);
}
