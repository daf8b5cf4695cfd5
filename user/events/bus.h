/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_EVENTS_BUS_H
#define TAPMETER_EVENTS_BUS_H
/*
 * The event bus: bounded queues between those who publish and those who subscribe. Publishing never waits. Each
 * subscriber has a queue of its own; when that is full the newest event is dropped for it, and counted, so that one
 * subscriber's slowness or error does not touch the others. What was accepted into a queue is delivered, in order.
 * Any thread, where nothing else is said.
 */
#include <stddef.h>
#include <stdint.h>
#include "events/event.h"

#define BUS_ROOM 10000 /* events in a queue, by default */
#define BUS_MAX_SUBSCRIBERS 64
#define BUS_KEPT 1000 /* the last events, for those who come back */

struct bus;
struct subscriber;

struct subscriber_stats {
	char name[32];
	uint64_t delivered, dropped, errors;
	uint64_t lag; /* events waiting in its queue */
};

struct bus_stats {
	uint64_t published; /* while there were subscribers or not */
	uint64_t dropped; /* of all subscribers, those that have left included */
	uint64_t pending; /* wait for subscribers with threads, which bus__stop() would wait for */
	size_t subscriber_count;
	struct subscriber_stats subscribers[BUS_MAX_SUBSCRIBERS];
};

/* `room` events per subscriber. -ENOMEM. */
int bus__new(size_t room, struct bus **out);
/* After bus__stop(), with no subscriber left. Accepts NULL. */
void bus__free(struct bus *bus);
/* Copies the event (see event__new) and hands it to all. Errors (no memory) count as dropped. Never waits. */
void bus__publish(struct bus *bus, const struct event *event);
void bus__stats(struct bus *bus, struct bus_stats *out);

/*
 * A subscriber that fetches its events itself. `wake`, if not NULL, is called by the publishing thread when an event
 * comes into the empty queue, and at the stop; it must not call the bus. -ENOMEM; -ENOSPC: too many; -ESHUTDOWN.
 */
int bus__subscribe(struct bus *bus, const char *name, void (*wake)(void *arg), void *arg,
		   struct subscriber **out);
/*
 * The same, for one who was there before and has seen the events up to number `after`: first come those that he has missed.
 * Of these the bus keeps the last BUS_KEPT; what it no longer has counts as dropped for him. `wake` may be called before
 * this returns.
 */
int bus__resume(struct bus *bus, const char *name, uint64_t after, void (*wake)(void *arg),
		void *arg, struct subscriber **out);
/*
 * The next event, with a reference for the caller. -ETIMEDOUT when none came in timeout_ns; -ESHUTDOWN when the bus
 * has stopped and all were fetched. One thread per subscriber.
 */
int subscriber__next(struct subscriber *subscriber, uint64_t timeout_ns, struct event **out);
/* Events that it did not get because its queue was full. */
uint64_t subscriber__dropped(struct subscriber *subscriber);
/* The subscriber could not use the event that it got. */
void subscriber__error(struct subscriber *subscriber);
/* Leaves the bus; what waits in the queue counts as dropped. Accepts NULL. */
void subscriber__free(struct subscriber *subscriber);

/* Takes an event; what is not 0 counts as an error. Runs in a thread of the subscriber's own. */
typedef int (*subscriber_fn)(void *arg, const struct event *event);
/* A subscriber with a thread. Belongs to the bus. The errors of bus__subscribe(), or what the thread's start failed with. */
int bus__run(struct bus *bus, const char *name, subscriber_fn fn, void *arg);

/*
 * Accepts no more events and waits until the subscribers with threads have taken all that were accepted, at most
 * timeout_ns; what then still waits counts as dropped. Returns how many subscribers did not end: their threads are left
 * behind, and the bus must not be freed.
 */
size_t bus__stop(struct bus *bus, uint64_t timeout_ns);

#endif
