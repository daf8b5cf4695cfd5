/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OTLP_QUEUE_H
#define TAPMETER_RELAY_OTLP_QUEUE_H
/*
 * Requests that wait to be sent, oldest first, within limits of number and size. What they say is cumulative: if there is
 * no room, the oldest goes, and what is lost is resolution, not counts. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

#define OTLP_QUEUE_LENGTH 64
#define OTLP_QUEUE_BYTES ((size_t)32 << 20)

struct otlp_request {
	struct strbuf body;
	uint64_t points;
};

struct otlp_queue {
	struct otlp_request items[OTLP_QUEUE_LENGTH];
	size_t first, count, bytes;
	uint64_t dropped, dropped_points; /* what had to go */
};

/* All zero is an empty one. Takes the body over, and leaves an empty one. */
void otlp_queue_add(struct otlp_queue *queue, struct strbuf *body, uint64_t points);
/* The oldest, NULL = none; stays there. */
struct otlp_request *otlp_queue_first(struct otlp_queue *queue);
/* Frees the oldest, which is there. */
void otlp_queue_remove(struct otlp_queue *queue);
/* Drops all, and counts them. */
void otlp_queue_drop_all(struct otlp_queue *queue);

#endif
