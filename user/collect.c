/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>
#include "backlog.h"
#include "host.h"
#include "serve/view_fastdeploy.h"
#include "shares.h"
#include "subject/endpoint.h"
#include "subject/process.h"
#include "tap/calibrate.h"
#include "tap/mmapwatch.h"
#include "tap/probes.h"
#include "tap/streams.h"
#include "tap/taps.h"
#include "tap/transits.h"
#include "usages.h"
#include "util/log.h"
#include "util/self.h"
#include "whose.h"

#define UNMAPPED_LINGER_NS 5000000000ull /* a tap stays this long after its file's last process */
#define OVER_BUDGET_NS 10000000000ull /* over the budget for so long: something is given up */
#define RECEIVER_WAITS_NS 1000000000ull /* so long in a call: there is nothing to receive */
#define TRANSIT_RATIO 1.6 /* a tap may cost so many times as much with delivery times */
#define MAX_NOTED 256 /* processes noted between two looks; more, and all are looked at */

struct collector {
	const struct config *config;
	int filtered; /* only processes that the user names are tapped */
	struct probes *probes;
	struct taps *taps;
	struct streams *streams;
	struct transits *transits;
	struct backlog *backlog;
	struct processes *processes;
	struct whose *whose;
	struct series_table *series;
	struct shares *shares;
	struct usages *usages;
	struct mmap_watch *watch;
	struct self *self;
	struct probe_cost cost;
	int transit; /* delivery times are measured */
	uint64_t spent_ns, spent_at_ns; /* cost of all probes at the last look, and when that was */
	uint64_t over_since_ns; /* over the budget since then, 0 = within it */
	uint64_t mapped_lost;
	uint64_t lost_elsewhere[TM_LOST_COUNT];
	uint64_t snapshots;
	uint64_t now_ns;
	uint32_t noted[MAX_NOTED];
	size_t noted_count;
};

/* ---- which processes may be tapped ---------------------------------------------------- */

static int list_has(const struct option_texts *list, const char *text)
{
	if (!list->count)
		return 1;
	for (size_t i = 0; i < list->count; i++)
		if (!fnmatch(list->items[i], text, 0))
			return 1;
	return 0;
}

static int pid_listed(const struct config *config, uint32_t tgid)
{
	if (!config->pids.count)
		return 1;
	for (size_t i = 0; i < config->pids.count; i++)
		if (config->pids.items[i] == tgid)
			return 1;
	return 0;
}

/* A few processes by their pids: they get links of their own, so that nobody else pays. */
static int only_pids(const struct config *config)
{
	return config->pids.count && config->pids.count <= TAPS_MAX_PROCESSES &&
	       !config->comms.count && !config->kernel_ids.count;
}

static int wanted(const struct config *config, const struct process *process)
{
	return pid_listed(config, process->id.tgid) && list_has(&config->comms, process->comm) &&
	       list_has(&config->kernel_ids, process->subject.kernel_id);
}

/* The process as the table knows it, entered at first sight. NULL if it has gone. */
static struct process *see_process(struct collector *c, const struct tm_process_id *id)
{
	struct process *process;
	int is_new;

	if (processes__see(c->processes, id, &process, &is_new))
		return NULL;
	if (is_new) {
		whose__see(c->whose, process, c->now_ns);
		process->selected = wanted(c->config, process);
		if (c->filtered)
			probes__allow(c->probes, id->tgid, process->selected);
		if (process->selected)
			usages__add(c->usages, process);
	}
	return process;
}

static int on_selected(void *arg, const struct tm_process_id *id)
{
	struct collector *c = arg;
	const struct process *process;

	if (id->tgid == (uint32_t)getpid())
		return 0;
	if (!c->filtered)
		return 1;
	process = see_process(c, id);
	return process && process->selected;
}

static void on_process(void *arg, const struct tm_process_id *id, const char *path)
{
	(void)path;
	see_process(arg, id);
}

/* The process maps no tapped file any more, or has not been seen to. */
static void end_process(struct collector *c, const struct tm_process_id *id)
{
	if (processes__alive(c->processes, id))
		return; /* it only unmapped the library */
	streams__end_process(c->streams, id);
}

static void on_dropped(void *arg, const struct process *process)
{
	struct collector *c = arg;

	usages__drop(c->usages, &process->id);
	end_process(arg, &process->id);
}

/* ---- log of taps -------------------------------------------------------------------------- */

static void on_attached(void *arg, const char *path, size_t functions, const char *reason)
{
	(void)arg;
	if (reason[0])
		log_msg(LOG_WARN, "tap failed", LOG_STR("path", path), LOG_STR("error", reason));
	else
		log_msg(LOG_INFO, "tapped", LOG_STR("path", path), LOG_U64("functions", functions));
}

static void on_detached(void *arg, const char *path, uint32_t file, const char *reason)
{
	struct collector *c = arg;

	streams__end_file(c->streams, file);
	log_msg(LOG_INFO, "tap removed", LOG_STR("path", path), LOG_STR("reason", reason));
}

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
	struct process *process = see_process(c, id);

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

/* What belongs to a stream: streams.h hands it back as `user`. */
struct owner {
	struct series *series;
	struct flow *flow; /* NULL = no backlog can be told */
	uint64_t messages; /* received, read before the calls in flight */
	int noted; /* it was: the stream is not new */
};

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

static int on_open(void *arg, const struct stream_identity *identity, void **user)
{
	struct collector *c = arg;
	const struct profile *profile = identity->profile;
	struct subject subject;
	struct series_labels labels = {
		.kind = profile->kind == PROFILE_CACHE ? SERIES_CACHE : SERIES_MESSAGE,
		.direction = direction_of(identity->operation),
		.comm = identity->comm[0] ? identity->comm : "unknown",
		.system = profile->system,
		.endpoint = identity->endpoint,
		.socket_type = identity->socket_type,
		.side = profile->side,
		.operation = profile->kind == PROFILE_CACHE ? identity->operation->name : "",
		.internal = is_internal(profile, identity->endpoint),
	};
	struct owner *owner;
	int err;

	err = find_subject(c, identity, &subject);
	if (err)
		return err;
	labels.kernel_id = subject.kernel_id;
	labels.container = subject.container;
	labels.pod = subject.pod;
	labels.namespace = subject.namespace;
	err = owner_new(c, &labels, &identity->key->process, &owner);
	if (err)
		return err;
	*user = owner;
	if (subject.container[0])
		shares__open(c->shares, subject.container, identity->cgroup);
	return 0;
}

static void read_counters(const struct tm_slot *slot, struct counters *out)
{
	memset(out, 0, sizeof(*out));
	/* messages before the histogram: it never exceeds the frames */
	out->messages = __atomic_load_n(&slot->messages, __ATOMIC_ACQUIRE);
	out->bytes = slot->bytes;
	out->would_block = slot->would_block;
	out->timeouts = slot->timeouts;
	out->sum_ns = slot->sum_ns;
	out->other_errors = slot->other_errors;
	out->unknown_errors = slot->unknown_errors;
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
	enum series_direction direction = series__labels(owner->series)->direction;
	struct counters counters;
	int err;

	read_counters(totals, &counters);
	err = series_table__retire(c->series, owner->series, &counters, now_ns);
	if (err)
		return err;
	backlog__close(c->backlog, owner->flow, direction, counters.messages, now_ns);
	free(owner);
	return 0;
}

static int free_owner(void *arg, const struct stream_view *view)
{
	(void)arg;
	free(view->user);
	return 0;
}

/* ---- delivery times -> series -------------------------------------------------------------------- */

static int on_transit_open(void *arg, void *receiver, void *sender, void **user)
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
	if (!err)
		*user = series;
	return err;
}

static void read_transit(const struct tm_transit *transit, struct counters *out)
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

	read_transit(totals, &counters);
	return series_table__retire(c->series, user, &counters, now_ns);
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static int open_usages(struct collector *c)
{
	struct usages_config config = {
		.proc_root = "/proc",
		.processes = c->processes,
		.max_age_ns = c->config->max_age_ns,
		.interval_ns = c->config->sample_interval_ns,
		/* the other half is for taps, connections and all else */
		.max_fds = host_raise_open_files() / 2,
		.now_ns = monotonic_ns,
	};

	return usages__new(&config, &c->usages);
}

static int has_view(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->views.count; i++)
		if (!strcmp(config->views.items[i], name))
			return 1;
	return 0;
}

/* A view that shows delivery times turns them on, whatever --transit says. */
static int wants_transit(const struct config *config)
{
	return config->transit != TRANSIT_OFF || has_view(config, "fastdeploy");
}

/*
 * Whether messages are recognised: as told, or if it costs little. The room for their records stays in any case, as
 * it is only known with it what it costs.
 */
static void decide_transit(struct collector *c)
{
	struct probe_cost *cost = &c->cost;

	c->transit = wants_transit(c->config);
	if (c->config->transit == TRANSIT_AUTO && !has_view(c->config, "fastdeploy") &&
	    (double)cost->transit_ns > TRANSIT_RATIO * (double)cost->emulated_ns) {
		c->transit = 0;
		log_msg(LOG_INFO, "delivery times are off: they cost too much here; --transit=on",
			LOG_U64("tap_ns", cost->emulated_ns),
			LOG_U64("with_transit_ns", cost->transit_ns));
	}
	if (!c->transit || cost->transit_ns < cost->emulated_ns)
		return;
	/* of nearly all calls that are counted */
	cost->stepped_ns += cost->transit_ns - cost->emulated_ns;
	cost->emulated_ns = cost->transit_ns;
}

/* ---- start and stop ---------------------------------------------------------------------------- */

static int open_parts(struct collector *c, const struct profile *const *profiles, size_t count,
		      struct relay_link *relay, char *err, size_t err_len)
{
	struct probes_config probes_config = {
		.way = (enum attach_way)c->config->bpf_attach,
		.max_streams = (uint32_t)c->config->max_streams,
		.transit = wants_transit(c->config),
		.view_bound_count = has_view(c->config, "fastdeploy") ? VIEW_FASTDEPLOY_BOUNDS : 0,
		.view_bounds_ns = view_fastdeploy_bounds_ns,
		.filter = c->filtered,
		/* a child has its parent's name and kernel, but not its pid */
		.inherit = c->filtered && !c->config->pids.count,
	};
	struct taps_callbacks taps_callbacks = {
		.selected = on_selected,
		.process = on_process,
		.attached = on_attached,
		.detached = on_detached,
		.arg = c,
	};
	struct stream_callbacks stream_callbacks = {
		.open = on_open,
		.retire = on_retire,
		.arg = c,
	};
	struct transit_callbacks transit_callbacks = {
		.open = on_transit_open,
		.retire = on_transit_retire,
		.arg = c,
	};
	int error;

	error = probes__new(&probes_config, err, err_len, &c->probes);
	if (error)
		return error;
	error = probe_cost_measure(c->probes, &c->cost);
	if (error == -ENOTRECOVERABLE)
		snprintf(
			err, err_len,
			"this Linux kernel kills tapped processes that run under a seccomp filter, as containers "
			"do: use 6.12.14, 6.13.3, 6.14 or newer, or one before 6.11");
	else if (error)
		snprintf(err, err_len, "cannot measure the cost of a tap: %s", strerror(-error));
	if (error)
		return error;
	log_msg(LOG_DEBUG, "cost of a tapped call", LOG_U64("emulated_ns", c->cost.emulated_ns),
		LOG_U64("stepped_ns", c->cost.stepped_ns),
		LOG_U64("transit_ns", c->cost.transit_ns));
	decide_transit(c);
	taps_callbacks.transit = c->transit;
	taps_callbacks.per_process = only_pids(c->config) && probes__can_attach_process(c->probes);
	snprintf(err, err_len, "out of memory");
	error = processes__new("/proc", &c->processes);
	if (!error)
		error = open_usages(c);
	if (!error)
		error = whose__new(c->config, "/", "/proc", relay, &c->whose);
	if (!error)
		error = shares__new(c->probes, &c->shares);
	if (!error)
		error = series_table__new(c->config->max_endpoints_per_kernel, &c->series);
	if (!error)
		error = taps__new(c->probes, profiles, count, &c->cost, &taps_callbacks, &c->taps);
	if (!error)
		error = streams__new(c->probes, c->taps, (uint32_t)c->config->max_streams,
				     &stream_callbacks, &c->streams);
	if (!error)
		error = backlog__new(c->series, &c->backlog);
	if (!error)
		error = transits__new(c->probes, c->streams, &transit_callbacks, &c->transits);
	if (!error) {
		error = self__new(&c->self);
		if (error)
			snprintf(err, err_len, "/proc/self: %s: mount a readable /proc",
				 strerror(-error));
	}
	if (error)
		return error;
	error = mmap_watch__new(&c->watch);
	if (error)
		snprintf(err, err_len,
			 "cannot watch for new mappings: perf_event_open: %s: run as root or with "
			 "CAP_PERFMON",
			 strerror(-error));
	return error;
}

int collector__new(const struct config *config, const struct profile *const *profiles, size_t count,
		   struct relay_link *relay, char *err, size_t err_len, struct collector **out)
{
	struct collector *c;
	int error = host_check_pid_namespace(err, err_len);

	if (error)
		return error;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->config = config;
	c->filtered = config->pids.count || config->comms.count || config->kernel_ids.count;
	error = open_parts(c, profiles, count, relay, err, err_len);
	if (error) {
		collector__free(c);
		return error;
	}
	*out = c;
	return 0;
}

void collector__free(struct collector *collector)
{
	if (!collector)
		return;
	mmap_watch__free(collector->watch);
	self__free(collector->self);
	taps__free(collector->taps); /* the probes go first */
	transits__free(collector->transits);
	if (collector->streams)
		streams__each(collector->streams, free_owner, NULL);
	streams__free(collector->streams);
	backlog__free(collector->backlog);
	series_table__free(collector->series);
	shares__free(collector->shares);
	usages__free(collector->usages);
	whose__free(collector->whose);
	processes__free(collector->processes);
	probes__free(collector->probes);
	free(collector);
}

/* ---- what happens -------------------------------------------------------------------------------- */

int collector__events_fd(const struct collector *collector)
{
	return probes__events_fd(collector->probes);
}

int collector__mapped_fd(const struct collector *collector)
{
	return mmap_watch__fd(collector->watch);
}

static void on_event(void *arg, const struct tm_event *event, size_t size)
{
	struct collector *c = arg;

	streams__event(c->streams, event, size, c->now_ns);
	/* after exec it is a process with another exec_id, which is looked at anew */
	if (event->kind == TM_EVENT_EXIT) {
		usages__drop(c->usages, &event->process);
		processes__drop(c->processes, &event->process);
	}
}

void collector__events(struct collector *collector, uint64_t now_ns)
{
	collector->now_ns = now_ns;
	probes__events(collector->probes, on_event, collector);
}

static void note(struct collector *c, uint32_t tgid)
{
	for (size_t i = 0; i < c->noted_count && i < MAX_NOTED; i++)
		if (c->noted[i] == tgid)
			return;
	if (c->noted_count < MAX_NOTED)
		c->noted[c->noted_count] = tgid;
	c->noted_count++;
}

static void on_mapped(void *arg, uint32_t tgid, uint32_t major, uint32_t minor, uint64_t inode,
		      uint64_t generation)
{
	struct collector *c = arg;

	(void)major;
	(void)minor;
	(void)inode;
	(void)generation;
	note(c, tgid);
}

int collector__mapped(struct collector *collector)
{
	uint64_t lost = 0;

	mmap_watch__read(collector->watch, on_mapped, collector, &lost);
	if (lost) {
		collector->mapped_lost += lost;
		collector->noted_count = MAX_NOTED + 1; /* whoever it was: look at all */
	}
	return collector->noted_count != 0;
}

void collector__look(struct collector *collector, uint64_t now_ns)
{
	size_t count = collector->noted_count;

	collector->now_ns = now_ns;
	collector->noted_count = 0;
	if (count > MAX_NOTED) {
		collector__sweep(collector, now_ns);
		return;
	}
	for (size_t i = 0; i < count; i++)
		taps__look(collector->taps, collector->noted[i], now_ns);
}

static void update_subject(void *arg, const struct process *process)
{
	struct collector *c = arg;
	struct process *mutable = processes__find(c->processes, &process->id);
	int selected;

	if (!mutable)
		return;
	whose__update(c->whose, mutable);
	if (!c->filtered)
		return;
	selected = wanted(c->config, mutable);
	if (selected == mutable->selected)
		return;
	mutable->selected = selected;
	probes__allow(c->probes, mutable->id.tgid, selected);
	note(c, mutable->id.tgid);
}

/* More is known of a container: its processes, not the streams they have, go by it from now on. */
static void update_subjects(struct collector *c)
{
	if (!whose__take_changed(c->whose))
		return;
	processes__each(c->processes, update_subject, c);
	if (c->noted_count)
		collector__look(c, c->now_ns);
}

void collector__relay(struct collector *collector, uint64_t now_ns)
{
	collector->now_ns = now_ns;
	whose__read(collector->whose, now_ns);
	update_subjects(collector);
}

/* A stream whose process is not in the table and not alive: its end was missed. */
static int end_if_gone(void *arg, const struct stream_view *view)
{
	struct collector *c = arg;
	const struct tm_process_id *id = &view->counters->key.process;

	if (view->counters->state == TM_SLOT_LIVE && !processes__find(c->processes, id))
		end_process(c, id);
	return 0;
}

/* Keeps what the probes cost within --overhead.budget. */
static void check_budget(struct collector *c)
{
	uint64_t spent = taps__spent(c->taps);
	uint64_t elapsed = c->now_ns - c->spent_at_ns;
	/* in double: the product of two times does not fit */
	int over = c->spent_at_ns &&
		   (double)(spent - c->spent_ns) * 1e9 >
			   (double)c->config->overhead_budget_ns * (double)elapsed;

	c->spent_ns = spent;
	c->spent_at_ns = c->now_ns;
	if (!over) {
		c->over_since_ns = 0;
	} else if (!c->over_since_ns) {
		c->over_since_ns = c->now_ns - elapsed;
	} else if (c->now_ns - c->over_since_ns >= OVER_BUDGET_NS) {
		c->over_since_ns = 0;
		taps__give_up_dearest(c->taps, c->now_ns);
	}
}

static int count_share(void *arg, const struct stream_view *view)
{
	struct collector *c = arg;
	const struct series_labels *labels;

	if (!view->user)
		return 0;
	labels = series__labels(((struct owner *)view->user)->series);
	if (labels->container[0])
		shares__count(c->shares, labels->container, view->counters->cgroup);
	return 0;
}

/* For whoever was not selected, or in no container, when first seen. */
static void add_usage(void *arg, const struct process *process)
{
	struct collector *c = arg;

	if (process->selected)
		usages__add(c->usages, process);
}

void collector__sweep(struct collector *collector, uint64_t now_ns)
{
	int err;

	collector->now_ns = now_ns;
	whose__sweep(collector->whose, now_ns);
	update_subjects(collector);
	processes__begin_sweep(collector->processes);
	err = taps__sweep(collector->taps, now_ns, UNMAPPED_LINGER_NS);
	if (err) {
		log_msg(LOG_WARN, "cannot list the mapped files", LOG_STR("error", strerror(-err)));
		return;
	}
	processes__end_sweep(collector->processes, on_dropped, collector);
	processes__each(collector->processes, add_usage, collector);
	usages__sweep(collector->usages);
	streams__each(collector->streams, end_if_gone, collector);
	if (collector->config->overhead_budget_ns)
		check_budget(collector);
	shares__begin(collector->shares);
	streams__each(collector->streams, count_share, collector);
	shares__end(collector->shares);
	series_table__expire(collector->series, now_ns, collector->config->series_expiry_ns);
}

/* ---- snapshot --------------------------------------------------------------------------------------- */

struct filling {
	struct collector *collector;
	struct snapshot_builder *builder;
	int err;
};

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
	read_counters(slot, &counters);
	row.frames = counters.frames;
	row.messages = counters.messages;
	row.bytes = counters.bytes;
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

	read_transit(transit, &counters);
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

static void add_totals(struct collector *c, struct snapshot *raw)
{
	const uint64_t *losses = probes__losses(c->probes);

	for (int i = 0; i < TM_LOST_COUNT; i++)
		raw->lost[i] = losses[i] + c->lost_elsewhere[i];
	raw->lost[TM_LOST_LABELS_UNKNOWN] += streams__labels_unknown(c->streams);
	raw->lost[TM_LOST_MMAP_EVENTS] += c->mapped_lost;
	raw->lost[TM_LOST_KERNEL_ID_CONFLICT] += whose__conflicts(c->whose);
	raw->streams_used = streams__used(c->streams);
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
		err = snapshot_builder__add_retired(builder, c->series);
	if (!err)
		err = taps__each(c->taps, add_tap, &f);
	if (!err)
		err = taps__each_function(c->taps, add_function, &f);
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
	usages__read(collector->usages);
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

void collector__set_lost(struct collector *collector, enum tm_lost reason, uint64_t count)
{
	collector->lost_elsewhere[reason] = count;
}

size_t collector__taps_up(const struct collector *collector)
{
	return taps__up(collector->taps);
}
