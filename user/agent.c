/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: one thread that owns every object and waits for what happens (signals, BPF events, new mappings,
 * timers, requests for a fresh snapshot). HTTP threads only read snapshots.
 */
#include "agent.h"
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "collect.h"
#include "events/bus.h"
#include "notices.h"
#include "outputs.h"
#include "relay_link.h"
#include "serve/families.h"
#include "serve/http.h"
#include "serve/routes.h"
#include "util/exit_code.h"
#include "util/log.h"
#include "util/notify.h"
#include "util/privileges.h"
#include "util/program.h"
#include "util/syscalls.h"
#include "version.h"
#include "web.h"

#define SWEEP_NS 2000000000ull /* safety net for what no notice told of */
#define SETTLE_NS 2000000ull /* a program maps its libraries one after the other: look once */
#define ANSWER_TIMEOUT_NS \
	5000000000ull /* for a fresh snapshot; attaching to many files may hold it up */
#define DRAIN_NS 5000000000ull /* for the log to write what has happened before the end */
#define DRAIN_LOOK_NS 10000000ull /* whether it has */
#define DRAIN_SHOWN_NS 1000000000ull /* so long, but no longer, the last state but one is shown */
#define MAX_CONNECTIONS 4096
#define CONNECTION_TIMEOUT_S 10
#define MAX_BODY (1 << 20) /* live-stat: 10 000 ids of 100 bytes */

/*
 * Allocations from here on are given back when they are freed: snapshots and pages of many streams
 * come and go. By itself glibc learns from the first big one that is freed to keep all later ones,
 * in a heap per thread, which doubled the agent's resident memory.
 */
#define GIVE_BACK_FROM (128 * 1024)

enum source {
	SOURCE_SIGNAL,
	SOURCE_BPF,
	SOURCE_MAPPED,
	SOURCE_SETTLED,
	SOURCE_SWEEP,
	SOURCE_SAMPLE,
	SOURCE_REQUEST,
	SOURCE_RELAY,
	SOURCE_DRAIN,
	SOURCE_COUNT,
};

struct agent {
	const struct config *config;
	struct relay_link *relay; /* NULL: there is none, because of relay_error */
	int relay_error;
	struct collector *collector;
	struct store *store;
	struct routes *routes;
	struct http_server *http;
	struct bus *bus;
	struct outputs *outputs; /* NULL: nothing goes out by itself */
	uint64_t draining_ns; /* since then, 0 = not */
	int interrupted; /* told to end twice */
	int epoll_fd;
	int fds[SOURCE_COUNT]; /* BPF and MAPPED belong to the collector, RELAY to the link */
	int stop;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Ids of events begin with it: an agent that is started later has another one. */
static uint64_t life(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- set-up ------------------------------------------------------------------------- */

static int open_timer(uint64_t first_ns, uint64_t interval_ns)
{
	struct itimerspec spec = {
		.it_value = { (time_t)(first_ns / 1000000000ull),
			      (long)(first_ns % 1000000000ull) },
		.it_interval = { (time_t)(interval_ns / 1000000000ull),
				 (long)(interval_ns % 1000000000ull) },
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0)
		timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* before any thread starts, so that all inherit the mask */
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int watch(struct agent *agent, enum source source, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	agent->fds[source] = fd;
	if (fd < 0 || epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return 0;
}

static int watch_all(struct agent *agent)
{
	uint64_t sample_ns = agent->config->sample_interval_ns;
	int err;

	err = watch(agent, SOURCE_BPF, collector__events_fd(agent->collector));
	if (!err)
		err = watch(agent, SOURCE_MAPPED, collector__mapped_fd(agent->collector));
	if (!err && agent->relay)
		err = watch(agent, SOURCE_RELAY, relay_link__fd(agent->relay));
	if (!err)
		err = watch(agent, SOURCE_SETTLED, open_timer(0, 0));
	if (!err)
		err = watch(agent, SOURCE_SWEEP, open_timer(SWEEP_NS, SWEEP_NS));
	if (!err)
		err = watch(agent, SOURCE_SAMPLE, open_timer(sample_ns, sample_ns));
	return err;
}

/* Called by HTTP threads. */
static void request_snapshot(void *arg)
{
	struct agent *agent = arg;

	eventfd_write(agent->fds[SOURCE_REQUEST], 1);
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* What the collector cannot know of. */
static void set_losses(struct agent *agent)
{
	struct relay_feed_losses losses;

	collector__set_lost(agent->collector, TM_LOST_HISTORY_FULL, store__refused(agent->store));
	if (!agent->outputs)
		return;
	outputs__losses(agent->outputs, &losses);
	collector__set_lost(agent->collector, TM_LOST_RELAY_FULL, losses.full);
	collector__set_lost(agent->collector, TM_LOST_RELAY_GONE, losses.gone);
	collector__set_lost(agent->collector, TM_LOST_PUBLISH, losses.relay[RELAY_LOST_PUBLISH]);
	collector__set_lost(agent->collector, TM_LOST_OTLP, losses.relay[RELAY_LOST_OTLP]);
	const struct otlp_counts otlp = {
		.sent = losses.relay[RELAY_OTLP_SENT],
		.failed = losses.relay[RELAY_OTLP_FAILED],
		.dropped = losses.relay[RELAY_OTLP_DROPPED],
		.rejected = losses.relay[RELAY_OTLP_REJECTED],
	};
	collector__set_otlp(agent->collector, &otlp);
}

/* Takes a snapshot for the readers that wait; for the history too if it is time. */
static void take_snapshot(struct agent *agent, int record)
{
	uint64_t start_ns = now_ns();
	struct snapshot *snapshot;
	int err = collector__snapshot(agent->collector, start_ns, &snapshot);

	if (err) {
		log_msg(LOG_ERROR, "cannot take a snapshot", LOG_STR("error", strerror(-err)));
		return;
	}
	store__publish(agent->store, snapshot, now_ns() - start_ns);
	if (record && store__record(agent->store, snapshot))
		log_msg(LOG_WARN, "no memory for the history");
	if (record)
		notice_snapshot(agent->bus, snapshot);
	set_losses(agent);
	snapshot__unref(snapshot);
}

static void settle_soon(struct agent *agent)
{
	struct itimerspec spec = { .it_value = { 0, SETTLE_NS } }, current;

	/* not pushed back by further notices: a busy host must not put it off for ever */
	timerfd_gettime(agent->fds[SOURCE_SETTLED], &current);
	if (!current.it_value.tv_sec && !current.it_value.tv_nsec)
		timerfd_settime(agent->fds[SOURCE_SETTLED], 0, &spec, NULL);
}

/*
 * The first time: what has happened is still told, and those who listen see that the end comes, before it does. Without
 * listeners there is nothing to wait for here.
 */
static void told_to_stop(struct agent *agent)
{
	agent->interrupted = agent->draining_ns != 0;
	if (agent->interrupted || !agent->outputs ||
	    watch(agent, SOURCE_DRAIN, open_timer(DRAIN_LOOK_NS, DRAIN_LOOK_NS))) {
		agent->stop = 1;
		return;
	}
	agent->draining_ns = now_ns();
	outputs__set_state(agent->outputs, RELAY_DRAINING);
}

static uint64_t pending(const struct agent *agent)
{
	struct bus_stats stats;

	bus__stats(agent->bus, &stats);
	return stats.pending;
}

static void look_at_drain(struct agent *agent)
{
	uint64_t since_ns = now_ns() - agent->draining_ns;
	uint64_t shown_ns = outputs__interval(agent->outputs);

	if (shown_ns > DRAIN_SHOWN_NS)
		shown_ns = DRAIN_SHOWN_NS;
	agent->stop = since_ns >= DRAIN_NS || (since_ns >= shown_ns && !pending(agent));
}

static void handle_signal(struct agent *agent)
{
	struct signalfd_siginfo info;

	if (read(agent->fds[SOURCE_SIGNAL], &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		web_reload(agent->config->web_config_file, agent->http);
	else
		told_to_stop(agent);
}

/* The relay is our own: it is not counted, and only then told to put anything out. */
static void tend_outputs(struct agent *agent)
{
	if (agent->relay)
		collector__leave_out(agent->collector, (uint32_t)relay_link__pid(agent->relay));
	if (agent->outputs)
		outputs__tend(agent->outputs);
}

static void sweep(struct agent *agent)
{
	collector__sweep(agent->collector, now_ns());
	tend_outputs(agent);
	http_server__tend(agent->http);
}

static void handle(struct agent *agent, enum source source)
{
	uint64_t count;

	switch (source) {
	case SOURCE_SIGNAL:
		handle_signal(agent);
		return;
	case SOURCE_BPF:
		collector__events(agent->collector, now_ns());
		return;
	case SOURCE_MAPPED:
		if (collector__mapped(agent->collector))
			settle_soon(agent);
		return;
	case SOURCE_RELAY:
		collector__relay(agent->collector, now_ns());
		tend_outputs(agent);
		return;
	default:
		break;
	}
	/* timers and the request counter: what counts is that they fired */
	if (read(agent->fds[source], &count, sizeof(count)) != sizeof(count))
		return;
	if (source == SOURCE_SETTLED)
		collector__look(agent->collector, now_ns());
	else if (source == SOURCE_SWEEP)
		sweep(agent);
	else if (source == SOURCE_DRAIN)
		look_at_drain(agent);
	else
		take_snapshot(agent, source == SOURCE_SAMPLE);
}

static int loop(struct agent *agent)
{
	struct epoll_event events[SOURCE_COUNT];
	int count;

	while (!agent->stop) {
		count = epoll_wait(agent->epoll_fd, events, SOURCE_COUNT, -1);
		if (count < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < count; i++)
			handle(agent, (enum source)events[i].data.u32);
	}
	return 0;
}

/* ---- start and stop ------------------------------------------------------------------------- */

static int write_log(void *arg)
{
	struct agent *agent = arg;

	return bus__run(agent->bus, "log", notices_log, NULL);
}

static int agent_open(struct agent *agent)
{
	int err;

	agent->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (agent->epoll_fd < 0)
		return -errno;
	err = watch(agent, SOURCE_SIGNAL, open_signals());
	if (!err)
		err = watch(agent, SOURCE_REQUEST, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
	if (!err)
		err = bus__new(BUS_ROOM, &agent->bus);
	if (!err)
		err = privileges_without(write_log, agent);
	if (!err)
		err = store__new(agent->config->max_age_ns, request_snapshot, agent, &agent->store);
	return err;
}

static void agent_close(struct agent *agent)
{
	/* before the server: who listens to events must be woken */
	size_t left = agent->bus ? bus__stop(agent->bus, DRAIN_NS) : 0;

	if (agent->store)
		store__stop(agent->store);
	outputs__free(agent->outputs);
	http_server__free(agent->http);
	routes__free(agent->routes);
	collector__free(agent->collector);
	relay_link__free(agent->relay);
	store__free(agent->store);
	if (!left)
		bus__free(agent->bus);
	for (int i = 0; i < SOURCE_COUNT; i++)
		if (i != SOURCE_BPF && i != SOURCE_MAPPED && i != SOURCE_RELAY &&
		    agent->fds[i] >= 0)
			close(agent->fds[i]);
	if (agent->epoll_fd >= 0)
		close(agent->epoll_fd);
}

/* Before there are threads, secrets, BPF programs or anything else that a child could inherit. Without a relay the rest works. */
static void start_relay(struct agent *agent)
{
	int program = program_open("relay");

	agent->relay_error = program < 0 ? program :
					   relay_link__new(program, now_ns(), &agent->relay);
}

/* Not at once: an agent that cannot work says only why. */
static void tell_of_relay(const struct agent *agent)
{
	if (agent->relay_error)
		log_msg(LOG_WARN,
			"no tapmeter-relay: containers have no names from their engines; install tapmeter in full",
			LOG_STR("error", strerror(-agent->relay_error)));
}

static void handle_request(void *arg, const struct http_request *request,
			   struct http_response *response)
{
	routes__handle(arg, request, response);
}

/* The names have been checked. */
static unsigned views_of(const struct option_texts *names)
{
	unsigned views = 0;

	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->items[i], "backendai"))
			views |= FAMILIES_VIEW_BACKENDAI;
		else if (!strcmp(names->items[i], "fastdeploy"))
			views |= FAMILIES_VIEW_FASTDEPLOY;
		else if (!strcmp(names->items[i], "lmcache"))
			views |= FAMILIES_VIEW_LMCACHE;
	return views;
}

/* Takes `web` over. */
static int start_http(struct agent *agent, struct web_config *web, char *err, size_t err_len)
{
	struct routes_config routes = {
		.store = agent->store,
		.bus = agent->bus,
		.life = life(),
		.version = TAPMETER_VERSION,
		.revision = TAPMETER_REVISION,
		.views = views_of(&agent->config->views),
		.timeout_ns = ANSWER_TIMEOUT_NS,
		.now_ns = now_ns,
	};
	struct http_config config = {
		.addresses = (const char *const *)agent->config->web_listen_address.items,
		.address_count = agent->config->web_listen_address.count,
		.handle = handle_request,
		.max_connections = MAX_CONNECTIONS,
		.timeout_s = CONNECTION_TIMEOUT_S,
		.max_body = MAX_BODY,
		.web = web,
	};
	int error = routes__new(&routes, &agent->routes);

	if (error) {
		web_config__free(web);
		snprintf(err, err_len, "%s", strerror(-error));
		return error;
	}
	config.arg = agent->routes;
	return http_server__new(&config, err, err_len, &agent->http);
}

static int start_outputs(struct agent *agent, char *err, size_t err_len)
{
	const struct outputs_config config = {
		.config = agent->config,
		.store = agent->store,
		.bus = agent->bus,
		.link = agent->relay,
		.version = TAPMETER_VERSION,
		.revision = TAPMETER_REVISION,
	};

	return outputs__new(&config, err, err_len, &agent->outputs);
}

/* The last snapshot may have made events. What is not told now, is not before the end of the whole drain. */
static uint64_t still_pending(const struct agent *agent)
{
	const struct timespec a_while = { .tv_nsec = 1000000 };
	uint64_t left = pending(agent);

	while (left && !agent->interrupted && agent->draining_ns &&
	       now_ns() - agent->draining_ns < DRAIN_NS) {
		nanosleep(&a_while, NULL);
		left = pending(agent);
	}
	return left;
}

/* Whether there ever was a collector or not. */
static void finish_outputs(struct agent *agent, int err)
{
	struct snapshot *snapshot = NULL;
	int complete = !err && !agent->interrupted;

	if (!agent->outputs)
		return;
	if (agent->collector && collector__snapshot(agent->collector, now_ns(), &snapshot))
		log_msg(LOG_ERROR, "cannot take the last snapshot");
	outputs__finish(agent->outputs, snapshot,
			complete && snapshot ? RELAY_COMPLETE : RELAY_INTERRUPTED,
			still_pending(agent));
	snapshot__unref(snapshot);
}

static void tell_service_manager(void)
{
	int err = notify_ready(getenv("NOTIFY_SOCKET"));

	if (err)
		log_msg(LOG_WARN, "cannot tell the service manager",
			LOG_STR("error", strerror(-err)));
}

/* From here on it has what later taps need. All that executes, changes users or opens ports is done. */
static int give_up_privileges(const struct agent *agent)
{
	int err = privileges_keep_needed(collector__taps_by_perf(agent->collector));

	collector__renew_threads(agent->collector);
	if (!err)
		err = syscalls_confine();
	if (err)
		log_msg(LOG_ERROR, "cannot give up privileges", LOG_STR("error", strerror(-err)));
	return err;
}

static void warn_of_missing(void)
{
	char missing[400];

	if (privileges_missing(missing, sizeof(missing)))
		log_msg(LOG_WARN, "some processes cannot be seen or tapped: privileges are missing",
			LOG_STR("missing", missing));
}

static int run(struct agent *agent)
{
	int err = watch_all(agent);

	if (!err) {
		tell_of_relay(agent);
		tend_outputs(agent);
		warn_of_missing();
		collector__sweep(agent->collector, now_ns());
		take_snapshot(agent, 1);
		err = give_up_privileges(agent);
	}
	if (!err) {
		if (agent->outputs)
			outputs__set_state(agent->outputs, RELAY_LIVE);
		routes__set_ready(agent->routes);
		log_msg(LOG_INFO, "ready", LOG_STR("address", http_server__address(agent->http, 0)),
			LOG_U64("taps", collector__taps_up(agent->collector)));
		web_warn(agent->http);
		tell_service_manager();
		err = loop(agent);
	}
	finish_outputs(agent, err);
	if (err)
		log_msg(LOG_ERROR, "stopped", LOG_STR("error", strerror(-err)));
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static void bound_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, GIVE_BACK_FROM);
	mallopt(M_TRIM_THRESHOLD, GIVE_BACK_FROM);
	mallopt(M_ARENA_MAX, 1);
}

int agent_run(const struct config *config, const struct profile *const *profiles, size_t count)
{
	struct agent agent = { .config = config, .epoll_fd = -1 };
	struct web_config *web = NULL;
	char text[512] = "";
	int code, err;

	for (int i = 0; i < SOURCE_COUNT; i++)
		agent.fds[i] = -1;
	bound_heap();
	umask(077);
	start_relay(&agent);
	if (web_load(config->web_config_file, &web)) {
		relay_link__free(agent.relay);
		return EXIT_CODE_USAGE;
	}
	err = agent_open(&agent);
	if (err) {
		web_config__free(web);
		log_msg(LOG_ERROR, "cannot start", LOG_STR("error", strerror(-err)));
		code = EXIT_CODE_FAILED;
	} else if (start_http(&agent, web, text, sizeof(text))) {
		/* before the taps: a second agent on the same port must not tap anything first */
		log_msg(LOG_ERROR, "cannot listen", LOG_STR("error", text));
		code = EXIT_CODE_FAILED;
	} else if (start_outputs(&agent, text, sizeof(text))) {
		log_msg(LOG_ERROR, "cannot put snapshots out", LOG_STR("error", text));
		code = EXIT_CODE_FAILED;
	} else if (collector__new(config, profiles, count, agent.relay, agent.bus, text,
				  sizeof(text), &agent.collector)) {
		log_msg(LOG_ERROR, "cannot tap on this host", LOG_STR("error", text));
		finish_outputs(&agent, -ENODEV);
		code = EXIT_CODE_HOST;
	} else {
		code = run(&agent);
	}
	agent_close(&agent);
	return code;
}
