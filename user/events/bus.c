/* SPDX-License-Identifier: Apache-2.0 */
#include "events/bus.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "util/thread.h"

#define SECOND_NS UINT64_C(1000000000)

struct subscriber {
	struct bus *bus;
	char name[32];
	void (*wake)(void *arg);
	void *wake_arg;
	pthread_cond_t changed; /* under the bus' lock, as the rest */
	struct event **queue;
	size_t first, count;
	bool stopped; /* no more events will come */
	uint64_t delivered, dropped, errors;
	/* of those with a thread */
	pthread_t thread;
	bool has_thread;
	bool ended;
	subscriber_fn fn;
	void *fn_arg;
};

struct bus {
	size_t room;
	pthread_mutex_t lock; /* never held while anybody works on an event */
	pthread_cond_t thread_ended;
	bool stopped;
	uint64_t published, lost; /* lost: dropped for those who have left, or for lack of memory */
	size_t subscriber_count;
	struct subscriber *subscribers[BUS_MAX_SUBSCRIBERS];
	struct event *kept[BUS_KEPT]; /* that of number n at n % BUS_KEPT; NULL = none */
};

static struct timespec deadline_after(uint64_t timeout_ns)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(timeout_ns / SECOND_NS);
	at.tv_nsec += (long)(timeout_ns % SECOND_NS);
	if (at.tv_nsec >= (long)SECOND_NS) {
		at.tv_nsec -= (long)SECOND_NS;
		at.tv_sec++;
	}
	return at;
}

int bus__new(size_t room, struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int err;

	if (!bus)
		return -ENOMEM;
	bus->room = room;
	err = thread_cond_init(&bus->thread_ended);
	if (err) {
		free(bus);
		return err;
	}
	pthread_mutex_init(&bus->lock, NULL);
	*out = bus;
	return 0;
}

/* Not while its thread runs. */
static void destroy_subscriber(struct subscriber *subscriber)
{
	for (size_t i = 0; i < subscriber->count; i++)
		event__unref(subscriber->queue[(subscriber->first + i) % subscriber->bus->room]);
	pthread_cond_destroy(&subscriber->changed);
	free(subscriber->queue);
	free(subscriber);
}

void bus__free(struct bus *bus)
{
	if (!bus)
		return;
	for (size_t i = 0; i < bus->subscriber_count; i++)
		destroy_subscriber(bus->subscribers[i]);
	for (size_t i = 0; i < BUS_KEPT; i++)
		event__unref(bus->kept[i]);
	pthread_cond_destroy(&bus->thread_ended);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

/* Under the lock. */
static void enqueue(struct subscriber *subscriber, struct event *event)
{
	size_t room = subscriber->bus->room;

	if (subscriber->stopped || subscriber->count == room) {
		subscriber->dropped++;
		return;
	}
	subscriber->queue[(subscriber->first + subscriber->count) % room] = event__ref(event);
	if (subscriber->count++)
		return;
	pthread_cond_signal(&subscriber->changed);
	if (subscriber->wake)
		subscriber->wake(subscriber->wake_arg);
}

/* Under the lock: puts it, or NULL, in the place of the oldest that is kept, and returns that. */
static struct event *keep(struct bus *bus, struct event *event)
{
	struct event **place = &bus->kept[bus->published % BUS_KEPT];
	struct event *oldest = *place;

	*place = event ? event__ref(event) : NULL;
	return oldest;
}

void bus__publish(struct bus *bus, const struct event *event)
{
	struct event *copy = NULL, *oldest;
	int err = event__new(event, &copy);

	pthread_mutex_lock(&bus->lock);
	bus->published++;
	if (err || bus->stopped)
		bus->lost += bus->subscriber_count;
	else
		copy->number = bus->published;
	oldest = keep(bus, copy);
	for (size_t i = 0; i < bus->subscriber_count && !err && !bus->stopped; i++)
		enqueue(bus->subscribers[i], copy);
	pthread_mutex_unlock(&bus->lock);
	event__unref(oldest);
	event__unref(copy);
}

void bus__stats(struct bus *bus, struct bus_stats *out)
{
	pthread_mutex_lock(&bus->lock);
	out->published = bus->published;
	out->dropped = bus->lost;
	out->pending = 0;
	out->subscriber_count = bus->subscriber_count;
	for (size_t i = 0; i < bus->subscriber_count; i++) {
		const struct subscriber *from = bus->subscribers[i];
		struct subscriber_stats *to = &out->subscribers[i];

		memcpy(to->name, from->name, sizeof(to->name));
		to->delivered = from->delivered;
		to->dropped = from->dropped;
		to->errors = from->errors;
		to->lag = from->count;
		out->dropped += from->dropped;
		if (from->has_thread)
			out->pending += from->count;
	}
	pthread_mutex_unlock(&bus->lock);
}

/* ---- subscribers -------------------------------------------------------------------------- */

static int allocate(struct bus *bus, const char *name, struct subscriber **out)
{
	struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
	int err;

	if (!subscriber)
		return -ENOMEM;
	subscriber->bus = bus;
	snprintf(subscriber->name, sizeof(subscriber->name), "%s", name);
	subscriber->queue = reallocarray(NULL, bus->room, sizeof(struct event *));
	err = subscriber->queue ? thread_cond_init(&subscriber->changed) : -ENOMEM;
	if (err) {
		free(subscriber->queue);
		free(subscriber);
		return err;
	}
	*out = subscriber;
	return 0;
}

/* Under the lock: what was published after that number comes first. */
static void catch_up(struct bus *bus, struct subscriber *subscriber, uint64_t after)
{
	uint64_t number, oldest = bus->published < BUS_KEPT ? 1 : bus->published - BUS_KEPT + 1;

	if (after >= bus->published)
		return;
	number = after + 1;
	if (number < oldest) {
		subscriber->dropped += oldest - number;
		number = oldest;
	}
	for (; number <= bus->published; number++) {
		struct event *event = bus->kept[number % BUS_KEPT];

		if (event && event->number == number)
			enqueue(subscriber, event);
		else
			subscriber->dropped++;
	}
}

static int join_bus(struct bus *bus, struct subscriber *subscriber, uint64_t after)
{
	int err = 0;

	pthread_mutex_lock(&bus->lock);
	if (bus->stopped)
		err = -ESHUTDOWN;
	else if (bus->subscriber_count == BUS_MAX_SUBSCRIBERS)
		err = -ENOSPC;
	else
		bus->subscribers[bus->subscriber_count++] = subscriber;
	if (!err)
		catch_up(bus, subscriber, after);
	pthread_mutex_unlock(&bus->lock);
	return err;
}

static void leave_bus(struct bus *bus, struct subscriber *subscriber)
{
	size_t i = 0;

	pthread_mutex_lock(&bus->lock);
	while (i < bus->subscriber_count && bus->subscribers[i] != subscriber)
		i++;
	if (i < bus->subscriber_count) {
		bus->subscribers[i] = bus->subscribers[--bus->subscriber_count];
		bus->lost += subscriber->dropped + subscriber->count;
	}
	pthread_mutex_unlock(&bus->lock);
}

int bus__resume(struct bus *bus, const char *name, uint64_t after, void (*wake)(void *arg),
		void *arg, struct subscriber **out)
{
	struct subscriber *subscriber;
	int err = allocate(bus, name, &subscriber);

	if (err)
		return err;
	subscriber->wake = wake;
	subscriber->wake_arg = arg;
	err = join_bus(bus, subscriber, after);
	if (err) {
		destroy_subscriber(subscriber);
		return err;
	}
	*out = subscriber;
	return 0;
}

int bus__subscribe(struct bus *bus, const char *name, void (*wake)(void *arg), void *arg,
		   struct subscriber **out)
{
	return bus__resume(bus, name, UINT64_MAX, wake, arg, out);
}

void subscriber__free(struct subscriber *subscriber)
{
	if (!subscriber)
		return;
	leave_bus(subscriber->bus, subscriber);
	destroy_subscriber(subscriber);
}

int subscriber__next(struct subscriber *subscriber, uint64_t timeout_ns, struct event **out)
{
	struct bus *bus = subscriber->bus;
	struct timespec deadline = deadline_after(timeout_ns);
	int err = 0;

	pthread_mutex_lock(&bus->lock);
	while (!subscriber->count && !subscriber->stopped && !err)
		err = -pthread_cond_timedwait(&subscriber->changed, &bus->lock, &deadline);
	if (subscriber->count) {
		*out = subscriber->queue[subscriber->first];
		subscriber->first = (subscriber->first + 1) % bus->room;
		subscriber->count--;
		subscriber->delivered++;
		err = 0;
	} else if (subscriber->stopped) {
		err = -ESHUTDOWN;
	}
	pthread_mutex_unlock(&bus->lock);
	return err;
}

uint64_t subscriber__dropped(struct subscriber *subscriber)
{
	uint64_t dropped;

	pthread_mutex_lock(&subscriber->bus->lock);
	dropped = subscriber->dropped;
	pthread_mutex_unlock(&subscriber->bus->lock);
	return dropped;
}

void subscriber__error(struct subscriber *subscriber)
{
	pthread_mutex_lock(&subscriber->bus->lock);
	subscriber->errors++;
	pthread_mutex_unlock(&subscriber->bus->lock);
}

static void *run_subscriber(void *arg)
{
	struct subscriber *subscriber = arg;
	struct bus *bus = subscriber->bus;
	struct event *event;
	int err;

	while ((err = subscriber__next(subscriber, SECOND_NS, &event)) != -ESHUTDOWN) {
		if (err)
			continue;
		if (subscriber->fn(subscriber->fn_arg, event))
			subscriber__error(subscriber);
		event__unref(event);
	}
	pthread_mutex_lock(&bus->lock);
	subscriber->ended = true;
	pthread_cond_signal(&bus->thread_ended);
	pthread_mutex_unlock(&bus->lock);
	return NULL;
}

static int start_thread(struct subscriber *subscriber)
{
	int err = thread_start(&subscriber->thread, run_subscriber, subscriber);

	subscriber->has_thread = !err;
	return err;
}

int bus__run(struct bus *bus, const char *name, subscriber_fn fn, void *arg)
{
	struct subscriber *subscriber;
	int err = bus__subscribe(bus, name, NULL, NULL, &subscriber);

	if (err)
		return err;
	subscriber->fn = fn;
	subscriber->fn_arg = arg;
	err = start_thread(subscriber);
	if (err)
		subscriber__free(subscriber);
	return err;
}

/* ---- the stop ------------------------------------------------------------------------------- */

/* Under the lock: threads that have not ended yet. */
static size_t running(const struct bus *bus)
{
	size_t count = 0;

	for (size_t i = 0; i < bus->subscriber_count; i++)
		count += bus->subscribers[i]->has_thread && !bus->subscribers[i]->ended;
	return count;
}

/* Under the lock. */
static void tell_all(struct bus *bus)
{
	bus->stopped = true;
	for (size_t i = 0; i < bus->subscriber_count; i++) {
		struct subscriber *subscriber = bus->subscribers[i];

		subscriber->stopped = true;
		pthread_cond_signal(&subscriber->changed);
		if (subscriber->wake)
			subscriber->wake(subscriber->wake_arg);
	}
}

/* Under the lock: what a subscriber that has not ended in time will not get. */
static void drop_rest(struct subscriber *subscriber)
{
	while (subscriber->count) {
		event__unref(subscriber->queue[subscriber->first]);
		subscriber->first = (subscriber->first + 1) % subscriber->bus->room;
		subscriber->count--;
		subscriber->dropped++;
	}
}

size_t bus__stop(struct bus *bus, uint64_t timeout_ns)
{
	struct timespec deadline = deadline_after(timeout_ns);
	size_t left;

	pthread_mutex_lock(&bus->lock);
	tell_all(bus);
	while ((left = running(bus)) &&
	       !pthread_cond_timedwait(&bus->thread_ended, &bus->lock, &deadline))
		;
	for (size_t i = 0; i < bus->subscriber_count; i++) {
		struct subscriber *subscriber = bus->subscribers[i];

		if (!subscriber->has_thread)
			continue;
		if (!subscriber->ended) {
			drop_rest(subscriber);
			continue;
		}
		pthread_join(subscriber->thread, NULL);
		subscriber->has_thread = false;
	}
	pthread_mutex_unlock(&bus->lock);
	return left;
}
