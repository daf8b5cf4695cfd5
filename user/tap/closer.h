/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_CLOSER_H
#define TAPMETER_TAP_CLOSER_H
/*
 * Takes probes off files, in a thread of its own: Linux waits for all CPUs on the way, 70 ms and more for one file, and
 * many files may go at once. One after the other, in the order in which they are given. Called by one thread.
 */
#include <stdint.h>
#include "tap/probes.h"

struct closer;

/* -ENOMEM, -errno of starting the thread, which has no privileges. */
int closer__new(struct closer **out);
/* Returns when all links are closed; accepts NULL. */
void closer__free(struct closer *closer);

/* Takes the link over; NULL is closed at once. Returns a ticket, not 0. Without memory, it is closed on the spot. */
uint64_t closer__close(struct closer *closer, struct probe_link *link);
/* 1 if that link is closed now: no call is seen by it any more. */
int closer__is_closed(struct closer *closer, uint64_t ticket);
/*
 * 0 and the link as it was given, if its turn has not come; -ENOENT once it is closed. -EBUSY: it has been at it for 2 s, as the Linux
 * kernel waits for who holds the lock of his memory; the next time it is said at once.
 */
int closer__take_back(struct closer *closer, uint64_t ticket, struct probe_link **out);

#endif
