/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/closer.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "util/privileges.h"
#include "util/thread.h"

#define PATIENCE_S 2 /* mostly it takes a tenth of a second, the perf way one or two */

struct closing {
	struct closing *next;
	struct probe_link *link;
	uint64_t ticket;
};

struct closer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	struct closing *first, **last;
	uint64_t under_way; /* ticket, 0 = none */
	int end;
	/* the caller's */
	uint64_t next_ticket;
	uint64_t stuck; /* a ticket that was waited for in vain, 0 = none */
};

static struct closing *take_first(struct closer *closer)
{
	struct closing *first = closer->first;

	if (!first)
		return NULL;
	closer->first = first->next;
	if (!closer->first)
		closer->last = &closer->first;
	return first;
}

static void *run(void *arg)
{
	struct closer *closer = arg;
	struct closing *closing;

	pthread_mutex_lock(&closer->lock);
	for (;;) {
		closing = take_first(closer);
		if (!closing && closer->end)
			break;
		if (!closing) {
			pthread_cond_wait(&closer->changed, &closer->lock);
			continue;
		}
		closer->under_way = closing->ticket;
		pthread_mutex_unlock(&closer->lock);
		probe_link__free(closing->link);
		free(closing);
		pthread_mutex_lock(&closer->lock);
		closer->under_way = 0;
		pthread_cond_broadcast(&closer->changed);
	}
	pthread_mutex_unlock(&closer->lock);
	return NULL;
}

static int start(void *arg)
{
	struct closer *closer = arg;

	return thread_start(&closer->thread, run, closer);
}

int closer__new(struct closer **out)
{
	struct closer *closer = calloc(1, sizeof(*closer));
	int err;

	if (!closer)
		return -ENOMEM;
	closer->last = &closer->first;
	pthread_mutex_init(&closer->lock, NULL);
	err = thread_cond_init(&closer->changed);
	if (!err)
		err = privileges_without(start, closer);
	if (err) {
		free(closer);
		return err;
	}
	*out = closer;
	return 0;
}

void closer__free(struct closer *closer)
{
	if (!closer)
		return;
	pthread_mutex_lock(&closer->lock);
	closer->end = 1;
	pthread_cond_broadcast(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
	pthread_join(closer->thread, NULL);
	pthread_cond_destroy(&closer->changed);
	pthread_mutex_destroy(&closer->lock);
	free(closer);
}

uint64_t closer__close(struct closer *closer, struct probe_link *link)
{
	struct closing *closing = link ? calloc(1, sizeof(*closing)) : NULL;
	uint64_t ticket = ++closer->next_ticket;

	if (!closing) {
		probe_link__free(link);
		return ticket;
	}
	closing->link = link;
	closing->ticket = ticket;
	pthread_mutex_lock(&closer->lock);
	*closer->last = closing;
	closer->last = &closing->next;
	pthread_cond_broadcast(&closer->changed);
	pthread_mutex_unlock(&closer->lock);
	return ticket;
}

/* Where it stands in the queue; NULL if it does not. */
static struct closing **find(struct closer *closer, uint64_t ticket)
{
	for (struct closing **at = &closer->first; *at; at = &(*at)->next)
		if ((*at)->ticket == ticket)
			return at;
	return NULL;
}

int closer__is_closed(struct closer *closer, uint64_t ticket)
{
	int closed;

	pthread_mutex_lock(&closer->lock);
	closed = closer->under_way != ticket && !find(closer, ticket);
	pthread_mutex_unlock(&closer->lock);
	return closed;
}

/* With the lock. 0, or -EBUSY. */
static int await_closed(struct closer *closer, uint64_t ticket)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_S;
	while (closer->under_way == ticket && !err && closer->stuck != ticket)
		err = pthread_cond_timedwait(&closer->changed, &closer->lock, &end);
	if (closer->under_way != ticket)
		return 0;
	closer->stuck = ticket;
	return -EBUSY;
}

int closer__take_back(struct closer *closer, uint64_t ticket, struct probe_link **out)
{
	struct closing **at, *closing;
	int err;

	pthread_mutex_lock(&closer->lock);
	at = find(closer, ticket);
	if (at) {
		closing = *at;
		*at = closing->next;
		if (!*at)
			closer->last = at;
		*out = closing->link;
		free(closing);
		err = 0;
	} else {
		err = await_closed(closer, ticket) ?: -ENOENT;
	}
	pthread_mutex_unlock(&closer->lock);
	return err;
}
