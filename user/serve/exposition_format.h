/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EXPOSITION_FORMAT_H
#define TAPMETER_SERVE_EXPOSITION_FORMAT_H
/* What a format is to exposition.c. For the formats' own files only. */
#include "serve/exposition.h"

struct exposition_ops {
	void (*begin)(struct exposition *e); /* before the first sample of a family */
	void (*sample)(struct exposition *e, const char *labels, size_t labels_len,
		       const char *extra_name, const char *extra_value, uint64_t value);
	void (*number)(struct exposition *e, const char *labels, size_t labels_len, double value);
	void (*histogram)(struct exposition *e, const char *labels, size_t labels_len,
			  const uint64_t buckets[TM_HIST_BUCKETS], uint64_t sum_ns);
	void (*histogram_at)(struct exposition *e, const char *labels, size_t labels_len,
			     const char *const *le, size_t count, const uint64_t *buckets,
			     uint64_t sum_billionths);
	void (*end)(struct exposition *e);
};

extern const struct exposition_ops exposition_text, exposition_protobuf;

/* What follows the family's name in its samples' names, but for those of histograms. */
const char *exposition_suffix(const struct family_head *family);

/* The classic bounds, 2^k seconds, and how many of our buckets each one adds to the one before. */
#define CLASSIC_BOUNDS 31
#define CLASSIC_FIRST (-23)
#define INNER_PER_CLASSIC 4 /* our bounds are at quarter powers */
_Static_assert((CLASSIC_BOUNDS - 1) * INNER_PER_CLASSIC + 1 == TM_HIST_BOUNDS, "classic bounds");

#endif
