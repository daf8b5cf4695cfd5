/* SPDX-License-Identifier: Apache-2.0 */
#include "top/trend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void trend_add(struct trend *trend, double number)
{
	trend->points[trend->next] = number;
	trend->next = (trend->next + 1) % TREND_POINTS;
	if (trend->count < TREND_POINTS)
		trend->count++;
}

double trend_at(const struct trend *trend, size_t back)
{
	if (back >= trend->count)
		return -1;
	return trend->points[(trend->next + TREND_POINTS - 1 - back) % TREND_POINTS];
}

static int compare_points(const void *a, const void *b)
{
	const struct trend_point *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int compare_key(const void *key, const void *item)
{
	const struct trend *trend = item;

	return strcmp(key, trend->key);
}

static struct trend *find(const struct trends *trends, const char *key)
{
	if (!trends->count)
		return NULL;
	return bsearch(key, trends->items, trends->count, sizeof(*trends->items), compare_key);
}

const struct trend *trends_find(const struct trends *trends, const char *key)
{
	return find(trends, key);
}

void trends_free(struct trends *trends)
{
	for (size_t i = 0; i < trends->count; i++)
		free(trends->items[i].key);
	free(trends->items);
	*trends = (struct trends){ 0 };
}

/* All that can fail, before anything is taken from the old ones. */
static int copy_keys(struct trends *now, const struct trend_point *points, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct trend *trend = &now->items[now->count];

		if (i && !strcmp(points[i].key, points[i - 1].key))
			continue;
		trend->key = strdup(points[i].key);
		if (!trend->key)
			return -ENOMEM;
		trend_add(trend, points[i].number);
		now->count++;
	}
	return 0;
}

static void continue_old(struct trend *trend, const struct trend *old)
{
	double number = trend_at(trend, 0);

	if (!old)
		return;
	memcpy(trend->points, old->points, sizeof(trend->points));
	trend->count = old->count;
	trend->next = old->next;
	trend_add(trend, number);
}

int trends_update(struct trends *trends, struct trend_point *points, size_t count)
{
	struct trends now = { .items = calloc(count + 1, sizeof(*now.items)) };

	if (!now.items)
		return -ENOMEM;
	if (count)
		qsort(points, count, sizeof(*points), compare_points);
	if (copy_keys(&now, points, count)) {
		trends_free(&now);
		return -ENOMEM;
	}
	for (size_t i = 0; i < now.count; i++)
		continue_old(&now.items[i], find(trends, now.items[i].key));
	trends_free(trends);
	*trends = now;
	return 0;
}
