/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OUTPUTS_H
#define TAPMETER_RELAY_OUTPUTS_H
/*
 * What the relay puts out: each page of the feed goes to every output that the settings ask for, in one thread beside
 * the look-ups'.
 */
#include "relay/feed.h"
#include "util/relay_proto.h"

struct output {
	void *arg;
	feed_take_fn take;
	/*
	 * No page follows. Puts out what is left, for OUTPUT_END_NS at most, and frees `arg`. The feed's thread.
	 */
	void (*end)(void *arg);
};

#define OUTPUT_END_NS 2000000000ull

/*
 * An output's constructor: fills *out. -ENOENT: the settings do not ask for it; else -errno, having been logged: with
 * -ENOMEM and -EAGAIN none goes on, else the others do without it. `settings` live only during the call, `losses` until end() has returned.
 */
typedef int (*output_open_fn)(const struct relay_settings *settings, struct feed_losses *losses,
			      struct output *out);

struct outputs;

/*
 * Starts the outputs and a thread that serves `feed`, which belongs to it, as `listener` does (publisher.h), unless this fails. When the feed ends, so do
 * the outputs, and then `link` is shut down, so that the one who serves it ends, too. The settings have been checked
 * (relay_settings_check). -errno.
 */
int outputs__start(const struct relay_settings *settings, int feed, int listener, int link,
		   struct outputs **out);
/* Ends the feed if it has not ended, and waits for the outputs' end. Accepts NULL. */
void outputs__join(struct outputs *outputs);

#endif
