/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_FEED_H
#define TAPMETER_RELAY_FEED_H
/*
 * The agent's end of the feed: pages on their way to tapmeter-relay. Sending never waits; a page that the relay does not
 * take is dropped and counted. Each relay gets a socket pair of its own. Any thread, where nothing else is said.
 */
#include <stdint.h>
#include "relay_link.h"
#include "util/relay_proto.h"

struct relay_feed;

/* *settings is copied; `listener` (-1: none) is what relay_link__settings() hands over, borrowed. -ENOMEM. */
int relay_feed__new(const struct relay_settings *settings, int listener, struct relay_feed **out);
/* Accepts NULL. */
void relay_feed__free(struct relay_feed *feed);

/* The agent's thread: a relay that has not got them gets the settings and its end of the feed. 0, or -errno: try again. */
int relay_feed__tend(struct relay_feed *feed, struct relay_link *link);
/*
 * Sends a page, whose header and number are filled in here; `memfd` stays the caller's. -EAGAIN: the relay has enough to
 * do; -ENOTCONN: there is none. Both are counted.
 */
int relay_feed__send(struct relay_feed *feed, struct relay_page *page, int memfd);
/* A page that could not even be sent, as it is too long: counted as if the relay had been too slow for it. */
void relay_feed__drop(struct relay_feed *feed);
/* As send, but waits up to timeout_ns for room, and then for the relay to have taken all that was sent. -ETIMEDOUT. */
int relay_feed__send_last(struct relay_feed *feed, struct relay_page *page, int memfd,
			  uint64_t timeout_ns);
/* The number of the next page. */
uint64_t relay_feed__next(struct relay_feed *feed);
/* No page follows: the relay ends when it has put out what it has. */
void relay_feed__close(struct relay_feed *feed);

struct relay_feed_losses {
	uint64_t full, gone;
	uint64_t relay[RELAY_LOST_COUNT]; /* of all relays */
};
void relay_feed__losses(struct relay_feed *feed, struct relay_feed_losses *out);

#endif
