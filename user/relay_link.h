/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_LINK_H
#define TAPMETER_RELAY_LINK_H
/*
 * The agent's end of the link to tapmeter-relay, a child without privileges that reads what others wrote. If it ends, all
 * its look-ups are answered with RELAY_GONE, and it is started again after a while. One thread.
 */
#include <stdint.h>
#include <sys/types.h>
#include "util/relay_proto.h"

struct relay_link;

/*
 * `program` is a descriptor of the executable, which now belongs to the link; below 0: there is none, and so is never a
 * relay. Start it while there is little to inherit. -errno if there cannot be a link; a relay that does not start is no error.
 */
int relay_link__new(int program, uint64_t now_ns, struct relay_link **out);
/* Ends the relay. Accepts NULL. */
void relay_link__free(struct relay_link *link);

/* Readable when relay_link__read() has something to do; the same one for the link's life. */
int relay_link__fd(const struct relay_link *link);
/* 1 if a look-up would be taken now. */
int relay_link__has_room(const struct relay_link *link);
/*
 * Has an answer read from `fd`, which is closed in any case. -EAGAIN: there is no relay now, or it has enough to do; -errno.
 */
int relay_link__ask(struct relay_link *link, enum relay_source source, const char *container,
		    int fd, uint64_t now_ns);

/* The relay's process, 0 while there is none. */
pid_t relay_link__pid(const struct relay_link *link);
/*
 * Tells the relay what to put out, and gives it its end of the feed and, unless it is -1, a socket to publish at. Both stay
 * the caller's. Once for each relay (relay_link__pid). -EAGAIN: there is no relay now, or it has enough to do; -errno.
 */
int relay_link__settings(struct relay_link *link, const struct relay_settings *settings, int feed,
			 int listener);
/* Waits until the relay, which has been told to end by the end of its feed, has ended: at most so long. -ETIMEDOUT. */
int relay_link__wait(struct relay_link *link, uint64_t timeout_ns);

/* Strings are NUL-terminated and plausible (plausible.h) or "", source and container are what was asked. */
typedef void (*relay_answer_fn)(void *arg, const struct relay_answer *answer);
void relay_link__read(struct relay_link *link, relay_answer_fn fn, void *arg, uint64_t now_ns);
/* Every few seconds: starts the relay again, ends one that does not answer. */
void relay_link__tick(struct relay_link *link, relay_answer_fn fn, void *arg, uint64_t now_ns);

#endif
