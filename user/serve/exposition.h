/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EXPOSITION_H
#define TAPMETER_SERVE_EXPOSITION_H
/*
 * The syntax of Prometheus' text format 0.0.4, of OpenMetrics 1.0 and of Prometheus' protobuf format:
 * one writer for all, which knows nothing of what is measured. A family is begun, then gets its
 * samples; one without samples leaves no trace.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "util/strbuf.h"

enum exposition_format {
	EXPOSITION_TEXT,
	EXPOSITION_OPENMETRICS,
	EXPOSITION_PROTOBUF, /* each family behind its length; the only one with native histograms */
};

enum family_type {
	FAMILY_COUNTER,
	FAMILY_GAUGE,
	FAMILY_HISTOGRAM,
	FAMILY_INFO, /* a gauge with the value 1 in the text format */
};

struct family_head {
	const char *name; /* as OpenMetrics has it: without _total or _info */
	enum family_type type;
	const char *unit; /* "" = none. Values of families in "seconds" are given in nanoseconds */
	const char *help;
};

/* Where in the output we are. Start with exposition_init(). */
struct exposition {
	struct strbuf *out;
	enum exposition_format format;
	const struct family_head *family;
	int begun; /* the family has got samples */
	int measuring;
	/* of the families that have samples, in their order: their lengths */
	size_t *lengths;
	size_t length_count, length_room;
	size_t next_length;
	struct strbuf scratch;
};

void exposition_init(struct exposition *e, enum exposition_format format, struct strbuf *out);
void exposition_free(struct exposition *e);
/*
 * A format that says a family's length before the family needs the page written twice, the same each
 * time. Where this is so after exposition_init(), `measuring` is set: nothing goes to `out` until
 * exposition_measured() is called, and then the page begins anew.
 */
void exposition_measured(struct exposition *e);
void exposition_family(struct exposition *e, const struct family_head *family);
/*
 * One sample of the family. `labels` (a="1",b="2"; valid and escaped) may be empty; one label more
 * is added to them unless extra_name is NULL; its value is taken as it is, too.
 */
void exposition_sample(struct exposition *e, const char *labels, size_t labels_len,
		       const char *extra_name, const char *extra_value, uint64_t value);
/* The same of a gauge with any value; infinite and not a number are shown as such. */
void exposition_number(struct exposition *e, const char *labels, size_t labels_len, double value);
/*
 * All samples of one histogram. `buckets` are ours, not cumulative: quarter powers of two,
 * tapmeter/abi.h. The classic form shows the bounds 2^k seconds, k = -23 … 7, and +Inf; the native
 * form, all of ours, schema 2.
 */
void exposition_histogram(struct exposition *e, const char *labels, size_t labels_len,
			  const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns);
#define EXPOSITION_MAX_BOUNDS 64
/*
 * All samples of a histogram with other bounds, at most EXPOSITION_MAX_BOUNDS, given as they are shown; `buckets`: one
 * more than bounds, not cumulative. The sum is given in billionths of its unit. Only the classic form.
 */
void exposition_histogram_at(struct exposition *e, const char *labels, size_t labels_len,
			     const char *const *le, size_t count, const uint64_t *buckets,
			     uint64_t sum_billionths);
/* Ends the page. */
void exposition_end(struct exposition *e);

#endif
