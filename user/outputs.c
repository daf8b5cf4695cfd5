/* SPDX-License-Identifier: Apache-2.0 */
#include "outputs.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "page_file.h"
#include "util/log.h"
#include "util/relay_settings.h"

#define SECOND_NS 1000000000ull
#define SNAPSHOT_TIMEOUT_NS SECOND_NS /* then the page is left out: the next one has it all */
#define LAST_TIMEOUT_NS (3 * SECOND_NS) /* for the relay to take the last page */
#define END_TIMEOUT_NS (5 * SECOND_NS) /* and then to end */

struct outputs {
	struct outputs_config config;
	struct relay_feed *feed;
	uint64_t interval_ns;
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
		.mono_ns = snapshot ? snapshot->mono_ns : 0,
		.real_ns = snapshot ? snapshot->real_ns : 0,
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

/* Signals are for the thread that waits for them. */
static int start_thread(struct outputs *outputs)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&outputs->thread, NULL, run, outputs);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
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
	return err;
}

static int init_monotonic_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int err = -pthread_condattr_init(&attr);

	if (err)
		return err;
	err = -pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = -pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return err;
}

int outputs__new(const struct outputs_config *config, struct outputs **out)
{
	struct relay_settings settings;
	struct outputs *outputs;
	uint64_t interval_ns;
	int err = fill_settings(config->config, &settings, &interval_ns);

	*out = NULL;
	if (err || !interval_ns)
		return err;
	outputs = calloc(1, sizeof(*outputs));
	if (!outputs)
		return -ENOMEM;
	outputs->config = *config;
	outputs->interval_ns = interval_ns;
	outputs->start_real_ns = clock_ns(CLOCK_REALTIME);
	err = init_monotonic_cond(&outputs->changed);
	if (err) {
		free(outputs);
		return err;
	}
	pthread_mutex_init(&outputs->lock, NULL);
	err = relay_feed__new(&settings, &outputs->feed);
	explicit_bzero(&settings, sizeof(settings));
	if (!err) {
		outputs__tend(outputs);
		err = start_thread(outputs);
	}
	if (err) {
		outputs__free(outputs);
		return err;
	}
	*out = outputs;
	return 0;
}

void outputs__free(struct outputs *outputs)
{
	if (!outputs)
		return;
	stop_thread(outputs);
	relay_feed__free(outputs->feed);
	pthread_cond_destroy(&outputs->changed);
	pthread_mutex_destroy(&outputs->lock);
	free(outputs);
}

/* ---- on the way --------------------------------------------------------------------------------------- */

void outputs__tend(struct outputs *outputs)
{
	int err = 0;

	if (outputs->config.link)
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

static void say_last(struct outputs *outputs, struct relay_page *page, int memfd)
{
	int err = relay_feed__send_last(outputs->feed, page, memfd, LAST_TIMEOUT_NS);

	relay_feed__close(outputs->feed);
	if (!err)
		err = relay_link__wait(outputs->config.link, END_TIMEOUT_NS);
	if (err)
		log_msg(LOG_WARN, "tapmeter-relay has not put out the last snapshot",
			LOG_STR("error", strerror(-err)));
}

void outputs__finish(struct outputs *outputs, struct snapshot *snapshot, enum relay_state state,
		     uint64_t pending)
{
	struct relay_page page = head_of(outputs, snapshot, state, pending);
	int memfd, err;

	stop_thread(outputs);
	err = make_page(outputs, snapshot, &page, &memfd);
	if (err) {
		log_msg(LOG_WARN, "no last snapshot", LOG_STR("error", strerror(-err)));
		return;
	}
	say_last(outputs, &page, memfd);
	close(memfd);
}
