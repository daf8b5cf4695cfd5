/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/view_lmcache.h"
#include <errno.h>
#include <string.h>
#include "serve/grouping.h"

enum shown {
	SHOWN_BY_KERNEL, /* labels: kernel_id */
	SHOWN_BY_METHOD, /* and method */
};

struct page {
	struct exposition *exposition;
	struct grouping kernels, methods;
};

static int group(const struct snapshot *snapshot, enum shown shown, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct series_sample *s = &snapshot->series[i];

		if (s->labels->kind != SERIES_RPC || strcmp(s->labels->system, "lmcache") != 0 ||
		    strcmp(s->labels->side, "server") != 0)
			continue;
		grouping_label(g, "kernel_id", s->labels->kernel_id);
		if (shown == SHOWN_BY_METHOD)
			grouping_label(g, "method", s->labels->operation);
		if (grouping_add(g, s))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

/* ---- values of a series ---- */

static int is_method(const struct series_sample *s, const char *method)
{
	return !strcmp(s->labels->operation, method);
}

static int64_t requests(const struct series_sample *s)
{
	return (int64_t)s->messages;
}

static int64_t stores(const struct series_sample *s)
{
	return is_method(s, "store") ? (int64_t)s->messages : 0;
}

static int64_t stores_finished(const struct series_sample *s)
{
	return is_method(s, "store") ? (int64_t)s->frames : 0;
}

static int64_t retrieves(const struct series_sample *s)
{
	return is_method(s, "retrieve") ? (int64_t)s->messages : 0;
}

static int64_t retrieves_finished(const struct series_sample *s)
{
	return is_method(s, "retrieve") ? (int64_t)s->frames : 0;
}

/*
 * A look-up answered without a result has begun a job, which a status with a result ends (protocols/engine.py). One
 * answered at once, as in 2025, has begun none.
 */
static int64_t prefetch_jobs(const struct series_sample *s)
{
	if (is_method(s, "lookup"))
		return (int64_t)(s->live_answers - s->live_results);
	if (is_method(s, "query_prefetch_status") || is_method(s, "wait_prefetch_status"))
		return -(int64_t)s->live_results;
	return 0;
}

/* ---- families ---- */

static void write_values(struct page *page, const struct grouping *g,
			 const struct family_head *head,
			 int64_t (*value)(const struct series_sample *))
{
	exposition_family(page->exposition, head);
	for (size_t i = 0, end; i < g->count; i = end) {
		int64_t sum = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++)
			sum += value(g->entries[j].item);
		exposition_sample(page->exposition, g->text.data + g->entries[i].start,
				  g->entries[i].len, NULL, NULL, sum > 0 ? (uint64_t)sum : 0);
	}
}

static void write_seconds(struct page *page)
{
	static const struct family_head head = {
		"lmcache_mp_rpc_seconds", FAMILY_HISTOGRAM, "seconds",
		"From a request received to its response sent; LMCache has no such metric."
	};
	const struct grouping *g = &page->methods;

	exposition_family(page->exposition, &head);
	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t buckets[TM_HIST_BUCKETS] = { 0 }, sum_ns = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			const struct series_sample *s = g->entries[j].item;

			for (size_t k = 0; k < s->hist.count; k++)
				buckets[s->hist.first + k] += s->hist.buckets[k];
			sum_ns += s->sum_ns;
		}
		exposition_histogram(page->exposition, g->text.data + g->entries[i].start,
				     g->entries[i].len, buckets, sum_ns);
	}
}

static void write_all(struct page *page)
{
	static const struct {
		struct family_head head;
		int64_t (*value)(const struct series_sample *);
	} by_kernel[] = {
		{ { "lmcache_mp_num_submitted_stores", FAMILY_COUNTER, "",
		    "STORE requests that the server has received." },
		  stores },
		{ { "lmcache_mp_num_finished_stores", FAMILY_COUNTER, "",
		    "STORE requests that the server has answered." },
		  stores_finished },
		{ { "lmcache_mp_num_submitted_retrieves", FAMILY_COUNTER, "",
		    "RETRIEVE requests that the server has received." },
		  retrieves },
		{ { "lmcache_mp_num_finished_retrieves", FAMILY_COUNTER, "",
		    "RETRIEVE requests that the server has answered." },
		  retrieves_finished },
		{ { "lmcache_mp_active_prefetch_jobs", FAMILY_GAUGE, "",
		    "Prefetch jobs that look-ups have begun and whose result nobody has got yet." },
		  prefetch_jobs },
	};
	static const struct family_head by_method = {
		"lmcache_mp_rpc_requests", FAMILY_COUNTER, "",
		"Requests that the server has received; LMCache has no such metric."
	};

	for (size_t i = 0; i < sizeof(by_kernel) / sizeof(by_kernel[0]); i++)
		write_values(page, &page->kernels, &by_kernel[i].head, by_kernel[i].value);
	write_values(page, &page->methods, &by_method, requests);
	write_seconds(page);
}

void view_lmcache_write(struct exposition *exposition, const struct snapshot *snapshot)
{
	struct page page = { .exposition = exposition };
	int err = group(snapshot, SHOWN_BY_KERNEL, &page.kernels);

	if (!err)
		err = group(snapshot, SHOWN_BY_METHOD, &page.methods);
	if (err)
		exposition->out->err = err;
	else
		write_all(&page);
	grouping_free(&page.kernels);
	grouping_free(&page.methods);
}
