/* SPDX-License-Identifier: Apache-2.0 */
/* All that is known now becomes a snapshot. */
#include <string.h>
#include <time.h>
#include "collect.h"
#include "collect_parts.h"
#include "notices.h"
#include "store/gauges.h"
#include "tap/probes.h"
#include "tap/taps.h"
#include "usages.h"
#include "util/self.h"
#include "variables.h"
#include "whose.h"

#define RECEIVER_WAITS_NS 1000000000ull /* so long in a call: there is nothing to receive */

struct filling {
	struct collector *collector;
	struct snapshot_builder *builder;
	int err;
};

/* A call that receives may wait for long with nothing wrong; others may not. */
static void check_stuck(struct collector *c, struct owner *owner, const struct stream_sample *row)
{
	const struct series_labels *labels = series__labels(owner->series);
	int stuck = labels->direction != DIRECTION_RECEIVE &&
		    row->oldest_ns >= c->config->stuck_after_ns;

	if (stuck && !owner->stuck)
		notice_stuck(c->bus, c->now_ns, row->tgid, labels, row->oldest_ns);
	owner->stuck = stuck;
}

static void check_evictions(struct collector *c, struct owner *owner,
			    const struct stream_sample *row, uint64_t count)
{
	uint64_t burst = evictions_look(&owner->evictions, count, c->now_ns);

	if (burst)
		notice_evictions(c->bus, c->now_ns, row->tgid, series__labels(owner->series),
				 burst);
}

static int add_stream(void *arg, const struct stream_view *view)
{
	struct filling *f = arg;
	const struct tm_slot *slot = view->counters;
	uint64_t now_ns = f->collector->now_ns;
	struct owner *owner = view->user;
	struct counters counters;
	struct stream_sample row = {
		.profile = view->profile ? view->profile->name : "",
		.operation = view->operation ? view->operation->name : "",
		.slot = view->slot,
		.tgid = slot->key.process.tgid,
		.object = slot->key.object,
		.age_ns = now_ns > slot->opened_ns ? now_ns - slot->opened_ns : 0,
		.in_flight = view->in_flight,
	};

	if (view->oldest_start_ns && now_ns > view->oldest_start_ns)
		row.oldest_ns = now_ns - view->oldest_start_ns;
	collect_counters(slot, view->profile && view->profile->kind == PROFILE_EVENT, &counters);
	row.frames = counters.frames;
	row.messages = counters.messages;
	row.bytes = counters.bytes + counters.cache.received;
	row.would_block = counters.would_block;
	row.timeouts = counters.timeouts;
	row.sum_ns = counters.sum_ns;
	row.failures = counters.other_errors + counters.unknown_errors;
	for (size_t i = 0; i < TM_MAX_ERRNOS; i++)
		row.failures += counters.errors[i].count;
	if (owner && series__labels(owner->series)->direction == DIRECTION_SEND)
		backlog__count(owner->flow, DIRECTION_SEND, counters.messages, view->in_flight);
	else if (owner)
		backlog__count(owner->flow, DIRECTION_RECEIVE,
			       owner->noted ? owner->messages : counters.messages,
			       owner->noted ? 0 : BACKLOG_UNSURE);
	if (owner && row.oldest_ns >= RECEIVER_WAITS_NS &&
	    series__labels(owner->series)->direction == DIRECTION_RECEIVE)
		backlog__waits(owner->flow);
	if (owner) {
		check_stuck(f->collector, owner, &row);
		check_evictions(f->collector, owner, &row, counters.cache.evictions);
	}
	return snapshot_builder__add_stream(f->builder, owner ? owner->series : NULL, &counters,
					    &row);
}

/* Before the calls in flight are looked at, see backlog.h. */
static int note_received(void *arg, const struct stream_view *view)
{
	struct owner *owner = view->user;

	(void)arg;
	if (!owner)
		return 0;
	owner->messages = __atomic_load_n(&view->counters->messages, __ATOMIC_ACQUIRE);
	owner->noted = 1;
	return 0;
}

static int add_transit(void *arg, void *user, const struct tm_transit *transit)
{
	struct filling *f = arg;
	struct counters counters;

	collect_transit(transit, &counters);
	return snapshot_builder__add_counters(f->builder, user, &counters);
}

static int add_tap(void *arg, const struct tap_info *info)
{
	struct filling *f = arg;
	struct tap_sample sample = {
		.profile = info->profile->name,
		.path = info->path,
		.function = info->function,
		.attach = info->up ? attach_way_name(probes__way(f->collector->probes)) : "",
		.offset = info->offset,
		.function_offset = info->function_offset,
		.instruction = info->instruction,
		.placement = info->placement,
		.up = info->up,
		.adopted = info->adopted,
		.reason = info->reason,
		.processes = info->processes,
	};

	return snapshot_builder__add_tap(f->builder, &sample);
}

static int add_function(void *arg, const struct profile *profile, const char *function,
			uint64_t runs, uint64_t cost_ns)
{
	struct filling *f = arg;
	struct function_sample sample = {
		.profile = profile->name,
		.function = function,
		.runs = runs,
		.cost_ns = cost_ns,
	};

	return snapshot_builder__add_function(f->builder, &sample);
}

static void add_kernel(void *arg, const struct process *process)
{
	struct filling *f = arg;
	struct kernel_sample kernel = {
		.kernel_id = process->subject.kernel_id,
		.container = process->subject.container,
		.name = process->subject.name,
		.pod = process->subject.pod,
		.namespace = process->subject.namespace,
		.processes = 1,
	};

	if (f->err || !process->selected)
		return;
	usages__find(f->collector->usages, &process->subject, &kernel.point.usage);
	f->err = snapshot_builder__add_kernel(f->builder, &kernel);
}

/* A message whose delivery time is not known is no loss of counts, nor is a gauge without a sample. */
static int is_no_count(enum tm_lost reason)
{
	return !strncmp(lost_name(reason), "transit_", strlen("transit_")) ||
	       !strncmp(lost_name(reason), "gauge", strlen("gauge"));
}

static void tell_losses(struct collector *c, const struct snapshot *raw)
{
	for (enum tm_lost reason = 0; reason < TM_LOST_COUNT; reason++) {
		if (raw->lost[reason] > c->lost_seen[reason] && !is_no_count(reason))
			notice_lost(c->bus, c->now_ns, reason,
				    raw->lost[reason] - c->lost_seen[reason]);
		c->lost_seen[reason] = raw->lost[reason];
	}
}

static void add_totals(struct collector *c, struct snapshot *raw)
{
	const uint64_t *losses = probes__losses(c->probes);
	const struct taps_passed_over passed_over = taps__passed_over(c->taps);

	for (int i = 0; i < TM_LOST_COUNT; i++)
		raw->lost[i] = losses[i] + c->lost_elsewhere[i];
	raw->lost[TM_LOST_LABELS_UNKNOWN] += streams__labels_unknown(c->streams);
	raw->lost[TM_LOST_MMAP_EVENTS] += c->mapped_lost;
	raw->lost[TM_LOST_KERNEL_ID_CONFLICT] += whose__conflicts(c->whose);
	raw->lost[TM_LOST_GAUGE_FAILED] += gauges__failed(c->gauges);
	raw->lost[TM_LOST_GAUGE_UNREADABLE] += variables__unreadable(c->variables);
	raw->lost[TM_LOST_GAUGES_FULL] += variables__refused(c->variables);
	raw->lost[TM_LOST_FILES_LATE] += passed_over.late;
	raw->lost[TM_LOST_FILES_FULL] += passed_over.full;
	raw->lost[TM_LOST_FILES_UNSAFE] += passed_over.unsafe;
	raw->lost[TM_LOST_FILES_BUSY] += passed_over.busy;
	tell_losses(c, raw);
	bus__stats(c->bus, &raw->bus);
	raw->otlp = c->otlp;
	raw->streams_used = streams__used(c->streams);
	raw->gap_ns = collect_gap(c, c->now_ns);
	raw->streams_limit = (uint32_t)c->config->max_streams;
	raw->series_capped = series_table__capped(c->series);
	self__sample(c->self, &raw->self);
}

static int fill(struct collector *c, struct snapshot_builder *builder)
{
	struct filling f = { .collector = c, .builder = builder };
	int err;

	backlog__begin(c->backlog);
	err = streams__each(c->streams, add_stream, &f);
	if (!err)
		err = backlog__end(c->backlog, builder);
	if (!err)
		err = transits__each(c->transits, add_transit, &f);
	if (!err)
		err = requests__fill(c->requests, builder, c->now_ns);
	if (!err)
		err = snapshot_builder__add_retired(builder, c->series);
	if (!err)
		err = taps__each(c->taps, add_tap, &f);
	if (!err)
		err = taps__each_function(c->taps, add_function, &f);
	if (!err)
		err = gauges__read(c->gauges, builder);
	if (err)
		return err;
	processes__each(c->processes, add_kernel, &f);
	add_totals(c, snapshot_builder__raw(builder));
	return f.err;
}

static uint64_t real_time_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

int collector__snapshot(struct collector *collector, uint64_t now_ns, struct snapshot **out)
{
	struct snapshot_builder *builder;
	int err;

	collector__events(collector, now_ns);
	transits__update(collector->transits, now_ns);
	streams__each(collector->streams, note_received, NULL);
	streams__update(collector->streams, now_ns);
	requests__update(collector->requests, now_ns);
	usages__read(collector->usages);
	variables__read(collector->variables);
	err = snapshot_builder__new(now_ns, real_time_ns(), ++collector->snapshots, &builder);
	if (err)
		return err;
	err = fill(collector, builder);
	if (err) {
		snapshot_builder__free(builder);
		return err;
	}
	return snapshot_builder__seal(builder, out);
}
