/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, delivery times and requests become series: whose they are, what is counted, and what remains of them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "collect_parts.h"
#include "notices.h"
#include "shares.h"
#include "subject/endpoint.h"
#include "tap/match.h"
#include "whose.h"

/* ---- streams -> series ---------------------------------------------------------------------- */

static int is_internal(const struct profile *profile, const char *endpoint)
{
	for (size_t i = 0; i < profile->internal_count; i++)
		if (!strncmp(endpoint, profile->internal_endpoints[i],
			     strlen(profile->internal_endpoints[i])))
			return 1;
	return 0;
}

static enum series_direction direction_of(const struct operation *operation)
{
	switch (operation->direction) {
	case OPERATION_SEND:
		return DIRECTION_SEND;
	case OPERATION_RECEIVE:
		return DIRECTION_RECEIVE;
	default:
		return DIRECTION_NONE;
	}
}

/*
 * Whose stream it is: from the table, else from /proc, else from what came with the stream's first call. -EAGAIN: more will
 * soon be known.
 */
static int find_subject(struct collector *c, const struct stream_identity *identity,
			struct subject *out)
{
	const struct tm_process_id *id = &identity->key->process;
	struct process *process = collect_process(c, id);

	if (process) {
		whose__update(c->whose, process);
		*out = process->subject;
	} else if (identity->cgroups) {
		whose__from_names(c->whose, identity->cgroups, c->now_ns, out);
	} else {
		memset(out, 0, sizeof(*out));
		snprintf(out->kernel_id, sizeof(out->kernel_id), "unknown");
	}
	return whose__pending(c->whose, out->container, c->now_ns) ? -EAGAIN : 0;
}

/* Where the endpoint's name holds; parts that cannot be read are 0. */
static void find_scope(const struct tm_process_id *process, struct endpoint_scope *out)
{
	char path[48];
	struct stat st;

	*out = (struct endpoint_scope){ .process = *process };
	snprintf(path, sizeof(path), "/proc/%u/ns/net", process->tgid);
	if (!stat(path, &st))
		out->net = st.st_ino;
	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", process->tgid);
	if (!stat(path, &st))
		out->mount = st.st_ino;
}

static int owner_new(struct collector *c, const struct series_labels *labels,
		     const struct tm_process_id *process, struct owner **out)
{
	struct owner *owner = calloc(1, sizeof(*owner));
	struct endpoint_scope scope;
	int err;

	if (!owner)
		return -ENOMEM;
	find_scope(process, &scope);
	if (labels->kind == SERIES_MESSAGE && !labels->internal &&
	    backlog__open(c->backlog, labels, &scope, &owner->flow)) {
		free(owner);
		return -ENOMEM;
	}
	err = series_table__open(c->series, labels, &owner->series);
	if (err) {
		backlog__close(c->backlog, owner->flow, labels->direction, 0, c->now_ns);
		free(owner);
		return err;
	}
	*out = owner;
	return 0;
}

/* Whether the profile is meant for this stream. */
static int is_meant(const struct stream_identity *identity, const struct subject *subject)
{
	const struct profile_match *match = &identity->profile->match;
	char link[64], exe[PATH_MAX] = "";
	ssize_t len = 0;

	if (match->exe_count) {
		snprintf(link, sizeof(link), "/proc/%u/exe", identity->key->process.tgid);
		len = readlink(link, exe, sizeof(exe) - 1);
	}
	exe[len > 0 ? len : 0] = 0;
	return match_fits(match, &(struct match_subject){
					 .comm = identity->comm,
					 .exe = exe,
					 .kernel_id = subject->kernel_id,
					 .endpoint = identity->endpoint,
				 });
}

static enum series_kind kind_of(const struct profile *profile)
{
	switch (profile->kind) {
	case PROFILE_CACHE:
		return SERIES_CACHE;
	case PROFILE_EVENT:
		return SERIES_EVENT;
	default:
		return SERIES_MESSAGE;
	}
}

static int on_open(void *arg, const struct stream_identity *identity, void **user)
{
	struct collector *c = arg;
	const struct profile *profile = identity->profile;
	struct subject subject;
	struct series_labels labels = {
		.kind = kind_of(profile),
		.direction = direction_of(identity->operation),
		.comm = identity->comm[0] ? identity->comm : "unknown",
		.system = profile->system,
		.endpoint = identity->endpoint,
		.socket_type = identity->socket_type,
		.side = profile->side,
		.operation = profile->kind == PROFILE_CACHE ? identity->operation->name : "",
		.removals = profile_counts_removals(profile),
		.internal = is_internal(profile, identity->endpoint),
	};
	struct owner *owner;
	int err;

	err = find_subject(c, identity, &subject);
	if (err)
		return err;
	if (!is_meant(identity, &subject)) {
		kept__note(c->kept, KEPT_SLOT, identity->slot, identity->generation, NULL, 0);
		*user = NULL; /* a stream without series: it is in no sum */
		return 0;
	}
	labels.kernel_id = subject.kernel_id;
	labels.container = subject.container;
	labels.pod = subject.pod;
	labels.namespace = subject.namespace;
	err = owner_new(c, &labels, &identity->key->process, &owner);
	if (err)
		return err;
	for (size_t i = 0; i < c->rpc_rules.count; i++)
		if (rpc_rule_matches(&c->rpc_rules, i, identity->socket_type, identity->endpoint))
			owner->rpc |= (uint8_t)(1u << i);
	*user = owner;
	kept__note(c->kept, KEPT_SLOT, identity->slot, identity->generation,
		   series__labels(owner->series), owner->rpc);
	notice_stream(c->bus, c->now_ns, identity->key->process.tgid,
		      series__labels(owner->series));
	if (subject.container[0])
		shares__open(c->shares, subject.container, identity->cgroup);
	return 0;
}

/* A stream that a former agent has opened, under the labels that it had there. */
static int on_recall(void *arg, uint32_t slot, const struct tm_slot *counters, void **user)
{
	struct collector *c = arg;
	struct series_labels labels;
	struct owner *owner = NULL;
	uint8_t rpc = 0;
	int known = kept__recall(c->kept, KEPT_SLOT, slot, counters->generation, &labels, &rpc),
	    err;

	if (known < 0)
		return known;
	if (known) {
		err = owner_new(c, &labels, &counters->key.process, &owner);
		if (err)
			return err;
		owner->rpc = rpc;
		if (labels.container[0])
			shares__open(c->shares, labels.container, counters->cgroup);
	}
	*user = owner;
	return 0;
}

static void on_freed(void *arg)
{
	const struct collector *c = arg;

	kept__freed(c->kept);
}

void collect_counters(const struct tm_slot *slot, int events, struct counters *out)
{
	memset(out, 0, sizeof(*out));
	/* messages before the histogram: it never exceeds the frames */
	out->messages = __atomic_load_n(&slot->messages, __ATOMIC_ACQUIRE);
	out->bytes = slot->bytes;
	out->cache.received = slot->received;
	if (events)
		return;
	out->would_block = slot->would_block;
	out->timeouts = slot->timeouts;
	out->sum_ns = slot->sum_ns;
	out->other_errors = slot->other_errors;
	out->unknown_errors = slot->unknown_errors;
	out->cache.hits = slot->hits;
	out->cache.misses = slot->misses;
	out->cache.ok = slot->ok;
	out->cache.evictions = slot->evictions;
	out->cache.expirations = slot->expirations;
	for (size_t i = 0; i < TM_MAX_ERRNOS && slot->errors[i].error; i++)
		out->errors[i] = slot->errors[i];
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		out->hist[i] = slot->hist[i];
		out->frames += out->hist[i];
	}
}

static int on_retire(void *arg, void *user, const struct tm_slot *totals, uint64_t now_ns)
{
	struct collector *c = arg;
	struct owner *owner = user;
	enum series_direction direction;
	struct counters counters;
	int err;

	if (!owner)
		return 0;
	direction = series__labels(owner->series)->direction;
	collect_counters(totals, series__labels(owner->series)->kind == SERIES_EVENT, &counters);
	err = series_table__retire(c->series, owner->series, &counters, now_ns);
	if (err)
		return err;
	kept__retire(c->kept, series__labels(owner->series), series__retired(owner->series),
		     KEPT_SLOT, (uint32_t)(totals - probes__slots(c->probes)));
	notice_stream_end(c->bus, now_ns, totals->key.process.tgid, series__labels(owner->series),
			  &counters);
	backlog__close(c->backlog, owner->flow, direction, counters.messages, now_ns);
	free(owner);
	return 0;
}

static void on_slow(void *arg, void *user, const struct tm_slow_event *event)
{
	struct collector *c = arg;
	const struct owner *owner = user;

	notice_slow(c->bus, c->now_ns, event->event.process.tgid, series__labels(owner->series),
		    event->duration_ns, event->calls);
}

int collect_free_owner(void *arg, const struct stream_view *view)
{
	(void)arg;
	free(view->user);
	return 0;
}

/* ---- delivery times -> series -------------------------------------------------------------------- */

static uint32_t transit_index(const struct collector *c, const struct tm_transit *transit)
{
	return (uint32_t)(transit - probes__transits(c->probes));
}

static uint64_t transit_id(const struct tm_transit *transit)
{
	return (uint64_t)transit->receiver << 32 | transit->sender;
}

/* As on_recall(). */
static int on_transit_recall(void *arg, const struct tm_transit *transit, void **user)
{
	struct collector *c = arg;
	struct series_labels labels;
	struct series *series;
	uint8_t mark;
	int err;

	if (kept__recall(c->kept, KEPT_TRANSIT, transit_index(c, transit), transit_id(transit),
			 &labels, &mark) != 1)
		return -ENOENT;
	err = series_table__open(c->series, &labels, &series);
	if (!err)
		*user = series;
	return err;
}

static int on_transit_open(void *arg, const struct tm_transit *transit, void *receiver,
			   void *sender, void **user)
{
	struct collector *c = arg;
	struct series_labels labels = *series__labels(((struct owner *)receiver)->series);
	struct endpoint_end ends[2] = { { labels.endpoint, labels.socket_type }, { "", "" } };
	struct series *series;
	int err;

	if (sender) {
		const struct series_labels *other =
			series__labels(((struct owner *)sender)->series);

		ends[1] = (struct endpoint_end){ other->endpoint, other->socket_type };
	}
	labels.kind = SERIES_TRANSIT;
	labels.direction = DIRECTION_NONE;
	labels.endpoint = endpoint_bound(&ends[0], &ends[1]);
	/* no label of the family; views tell requests from responses by the receiver's type */
	err = series_table__open(c->series, &labels, &series);
	if (err)
		return err;
	*user = series;
	kept__note(c->kept, KEPT_TRANSIT, transit_index(c, transit), transit_id(transit),
		   series__labels(series), 0);
	return 0;
}

void collect_transit(const struct tm_transit *transit, struct counters *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->view, transit->view, sizeof(out->view));
	out->sum_ns = transit->sum_ns;
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		out->hist[i] = transit->hist[i];
		out->frames += out->hist[i];
	}
}

static int on_transit_retire(void *arg, void *user, const struct tm_transit *totals,
			     uint64_t now_ns)
{
	struct collector *c = arg;
	struct counters counters;
	int err;

	collect_transit(totals, &counters);
	err = series_table__retire(c->series, user, &counters, now_ns);
	if (!err)
		kept__retire(c->kept, series__labels(user), series__retired(user), KEPT_TRANSIT,
			     transit_index(c, totals));
	return err;
}

/* ---- requests -> series --------------------------------------------------------------------------- */

uint8_t collect_stream_rules(void *stream, const struct series_labels **labels)
{
	const struct owner *owner = stream;

	*labels = series__labels(owner->series);
	return owner->rpc;
}

/* ---- who asks for it --------------------------------------------------------------------------------- */

struct stream_callbacks collect_stream_callbacks(struct collector *c)
{
	return (struct stream_callbacks){
		.open = on_open,
		.recall = on_recall,
		.retire = on_retire,
		.freed = on_freed,
		.aside = c->aside,
		.slow = on_slow,
		.arg = c,
	};
}

struct transit_callbacks collect_transit_callbacks(struct collector *c)
{
	return (struct transit_callbacks){
		.recall = on_transit_recall,
		.open = on_transit_open,
		.retire = on_transit_retire,
		.freed = on_freed,
		.arg = c,
	};
}
