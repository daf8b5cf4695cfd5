/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_OUTPUTS_H
#define TAPMETER_OUTPUTS_H
/*
 * What goes out by itself: a thread that has pages made of fresh snapshots, at the shortest interval that is asked for, and
 * feeds tapmeter-relay with them; and at the end, the last word. Functions are for the agent's thread.
 */
#include <stdint.h>
#include "events/bus.h"
#include "relay_feed.h"
#include "store/store.h"
#include "util/config.h"

struct outputs;

struct outputs_config {
	const struct config *config; /* all are borrowed */
	struct store *store;
	struct bus *bus;
	struct relay_link *link; /* NULL: there is no relay */
	const char *version, *revision; /* as in struct families_input */
};

/*
 * *out is NULL if nothing is to be put out. Starts the thread: pages go out at once, in the state RELAY_INITIALIZE. -errno, with
 * a message in `err` that names the flag.
 */
int outputs__new(const struct outputs_config *config, char *err, size_t err_len,
		 struct outputs **out);
/* Without a last word, if outputs__finish() was not called. Accepts NULL. */
void outputs__free(struct outputs *outputs);

/* A relay that has been started gets its settings. Call it when the relay's process is known to be left out. */
void outputs__tend(struct outputs *outputs);
/* From now on pages say this; the next one goes out at once. */
void outputs__set_state(struct outputs *outputs, enum relay_state state);
/* How long RELAY_DRAINING has to last to be seen by who listens: nanoseconds, 0 = nobody does. */
uint64_t outputs__interval(const struct outputs *outputs);
void outputs__losses(struct outputs *outputs, struct relay_feed_losses *out);

/*
 * The last word: `snapshot` (NULL: there never was one) with this state, RELAY_COMPLETE or RELAY_INTERRUPTED, into the file and to
 * the relay; neither needs the other. Waits some seconds at most, until the file is on the disk, and the relay has put
 * it out and ended. What fails is told on the bus.
 */
void outputs__finish(struct outputs *outputs, struct snapshot *snapshot, enum relay_state state,
		     uint64_t pending);

#endif
