/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include "store/history.h"

#define SECOND_NS UINT64_C(1000000000)

#define REUSE 10 /* a snapshot is used for so many times as long as taking it took */

struct store {
	uint64_t max_age_ns;
	uint64_t good_for_ns; /* how old the newest snapshot may become */
	store_request_fn request;
	void *request_arg;

	pthread_mutex_t lock; /* of the four below */
	pthread_cond_t changed; /* newest or stopped */
	struct snapshot *newest;
	bool asked; /* a snapshot was asked for and none has come since */
	bool stopped;

	/* its own lock: a live-stat request for many kernels must not keep a scrape waiting */
	pthread_mutex_t history_lock;
	struct history *history;
};

/* Time-outs must not depend on someone setting the wall clock. */
static int init_monotonic_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int err;

	err = -pthread_condattr_init(&attr);
	if (err)
		return err;
	err = -pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = -pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return err;
}

int store__new(uint64_t max_age_ns, store_request_fn request, void *arg, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->max_age_ns = max_age_ns;
	store->request = request;
	store->request_arg = arg;
	err = history__new(&store->history);
	if (!err)
		err = init_monotonic_cond(&store->changed);
	if (err) {
		history__free(store->history);
		free(store);
		return err;
	}
	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->history_lock, NULL);
	*out = store;
	return 0;
}

void store__free(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_destroy(&store->history_lock);
	pthread_mutex_destroy(&store->lock);
	pthread_cond_destroy(&store->changed);
	snapshot__unref(store->newest);
	history__free(store->history);
	free(store);
}

void store__publish(struct store *store, struct snapshot *s, uint64_t cost_ns)
{
	struct snapshot *old;

	snapshot__ref(s);
	pthread_mutex_lock(&store->lock);
	old = store->newest;
	store->newest = s;
	store->good_for_ns = cost_ns < store->max_age_ns / REUSE ? cost_ns * REUSE :
								   store->max_age_ns;
	store->asked = false;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
	snapshot__unref(old);
}

int store__record(struct store *store, const struct snapshot *s)
{
	int err;

	pthread_mutex_lock(&store->history_lock);
	err = history__record(store->history, s);
	pthread_mutex_unlock(&store->history_lock);
	return err;
}

void store__stop(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->stopped = true;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

/* A snapshot from after now_ns is fresh: it was taken while the reader was on its way here. */
static bool is_fresh(const struct store *store, uint64_t now_ns)
{
	const struct snapshot *s = store->newest;

	return s && (s->mono_ns >= now_ns || now_ns - s->mono_ns <= store->good_for_ns);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t deadline_ns;

	if (__builtin_add_overflow(monotonic_ns(), timeout_ns, &deadline_ns))
		return UINT64_MAX;
	return deadline_ns;
}

/*
 * Under the lock, returns under the lock: waits for the next change, and before that asks for a
 * snapshot if nobody has. The lock is not held while asking, as the one that is asked may publish
 * at once. False: the deadline has passed; whoever comes next asks again, in case this request has
 * got lost.
 */
static bool wait_for_change(struct store *store, uint64_t deadline_ns)
{
	struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / SECOND_NS),
		.tv_nsec = (long)(deadline_ns % SECOND_NS),
	};
	bool in_time;

	if (!store->asked) {
		store->asked = true;
		pthread_mutex_unlock(&store->lock);
		store->request(store->request_arg);
		pthread_mutex_lock(&store->lock);
		return monotonic_ns() < deadline_ns;
	}
	in_time = !pthread_cond_timedwait(&store->changed, &store->lock, &deadline);
	if (!in_time)
		store->asked = false;
	return in_time;
}

int store__fresh(struct store *store, uint64_t now_ns, uint64_t timeout_ns, struct snapshot **out)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);
	bool in_time = true;
	int err = 0;

	pthread_mutex_lock(&store->lock);
	while (!store->stopped && !is_fresh(store, now_ns) && in_time)
		in_time = wait_for_change(store, deadline_ns);
	if (store->stopped)
		err = -ESHUTDOWN;
	else if (is_fresh(store, now_ns))
		*out = snapshot__ref(store->newest);
	else
		err = -ETIMEDOUT;
	pthread_mutex_unlock(&store->lock);
	return err;
}

int store__point(struct store *store, const char *kernel_id, uint64_t now_ns, uint64_t window_ns,
		 uint64_t min_age_ns, struct kernel_point *out)
{
	int err;

	pthread_mutex_lock(&store->history_lock);
	err = history__point(store->history, kernel_id, now_ns, window_ns, min_age_ns, out);
	pthread_mutex_unlock(&store->history_lock);
	return err;
}

int store__histograms(struct store *store, const char *kernel_id, uint64_t mono_ns,
		      struct kernel_hists *out)
{
	int err;

	pthread_mutex_lock(&store->history_lock);
	err = history__histograms(store->history, kernel_id, mono_ns, out);
	pthread_mutex_unlock(&store->history_lock);
	return err;
}
