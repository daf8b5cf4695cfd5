/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cluster.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/ask.h"
#include "gateway/inventory.h"
#include "gateway/promql.h"

#define NS_PER_MS 1000000u
#define MAX_ANSWER ((size_t)8 << 20) /* of one query about at most PROMQL_MAX_IDS kernels */
#define MAX_INVENTORY ((size_t)32 << 20)
#define MIN_ID_ROOM 64 /* bytes of ids that a query must have room for */

struct cluster {
	struct cluster_config config;
	const struct source *source;
	size_t max_ids_len; /* bytes of ids, escaped, that fit into any part's query */
};

/* ---- how many ids a query has room for ---------------------------------------------------------- */

/* For one part; 0 if there is none. */
static int ids_room(const struct cluster *cluster, enum part part, size_t *room)
{
	struct strbuf empty = STRBUF_INIT, text = STRBUF_INIT;
	size_t matchers, max = cluster->config.max_query;
	int err;

	promql_add_matcher(&empty, NULL, 0);
	matchers = source_add_query(cluster->source, part, METRICS_ALL,
				    empty.data ? empty.data : "", UINT64_MAX, &text);
	err = empty.err ? empty.err : text.err;
	*room = !matchers ? max : text.len >= max ? 0 : (max - text.len) / matchers;
	strbuf_free(&empty);
	strbuf_free(&text);
	return err;
}

static int find_room(struct cluster *cluster)
{
	cluster->max_ids_len = cluster->config.max_query;
	for (unsigned part = 0; part < PART_COUNT; part++) {
		size_t room;
		int err = ids_room(cluster, (enum part)part, &room);

		if (err)
			return err;
		if (room < cluster->max_ids_len)
			cluster->max_ids_len = room;
	}
	return cluster->max_ids_len < MIN_ID_ROOM ? -E2BIG : 0;
}

int cluster__new(const struct cluster_config *config, struct cluster **out)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	int err;

	if (!cluster)
		return -ENOMEM;
	cluster->config = *config;
	cluster->source = source_get(config->source);
	err = find_room(cluster);
	if (err) {
		free(cluster);
		return err;
	}
	*out = cluster;
	return 0;
}

void cluster__free(struct cluster *cluster)
{
	free(cluster);
}

static int ask(const struct cluster *cluster, struct ask *what, struct warnings *warnings)
{
	what->engine_count = cluster->config.engine_count;
	what->engines = cluster->config.engines;
	what->fetcher = cluster->config.fetcher;
	what->timeout_ns = cluster->config.timeout_ns;
	return ask_all(what, warnings);
}

/* ---- queries about some kernels ------------------------------------------------------------------ */

static int add_part(const struct cluster *cluster, enum part part, uint64_t window_ns,
		    uint32_t metrics, const char *matcher, struct query_list *queries)
{
	const struct query query = {
		.name = part_name(part),
		.kind = part,
		.window_ms = part_has_window(part) ? (uint32_t)(window_ns / NS_PER_MS) : 0,
	};
	struct strbuf promql = STRBUF_INIT;
	int err = 0;

	source_add_query(cluster->source, part, metrics, matcher, window_ns, &promql);
	if (promql.len || promql.err)
		err = query_list_add(queries, &query, &promql, cluster->config.timeout_ns);
	strbuf_free(&promql);
	return err;
}

/* All parts; those with a window that may be too short also with one that is not. */
static int add_batch(const struct cluster *cluster, const struct cluster_question *question,
		     size_t first, size_t count, struct query_list *queries)
{
	uint64_t window_ns = question->window_ns, wide_ns = cluster->config.min_window_ns;
	struct strbuf matcher = STRBUF_INIT;
	int err;

	promql_add_matcher(&matcher, question->ids + first, count);
	err = matcher.err;
	for (unsigned i = 0; i < PART_COUNT && !err; i++) {
		enum part part = (enum part)i;

		if (!question->stats && PARTS_OF_STATS >> part & 1)
			continue;
		err = add_part(cluster, part, window_ns, question->metrics, matcher.data, queries);
		if (!err && part_has_window(part) && wide_ns > window_ns)
			err = add_part(cluster, part, wide_ns, question->metrics, matcher.data,
				       queries);
	}
	strbuf_free(&matcher);
	return err;
}

static int add_all(const struct cluster *cluster, const struct cluster_question *question,
		   struct query_list *queries, struct warnings *warnings)
{
	size_t at = 0, too_long = 0;

	while (at < question->id_count) {
		size_t count = promql_batch(question->ids + at, question->id_count - at,
					    cluster->max_ids_len);
		int err = 0;

		if (!*question->ids[at])
			count = 1; /* would match all series without an id; nobody is called so */
		else if (count)
			err = add_batch(cluster, question, at, count, queries);
		if (err)
			return err;
		too_long += !count;
		at += count ? count : 1;
	}
	if (too_long)
		warnings_add(warnings, "%zu ids are too long for a query", too_long);
	return 0;
}

/* ---- what their answers mean ----------------------------------------------------------------------- */

struct merge {
	const struct cluster *cluster;
	struct values *values;
	uint64_t window_ns; /* that was asked for */
	uint32_t wanted;
};

static void merge_presence(const struct source *source, const struct sample *sample,
			   struct kernel_values *kernel)
{
	const char *family = sample_label(sample, "__name__");

	kernel->known = 1;
	for (size_t i = 0; i < source->presence_count; i++) {
		const struct presence *presence = &source->presences[i];

		if (strcmp(family, presence->family) != 0 ||
		    (presence->label &&
		     strcmp(sample_label(sample, presence->label), presence->value) != 0))
			continue;
		kernel->own |= presence->own;
		kernel->applies |= presence->applies;
	}
}

static enum metric metric_of(const struct sample *sample)
{
	const char *name = sample_label(sample, "metric");

	return metric_find(*name ? name : sample_label(sample, "container_metric_name"));
}

/* STAT_COUNT if it is none. */
static enum value_stat stat_of(const char *value_type)
{
	static const char *const names[STAT_COUNT] = {
		[STAT_MAX] = "max",
		[STAT_AVG] = "avg",
		[STAT_RATE] = "rate",
	};
	unsigned stat = 0;

	while (stat < STAT_COUNT && strcmp(value_type, names[stat]) != 0)
		stat++;
	return (enum value_stat)stat;
}

static void merge_sample(void *arg, const struct query *query, size_t engine,
			 const struct sample *sample)
{
	const struct merge *merge = arg;
	struct kernel_values *kernel =
		values__find(merge->values, sample_label(sample, "kernel_id"));
	int is_wide = query->window_ms > merge->window_ns / NS_PER_MS;
	unsigned rank = (unsigned)engine + (is_wide ? CLUSTER_MAX_ENGINES : 0);
	enum value_stat stat;
	enum metric metric;

	if (!kernel)
		return;
	if (query->kind == PART_PRESENCE) {
		merge_presence(merge->cluster->source, sample, kernel);
		return;
	}
	metric = metric_of(sample);
	if (metric == METRIC_COUNT || !(merge->wanted & METRIC_BIT(metric)))
		return;
	stat = stat_of(sample_label(sample, "value_type"));
	if (stat != STAT_COUNT)
		kernel_values_stat(kernel, metric, stat, sample_value(sample), rank);
	else if (!strcmp(sample_label(sample, "value_type"), "capacity"))
		kernel_values_capacity(kernel, metric, sample_value(sample), rank);
	else
		kernel_values_current(kernel, metric, sample_value(sample), rank, query->window_ms);
}

/* The metrics that a part tells of, if it failed: without an answer, nothing is known to be 0. */
static uint32_t metrics_of_failed(const struct source *source, uint32_t failed)
{
	uint32_t metrics = 0;

	for (size_t i = 0; i < source->term_count; i++)
		if (failed & ~PARTS_OF_STATS & 1u << source->terms[i].part)
			metrics |= source->terms[i].metrics;
	return metrics;
}

int cluster__live_stat(const struct cluster *cluster, const struct cluster_question *question,
		       struct values *values, struct warnings *warnings)
{
	struct merge merge = { cluster, values, question->window_ns, question->metrics };
	struct query_list queries = { 0 };
	struct ask what = {
		.queries = &queries,
		.max_answer = MAX_ANSWER,
		.sample = merge_sample,
		.arg = &merge,
	};
	int err = add_all(cluster, question, &queries, warnings);

	if (!err)
		err = ask(cluster, &what, warnings);
	if (!err)
		values__complete(values, cluster->source->never_zero |
						 metrics_of_failed(cluster->source, what.failed));
	query_list_free(&queries);
	return err;
}

/* ---- which kernels there are ------------------------------------------------------------------------ */

static void add_kernel(void *arg, const struct query *query, size_t engine,
		       const struct sample *sample)
{
	(void)query;
	(void)engine;
	inventory__add(arg, sample);
}

int cluster__kernels(const struct cluster *cluster, struct strbuf *out, struct warnings *warnings)
{
	const struct query query = { .name = "kernels" };
	struct query_list queries = { 0 };
	struct strbuf promql = STRBUF_INIT;
	struct inventory *inventory;
	int err = inventory__new(&inventory);

	if (err)
		return err;
	strbuf_addstr(&promql, cluster->source->kernels);
	err = query_list_add(&queries, &query, &promql, cluster->config.timeout_ns);
	strbuf_free(&promql);
	if (!err) {
		struct ask what = {
			.queries = &queries,
			.max_answer = MAX_INVENTORY,
			.sample = add_kernel,
			.arg = inventory,
		};

		err = ask(cluster, &what, warnings);
	}
	if (!err)
		err = inventory__write(inventory, out);
	query_list_free(&queries);
	inventory__free(inventory);
	return err;
}
