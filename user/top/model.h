/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_MODEL_H
#define TAPMETER_TOP_MODEL_H
/* All that is known from the readings until now. Pure: readings in, sheets out. One thread. */
#include <time.h>
#include "top/kernels.h"
#include "top/reading.h"
#include "top/sheet.h"
#include "top/streams.h"

/* One view's rows: those of the last reading that had them. */
struct model_view {
	struct sheet *sheet; /* NULL = not read yet */
	double sampled_at; /* Unix time, seconds */
	char why[READING_ERR_LEN]; /* why the last reading does not have it; "" = it has */
	struct trends trends;
};

/* Is anybody there? */
struct model_link {
	int lost; /* no answer */
	time_t lost_at;
	char why[READING_ERR_LEN];
	time_t back_at; /* when it answered again; 0 = it never was lost */
	time_t away; /* seconds for which there was no answer */
};

struct model {
	double max_gap; /* seconds; rates are not computed over more */
	struct model_view views[PART_COUNT];
	struct streams_before before;
	struct totals totals;
	struct trend total; /* messages per second of all kernels */
	struct model_link link;
};

/* Takes a reading, and frees it. `now` is the time it is. -ENOMEM: all is as before. */
int model_take(struct model *model, struct reading *reading, time_t now);
void model_free(struct model *model);

#endif
