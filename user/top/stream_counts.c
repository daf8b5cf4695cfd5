/* SPDX-License-Identifier: Apache-2.0 */
#include "top/stream_counts.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "util/strbuf.h"

/* Seconds by which a stream may have aged more or less than the clock says: clocks are adjusted. */
#define AGE_TOLERANCE 0.1

static const char *const names[COUNT_COUNT] = {
	[COUNT_MESSAGES] = "messages",	       [COUNT_BYTES] = "bytes",
	[COUNT_FAILURES] = "failures",	       [COUNT_FRAMES] = "frames",
	[COUNT_CALL_SECONDS] = "call_seconds",
};

static char *make_key(const json_t *stream)
{
	const char *operation = json_string_value(json_object_get(stream, "operation"));
	const char *object = json_string_value(json_object_get(stream, "object"));
	struct strbuf key = STRBUF_INIT;

	strbuf_addf(&key, "%lld/%lld/%s/%s",
		    (long long)json_integer_value(json_object_get(stream, "slot")),
		    (long long)json_integer_value(json_object_get(stream, "pid")),
		    operation ? operation : "", object ? object : "");
	if (!key.err)
		return key.data;
	strbuf_free(&key);
	return NULL;
}

static double number_of(const json_t *stream, const char *name)
{
	return json_number_value(json_object_get(stream, name));
}

static int compare(const void *a, const void *b)
{
	const struct stream_counts *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int read_page(const json_t *page, struct stream_counts *items, size_t *count)
{
	const json_t *streams = json_object_get(page, "streams");

	for (size_t i = 0; i < json_array_size(streams); i++) {
		struct stream_counts *counts = &items[*count];
		json_t *stream = json_array_get(streams, i);

		if (!json_is_object(stream))
			continue;
		counts->key = make_key(stream);
		if (!counts->key)
			return -ENOMEM;
		(*count)++;
		counts->json = stream;
		counts->sampled_at = number_of(page, "sampled_at");
		counts->age = number_of(stream, "age_seconds");
		for (enum count c = 0; c < COUNT_COUNT; c++)
			counts->numbers[c] = number_of(stream, names[c]);
	}
	return 0;
}

int stream_counts_read(const json_t *pages, struct stream_counts **out, size_t *count)
{
	struct stream_counts *items;
	size_t total = 0, found = 0;
	int err = 0;

	for (size_t i = 0; i < json_array_size(pages); i++)
		total += json_array_size(json_object_get(json_array_get(pages, i), "streams"));
	items = calloc(total + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(pages) && !err; i++)
		err = read_page(json_array_get(pages, i), items, &found);
	if (err) {
		stream_counts_free(items, found);
		return err;
	}
	if (found)
		qsort(items, found, sizeof(*items), compare);
	*out = items;
	*count = found;
	return 0;
}

void stream_counts_free(struct stream_counts *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i].key);
	free(items);
}

const struct stream_counts *stream_counts_same(const struct stream_counts *items, size_t count,
					       const struct stream_counts *now)
{
	const struct stream_counts *before =
		count ? bsearch(now, items, count, sizeof(*items), compare) : NULL;
	double aged, passed;

	if (!before)
		return NULL;
	aged = now->age - before->age;
	passed = now->sampled_at - before->sampled_at;
	if (!(aged > 0) || fabs(aged - passed) > AGE_TOLERANCE)
		return NULL;
	for (enum count c = 0; c < COUNT_COUNT; c++)
		if (now->numbers[c] < before->numbers[c])
			return NULL;
	return before;
}

double stream_counts_rate(const struct stream_counts *before, const struct stream_counts *now,
			  const char *name)
{
	enum count c = 0;

	while (c < COUNT_COUNT && strcmp(names[c], name) != 0)
		c++;
	return c < COUNT_COUNT ? (now->numbers[c] - before->numbers[c]) / (now->age - before->age) :
				 NAN;
}
