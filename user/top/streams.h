/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_STREAMS_H
#define TAPMETER_TOP_STREAMS_H
/*
 * The view of the streams. The API has their counters since they began; rates are computed here, from two
 * readings. Pure. One thread.
 */
#include "top/sheet.h"
#include "top/trend.h"

/* What the reading before said. All zero = there is none. */
struct streams_before {
	struct stream_counts *items; /* sorted */
	size_t count;
};

/*
 * From the array of pages of /api/v1/streams. Rates are `before`'s difference; then this reading takes its
 * place, and trends (messages per second) go on. -ENOMEM.
 */
int streams_sheet(json_t *pages, struct streams_before *before, struct trends *trends,
		  struct sheet **out);
void streams_before_free(struct streams_before *before);

#endif
