/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/view_fastdeploy.h"
#include <errno.h>
#include <string.h>
#include "serve/grouping.h"

#define US UINT64_C(1000)
#define MS (1000 * US)

/* fastdeploy/metrics/metrics.py, in milliseconds there; a message of exactly a bound is at or below it. */
const uint64_t view_fastdeploy_bounds_ns[VIEW_FASTDEPLOY_BOUNDS] = {
	1 * US, 10 * US, 20 * US, 50 * US, 100 * US, 250 * US, 500 * US, 1 * MS,    2 * MS,
	5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, 1000 * MS,
};

static const char *const bounds_text[VIEW_FASTDEPLOY_BOUNDS] = {
	"0.001", "0.01", "0.02", "0.05", "0.1",	  "0.25",  "0.5",   "1.0",    "2.0",
	"5.0",	 "10.0", "20.0", "50.0", "100.0", "200.0", "500.0", "1000.0",
};

enum path {
	PATH_ANY,
	PATH_REQUEST, /* what its own latency is about */
	PATH_RESPONSE,
};

struct page {
	struct exposition *exposition;
	struct grouping sends, receives, requests, responses;
};

/* From the engine back: to a DEALER, or since 2026 to a PULL that is named so. */
static enum path path_of(const struct series_labels *labels)
{
	if (!strcmp(labels->socket_type, "dealer") || !strcmp(labels->socket_type, "req") ||
	    strstr(labels->endpoint, "/response_"))
		return PATH_RESPONSE;
	return PATH_REQUEST;
}

static int group(const struct snapshot *snapshot, enum series_kind kind,
		 enum series_direction direction, enum path path, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct series_sample *s = &snapshot->series[i];

		if (s->labels->kind != kind || s->labels->direction != direction ||
		    strcmp(s->labels->system, "zmq") != 0 || s->labels->internal ||
		    (path && path_of(s->labels) != path))
			continue;
		grouping_label(g, "address", s->labels->endpoint);
		if (grouping_add(g, s))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

/* ---- values of a series ---- */

static uint64_t messages(const struct series_sample *s)
{
	return s->messages;
}

static uint64_t bytes(const struct series_sample *s)
{
	return s->bytes;
}

/* A call that would have blocked is tried again by whoever made it: no message has failed. */
static uint64_t failed(const struct series_sample *s)
{
	uint64_t sum = s->timeouts + s->other_errors + s->unknown_errors;

	for (size_t i = 0; i < s->error_count; i++)
		sum += s->errors[i].count;
	return sum;
}

/* Theirs is raised whether the send fails or not. */
static uint64_t tried(const struct series_sample *s)
{
	return s->messages + failed(s);
}

/* ---- families ---- */

static void write_counter(struct page *page, const struct grouping *g, const char *name,
			  const char *help, uint64_t (*value)(const struct series_sample *))
{
	const struct family_head head = { name, FAMILY_COUNTER, "", help };

	exposition_family(page->exposition, &head);
	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t sum = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++)
			sum += value(g->entries[j].item);
		exposition_sample(page->exposition, g->text.data + g->entries[i].start,
				  g->entries[i].len, NULL, NULL, sum);
	}
}

static void write_latency(struct page *page, const struct grouping *g, const char *name,
			  const char *help)
{
	const struct family_head head = { name, FAMILY_HISTOGRAM, "", help };

	exposition_family(page->exposition, &head);
	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t buckets[VIEW_FASTDEPLOY_BOUNDS + 1] = { 0 }, sum_ns = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			const struct series_sample *s = g->entries[j].item;

			for (size_t k = 0; s->view && k <= VIEW_FASTDEPLOY_BOUNDS; k++)
				buckets[k] += s->view[k];
			sum_ns += s->sum_ns;
		}
		exposition_histogram_at(page->exposition, g->text.data + g->entries[i].start,
					g->entries[i].len, bounds_text, VIEW_FASTDEPLOY_BOUNDS,
					buckets, sum_ns * 1000);
	}
}

static void write_all(struct page *page)
{
	write_counter(page, &page->sends, "fastdeploy:zmq:msg_send",
		      "Messages sent, failed ones included.", tried);
	write_counter(page, &page->sends, "fastdeploy:zmq:msg_send_failed",
		      "Messages that could not be sent.", failed);
	write_counter(page, &page->sends, "fastdeploy:zmq:msg_bytes_send", "Bytes sent.", bytes);
	write_counter(page, &page->receives, "fastdeploy:zmq:msg_recv", "Messages received.",
		      messages);
	write_counter(page, &page->receives, "fastdeploy:zmq:msg_bytes_recv", "Bytes received.",
		      bytes);
	write_latency(page, &page->requests, "fastdeploy:zmq:latency",
		      "Milliseconds from the sender's call to the return of the receiver's.");
	write_latency(
		page, &page->responses, "fastdeploy:zmq:response_latency",
		"The same, of what goes back to who has asked; FastDeploy has no such metric.");
}

void view_fastdeploy_write(struct exposition *exposition, const struct snapshot *snapshot)
{
	struct page page = { .exposition = exposition };
	int err = group(snapshot, SERIES_MESSAGE, DIRECTION_SEND, PATH_ANY, &page.sends);

	if (!err)
		err = group(snapshot, SERIES_MESSAGE, DIRECTION_RECEIVE, PATH_ANY, &page.receives);
	if (!err)
		err = group(snapshot, SERIES_TRANSIT, DIRECTION_NONE, PATH_REQUEST, &page.requests);
	if (!err)
		err = group(snapshot, SERIES_TRANSIT, DIRECTION_NONE, PATH_RESPONSE,
			    &page.responses);
	if (err)
		exposition->out->err = err;
	else
		write_all(&page);
	grouping_free(&page.sends);
	grouping_free(&page.receives);
	grouping_free(&page.requests);
	grouping_free(&page.responses);
}
