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
#include "collect_parts.h"
#include "host.h"
#include "notices.h"
#include "serve/view_fastdeploy.h"
#include "shares.h"
#include "tap/intake.h"
#include "tap/layout.h"
#include "tap/mmapwatch.h"
#include "tap/probes.h"
#include "tap/taps.h"
#include "store/gauges.h"
#include "usages.h"
#include "util/aside.h"
#include "util/log.h"
#include "util/self.h"
#include "variables.h"
#include "whose.h"

#define UNMAPPED_LINGER_NS 5000000000ull /* a tap stays this long after its file's last process */
#define PROGRESS_NS 2000000000ull /* between two lines about a look that takes long */
#define PROGRESS_STEP 64 /* mappings between two looks at the clock */
#define SILENT_NS \
	15000000000ull /* between two lines about processes that do not let their memory be read */
#define OVER_BUDGET_NS 10000000000ull /* over the budget for so long: something is given up */
#define TRANSIT_RATIO 1.6 /* a tap may cost so many times as much with delivery times */

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

struct process *collect_process(struct collector *c, const struct tm_process_id *id)
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
		if (process->selected) {
			usages__add(c->usages, process);
			notice_process(c->bus, c->now_ns, EVENT_PROCESS_SEEN, process);
		}
	}
	return process;
}

static int on_selected(void *arg, const struct tm_process_id *id)
{
	struct collector *c = arg;
	const struct process *process;

	if (id->tgid == (uint32_t)getpid() || id->tgid == c->left_out)
		return 0;
	if (!c->filtered)
		return 1;
	process = collect_process(c, id);
	return process ? process->selected : -ESRCH; /* gone, or no memory for it */
}

static void on_process(void *arg, const struct tm_process_id *id, const char *path)
{
	(void)path;
	collect_process(arg, id);
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
	if (process->selected)
		notice_process(c->bus, c->now_ns, EVENT_PROCESS_GONE, process);
}

/* ---- taps --------------------------------------------------------------------------------- */

static void on_attached(void *arg, const char *path, size_t functions, const char *reason)
{
	struct collector *c = arg;

	if (reason[0])
		notice_untapped(c->bus, c->now_ns, EVENT_TAP_FAILED, path, reason);
	else
		notice_tapped(c->bus, c->now_ns, path, functions);
}

static void on_detached(void *arg, const char *path, uint32_t file, const char *reason)
{
	struct collector *c = arg;

	streams__end_file(c->streams, file);
	notice_untapped(c->bus, c->now_ns, c->giving_up ? EVENT_OVERHEAD : EVENT_TAP_REMOVED, path,
			reason);
}

static int on_owner(void *arg, uint32_t tgid, char *name, size_t size)
{
	(void)arg;
	return process_owner("/proc", tgid, name, size);
}

/* For aside.h; its name is enough to tell owners apart. */
static uint64_t group_of(void *arg, uint32_t tgid)
{
	char name[INTAKE_OWNER_SIZE];

	(void)arg;
	return process_owner("/proc", tgid, name, sizeof(name)) ?
		       0 :
		       layout_add(LAYOUT_START, name, strlen(name));
}

static void on_passed_over(void *arg, const char *owner, const struct taps_passed_over *more)
{
	(void)arg;
	if (more->late || more->full)
		log_msg(LOG_WARN, "not all files of a kernel are tapped: it maps too many new ones",
			LOG_STR("kernel_id", owner), LOG_U64("late", more->late),
			LOG_U64("full", more->full));
	if (more->unsafe)
		log_msg(LOG_WARN,
			"files of a kernel are not tapped: they are on a FUSE filesystem that is not mounted in the host's mount namespace",
			LOG_STR("kernel_id", owner), LOG_U64("files", more->unsafe));
	if (more->busy)
		log_msg(LOG_WARN,
			"what processes of a kernel map cannot be looked at: the lock of their memory is held, or who serves a file does not answer",
			LOG_STR("kernel_id", owner), LOG_U64("times", more->busy));
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Who starts the agent on a host with many processes sees that it works. */
static void on_progress(void *arg, size_t done, size_t all)
{
	struct collector *c = arg;
	uint64_t now_ns = done % PROGRESS_STEP ? 0 : monotonic_ns();

	if (!now_ns || now_ns < c->progress_ns + PROGRESS_NS)
		return;
	if (c->progress_ns)
		log_msg(LOG_INFO, "looking at mapped files", LOG_U64("done", done),
			LOG_U64("all", all));
	c->progress_ns = now_ns;
}

/* ---- what is measured ----------------------------------------------------------------------------- */

/* A profile of requests counts nothing without the one whose messages they are in. */
static void warn_of_rules(const struct rpc_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (!rules->rules[i].classes[0].side)
			log_msg(LOG_WARN,
				"no requests will be found: the profile they are in is not in use",
				LOG_STR("profile", rules->profiles[i]->name),
				LOG_STR("over", rules->profiles[i]->rpc->over));
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
	c->transit = collect_kept_transit(c, c->transit);
	if (!c->transit || cost->transit_ns < cost->emulated_ns)
		return;
	/* of nearly all calls that are counted */
	cost->stepped_ns += cost->transit_ns - cost->emulated_ns;
	cost->emulated_ns = cost->transit_ns;
}

/* ---- start and stop ---------------------------------------------------------------------------- */

static int measure_cost(struct probes *probes, struct probe_cost *out, char *err, size_t err_len)
{
	int error = probe_cost_measure(probes, out);

	if (error == -ENOTRECOVERABLE)
		snprintf(
			err, err_len,
			"this Linux kernel kills tapped processes that run under a seccomp filter, as containers "
			"do: use 6.12.14, 6.13.3, 6.14 or newer, or one before 6.11");
	else if (error)
		snprintf(err, err_len, "cannot measure the cost of a tap: %s", strerror(-error));
	return error;
}

/* On programs and maps of its own: those of a former agent count already. */
static int measure_apart(struct collector *c, char *err, size_t err_len)
{
	const struct probes_config config = {
		.way = (enum attach_way)c->config->bpf_attach,
		.max_streams = 64,
		.transit = wants_transit(c->config),
	};
	struct probes *probes;
	int error = probes__new(&config, err, err_len, &probes);

	if (error)
		return error;
	error = measure_cost(probes, &c->cost, err, err_len);
	probes__free(probes);
	return error;
}

static int open_probes(struct collector *c, char *err, size_t err_len)
{
	const struct probes_config config = {
		.way = (enum attach_way)c->config->bpf_attach,
		.max_streams = (uint32_t)c->config->max_streams,
		.transit = wants_transit(c->config),
		.view_bound_count = has_view(c->config, "fastdeploy") ? VIEW_FASTDEPLOY_BOUNDS : 0,
		.view_bounds_ns = view_fastdeploy_bounds_ns,
		.slow_call_ns = c->config->slow_call_ns,
		.rpc_rules = c->rpc_rules.rules,
		.rpc_rule_count = c->rpc_rules.count,
		.filter = c->filtered,
		/* a child has its parent's name and kernel, but not its pid */
		.inherit = c->filtered && !c->config->pids.count,
		.aside = c->aside,
		.pins = c->pins,
		.settings = c->pin_settings,
	};
	int error = c->pins ? measure_apart(c, err, err_len) : 0;

	if (!error)
		error = probes__new(&config, err, err_len, &c->probes);
	if (!error && !c->pins)
		error = measure_cost(c->probes, &c->cost, err, err_len);
	if (error)
		return error;
	log_msg(LOG_DEBUG, "cost of a tapped call", LOG_U64("emulated_ns", c->cost.emulated_ns),
		LOG_U64("stepped_ns", c->cost.stepped_ns),
		LOG_U64("transit_ns", c->cost.transit_ns));
	decide_transit(c);
	return 0;
}

static int may_be_read(void *arg, const struct process *process)
{
	const struct collector *c = arg;

	return wanted(c->config, process);
}

struct may_open {
	struct collector *collector;
	struct variable_ranges *out;
	int err;
};

static void add_if_it_may_be_opened(void *arg, const struct tm_mapping *m)
{
	struct may_open *may_open = arg;

	if (m->kind == TM_MAPPING_BUSY)
		may_open->err = -EAGAIN;
	else if (!may_open->err && taps__may_open(may_open->collector->taps, m))
		may_open->err = variable_ranges_add(may_open->out, m->start, m->end);
}

static int list_what_may_be_opened(void *arg, uint32_t tgid, struct variable_ranges *out)
{
	struct may_open may_open = { .collector = arg, .out = out };
	int err = probes__mappings(may_open.collector->probes, (pid_t)tgid, add_if_it_may_be_opened,
				   &may_open);

	return err ? err : may_open.err;
}

static int open_gauges(struct collector *c)
{
	struct variables_config config = {
		.proc_root = "/proc",
		.aside = c->aside,
		.specs = &c->config->gauges,
		.whose = c->whose,
		.allowed = may_be_read,
		.may_open = list_what_may_be_opened,
		.arg = c,
	};
	int err = gauges__new(&c->gauges);

	config.gauges = c->gauges;
	return err ? err : variables__new(&config, &c->variables);
}

/* Whose it is, and where it is kept. */
static int open_tables(struct collector *c, struct relay_link *relay)
{
	int error = processes__new(c->aside, "/proc", &c->processes);

	if (!error)
		error = open_usages(c);
	if (!error)
		error = whose__new(c->config, "/", "/proc", relay, c->aside, &c->whose);
	if (!error)
		error = open_gauges(c);
	if (!error)
		error = shares__new(c->probes, &c->shares);
	if (!error)
		error = series_table__new(c->config->max_endpoints_per_kernel, &c->series);
	return error ? error : backlog__new(c->series, &c->backlog);
}

/* What is tapped, and what comes of it. */
static int open_taps(struct collector *c, const struct profile *const *profiles, size_t count)
{
	const struct taps_callbacks taps_callbacks = {
		.selected = on_selected,
		.process = on_process,
		.attached = on_attached,
		.detached = on_detached,
		.owner = on_owner,
		.passed_over = on_passed_over,
		.host_mountinfo = "/proc/1/mountinfo",
		.progress = on_progress,
		.transit = c->transit,
		.aside = c->aside,
		.pins = c->pins,
		.per_process = !c->pins && only_pids(c->config) &&
			       probes__can_attach_process(c->probes),
		.arg = c,
	};
	const struct stream_callbacks stream_callbacks = collect_stream_callbacks(c);
	const struct transit_callbacks transit_callbacks = collect_transit_callbacks(c);
	const struct requests_config requests_config = {
		.rules = &c->rpc_rules,
		.stream_rules = collect_stream_rules,
		.kept = c->kept,
		.bus = c->bus,
		.stuck_after_ns = c->config->stuck_after_ns,
	};
	int error = taps__new(c->probes, profiles, count, &c->cost, &taps_callbacks, &c->taps);

	if (!error)
		error = streams__new(c->probes, c->taps, (uint32_t)c->config->max_streams,
				     &stream_callbacks, &c->streams);
	if (!error)
		error = transits__new(c->probes, c->streams, &transit_callbacks, &c->transits);
	if (!error)
		error = requests__new(&requests_config, c->probes, c->streams, c->series,
				      &c->requests);
	return error;
}

static int open_parts(struct collector *c, const struct profile *const *profiles, size_t count,
		      struct relay_link *relay, char *err, size_t err_len)
{
	int error = requests_rules(c->config, profiles, count, err, err_len, &c->rpc_rules);

	if (error)
		return error;
	warn_of_rules(&c->rpc_rules);
	snprintf(err, err_len, "out of memory");
	error = aside__new(&c->aside);
	if (!error)
		aside__set_groups(c->aside, group_of, NULL);
	if (!error)
		error = collect_open_pins(c, profiles, count, err, err_len);
	if (!error)
		error = open_probes(c, err, err_len);
	if (error)
		return error;
	snprintf(err, err_len, "out of memory");
	error = open_tables(c, relay);
	if (!error)
		error = collect_adopt(c, monotonic_ns(), err, err_len);
	if (!error)
		error = open_taps(c, profiles, count);
	if (error)
		return error;
	error = self__new(&c->self);
	if (error) {
		snprintf(err, err_len, "/proc/self: %s: mount a readable /proc", strerror(-error));
		return error;
	}
	error = mmap_watch__new(&c->watch);
	if (error)
		snprintf(err, err_len,
			 "cannot watch for new mappings: perf_event_open: %s: it needs "
			 "CAP_PERFMON",
			 strerror(-error));
	return error;
}

int collector__new(const struct config *config, const struct profile *const *profiles, size_t count,
		   struct relay_link *relay, struct bus *bus, char *err, size_t err_len,
		   struct collector **out)
{
	struct collector *c;
	int error = host_check_pid_namespace(err, err_len);

	if (error)
		return error;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->config = config;
	c->bus = bus;
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
	if (collector->streams) /* which look their profiles up in the taps */
		streams__each(collector->streams, collect_free_owner, NULL);
	if (collector->probes)
		probes__leave(collector->probes); /* what is pinned counts on */
	taps__free(collector->taps); /* before what the probes write to */
	transits__free(collector->transits);
	requests__free(collector->requests);
	streams__free(collector->streams);
	backlog__free(collector->backlog);
	series_table__free(collector->series);
	shares__free(collector->shares);
	variables__free(collector->variables);
	gauges__free(collector->gauges);
	usages__free(collector->usages);
	whose__free(collector->whose);
	processes__free(collector->processes);
	kept__free(collector->kept);
	/* who is left behind there still needs them, as long as this process lives */
	if (!collector->aside || !aside__left_behind(collector->aside))
		probes__free(collector->probes);
	aside__free(collector->aside);
	pins__close(collector->pins);
	free(collector);
}

/* ---- what happens -------------------------------------------------------------------------------- */

int collector__events_fd(const struct collector *collector)
{
	return probes__events_fd(collector->probes);
}

void collector__renew_threads(struct collector *collector)
{
	aside__renew(collector->aside);
}

int collector__taps_by_perf(const struct collector *collector)
{
	return probes__way(collector->probes) == ATTACH_PERF;
}

int collector__mapped_fd(const struct collector *collector)
{
	return mmap_watch__fd(collector->watch);
}

static void notice_exit(struct collector *c, const struct tm_process_id *id)
{
	const struct process *process = processes__find(c->processes, id);

	if (process && process->selected)
		notice_process(c->bus, c->now_ns, EVENT_PROCESS_GONE, process);
}

static void on_event(void *arg, const struct tm_event *event, size_t size)
{
	struct collector *c = arg;

	streams__event(c->streams, event, size, c->now_ns);
	/* after exec it is a process with another exec_id, which is looked at anew */
	if (event->kind == TM_EVENT_EXIT) {
		notice_exit(c, &event->process);
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

struct tapped {
	uint32_t tgid;
	int found;
};

static void compare_tgid(void *arg, const struct process *process)
{
	struct tapped *tapped = arg;

	tapped->found |= process->id.tgid == tapped->tgid;
}

/* VARIABLES_TAPPED if a file of the process is. */
static unsigned is_tapped(const struct collector *c, uint32_t tgid)
{
	struct tapped tapped = { .tgid = tgid };

	processes__each(c->processes, compare_tgid, &tapped);
	return tapped.found ? VARIABLES_TAPPED : 0;
}

void collector__look(struct collector *collector, uint64_t now_ns)
{
	size_t count = collector->noted_count;

	collector->now_ns = now_ns;
	collector->progress_ns = now_ns;
	collector->noted_count = 0;
	if (count > MAX_NOTED) {
		collector->unsure = VARIABLES_MAPPED;
		collector__sweep(collector, now_ns);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		taps__look(collector->taps, collector->noted[i], now_ns);
		variables__look(collector->variables, collector->noted[i],
				VARIABLES_MAPPED | is_tapped(collector, collector->noted[i]),
				now_ns);
	}
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
	variables__update_subjects(c->variables);
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
		c->giving_up = 1;
		taps__give_up_dearest(c->taps, c->now_ns);
		c->giving_up = 0;
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

static void look_for_variables(void *arg, const struct process *process)
{
	struct collector *c = arg;

	variables__look(c->variables, process->id.tgid, VARIABLES_TAPPED | c->unsure, c->now_ns);
}

/* One of them, and how many there are: they may be many. */
static void warn_of_silent(struct collector *c)
{
	uint64_t about;

	if (c->silent_ns && c->now_ns - c->silent_ns < SILENT_NS)
		return;
	while (aside__untold(c->aside, &about)) {
		if (about != ASIDE_PROCESS((uint32_t)about) || about == c->silent)
			continue; /* it is about a file, or known */
		c->silent = (uint32_t)about;
		c->silent_ns = c->now_ns;
		log_msg(LOG_WARN,
			"a process does not let its memory be read: what it would tell comes later, or is unknown",
			LOG_U64("pid", about),
			LOG_U64("threads_left_behind", aside__left_behind(c->aside)));
		return;
	}
}

void collector__sweep(struct collector *collector, uint64_t now_ns)
{
	int err;

	collector->now_ns = now_ns;
	collector->progress_ns = now_ns;
	whose__sweep(collector->whose, now_ns);
	update_subjects(collector);
	warn_of_silent(collector);
	processes__begin_sweep(collector->processes);
	err = taps__sweep(collector->taps, now_ns, UNMAPPED_LINGER_NS);
	if (err) {
		log_msg(LOG_WARN, "cannot list the mapped files", LOG_STR("error", strerror(-err)));
		return;
	}
	collect_end_gap(collector, monotonic_ns());
	processes__end_sweep(collector->processes, on_dropped, collector);
	processes__each(collector->processes, add_usage, collector);
	processes__each(collector->processes, look_for_variables, collector);
	variables__sweep(collector->variables, collector->unsure, now_ns);
	collector->unsure = 0;
	usages__sweep(collector->usages);
	streams__each(collector->streams, end_if_gone, collector);
	if (collector->config->overhead_budget_ns)
		check_budget(collector);
	shares__begin(collector->shares);
	streams__each(collector->streams, count_share, collector);
	shares__end(collector->shares);
	series_table__expire(collector->series, now_ns, collector->config->series_expiry_ns);
}

void collector__leave_out(struct collector *collector, uint32_t pid)
{
	collector->left_out = pid;
	probes__leave_out(collector->probes, pid);
}

void collector__set_lost(struct collector *collector, enum tm_lost reason, uint64_t count)
{
	collector->lost_elsewhere[reason] = count;
}

void collector__set_otlp(struct collector *collector, const struct otlp_counts *counts)
{
	collector->otlp = *counts;
}

size_t collector__taps_up(const struct collector *collector)
{
	return taps__up(collector->taps);
}
