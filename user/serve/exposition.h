/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EXPOSITION_H
#define TAPMETER_SERVE_EXPOSITION_H
/*
 * The syntax of Prometheus' text format 0.0.4 and of OpenMetrics 1.0: one writer for both, which
 * knows nothing of what is measured. A family is begun, then gets its samples; one without samples
 * leaves no trace.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "util/strbuf.h"

enum exposition_format {
	EXPOSITION_TEXT,
	EXPOSITION_OPENMETRICS,
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

/* Where in the output we are. Start with { .out = …, .format = … }. */
struct exposition {
	struct strbuf *out;
	enum exposition_format format;
	/* if not NULL: called each time that some 100 KiB have come together, to take them away */
	void (*drain)(void *arg, struct strbuf *out);
	void *drain_arg;
	const struct family_head *family;
	int begun; /* the family's head is written */
};

void exposition_family(struct exposition *e, const struct family_head *family);
/*
 * One sample of the family. `labels` (a="1",b="2"; valid and escaped) may be empty; one label more
 * is added to them unless extra_name is NULL; its value is taken as it is, too.
 */
void exposition_sample(struct exposition *e, const char *labels, size_t labels_len,
		       const char *extra_name, const char *extra_value, uint64_t value);
/*
 * All samples of one histogram. `buckets` are ours, not cumulative: quarter powers of two,
 * tapmeter/abi.h; shown are the bounds 2^k seconds, k = -23 … 7, and +Inf.
 */
void exposition_histogram(struct exposition *e, const char *labels, size_t labels_len,
			  const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns);
/*
 * All samples of a histogram with other bounds, given as they are shown; `buckets`: one more than bounds, not
 * cumulative. The sum is given in a billionth of its unit.
 */
void exposition_histogram_at(struct exposition *e, const char *labels, size_t labels_len,
			     const char *const *le, size_t count, const uint64_t *buckets,
			     uint64_t sum_billionths);
/* Ends the page and drains what is left. */
void exposition_end(struct exposition *e);

#endif
