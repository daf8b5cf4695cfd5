/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_TREND_H
#define TAPMETER_TOP_TREND_H
/*
 * What a number was in the last readings, for each of many rows. A row that is missing in a reading is
 * forgotten. Pure. One thread.
 */
#include <stddef.h>

#define TREND_POINTS 64

struct trend {
	char *key; /* the row's */
	size_t count; /* points there are */
	size_t next; /* where the next one goes */
	double points[TREND_POINTS]; /* negative = not known */
};

/* All zero = none yet. Sorted by key. */
struct trends {
	struct trend *items;
	size_t count;
};

/* A row's number now; negative = not known. The key is copied. */
struct trend_point {
	const char *key;
	double number;
};

void trend_add(struct trend *trend, double number);
/* The point `back` readings ago, 0 = the newest; negative if there is none, or it is not known. */
double trend_at(const struct trend *trend, size_t back);

/*
 * The rows of a new reading, which are put into order by this. Pointers into `trends` are void
 * afterwards. -ENOMEM: nothing has changed.
 */
int trends_update(struct trends *trends, struct trend_point *points, size_t count);
/* NULL = no such row. */
const struct trend *trends_find(const struct trends *trends, const char *key);
void trends_free(struct trends *trends);

#endif
