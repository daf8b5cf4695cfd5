/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include "util/thread.h"

#define SECOND_NS UINT64_C(1000000000)

#define AT_ONCE 512 /* kernels looked up under one lock */
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
		err = thread_cond_init(&store->changed);
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

/* What a reader asks for. */
struct wish {
	uint64_t now_ns;
	bool recent; /* up to max_age_ns old, even if a younger one would cost little */
};

/* A snapshot from after now_ns is fresh: it was taken while the reader was on its way here. */
static bool is_fresh(const struct store *store, const struct wish *wish)
{
	const struct snapshot *s = store->newest;
	uint64_t limit_ns = wish->recent ? store->max_age_ns : store->good_for_ns;

	return s && (s->mono_ns >= wish->now_ns || wish->now_ns - s->mono_ns <= limit_ns);
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

static int get(struct store *store, const struct wish *wish, uint64_t timeout_ns,
	       struct snapshot **out)
{
	uint64_t deadline_ns = deadline_after(timeout_ns);
	bool in_time = true;
	int err = 0;

	pthread_mutex_lock(&store->lock);
	while (!store->stopped && !is_fresh(store, wish) && in_time)
		in_time = wait_for_change(store, deadline_ns);
	if (store->stopped)
		err = -ESHUTDOWN;
	else if (is_fresh(store, wish))
		*out = snapshot__ref(store->newest);
	else
		err = -ETIMEDOUT;
	pthread_mutex_unlock(&store->lock);
	return err;
}

int store__fresh(struct store *store, uint64_t now_ns, uint64_t timeout_ns, struct snapshot **out)
{
	const struct wish wish = { .now_ns = now_ns };

	return get(store, &wish, timeout_ns, out);
}

int store__recent(struct store *store, uint64_t now_ns, uint64_t timeout_ns, struct snapshot **out)
{
	const struct wish wish = { .now_ns = now_ns, .recent = true };

	return get(store, &wish, timeout_ns, out);
}

void store__before(struct store *store, const struct kernel_sample *const *kernels, size_t count,
		   uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out)
{
	size_t i, j;

	/* not all at once: the agent's thread must not wait for long to record */
	for (i = 0; i < count; i += AT_ONCE) {
		pthread_mutex_lock(&store->history_lock);
		for (j = i; j < count && j < i + AT_ONCE; j++)
			history__before(store->history, kernels[j], window_ns, min_age_ns, &out[j]);
		pthread_mutex_unlock(&store->history_lock);
	}
}

size_t store__points(struct store *store, const struct kernel_sample *kernel,
		     struct kernel_point out[HISTORY_MAX_POINTS])
{
	size_t count;

	pthread_mutex_lock(&store->history_lock);
	count = history__points(store->history, kernel, out);
	pthread_mutex_unlock(&store->history_lock);
	return count;
}

uint64_t store__refused(struct store *store)
{
	uint64_t refused;

	pthread_mutex_lock(&store->history_lock);
	refused = history__refused(store->history);
	pthread_mutex_unlock(&store->history_lock);
	return refused;
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
