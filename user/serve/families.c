/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/families.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "serve/errors.h"
#include "serve/grouping.h"
#include "serve/labels.h"
#include "serve/view_backendai.h"
#include "serve/view_fastdeploy.h"
#include "serve/view_lmcache.h"

/* Which series (or taps) a family is made of, and which of their labels it shows. */
enum view {
	VIEW_NONE, /* not per series */
	VIEW_MESSAGE,
	VIEW_CALLS, /* messages and caches alike */
	VIEW_CACHE,
	VIEW_CACHE_SYSTEM, /* what is not of one operation */
	VIEW_TRANSIT,
	VIEW_BACKLOG,
	VIEW_RPC,
	VIEW_EVENT,
	VIEW_TAPS,
	VIEW_FUNCTIONS,
	VIEW_KERNELS,
	VIEW_COUNT,
};

/*
 * Stays in the CPU's cache until it is compressed or sent. Some groups of a family are written at
 * once: not so many that a piece becomes much longer than this.
 */
#define PIECE_LEN ((size_t)64 << 10)
#define GROUPS_AT_ONCE 8

struct page {
	struct families_input input;
	const struct families_input *in; /* that */
	struct exposition exposition;
	size_t family; /* the next one's number in the table */
	size_t entry; /* of its view: what comes next */
	enum view view; /* the only one that is there */
	struct grouping views[VIEW_COUNT];
};

/* Where a number lies in a struct. */
struct field {
	uint16_t offset;
	uint16_t size; /* 4 or 8 */
};

struct family {
	struct family_head head;
	enum view view;
	void (*write)(struct page *page, const struct family *family);
	struct field field;
};

/* ---- the views ---- */

#define LABELS_CALLS (LABELS_COMMON | LABEL_BIT(LABEL_ENDPOINT) | LABEL_BIT(LABEL_DIRECTION))
#define LABELS_CACHE (LABELS_COMMON | LABEL_BIT(LABEL_SIDE) | LABEL_BIT(LABEL_OPERATION))

static const unsigned view_labels[VIEW_COUNT] = {
	[VIEW_MESSAGE] = LABELS_CALLS | LABEL_BIT(LABEL_SOCKET_TYPE),
	[VIEW_CALLS] = LABELS_CALLS,
	[VIEW_CACHE] = LABELS_CACHE,
	[VIEW_CACHE_SYSTEM] = LABELS_COMMON,
	[VIEW_TRANSIT] = LABELS_COMMON | LABEL_BIT(LABEL_ENDPOINT),
	[VIEW_BACKLOG] = LABELS_COMMON | LABEL_BIT(LABEL_ENDPOINT),
	[VIEW_EVENT] = LABELS_COMMON | LABEL_BIT(LABEL_NAME),
	[VIEW_RPC] = LABELS_COMMON | LABEL_BIT(LABEL_SIDE) | LABEL_BIT(LABEL_METHOD),
};

static int in_view(const struct series_sample *s, enum view view)
{
	switch (view) {
	case VIEW_MESSAGE:
		return s->labels->kind == SERIES_MESSAGE;
	case VIEW_CALLS:
		return s->labels->kind == SERIES_MESSAGE || s->labels->kind == SERIES_CACHE;
	case VIEW_TRANSIT:
		return s->labels->kind == SERIES_TRANSIT;
	case VIEW_BACKLOG:
		return s->labels->kind == SERIES_BACKLOG;
	case VIEW_EVENT:
		return s->labels->kind == SERIES_EVENT;
	case VIEW_RPC:
		return s->labels->kind == SERIES_RPC;
	case VIEW_CACHE:
		return s->labels->kind == SERIES_CACHE;
	case VIEW_CACHE_SYSTEM:
		/* who does not see them shows none, instead of 0 for ever */
		return s->labels->kind == SERIES_CACHE && s->labels->removals;
	default:
		return 0;
	}
}

static int group_series(const struct snapshot *snapshot, enum view view, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->series_count; i++) {
		const struct series_sample *s = &snapshot->series[i];

		if (!in_view(s, view))
			continue;
		for (enum label label = 0; label < LABEL_COUNT; label++) {
			if (view_labels[view] & LABEL_BIT(label))
				grouping_label(g, label_name(label), label_value(s->labels, label));
		}
		if (grouping_add(g, s))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

static int group_taps(const struct snapshot *snapshot, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->tap_count; i++) {
		const struct tap_sample *tap = &snapshot->taps[i];

		grouping_label(g, "profile", tap->profile);
		grouping_label(g, "path", tap->path);
		grouping_label(g, "function", tap->function);
		if (grouping_add(g, tap))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

static int group_functions(const struct snapshot *snapshot, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->function_count; i++) {
		grouping_label(g, "profile", snapshot->functions[i].profile);
		grouping_label(g, "function", snapshot->functions[i].function);
		if (grouping_add(g, &snapshot->functions[i]))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

static int group_kernels(const struct snapshot *snapshot, struct grouping *g)
{
	for (size_t i = 0; i < snapshot->kernel_count; i++) {
		const struct kernel_sample *kernel = &snapshot->kernels[i];

		if (!kernel->point.usage.has)
			continue;
		grouping_label(g, label_name(LABEL_KERNEL_ID), kernel->kernel_id);
		grouping_label(g, label_name(LABEL_CONTAINER), kernel->container);
		grouping_label(g, label_name(LABEL_POD), kernel->pod);
		grouping_label(g, label_name(LABEL_NAMESPACE), kernel->namespace);
		if (grouping_add(g, &kernel->point.usage))
			return -ENOMEM;
	}
	return grouping_finish(g);
}

/* ---- per group of series ---- */

static uint64_t read_field(const void *base, struct field field)
{
	uint64_t wide;
	uint32_t narrow;

	if (field.size == sizeof(narrow)) {
		memcpy(&narrow, (const char *)base + field.offset, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, (const char *)base + field.offset, sizeof(wide));
	return wide;
}

static void add_sample(struct page *page, const struct grouping *g, size_t first,
		       const char *extra_name, const char *extra_value, uint64_t value)
{
	exposition_sample(&page->exposition, g->text.data + g->entries[first].start,
			  g->entries[first].len, extra_name, extra_value, value);
}

static void write_sums(struct page *page, const struct family *family, int zeroes)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t sum = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++)
			sum += read_field(g->entries[j].item, family->field);
		if (sum || zeroes)
			add_sample(page, g, i, NULL, NULL, sum);
	}
}

static void write_sum(struct page *page, const struct family *family)
{
	write_sums(page, family, 1);
}

/* A sum that most never have shows none, instead of 0 for ever. */
static void write_negative(struct page *page, const struct family *family)
{
	write_sums(page, family, 0);
}

static void write_max(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t max = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			uint64_t value = read_field(g->entries[j].item, family->field);

			max = value > max ? value : max;
		}
		add_sample(page, g, i, NULL, NULL, max);
	}
}

static void write_histogram(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t buckets[TM_HIST_BUCKETS] = { 0 }, sum_ns = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			const struct series_sample *s = g->entries[j].item;

			for (size_t k = 0; k < s->hist.count; k++)
				buckets[s->hist.first + k] += s->hist.buckets[k];
			sum_ns += s->sum_ns;
		}
		exposition_histogram(&page->exposition, g->text.data + g->entries[i].start,
				     g->entries[i].len, buckets, sum_ns);
	}
}

/* Counts per errno of a group of series; beyond its room they go to `other`. */
struct failures {
	struct tm_errno_count errors[64];
	size_t count;
	uint64_t other, unknown;
};

static void failures_add(struct failures *f, struct tm_errno_count error)
{
	size_t i = 0;

	while (i < f->count && f->errors[i].error != error.error)
		i++;
	if (i == sizeof(f->errors) / sizeof(f->errors[0])) {
		f->other += error.count;
		return;
	}
	if (i == f->count)
		f->errors[f->count++] = (struct tm_errno_count){ .error = error.error };
	f->errors[i].count += error.count;
}

static void failures_collect(struct failures *f, const struct grouping *g, size_t first, size_t end)
{
	f->count = 0;
	f->other = f->unknown = 0;
	for (size_t i = first; i < end; i++) {
		const struct series_sample *s = g->entries[i].item;

		for (size_t k = 0; k < s->error_count; k++)
			failures_add(f, s->errors[k]);
		f->other += s->other_errors;
		f->unknown += s->unknown_errors;
	}
}

static void write_failures(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];
	struct failures f;

	for (size_t i = 0, end; i < g->count; i = end) {
		char text[ERROR_NAME_LEN];

		end = grouping_end(g, i);
		failures_collect(&f, g, i, end);
		for (size_t k = 0; k < f.count; k++)
			add_sample(page, g, i, "error", error_name(f.errors[k].error, text),
				   f.errors[k].count);
		if (f.other)
			add_sample(page, g, i, "error", "other", f.other);
		if (f.unknown)
			add_sample(page, g, i, "error", "unknown", f.unknown);
	}
}

/* An operation that ran into its time-out failed; one that would have blocked has not happened. */
static uint64_t failed_operations(const struct series_sample *s)
{
	uint64_t failed = s->timeouts + s->other_errors + s->unknown_errors;

	for (size_t k = 0; k < s->error_count; k++)
		failed += s->errors[k].count;
	return failed;
}

static void write_cache_operations(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t hits = 0, misses = 0, ok = 0, failed = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			const struct series_sample *s = g->entries[j].item;

			hits += s->cache.hits;
			misses += s->cache.misses;
			ok += s->cache.ok;
			failed += failed_operations(s);
		}
		/* only look-ups have these two */
		if (hits || misses) {
			add_sample(page, g, i, "result", "hit", hits);
			add_sample(page, g, i, "result", "miss", misses);
		}
		add_sample(page, g, i, "result", "ok", ok);
		add_sample(page, g, i, "result", "error", failed);
	}
}

/* Operations whose bytes are not known show none, instead of 0 for ever. */
static void write_cache_bytes(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		uint64_t sent = 0, received = 0;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++) {
			const struct series_sample *s = g->entries[j].item;

			sent += s->bytes;
			received += s->cache.received;
		}
		if (sent)
			add_sample(page, g, i, "direction", "send", sent);
		if (received)
			add_sample(page, g, i, "direction", "receive", received);
	}
}

/* ---- per kernel ---- */

/* What of a kernel's usage a family shows: one value, or two directions. */
static const struct usage_part {
	enum usage_has has;
	uint16_t offset;
	const char *directions[2];
} usage_parts[] = {
	{ USAGE_CPU, offsetof(struct kernel_usage, cpu_ns), { NULL } },
	{ USAGE_MEMORY, offsetof(struct kernel_usage, memory_bytes), { NULL } },
	{ USAGE_MEMORY, offsetof(struct kernel_usage, memory_limit_bytes), { NULL } },
	{ USAGE_IO, offsetof(struct kernel_usage, io_read_bytes), { "read", "write" } },
	{ USAGE_NETWORK, offsetof(struct kernel_usage, net_rx_bytes), { "receive", "send" } },
};

static const struct usage_part *usage_part(struct field field)
{
	size_t i = 0;

	while (usage_parts[i].offset != field.offset)
		i++;
	return &usage_parts[i];
}

static void write_usage(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];
	const struct usage_part *part = usage_part(family->field);
	const char *name = part->directions[0] ? "direction" : NULL;

	for (size_t i = 0; i < g->count; i++) {
		const struct kernel_usage *usage = g->entries[i].item;
		struct field field = family->field;

		if (!(usage->has & part->has))
			continue;
		for (int k = 0; k < 2 && (!k || name); k++) {
			uint64_t value = read_field(usage, field);

			/* only a limit can be that large */
			if (value != USAGE_UNLIMITED)
				add_sample(page, g, i, name, part->directions[k], value);
			field.offset = (uint16_t)(field.offset + field.size);
		}
	}
}

/* ---- the others ---- */

/* The same function of the same path may be tapped in several files: up if all are. */
static void write_tap_up(struct page *page, const struct family *family)
{
	const struct grouping *g = &page->views[family->view];

	for (size_t i = 0, end; i < g->count; i = end) {
		int up = 1;

		end = grouping_end(g, i);
		for (size_t j = i; j < end; j++)
			up = up && ((const struct tap_sample *)g->entries[j].item)->up;
		add_sample(page, g, i, NULL, NULL, (uint64_t)up);
	}
}

static void write_lost(struct page *page, const struct family *family)
{
	(void)family;
	for (enum tm_lost reason = 0; reason < TM_LOST_COUNT; reason++)
		exposition_sample(&page->exposition, "", 0, "reason", lost_name(reason),
				  page->in->snapshot->lost[reason]);
}

/* Subscribers of one name, as the listeners to the event stream, are one. */
static void write_subscribers(struct page *page, const struct family *family)
{
	const struct bus_stats *bus = &page->in->snapshot->bus;

	for (size_t i = 0; i < bus->subscriber_count; i++) {
		const char *name = bus->subscribers[i].name;
		uint64_t sum = 0;
		size_t first = 0;

		while (strcmp(bus->subscribers[first].name, name) != 0)
			first++;
		for (size_t j = i; j < bus->subscriber_count; j++)
			if (!strcmp(bus->subscribers[j].name, name))
				sum += read_field(&bus->subscribers[j], family->field);
		if (first == i)
			exposition_sample(&page->exposition, "", 0, "subscriber", name, sum);
	}
}

static void write_otlp(struct page *page, const struct family *family)
{
	const struct otlp_counts *otlp = &page->in->snapshot->otlp;

	(void)family;
	exposition_sample(&page->exposition, "", 0, "result", "success", otlp->sent);
	exposition_sample(&page->exposition, "", 0, "result", "refused", otlp->failed);
	exposition_sample(&page->exposition, "", 0, "result", "dropped", otlp->dropped);
}

static void write_build_info(struct page *page, const struct family *family)
{
	struct grouping g = { 0 };

	(void)family;
	grouping_label(&g, "version", page->in->version);
	grouping_label(&g, "revision", page->in->revision);
	exposition_sample(&page->exposition, g.text.data, g.text.len, NULL, NULL, 1);
	if (g.text.err)
		page->exposition.out->err = g.text.err;
	grouping_free(&g);
}

/* One family of the table stands for all that are declared. */
static void write_gauge(struct page *page, const struct gauge_family *gauge)
{
	struct strbuf name = STRBUF_INIT, help = STRBUF_INIT;
	struct grouping g = { 0 };
	int err = 0;

	strbuf_addf(&name, "tapmeter_gauge_%s", gauge->name);
	for (const char *c = gauge->help; *c; c++) /* a line of its own; \ would be an escape */
		strbuf_addch(&help, (unsigned char)*c < ' ' || *c == '\\' || *c == '"' ? ' ' : *c);
	for (size_t i = 0; i < gauge->count && !err; i++) {
		for (size_t k = 0; k < gauge->samples[i].label_count; k++)
			grouping_label(&g, gauge->samples[i].labels[k].name,
				       gauge->samples[i].labels[k].value);
		err = grouping_add(&g, &gauge->samples[i]);
	}
	err = err ? err : name.err ? name.err : help.err ? help.err : g.text.err;
	if (!err) {
		const struct family_head head = { name.data, FAMILY_GAUGE, "",
						  help.data ? help.data : "" };

		exposition_family(&page->exposition, &head);
		for (size_t i = 0; i < g.count; i++)
			exposition_number(&page->exposition, g.text.data + g.entries[i].start,
					  g.entries[i].len,
					  ((const struct gauge_sample *)g.entries[i].item)->value);
	} else {
		page->exposition.out->err = err;
	}
	grouping_free(&g);
	strbuf_free(&name);
	strbuf_free(&help);
}

static void write_gauges(struct page *page, const struct family *family)
{
	for (size_t i = 0; i < page->in->snapshot->gauge_count; i++)
		write_gauge(page, &page->in->snapshot->gauges[i]);
	exposition_family(&page->exposition, &family->head);
}

static void write_snapshot_field(struct page *page, const struct family *family)
{
	exposition_sample(&page->exposition, "", 0, NULL, NULL,
			  read_field(page->in->snapshot, family->field));
}

static void write_input_field(struct page *page, const struct family *family)
{
	exposition_sample(&page->exposition, "", 0, NULL, NULL,
			  read_field(page->in, family->field));
}

/* ---- the table ---- */

#define FIELD(type, member)                                         \
	{                                                           \
		offsetof(type, member), sizeof(((type *)0)->member) \
	}
#define SERIES(member) FIELD(struct series_sample, member)
#define SNAPSHOT(member) FIELD(struct snapshot, member)
#define FUNCTION(member) FIELD(struct function_sample, member)
#define USAGE(member) FIELD(struct kernel_usage, member)
#define SUBSCRIBER(member) FIELD(struct subscriber_stats, member)
#define INPUT(member) FIELD(struct families_input, member)

/* It would give every word a line of its own: */
/* clang-format off */
static const struct family families[] = {
	{ { "tapmeter_messages", FAMILY_COUNTER, "",
	    "Messages sent or received: frames without another one to follow." },
	  VIEW_MESSAGE, write_sum, SERIES(messages) },
	{ { "tapmeter_message_bytes", FAMILY_COUNTER, "bytes",
	    "Bytes of the frames sent or received." },
	  VIEW_MESSAGE, write_sum, SERIES(bytes) },
	{ { "tapmeter_message_frames", FAMILY_COUNTER, "",
	    "Frames sent or received: calls that did not fail." },
	  VIEW_MESSAGE, write_sum, SERIES(frames) },
	{ { "tapmeter_message_failures", FAMILY_COUNTER, "",
	    "Calls that failed, by errno; would-block and time-outs are counted elsewhere." },
	  VIEW_MESSAGE, write_failures, { 0 } },
	{ { "tapmeter_message_would_block", FAMILY_COUNTER, "",
	    "Non-blocking calls that found nothing to do (EAGAIN)." },
	  VIEW_MESSAGE, write_sum, SERIES(would_block) },
	{ { "tapmeter_message_timeouts", FAMILY_COUNTER, "",
	    "Blocking calls that ran into their time-out (EAGAIN)." },
	  VIEW_MESSAGE, write_sum, SERIES(timeouts) },
	{ { "tapmeter_message_call_seconds", FAMILY_HISTOGRAM, "seconds",
	    "Time spent in the calls that did not fail." },
	  VIEW_MESSAGE, write_histogram, { 0 } },
	{ { "tapmeter_message_transit_seconds", FAMILY_HISTOGRAM, "seconds",
	    "Time from the sender's call to the return of the receiver's, both on this host." },
	  VIEW_TRANSIT, write_histogram, { 0 } },
	{ { "tapmeter_message_backlog", FAMILY_GAUGE, "",
	    "Messages sent and not yet received, where both ends are on this host." },
	  VIEW_BACKLOG, write_sum, SERIES(backlog) },
	{ { "tapmeter_calls_in_flight", FAMILY_GAUGE, "", "Calls entered and not returned." },
	  VIEW_CALLS, write_sum, SERIES(in_flight) },
	{ { "tapmeter_oldest_call_seconds", FAMILY_GAUGE, "seconds",
	    "Age of the oldest call in flight; 0 if there is none." },
	  VIEW_CALLS, write_max, SERIES(oldest_ns) },
	{ { "tapmeter_rpc_requests", FAMILY_COUNTER, "",
	    "Requests sent by a client or received by a server." },
	  VIEW_RPC, write_sum, SERIES(messages) },
	{ { "tapmeter_rpc_seconds", FAMILY_HISTOGRAM, "seconds",
	    "Time from a request to its response: of a client from its first frame sent to the response's "
	    "last one received, of a server from received to sent." },
	  VIEW_RPC, write_histogram, { 0 } },
	{ { "tapmeter_rpc_unanswered", FAMILY_GAUGE, "", "Requests that have no response yet." },
	  VIEW_RPC, write_sum, SERIES(in_flight) },
	{ { "tapmeter_rpc_oldest_unanswered_seconds", FAMILY_GAUGE, "seconds",
	    "Age of the oldest request that has no response yet; 0 if there is none." },
	  VIEW_RPC, write_max, SERIES(oldest_ns) },
	{ { "tapmeter_cache_operations", FAMILY_COUNTER, "",
	    "Operations on a cache, by result; hit and miss count the keys that were looked up." },
	  VIEW_CACHE, write_cache_operations, { 0 } },
	{ { "tapmeter_cache_bytes", FAMILY_COUNTER, "bytes",
	    "Bytes moved by operations on a cache." },
	  VIEW_CACHE, write_cache_bytes, { 0 } },
	{ { "tapmeter_cache_evictions", FAMILY_COUNTER, "",
	    "Keys that a cache dropped for lack of memory." },
	  VIEW_CACHE_SYSTEM, write_sum, SERIES(cache.evictions) },
	{ { "tapmeter_cache_expirations", FAMILY_COUNTER, "",
	    "Keys that a cache dropped because their time was up." },
	  VIEW_CACHE_SYSTEM, write_sum, SERIES(cache.expirations) },
	{ { "tapmeter_cache_operation_seconds", FAMILY_HISTOGRAM, "seconds",
	    "Time spent in the operations on a cache that did not fail." },
	  VIEW_CACHE, write_histogram, { 0 } },
	{ { "tapmeter_kernel_cpu_seconds", FAMILY_COUNTER, "seconds",
	    "CPU time of the container (or systemd unit), as its cgroup has it." },
	  VIEW_KERNELS, write_usage, USAGE(cpu_ns) },
	{ { "tapmeter_kernel_memory_bytes", FAMILY_GAUGE, "bytes",
	    "Memory of the container's cgroup without inactive file pages." },
	  VIEW_KERNELS, write_usage, USAGE(memory_bytes) },
	{ { "tapmeter_kernel_memory_limit_bytes", FAMILY_GAUGE, "bytes",
	    "The smallest memory limit of the container's cgroup and those around it; absent if there is "
	    "none." },
	  VIEW_KERNELS, write_usage, USAGE(memory_limit_bytes) },
	{ { "tapmeter_kernel_io_bytes", FAMILY_COUNTER, "bytes",
	    "Bytes read from and written to block devices, as the container's cgroup has it: by cgroup v1 "
	    "without what is written back later, and on Linux 6.9 or newer only once a disk has a limit." },
	  VIEW_KERNELS, write_usage, USAGE(io_read_bytes) },
	{ { "tapmeter_kernel_network_bytes", FAMILY_COUNTER, "bytes",
	    "Bytes through the interfaces (but lo) of the container's network namespace, which containers "
	    "of a pod share; absent if it is the host's." },
	  VIEW_KERNELS, write_usage, USAGE(net_rx_bytes) },
	{ { "tapmeter_tap_events", FAMILY_COUNTER, "",
	    "Events that a program has told of with tap_event() (docs/cooperate.md)." },
	  VIEW_EVENT, write_sum, SERIES(messages) },
	{ { "tapmeter_tap_event_value", FAMILY_COUNTER, "",
	    "Sum of the events' values, without the negative ones." },
	  VIEW_EVENT, write_sum, SERIES(bytes) },
	{ { "tapmeter_tap_event_negative_value", FAMILY_COUNTER, "",
	    "Sum of the events' negative values, without their sign; absent if there are none." },
	  VIEW_EVENT, write_negative, SERIES(cache.received) },
	{ { "tapmeter_gauge_<name>", FAMILY_GAUGE, "",
	    "A variable of a running program, declared in the config file or by the program (docs/gauges.md)." },
	  VIEW_NONE, write_gauges, { 0 } },
	{ { "tapmeter_tap_up", FAMILY_GAUGE, "",
	    "Whether the function is tapped; /api/v1/taps says why not." },
	  VIEW_TAPS, write_tap_up, { 0 } },
	{ { "tapmeter_probe_runs", FAMILY_COUNTER, "", "How often the function's probe was hit." },
	  VIEW_FUNCTIONS, write_sum, FUNCTION(runs) },
	{ { "tapmeter_probe_seconds", FAMILY_COUNTER, "seconds",
	    "Time that the function's probe has cost the tapped processes: runs times the cost of one, "
	    "measured at start." },
	  VIEW_FUNCTIONS, write_sum, FUNCTION(cost_ns) },
	{ { "tapmeter_streams", FAMILY_GAUGE, "", "Streams that are counted now." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(streams_used) },
	{ { "tapmeter_streams_limit", FAMILY_GAUGE, "", "Streams that there is room for." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(streams_limit) },
	{ { "tapmeter_lost", FAMILY_COUNTER, "",
	    "What could not be counted or not completely, by reason." },
	  VIEW_NONE, write_lost, { 0 } },
	{ { "tapmeter_gap_seconds", FAMILY_COUNTER, "seconds",
	    "How long nothing was counted because a former agent's taps (--bpf.pin-path) did not fit and "
	    "were replaced." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(gap_ns) },
	{ { "tapmeter_series_capped", FAMILY_COUNTER, "",
	    "Label values replaced by \"other\" because a cap was reached." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(series_capped) },
	{ { "tapmeter_bus_dropped", FAMILY_COUNTER, "",
	    "Events that a subscriber did not get because its queue was full." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(bus.dropped) },
	{ { "tapmeter_subscriber_errors", FAMILY_COUNTER, "",
	    "Events that the subscriber could not use." },
	  VIEW_NONE, write_subscribers, SUBSCRIBER(errors) },
	{ { "tapmeter_subscriber_lag", FAMILY_GAUGE, "",
	    "Events that wait in the subscriber's queue." },
	  VIEW_NONE, write_subscribers, SUBSCRIBER(lag) },
	{ { "tapmeter_otlp_exports", FAMILY_COUNTER, "",
	    "Requests pushed to an OpenTelemetry receiver (success), refused by it, and dropped for lack of "
	    "room or time." },
	  VIEW_NONE, write_otlp, { 0 } },
	{ { "tapmeter_otlp_rejected_points", FAMILY_COUNTER, "",
	    "Data points that the receiver did not take from a request it accepted." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(otlp.rejected) },
	{ { "tapmeter_build", FAMILY_INFO, "", "Version and source revision of tapmeter." },
	  VIEW_NONE, write_build_info, { 0 } },
	{ { "tapmeter_scrape_seconds", FAMILY_GAUGE, "seconds",
	    "Time it took to answer the previous scrape; 0 before the first." },
	  VIEW_NONE, write_input_field, INPUT(scrape_ns) },
	{ { "process_cpu_seconds", FAMILY_COUNTER, "seconds",
	    "User and system CPU time of tapmeter itself." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.cpu_ns) },
	{ { "process_resident_memory_bytes", FAMILY_GAUGE, "bytes",
	    "Resident memory of tapmeter itself." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.resident_bytes) },
	{ { "process_virtual_memory_bytes", FAMILY_GAUGE, "bytes",
	    "Virtual memory of tapmeter itself." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.virtual_bytes) },
	{ { "process_open_fds", FAMILY_GAUGE, "", "File descriptors open in tapmeter itself." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.open_fds) },
	{ { "process_max_fds", FAMILY_GAUGE, "", "File descriptors tapmeter may open." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.max_fds) },
	{ { "process_start_time_seconds", FAMILY_GAUGE, "seconds",
	    "When tapmeter was started, in Unix time." },
	  VIEW_NONE, write_snapshot_field, SNAPSHOT(self.start_real_ns) },
};
/* clang-format on */

#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* What --view adds, behind all others. */
static const struct neighbour {
	unsigned view; /* FAMILIES_VIEW_… */
	void (*write)(struct exposition *exposition, const struct snapshot *snapshot);
} neighbours[] = {
	{ FAMILIES_VIEW_BACKENDAI, view_backendai_write },
	{ FAMILIES_VIEW_FASTDEPLOY, view_fastdeploy_write },
	{ FAMILIES_VIEW_LMCACHE, view_lmcache_write },
};

#define PARTS (FAMILIES + sizeof(neighbours) / sizeof(neighbours[0]))

/* ---- the page ---- */

static int build_view(struct page *page, enum view view)
{
	const struct snapshot *snapshot = page->in->snapshot;

	switch (view) {
	case VIEW_TAPS:
		return group_taps(snapshot, &page->views[view]);
	case VIEW_FUNCTIONS:
		return group_functions(snapshot, &page->views[view]);
	case VIEW_KERNELS:
		return group_kernels(snapshot, &page->views[view]);
	case VIEW_NONE:
		return 0;
	default:
		return group_series(snapshot, view, &page->views[view]);
	}
}

/* The view of the family at hand is there; the others' memory is not needed. */
static int change_view(struct page *page, enum view view)
{
	if (page->view == view)
		return 0;
	grouping_free(&page->views[page->view]);
	page->view = view;
	return build_view(page, view);
}

/*
 * Writes some groups of a family from entry `first` on, and returns where the next ones begin. The
 * family's function gets to see just these, as if there were no others.
 */
static size_t write_groups(struct page *page, const struct family *family, size_t first)
{
	struct grouping *g = &page->views[family->view], whole = *g;
	size_t end = first;

	for (int i = 0; i < GROUPS_AT_ONCE && end < whole.count; i++)
		end = grouping_end(&whole, end);
	g->entries = whole.entries + first;
	g->count = end - first;
	family->write(page, family);
	*g = whole;
	return end;
}

static void write_neighbour(struct page *page)
{
	const struct neighbour *neighbour = &neighbours[page->family++ - FAMILIES];

	if (page->in->views & neighbour->view)
		neighbour->write(&page->exposition, page->in->snapshot);
}

/* Writes the next part of the page, of one family. */
static int write_part(struct page *page)
{
	const struct family *family;
	int err;

	if (page->family >= FAMILIES) {
		write_neighbour(page);
		return 0;
	}
	family = &families[page->family];
	err = change_view(page, family->view);
	if (err)
		return err;
	if (!page->entry)
		exposition_family(&page->exposition, &family->head);
	if (family->view == VIEW_NONE) {
		family->write(page, family);
		page->family++;
		return 0;
	}
	page->entry = write_groups(page, family, page->entry);
	if (page->entry == page->views[family->view].count) {
		page->entry = 0;
		page->family++;
	}
	return 0;
}

int page__new(const struct families_input *in, enum exposition_format format, struct page **out)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page)
		return -ENOMEM;
	page->input = *in;
	page->in = &page->input;
	exposition_init(&page->exposition, format, NULL);
	*out = page;
	return 0;
}

void page__free(struct page *page)
{
	if (!page)
		return;
	grouping_free(&page->views[page->view]);
	exposition_free(&page->exposition);
	free(page);
}

/* Goes through the page, without writing it, if its format wants that. */
static int measure(struct page *page, struct strbuf *out)
{
	int err = 0;

	if (!page->exposition.measuring)
		return 0;
	while (!err && page->family < PARTS) {
		err = write_part(page);
		if (!err)
			err = out->err;
	}
	page->family = 0;
	exposition_measured(&page->exposition);
	return err;
}

int page__next(struct page *page, struct strbuf *out)
{
	size_t start = out->len;
	int err = out->err;

	page->exposition.out = out;
	if (!err)
		err = measure(page, out);
	while (!err && page->family < PARTS && out->len - start < PIECE_LEN) {
		err = write_part(page);
		if (!err)
			err = out->err;
	}
	if (err)
		return err;
	if (page->family < PARTS)
		return 1;
	exposition_end(&page->exposition);
	return out->err;
}

int families_write(const struct families_input *in, enum exposition_format format,
		   struct strbuf *out)
{
	struct page *page;
	int ret = page__new(in, format, &page);

	if (ret)
		return ret;
	do
		ret = page__next(page, out);
	while (ret > 0);
	page__free(page);
	return ret;
}

/* ---- what there is ---- */

static void add_name(struct strbuf *out, const char *name)
{
	strbuf_addf(out, "%s%s", out->len ? ", " : "", name);
}

/* The label that a family has beside those of its view. */
static const char *extra_label(const struct family *family)
{
	if (family->write == write_failures)
		return "error";
	if (family->write == write_cache_operations)
		return "result";
	if (family->write == write_cache_bytes)
		return label_name(LABEL_DIRECTION);
	if (family->write == write_subscribers)
		return "subscriber";
	if (family->write == write_usage && usage_part(family->field)->directions[0])
		return label_name(LABEL_DIRECTION);
	if (family->write == write_gauges)
		return "kernel_id, container, pod, namespace, comm";
	if (family->write == write_otlp)
		return "result";
	if (family->write == write_lost)
		return "reason";
	return family->write == write_build_info ? "version, revision" : NULL;
}

int families_describe(size_t number, const struct family_head **head, struct strbuf *labels)
{
	static const char *const others[VIEW_COUNT] = {
		[VIEW_TAPS] = "profile, path, function",
		[VIEW_FUNCTIONS] = "profile, function",
		[VIEW_KERNELS] = "kernel_id, container, pod, namespace",
	};
	const struct family *family;

	if (number >= FAMILIES)
		return -ENOENT;
	family = &families[number];
	*head = &family->head;
	for (enum label label = 0; label < LABEL_COUNT; label++) {
		if (view_labels[family->view] & LABEL_BIT(label))
			add_name(labels, label_name(label));
	}
	if (others[family->view])
		add_name(labels, others[family->view]);
	if (extra_label(family))
		add_name(labels, extra_label(family));
	return labels->err;
}
