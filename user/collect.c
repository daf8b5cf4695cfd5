/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "host.h"
#include "shares.h"
#include "subject/process.h"
#include "tap/calibrate.h"
#include "tap/match.h"
#include "tap/mmapwatch.h"
#include "tap/probes.h"
#include "tap/streams.h"
#include "tap/taps.h"
#include "util/log.h"
#include "util/self.h"

#define UNMAPPED_LINGER_NS 5000000000ull /* a tap stays this long after its file's last process */
#define OVER_BUDGET_NS 10000000000ull /* over the budget for so long: something is given up */
#define MAX_NOTED 256 /* processes noted between two looks; more, and all are looked at */

struct collector {
	const struct config *config;
	int filtered; /* only processes that the user names are tapped */
	struct probes *probes;
	struct taps *taps;
	struct streams *streams;
	struct processes *processes;
	struct series_table *series;
	struct shares *shares;
	struct mmap_watch *watch;
	struct self *self;
	struct probe_cost cost;
	uint64_t spent_ns, spent_at_ns; /* cost of all probes at the last look, and when that was */
	uint64_t over_since_ns; /* over the budget since then, 0 = within it */
	uint64_t mapped_lost;
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
		process->selected = wanted(c->config, process);
		if (c->filtered)
			probes__allow(c->probes, id->tgid, process->selected);
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

/* Whose stream it is: from the table, else from what came with the stream's first call. */
static void find_subject(struct collector *c, const struct stream_identity *identity,
			 struct subject *out)
{
	const struct tm_process_id *id = &identity->key->process;
	const struct process *process = processes__find(c->processes, id);

	if (process) {
		*out = process->subject;
	} else if (identity->cgroups) {
		subject_from_names(identity->cgroups, out);
	} else {
		memset(out, 0, sizeof(*out));
		snprintf(out->kernel_id, sizeof(out->kernel_id), "unknown");
	}
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
	struct series *series;
	int err;

	find_subject(c, identity, &subject);
	if (!is_meant(identity, &subject)) {
		*user = NULL; /* a stream without series: it is in no sum */
		return 0;
	}
	labels.kernel_id = subject.kernel_id;
	labels.container = subject.container;
	labels.pod = subject.pod;
	labels.namespace = subject.namespace;
	err = series_table__open(c->series, &labels, &series);
	if (err)
		return err;
	*user = series;
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
	out->cache.received = slot->received;
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
	struct counters counters;

	if (!user)
		return 0;
	read_counters(totals, &counters);
	return series_table__retire(c->series, user, &counters, now_ns);
}

/* ---- start and stop ---------------------------------------------------------------------------- */

static int open_parts(struct collector *c, const struct profile *const *profiles, size_t count,
		      char *err, size_t err_len)
{
	struct probes_config probes_config = {
		.way = (enum attach_way)c->config->bpf_attach,
		.max_streams = (uint32_t)c->config->max_streams,
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
		LOG_U64("stepped_ns", c->cost.stepped_ns));
	taps_callbacks.per_process = only_pids(c->config) && probes__can_attach_process(c->probes);
	snprintf(err, err_len, "out of memory");
	error = processes__new("/proc", &c->processes);
	if (!error)
		error = shares__new(c->probes, &c->shares);
	if (!error)
		error = series_table__new(c->config->max_endpoints_per_kernel, &c->series);
	if (!error)
		error = taps__new(c->probes, profiles, count, &c->cost, &taps_callbacks, &c->taps);
	if (!error)
		error = streams__new(c->probes, c->taps, (uint32_t)c->config->max_streams,
				     &stream_callbacks, &c->streams);
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
		   char *err, size_t err_len, struct collector **out)
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
	error = open_parts(c, profiles, count, err, err_len);
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
	streams__free(collector->streams);
	series_table__free(collector->series);
	shares__free(collector->shares);
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
	if (event->kind == TM_EVENT_EXIT)
		processes__drop(c->processes, &event->process);
}

void collector__events(struct collector *collector, uint64_t now_ns)
{
	collector->now_ns = now_ns;
	probes__events(collector->probes, on_event, collector);
}

static void on_mapped(void *arg, uint32_t tgid, uint32_t major, uint32_t minor, uint64_t inode,
		      uint64_t generation)
{
	struct collector *c = arg;

	(void)major;
	(void)minor;
	(void)inode;
	(void)generation;
	for (size_t i = 0; i < c->noted_count && i < MAX_NOTED; i++)
		if (c->noted[i] == tgid)
			return;
	if (c->noted_count < MAX_NOTED)
		c->noted[c->noted_count] = tgid;
	c->noted_count++;
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
	labels = series__labels(view->user);
	if (labels->container[0])
		shares__count(c->shares, labels->container, view->counters->cgroup);
	return 0;
}

void collector__sweep(struct collector *collector, uint64_t now_ns)
{
	int err;

	collector->now_ns = now_ns;
	processes__begin_sweep(collector->processes);
	err = taps__sweep(collector->taps, now_ns, UNMAPPED_LINGER_NS);
	if (err) {
		log_msg(LOG_WARN, "cannot list the mapped files", LOG_STR("error", strerror(-err)));
		return;
	}
	processes__end_sweep(collector->processes, on_dropped, collector);
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
	row.bytes = counters.bytes + counters.cache.received;
	row.would_block = counters.would_block;
	row.timeouts = counters.timeouts;
	row.sum_ns = counters.sum_ns;
	row.failures = counters.other_errors + counters.unknown_errors;
	for (size_t i = 0; i < TM_MAX_ERRNOS; i++)
		row.failures += counters.errors[i].count;
	return snapshot_builder__add_stream(f->builder, view->user, &counters, &row);
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
		.pod = process->subject.pod,
		.namespace = process->subject.namespace,
		.processes = 1,
	};

	if (!f->err && process->selected)
		f->err = snapshot_builder__add_kernel(f->builder, &kernel);
}

static void add_totals(struct collector *c, struct snapshot *raw)
{
	const uint64_t *losses = probes__losses(c->probes);

	for (int i = 0; i < TM_LOST_COUNT; i++)
		raw->lost[i] = losses[i];
	raw->lost[TM_LOST_LABELS_UNKNOWN] += streams__labels_unknown(c->streams);
	raw->lost[TM_LOST_MMAP_EVENTS] += c->mapped_lost;
	raw->streams_used = streams__used(c->streams);
	raw->streams_limit = (uint32_t)c->config->max_streams;
	raw->series_capped = series_table__capped(c->series);
	self__sample(c->self, &raw->self);
}

static int fill(struct collector *c, struct snapshot_builder *builder)
{
	struct filling f = { .collector = c, .builder = builder };
	int err = streams__each(c->streams, add_stream, &f);

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
	streams__update(collector->streams, now_ns);
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

size_t collector__taps_up(const struct collector *collector)
{
	return taps__up(collector->taps);
}
