/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EVENT_STREAM_H
#define TAPMETER_SERVE_EVENT_STREAM_H
/*
 * The bus as Server-Sent Events: each event as it comes, under its type, with the agent's life and its number as the id.
 * A client that says the last id that it has seen gets what came after it first. How many events it has missed, because it
 * is too slow or was away for too long, it is told by an event "events.dropped".
 */
#include "events/bus.h"
#include "serve/exchange.h"

#define EVENT_STREAM_NAME "sse" /* of its subscribers on the bus */

/*
 * Makes the answer to a request for the stream: its producer subscribes to the bus. `life` is a number that no other agent
 * on this address has. `last_id` is what the client says, NULL = nothing: after an id of another life comes all that this
 * one still has; what is no id counts as nothing. -ENOSPC: too many do; -ESHUTDOWN; -ENOMEM.
 */
int event_stream_answer(struct bus *bus, uint64_t life, const char *last_id,
			struct http_response *response);

#endif
