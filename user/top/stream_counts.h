/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_STREAM_COUNTS_H
#define TAPMETER_TOP_STREAM_COUNTS_H
/* Streams' counters in one reading, and what lies between two. Pure. One thread. */
#include <jansson.h>
#include <stddef.h>

enum count {
	COUNT_MESSAGES,
	COUNT_BYTES,
	COUNT_FAILURES,
	COUNT_FRAMES,
	COUNT_CALL_SECONDS,
	COUNT_COUNT,
};

struct stream_counts {
	char *key; /* slot, process, operation, object */
	json_t *json; /* borrowed from the reading; dangles once that is gone */
	double sampled_at; /* Unix time, seconds */
	double age; /* seconds since the stream began */
	double numbers[COUNT_COUNT];
};

/* All streams of all pages, sorted by key. What is no stream is left out. -ENOMEM. */
int stream_counts_read(const json_t *pages, struct stream_counts **out, size_t *count);
void stream_counts_free(struct stream_counts *items, size_t count);
/*
 * The same stream in an earlier reading; NULL if it is not there, has begun anew since (its slot may have been given
 * to another one), or nothing was read since.
 */
const struct stream_counts *stream_counts_same(const struct stream_counts *items, size_t count,
					       const struct stream_counts *now);
/* Per second, of a counter by its name in the API. */
double stream_counts_rate(const struct stream_counts *before, const struct stream_counts *now,
			  const char *name);

#endif
