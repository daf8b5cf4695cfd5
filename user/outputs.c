/* SPDX-License-Identifier: Apache-2.0 */
#include "outputs.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <unistd.h>
#include "final_file.h"
#include "notices.h"
#include "page_file.h"
#include "publish_socket.h"
#include "serve/final_json.h"
#include "util/durable.h"
#include "util/log.h"
#include "util/otlp_settings.h"
#include "util/relay_settings.h"
#include "util/relay_state.h"
#include "util/thread.h"

#define SECOND_NS 1000000000ull
#define SNAPSHOT_TIMEOUT_NS SECOND_NS /* then the page is left out: the next one has it all */
#define FILE_TIMEOUT_NS (3 * SECOND_NS) /* for the file to be on the disk */
#define LAST_TIMEOUT_NS (3 * SECOND_NS) /* for the relay to take the last page */
#define END_TIMEOUT_NS (5 * SECOND_NS) /* and then to end */

struct outputs {
	struct outputs_config config;
	struct relay_feed *feed;
	struct publish_socket listener;
	int folder; /* -1 = no file is wanted */
	uint64_t interval_ns; /* 0 = the relay is not fed */
	uint64_t start_real_ns;
	pthread_t thread;
	int running;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	enum relay_state state;
	int changes; /* of the state, that the thread has not seen */
	int stop;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* ---- pages --------------------------------------------------------------------------------------- */

static struct relay_page head_of(const struct outputs *outputs, const struct snapshot *snapshot,
				 enum relay_state state, uint64_t pending)
{
	return (struct relay_page){
		.mono_ns = snapshot ? snapshot->mono_ns : clock_ns(CLOCK_MONOTONIC),
		.real_ns = snapshot ? snapshot->real_ns : clock_ns(CLOCK_REALTIME),
		.start_real_ns = outputs->start_real_ns,
		.pending = pending,
		.state = state,
	};
}

static int make_page(const struct outputs *outputs, const struct snapshot *snapshot,
		     struct relay_page *page, int *memfd)
{
	const struct families_input input = {
		.snapshot = snapshot,
		.version = outputs->config.version,
		.revision = outputs->config.revision,
	};

	return page_file_new(snapshot ? &input : NULL, RELAY_PAGE_MAX, memfd, &page->size);
}

static void send_page(struct outputs *outputs, const struct snapshot *snapshot,
		      enum relay_state state)
{
	struct relay_page page =
		head_of(outputs, snapshot, state, snapshot ? snapshot->bus.pending : 0);
	int memfd;

	if (make_page(outputs, snapshot, &page, &memfd)) {
		relay_feed__drop(outputs->feed);
		return;
	}
	relay_feed__send(outputs->feed, &page, memfd); /* what is not taken is counted */
	close(memfd);
}

static void send_now(struct outputs *outputs, enum relay_state state)
{
	struct snapshot *snapshot = NULL;

	/* while the agent attaches, there is nothing yet */
	if (state != RELAY_INITIALIZE &&
	    store__recent(outputs->config.store, clock_ns(CLOCK_MONOTONIC), SNAPSHOT_TIMEOUT_NS,
			  &snapshot))
		return;
	send_page(outputs, snapshot, state);
	snapshot__unref(snapshot);
}

/* ---- the thread ------------------------------------------------------------------------------------ */

/* Under the lock: waits for the time, or for a change. */
static void wait_until(struct outputs *outputs, uint64_t time_ns)
{
	const struct timespec time = {
		.tv_sec = (time_t)(time_ns / SECOND_NS),
		.tv_nsec = (long)(time_ns % SECOND_NS),
	};

	while (!outputs->stop && !outputs->changes &&
	       !pthread_cond_timedwait(&outputs->changed, &outputs->lock, &time))
		;
	outputs->changes = 0;
}

/* At equal distances, whatever a page takes; those that are missed are not made up for. */
static uint64_t next_time(const struct outputs *outputs, uint64_t last_ns)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t next_ns = last_ns + outputs->interval_ns;

	return next_ns > now_ns ? next_ns : now_ns + outputs->interval_ns;
}

static void *run(void *arg)
{
	struct outputs *outputs = arg;
	uint64_t time_ns = clock_ns(CLOCK_MONOTONIC);
	enum relay_state state;

	pthread_mutex_lock(&outputs->lock);
	while (!outputs->stop) {
		state = outputs->state;
		pthread_mutex_unlock(&outputs->lock);
		send_now(outputs, state);
		time_ns = next_time(outputs, time_ns);
		pthread_mutex_lock(&outputs->lock);
		wait_until(outputs, time_ns);
	}
	pthread_mutex_unlock(&outputs->lock);
	return NULL;
}

static int start_thread(struct outputs *outputs)
{
	int err = thread_start(&outputs->thread, run, outputs);

	outputs->running = !err;
	return err;
}

static void stop_thread(struct outputs *outputs)
{
	if (!outputs->running)
		return;
	pthread_mutex_lock(&outputs->lock);
	outputs->stop = 1;
	pthread_cond_signal(&outputs->changed);
	pthread_mutex_unlock(&outputs->lock);
	pthread_join(outputs->thread, NULL);
	outputs->running = 0;
}

/* ---- start ------------------------------------------------------------------------------------------ */

static const char *variable(const char *name)
{
	return secure_getenv(name);
}

/* Whether what the OTEL_ variables say is right has been looked at before (cli/run.c). */
static int fill_otlp(const struct config *config, struct relay_settings *settings,
		     uint64_t *interval_ns)
{
	struct otlp_host host;
	uint64_t otlp_ns;
	char why[256];
	int err;

	otlp_host_read(&host);
	err = otlp_settings_add(config->otlp_endpoint, variable, &host, settings, &otlp_ns, why,
				sizeof(why));
	if (!err && (!*interval_ns || otlp_ns < *interval_ns))
		*interval_ns = otlp_ns;
	return err == -ENOENT ? 0 : err;
}

static int fill_publish(const struct config *config, struct relay_settings *settings,
			uint64_t *interval_ns)
{
	int err;

	if (!config->snapshot_publish)
		return 0;
	*interval_ns = config->snapshot_interval_ns;
	err = relay_settings_add(settings, "snapshot.publish", config->snapshot_publish);
	return err ? err :
		     relay_settings_add_u64(settings, "snapshot.interval_ns",
					    config->snapshot_interval_ns);
}

/* What the relay is told. *interval_ns: of the output that wants pages most often, 0 = none does. */
static int fill_settings(const struct config *config, struct relay_settings *settings,
			 uint64_t *interval_ns)
{
	int err;

	relay_settings_init(settings);
	*interval_ns = 0;
	err = relay_settings_add_u64(settings, "log.level", config->log_level);
	if (!err)
		err = relay_settings_add_u64(settings, "log.format", config->log_format);
	if (!err)
		err = fill_publish(config, settings, interval_ns);
	if (!err)
		err = fill_otlp(config, settings, interval_ns);
	if (err || !*interval_ns)
		return err;
	/* so that an output can tell which pages are for it */
	return relay_settings_add_u64(settings, "feed.interval_ns", *interval_ns);
}

/* Before anything is tapped: a folder or an endpoint that cannot be is an error at the start. */
static int open_places(struct outputs *outputs, char *err, size_t err_len)
{
	const struct config *config = outputs->config.config;

	if (config->snapshot_dir) {
		outputs->folder = durable_open(config->snapshot_dir);
		if (outputs->folder < 0) {
			snprintf(err, err_len, "snapshot.dir: %.200s: %s", config->snapshot_dir,
				 strerror(-outputs->folder));
			return outputs->folder;
		}
	}
	if (!config->snapshot_publish)
		return 0;
	return publish_socket_open(config->snapshot_publish, &outputs->listener, err, err_len);
}

static int start(struct outputs *outputs, const struct relay_settings *settings, char *err,
		 size_t err_len)
{
	int ret = open_places(outputs, err, err_len);

	if (ret)
		return ret;
	ret = relay_feed__new(settings, outputs->listener.fd, &outputs->feed);
	if (!ret && outputs->interval_ns) {
		outputs__tend(outputs);
		ret = start_thread(outputs);
	}
	if (ret)
		snprintf(err, err_len, "%s", strerror(-ret));
	return ret;
}

static int allocate(const struct outputs_config *config, uint64_t interval_ns, struct outputs **out)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));
	int err;

	if (!outputs)
		return -ENOMEM;
	outputs->config = *config;
	outputs->interval_ns = interval_ns;
	outputs->start_real_ns = clock_ns(CLOCK_REALTIME);
	outputs->folder = -1;
	outputs->listener.fd = -1;
	err = thread_cond_init(&outputs->changed);
	if (err) {
		free(outputs);
		return err;
	}
	pthread_mutex_init(&outputs->lock, NULL);
	*out = outputs;
	return 0;
}

int outputs__new(const struct outputs_config *config, char *err, size_t err_len,
		 struct outputs **out)
{
	struct relay_settings settings;
	struct outputs *outputs;
	uint64_t interval_ns;
	int ret = fill_settings(config->config, &settings, &interval_ns);

	*out = NULL;
	if (!ret && !interval_ns && !config->config->snapshot_dir)
		return 0;
	if (!ret)
		ret = allocate(config, interval_ns, &outputs);
	if (ret) {
		snprintf(err, err_len, "%s", strerror(-ret));
		return ret;
	}
	ret = start(outputs, &settings, err, err_len);
	explicit_bzero(&settings, sizeof(settings));
	if (ret)
		outputs__free(outputs);
	else
		*out = outputs;
	return ret;
}

void outputs__free(struct outputs *outputs)
{
	if (!outputs)
		return;
	stop_thread(outputs);
	relay_feed__free(outputs->feed);
	publish_socket_close(&outputs->listener);
	if (outputs->folder >= 0)
		close(outputs->folder);
	pthread_cond_destroy(&outputs->changed);
	pthread_mutex_destroy(&outputs->lock);
	free(outputs);
}

/* ---- on the way --------------------------------------------------------------------------------------- */

void outputs__tend(struct outputs *outputs)
{
	int err = 0;

	if (outputs->config.link && outputs->interval_ns)
		err = relay_feed__tend(outputs->feed, outputs->config.link);
	if (err && err != -EAGAIN)
		log_msg(LOG_WARN, "cannot feed tapmeter-relay", LOG_STR("error", strerror(-err)));
}

void outputs__set_state(struct outputs *outputs, enum relay_state state)
{
	pthread_mutex_lock(&outputs->lock);
	outputs->state = state;
	outputs->changes++;
	pthread_cond_signal(&outputs->changed);
	pthread_mutex_unlock(&outputs->lock);
}

uint64_t outputs__interval(const struct outputs *outputs)
{
	return outputs->interval_ns;
}

void outputs__losses(struct outputs *outputs, struct relay_feed_losses *out)
{
	relay_feed__losses(outputs->feed, out);
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static void tell_failure(struct outputs *outputs, const char *output, const char *path, int err)
{
	notice_output(outputs->config.bus, clock_ns(CLOCK_MONOTONIC), output, path, strerror(-err));
}

static int write_json(const struct relay_page *page, int memfd, struct strbuf *out)
{
	struct final_snapshot snapshot = {
		.counter = page->number,
		.timestamp_ns = page->mono_ns,
		.state = relay_state_name(page->state),
		.pending = page->pending,
		.len = page->size,
	};
	void *data = mmap(NULL, page->size, PROT_READ, MAP_SHARED, memfd, 0);
	int err;

	if (data == MAP_FAILED)
		return -errno;
	snapshot.page = data;
	err = final_json_write(&snapshot, out);
	munmap(data, page->size);
	return err;
}

static void write_last(struct outputs *outputs, struct relay_page *page, int memfd)
{
	struct strbuf text = STRBUF_INIT;
	int err;

	page->number = relay_feed__next(outputs->feed);
	err = write_json(page, memfd, &text);
	if (!err)
		err = final_file_write(outputs->folder, &text, FILE_TIMEOUT_NS);
	strbuf_free(&text);
	if (err)
		tell_failure(outputs, "file", outputs->config.config->snapshot_dir, err);
}

static void say_last(struct outputs *outputs, struct relay_page *page, int memfd)
{
	int err = -ENOTCONN;

	if (outputs->config.link)
		err = relay_feed__send_last(outputs->feed, page, memfd, LAST_TIMEOUT_NS);
	relay_feed__close(outputs->feed);
	if (!err)
		err = relay_link__wait(outputs->config.link, END_TIMEOUT_NS);
	if (err)
		tell_failure(outputs, "relay", "", err);
}

/* The file first: who hears that it is complete may look for it. */
void outputs__finish(struct outputs *outputs, struct snapshot *snapshot, enum relay_state state,
		     uint64_t pending)
{
	struct relay_page page = head_of(outputs, snapshot, state, pending);
	int memfd, err;

	stop_thread(outputs);
	err = make_page(outputs, snapshot, &page, &memfd);
	if (err) {
		tell_failure(outputs, "page", "", err);
		return;
	}
	/* without anything in it, it does not take an earlier one's place */
	if (outputs->folder >= 0 && snapshot)
		write_last(outputs, &page, memfd);
	if (outputs->interval_ns)
		say_last(outputs, &page, memfd);
	close(memfd);
}
