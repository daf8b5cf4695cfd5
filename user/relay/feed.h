/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_FEED_IN_H
#define TAPMETER_RELAY_FEED_IN_H
/*
 * The relay's end of the feed: pages that come from the agent, handed to the outputs. Pages may be held by any thread;
 * the agent keeps the memory of those that are held, so they are to be let go soon.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/relay_proto.h"

struct feed_page {
	struct relay_page head;
	const uint8_t *data; /* for serve/family_reader.h; NULL if the page is empty */
	size_t size;
	unsigned refs; /* atomic */
};

struct feed_page *feed_page__ref(struct feed_page *page);
/* Accepts NULL. */
void feed_page__unref(struct feed_page *page);

/* What could not be put out, counted by any thread; the agent is told with the next page. */
struct feed_losses {
	uint64_t count[RELAY_LOST_COUNT];
};
void feed_lost(struct feed_losses *losses, enum relay_lost what, uint64_t count);

/* Called by the feed's thread with each page, which is borrowed; must not wait. */
typedef void (*feed_take_fn)(void *arg, struct feed_page *page);

/* Serves the socket until it ends. 0, or -errno: -EPROTO if what came was not understood. */
int feed_serve(int socket, feed_take_fn take, void *arg, const struct feed_losses *losses);

#endif
