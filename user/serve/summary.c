/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/summary.h"
#include <string.h>

#define MAX_METHODS 32 /* the requests of more are counted as "other" */

static void add_number(struct strbuf *out, const char *name, uint64_t value)
{
	strbuf_addstr(out, name);
	strbuf_addu64(out, value);
}

static void add_seconds(struct strbuf *out, const char *name, uint64_t ns)
{
	strbuf_addstr(out, name);
	strbuf_add_seconds(out, ns);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- all kernels as one ---- */

static void add_point(struct kernel_point *to, const struct kernel_point *from)
{
	to->send_messages += from->send_messages;
	to->recv_messages += from->recv_messages;
	to->send_bytes += from->send_bytes;
	to->recv_bytes += from->recv_bytes;
	to->failures += from->failures;
	to->cache_operations += from->cache_operations;
	to->cache_hits += from->cache_hits;
	to->cache_misses += from->cache_misses;
	to->cache_bytes += from->cache_bytes;
	to->in_flight += from->in_flight;
	to->backlog += from->backlog;
	to->rpc_requests += from->rpc_requests;
	to->rpc_unanswered += from->rpc_unanswered;
	to->send_oldest_ns = later(to->send_oldest_ns, from->send_oldest_ns);
	to->recv_oldest_ns = later(to->recv_oldest_ns, from->recv_oldest_ns);
	to->rpc_oldest_ns = later(to->rpc_oldest_ns, from->rpc_oldest_ns);
}

static void add_totals(struct strbuf *out, const struct snapshot *snapshot)
{
	struct kernel_point all = { 0 };

	for (size_t i = 0; i < snapshot->kernel_count; i++)
		add_point(&all, &snapshot->kernels[i].point);
	add_number(out, ",\"totals\":{\"send_messages\":", all.send_messages);
	add_number(out, ",\"recv_messages\":", all.recv_messages);
	add_number(out, ",\"send_bytes\":", all.send_bytes);
	add_number(out, ",\"recv_bytes\":", all.recv_bytes);
	add_number(out, ",\"failures\":", all.failures);
	add_number(out, ",\"in_flight\":", all.in_flight);
	add_seconds(out, ",\"send_oldest_seconds\":", all.send_oldest_ns);
	add_seconds(out, ",\"recv_oldest_seconds\":", all.recv_oldest_ns);
	add_number(out, ",\"backlog\":", all.backlog);
	add_number(out, ",\"cache_operations\":", all.cache_operations);
	add_number(out, ",\"cache_hits\":", all.cache_hits);
	add_number(out, ",\"cache_misses\":", all.cache_misses);
	add_number(out, ",\"cache_bytes\":", all.cache_bytes);
	add_number(out, ",\"rpc_requests\":", all.rpc_requests);
	add_number(out, ",\"rpc_unanswered\":", all.rpc_unanswered);
	add_seconds(out, ",\"rpc_oldest_seconds\":", all.rpc_oldest_ns);
	strbuf_addch(out, '}');
}

/* ---- histograms ---- */

/* Only the buckets from the first to the last that are not zero. */
static void add_histogram(struct strbuf *out, const char *name,
			  const uint64_t buckets[TM_HIST_BUCKETS])
{
	size_t first = 0, end = TM_HIST_BUCKETS;

	while (end && !buckets[end - 1])
		end--;
	while (first < end && !buckets[first])
		first++;
	strbuf_addstr(out, name);
	add_number(out, "{\"first\":", first);
	strbuf_addstr(out, ",\"counts\":[");
	for (size_t i = first; i < end; i++)
		add_number(out, i > first ? "," : "", buckets[i]);
	strbuf_addstr(out, "]}");
}

static void add_histograms(struct strbuf *out, const struct snapshot *snapshot)
{
	struct kernel_hists all = { 0 };

	for (size_t i = 0; i < snapshot->kernel_count; i++) {
		for (size_t kind = 0; kind < HIST_KINDS; kind++) {
			const struct hist_view *view = &snapshot->kernels[i].hists[kind];

			for (size_t k = 0; k < view->count; k++)
				all.buckets[kind][view->first + k] += view->buckets[k];
		}
	}
	add_histogram(out, ",\"histograms\":{\"call\":", all.buckets[HIST_CALLS]);
	add_histogram(out, ",\"transit\":", all.buckets[HIST_TRANSIT]);
	add_histogram(out, ",\"cache\":", all.buckets[HIST_CACHE]);
	strbuf_addch(out, '}');
}

/* ---- requests by method ---- */

struct method {
	const char *system, *side, *name;
	uint64_t requests, unanswered, oldest_ns;
};

struct methods {
	size_t count;
	struct method list[MAX_METHODS + 1]; /* the last one: all others */
};

static struct method *find_method(struct methods *methods, const struct series_labels *labels)
{
	struct method *method = methods->list;

	for (size_t i = 0; i < methods->count; i++, method++) {
		if (!strcmp(method->name, labels->operation) &&
		    !strcmp(method->side, labels->side) && !strcmp(method->system, labels->system))
			return method;
	}
	if (methods->count < MAX_METHODS)
		*method =
			(struct method){ labels->system, labels->side, labels->operation, 0, 0, 0 };
	else if (methods->count == MAX_METHODS)
		*method = (struct method){ "", "", "other", 0, 0, 0 };
	else
		return method - 1;
	methods->count++;
	return method;
}

static void add_methods(struct strbuf *out, const struct snapshot *snapshot)
{
	struct methods methods = { 0 };

	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct series_sample *series = &snapshot->series[i];
		struct method *method;

		if (series->labels->kind != SERIES_RPC)
			continue;
		method = find_method(&methods, series->labels);
		method->requests += series->messages;
		method->unanswered += series->in_flight;
		method->oldest_ns = later(method->oldest_ns, series->oldest_ns);
	}
	strbuf_addstr(out, ",\"rpc\":[");
	for (size_t i = 0; i < methods.count; i++) {
		const struct method *method = &methods.list[i];

		strbuf_addstr(out, i ? ",{\"system\":" : "{\"system\":");
		strbuf_add_json(out, method->system);
		strbuf_addstr(out, ",\"side\":");
		strbuf_add_json(out, method->side);
		strbuf_addstr(out, ",\"method\":");
		strbuf_add_json(out, method->name);
		add_number(out, ",\"requests\":", method->requests);
		add_number(out, ",\"unanswered\":", method->unanswered);
		add_seconds(out, ",\"oldest_seconds\":", method->oldest_ns);
		strbuf_addch(out, '}');
	}
	strbuf_addch(out, ']');
}

/* ---- the agent ---- */

/* Zeroes are left out. */
static void add_losses(struct strbuf *out, const struct snapshot *snapshot)
{
	int first = 1;

	strbuf_addstr(out, ",\"lost\":{");
	for (enum tm_lost reason = 0; reason < TM_LOST_COUNT; reason++) {
		if (!snapshot->lost[reason])
			continue;
		strbuf_addf(out, "%s\"%s\":", first ? "" : ",", lost_name(reason));
		strbuf_addu64(out, snapshot->lost[reason]);
		first = 0;
	}
	strbuf_addch(out, '}');
}

static void add_agent(struct strbuf *out, const struct snapshot *snapshot)
{
	uint64_t runs = 0, cost_ns = 0;

	for (size_t i = 0; i < snapshot->function_count; i++) {
		runs += snapshot->functions[i].runs;
		cost_ns += snapshot->functions[i].cost_ns;
	}
	add_seconds(out, ",\"agent\":{\"cpu_seconds\":", snapshot->self.cpu_ns);
	add_number(out, ",\"resident_bytes\":", snapshot->self.resident_bytes);
	add_seconds(out, ",\"started_at\":", snapshot->self.start_real_ns);
	add_number(out, ",\"probe_runs\":", runs);
	add_seconds(out, ",\"probe_seconds\":", cost_ns);
	add_number(out, ",\"streams\":", snapshot->streams_used);
	add_number(out, ",\"streams_limit\":", snapshot->streams_limit);
	add_number(out, ",\"series_capped\":", snapshot->series_capped);
	add_number(out, ",\"bus_dropped\":", snapshot->bus.dropped);
	strbuf_addch(out, '}');
}

void summary_add_json(struct strbuf *out, const struct snapshot *snapshot)
{
	add_seconds(out, "{\"sampled_at\":", snapshot->real_ns);
	add_totals(out, snapshot);
	add_histograms(out, snapshot);
	add_methods(out, snapshot);
	add_losses(out, snapshot);
	add_agent(out, snapshot);
	strbuf_addch(out, '}');
}
