/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_BACKLOG_H
#define TAPMETER_BACKLOG_H
/*
 * Messages sent and not received yet, per path whose both ends are on this host. A path is what has one key of
 * endpoint_key() at both ends, in one direction. One thread, the agent's.
 *
 * What was under way before the taps were set was not seen to be sent: when more has been received than sent, that
 * much is put aside. And the receive in which a receiver was when its tap was set was not seen: if all receivers
 * wait, one message of each may be put aside, once.
 */
#include <stdint.h>
#include "store/snapshot.h"
#include "subject/endpoint.h"

struct backlog;
struct flow;

int backlog__new(struct series_table *series, struct backlog **out);
void backlog__free(struct backlog *backlog);

/* One more stream at this end of a path. *out is NULL if none can be told from what is known. -ENOMEM. */
int backlog__open(struct backlog *backlog, const struct series_labels *labels,
		  const struct endpoint_scope *scope, struct flow **out);
/* The stream has ended with so many messages. */
void backlog__close(struct backlog *backlog, struct flow *flow, enum series_direction direction,
		    uint64_t messages, uint64_t now_ns);

/*
 * A snapshot: begin; each stream's messages; end. The receivers' messages must have been read before the calls in
 * flight, these before the senders' messages: then no message can be received that was not sent.
 */
void backlog__begin(struct backlog *backlog);
/* in_flight: messages that may be counted at the other end already: calls in flight, BACKLOG_UNSURE. */
#define BACKLOG_UNSURE UINT32_MAX
void backlog__count(struct flow *flow, enum series_direction direction, uint64_t messages,
		    uint32_t in_flight);
/* This receiver of the flow has been waiting for a message for a second or more: there is none for it. */
void backlog__waits(struct flow *flow);
int backlog__end(struct backlog *backlog, struct snapshot_builder *builder);

#endif
