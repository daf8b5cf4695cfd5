/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EVENT_STREAM_H
#define TAPMETER_SERVE_EVENT_STREAM_H
/*
 * The bus as Server-Sent Events: each event as it comes, under its type, with its number as the id. What a client that
 * is too slow has missed, it is told by an event "events.dropped".
 */
#include "events/bus.h"
#include "serve/exchange.h"

#define EVENT_STREAM_NAME "sse" /* of its subscribers on the bus */

/*
 * Makes the answer to a request for the stream: its producer subscribes to the bus. -ENOSPC: too many do; -ESHUTDOWN;
 * -ENOMEM.
 */
int event_stream_answer(struct bus *bus, struct http_response *response);

#endif
