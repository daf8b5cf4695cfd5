/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is an array of series sorted by their labels. A look-up is a binary search (14
 * comparisons among 16 000 series), a new series moves half the array: microseconds, paid once per
 * new stream. In return the order that every snapshot needs is always there, and no choice of
 * labels makes it slow, as one that aims at the buckets of a hash table would.
 *
 * Endpoints under the cap are places: one per (kernel, endpoint), in a sorted array of the same
 * kind, held by the series that carry it and free again when the last of these expires.
 */
#include "store/series_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/arena.h"
#include "store/labels.h"

static const char capped_endpoint[] = "other";

struct place {
	uint32_t series;
	const char *endpoint; /* behind kernel_id */
	char kernel_id[];
};

struct series_table {
	struct series **series;
	size_t count, capacity;
	size_t idle; /* without live streams */
	struct place **places;
	size_t place_count, place_capacity;
	size_t max_endpoints;
	uint64_t last_id;
	uint64_t capped;
	void (*expired)(void *arg, const struct series_labels *labels);
	void *expired_arg;
};

static void add_error(struct counters *to, const struct tm_errno_count *from)
{
	size_t i;

	for (i = 0; i < TM_MAX_ERRNOS; i++) {
		struct tm_errno_count *e = &to->errors[i];

		if (e->error == from->error || !e->error) {
			e->error = from->error;
			e->count += from->count;
			return;
		}
	}
	to->other_errors += from->count;
}

void counters_add(struct counters *to, const struct counters *from)
{
	size_t i;

	to->frames += from->frames;
	to->messages += from->messages;
	to->bytes += from->bytes;
	to->would_block += from->would_block;
	to->timeouts += from->timeouts;
	to->sum_ns += from->sum_ns;
	to->other_errors += from->other_errors;
	to->unknown_errors += from->unknown_errors;
	to->cache.received += from->cache.received;
	to->cache.hits += from->cache.hits;
	to->cache.misses += from->cache.misses;
	to->cache.ok += from->cache.ok;
	to->cache.evictions += from->cache.evictions;
	to->cache.expirations += from->cache.expirations;
	for (i = 0; i < TM_MAX_ERRNOS && from->errors[i].error; i++)
		add_error(to, &from->errors[i]);
	for (i = 0; i < TM_HIST_BUCKETS; i++)
		to->hist[i] += from->hist[i];
	for (i = 0; i <= TM_VIEW_BOUNDS; i++)
		to->view[i] += from->view[i];
}

static int admit_error(struct series *series, uint32_t error)
{
	size_t i;

	for (i = 0; i < TM_MAX_ERRNOS; i++) {
		if (!series->errnos[i])
			series->errnos[i] = error;
		if (series->errnos[i] == error)
			return 1;
	}
	return 0;
}

void series__admit_errors(struct series *series, struct counters *counters)
{
	struct tm_errno_count *errors = counters->errors;
	size_t i, kept = 0;

	for (i = 0; i < TM_MAX_ERRNOS && errors[i].error; i++) {
		if (admit_error(series, errors[i].error))
			errors[kept++] = errors[i];
		else
			counters->other_errors += errors[i].count;
	}
	if (kept < TM_MAX_ERRNOS)
		errors[kept].error = 0;
}

int series_table__new(size_t max_endpoints, struct series_table **out)
{
	struct series_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->max_endpoints = max_endpoints;
	*out = table;
	return 0;
}

static void series_free(struct series *series)
{
	labels__unref(series->labels);
	free(series->retired);
	free(series);
}

void series_table__free(struct series_table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->count; i++)
		series_free(table->series[i]);
	for (i = 0; i < table->place_count; i++)
		free(table->places[i]);
	free(table->series);
	free(table->places);
	free(table);
}

size_t series_table__count(const struct series_table *table)
{
	return table->count;
}

struct series *series_table__at(const struct series_table *table, size_t i)
{
	return table->series[i];
}

uint64_t series_table__capped(const struct series_table *table)
{
	return table->capped;
}

const struct series_labels *series__labels(const struct series *series)
{
	return series->labels;
}

uint64_t series__id(const struct series *series)
{
	return series->id;
}

/* Where the series with these labels is, or belongs; *found says which. */
static size_t find_series(const struct series_table *table, const struct series_labels *labels,
			  int *found)
{
	size_t low = 0, high = table->count;

	*found = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = labels__compare(table->series[middle]->labels, labels);

		if (!order) {
			*found = 1;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare_place(const struct place *place, const char *kernel_id, const char *endpoint)
{
	int order = strcmp(place->kernel_id, kernel_id);

	return order ? order : strcmp(place->endpoint, endpoint);
}

/* The first place that is not before (kernel_id, endpoint). */
static size_t find_place(const struct series_table *table, const char *kernel_id,
			 const char *endpoint)
{
	size_t low = 0, high = table->place_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_place(table->places[middle], kernel_id, endpoint) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Words that stand for the absence of an endpoint take no place: their number is fixed. */
static int needs_place(const char *endpoint)
{
	return *endpoint && strcmp(endpoint, "none") != 0 && strcmp(endpoint, "unknown") != 0 &&
	       strcmp(endpoint, capped_endpoint) != 0;
}

static int kernel_is_full(const struct series_table *table, const char *kernel_id)
{
	size_t first = find_place(table, kernel_id, ""), i;

	for (i = first; i < table->place_count && i - first < table->max_endpoints; i++) {
		if (strcmp(table->places[i]->kernel_id, kernel_id) != 0)
			return 0;
	}
	return i - first >= table->max_endpoints;
}

static struct place *place_new(const char *kernel_id, const char *endpoint)
{
	size_t kernel_size = strlen(kernel_id) + 1, endpoint_size = strlen(endpoint) + 1;
	struct place *place = malloc(sizeof(*place) + kernel_size + endpoint_size);

	if (!place)
		return NULL;
	place->series = 0;
	place->endpoint = place->kernel_id + kernel_size;
	memcpy(place->kernel_id, kernel_id, kernel_size);
	memcpy(place->kernel_id + kernel_size, endpoint, endpoint_size);
	return place;
}

/*
 * The place for the labels' endpoint, made if need be; *out is NULL if it needs none. -ENOSPC: no
 * place is left.
 */
static int get_place(struct series_table *table, const struct series_labels *labels,
		     struct place **out)
{
	struct place **places, *place;
	size_t at;

	*out = NULL;
	if (!needs_place(labels->endpoint))
		return 0;
	at = find_place(table, labels->kernel_id, labels->endpoint);
	if (at < table->place_count &&
	    !compare_place(table->places[at], labels->kernel_id, labels->endpoint)) {
		*out = table->places[at];
		return 0;
	}
	if (kernel_is_full(table, labels->kernel_id))
		return -ENOSPC;
	places = array_grow(table->places, table->place_count, &table->place_capacity,
			    sizeof(struct place *));
	if (!places)
		return -ENOMEM;
	table->places = places;
	place = place_new(labels->kernel_id, labels->endpoint);
	if (!place)
		return -ENOMEM;
	memmove(places + at + 1, places + at, (table->place_count - at) * sizeof(struct place *));
	places[at] = place;
	table->place_count++;
	*out = place;
	return 0;
}

/* One series less holds the place; accepts NULL. */
static void put_place(struct series_table *table, struct place *place)
{
	size_t at;

	if (!place || --place->series)
		return;
	at = find_place(table, place->kernel_id, place->endpoint);
	table->place_count--;
	memmove(table->places + at, table->places + at + 1,
		(table->place_count - at) * sizeof(struct place *));
	free(place);
}

/* Puts a new series at `at`; takes over the reference to `labels`, and one hold of `place`. */
static int insert_series(struct series_table *table, size_t at, const struct series_labels *labels,
			 struct place *place)
{
	struct series **all, *series;

	all = array_grow(table->series, table->count, &table->capacity, sizeof(struct series *));
	if (!all)
		return -ENOMEM;
	table->series = all;
	series = calloc(1, sizeof(*series));
	if (!series)
		return -ENOMEM;
	series->labels = labels;
	series->place = place;
	series->id = ++table->last_id;
	memmove(all + at + 1, all + at, (table->count - at) * sizeof(struct series *));
	all[at] = series;
	table->count++;
	table->idle++;
	return 0;
}

/* Adds a series that is not there yet. Takes over the reference to `labels`, also when it fails. */
static int add_series(struct series_table *table, const struct series_labels *labels, size_t at,
		      struct series **out)
{
	struct place *place;
	int err;

	err = get_place(table, labels, &place);
	if (err) {
		labels__unref(labels);
		return err;
	}
	if (place)
		place->series++;
	err = insert_series(table, at, labels, place);
	if (err) {
		put_place(table, place);
		labels__unref(labels);
		return err;
	}
	*out = table->series[at];
	return 0;
}

/*
 * The series with these labels, made if there is none and the cap allows it. -ENOSPC if it does
 * not.
 */
static int get_series(struct series_table *table, const struct series_labels *labels,
		      struct series **out)
{
	const struct series_labels *own;
	int err, found;
	size_t at;

	err = labels__new(labels, &own);
	if (err)
		return err;
	at = find_series(table, own, &found);
	if (!found)
		return add_series(table, own, at, out);
	labels__unref(own);
	*out = table->series[at];
	return 0;
}

int series_table__open(struct series_table *table, const struct series_labels *labels,
		       struct series **out)
{
	struct series *series;
	int err;

	err = get_series(table, labels, &series);
	if (err == -ENOSPC) {
		struct series_labels capped = *labels;

		capped.endpoint = capped_endpoint;
		err = get_series(table, &capped, &series);
		if (!err)
			table->capped++;
	}
	if (err)
		return err;
	if (!series->live_streams++)
		table->idle--;
	*out = series;
	return 0;
}

int series_table__retire(struct series_table *table, struct series *series,
			 const struct counters *totals, uint64_t now_ns)
{
	struct counters last = *totals;

	if (!series->retired)
		series->retired = calloc(1, sizeof(*series->retired));
	if (!series->retired)
		return -ENOMEM;
	series__admit_errors(series, &last);
	counters_add(series->retired, &last);
	series->idle_since_ns = now_ns;
	if (!--series->live_streams)
		table->idle++;
	return 0;
}

const struct counters *series__retired(const struct series *series)
{
	return series->retired;
}

void series_table__on_expire(struct series_table *table,
			     void (*fn)(void *arg, const struct series_labels *labels), void *arg)
{
	table->expired = fn;
	table->expired_arg = arg;
}

static int is_expired(const struct series *series, uint64_t now_ns, uint64_t expiry_ns)
{
	return !series->live_streams && now_ns >= series->idle_since_ns &&
	       now_ns - series->idle_since_ns >= expiry_ns;
}

void series_table__expire(struct series_table *table, uint64_t now_ns, uint64_t expiry_ns)
{
	size_t i, kept = 0;

	if (!table->idle)
		return;
	for (i = 0; i < table->count; i++) {
		struct series *series = table->series[i];

		if (!is_expired(series, now_ns, expiry_ns)) {
			table->series[kept++] = series;
			continue;
		}
		if (table->expired)
			table->expired(table->expired_arg, series->labels);
		put_place(table, series->place);
		series_free(series);
		table->idle--;
	}
	table->count = kept;
}
