/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_ROUTES_H
#define TAPMETER_SERVE_ROUTES_H
/* Which request gets which answer. Knows nothing of sockets. */
#include <stdint.h>
#include "events/bus.h"
#include "serve/exchange.h"
#include "store/store.h"

struct routes_config {
	struct store *store; /* must outlive the routes */
	const char *version; /* texts must outlive the routes, too */
	const char *revision;
	struct bus *bus; /* of events; must outlive the routes */
	uint64_t life; /* no other agent on this address has it */
	unsigned views; /* FAMILIES_VIEW_…, see families.h */
	uint64_t timeout_ns; /* how long an answer may wait for a fresh snapshot */
	uint64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
};

struct routes;

/* -ENOMEM. */
int routes__new(const struct routes_config *config, struct routes **out);
void routes__free(struct routes *routes);
/* Any thread: from now on /-/ready says so, as long as snapshots come. */
void routes__set_ready(struct routes *routes);
/*
 * Any thread: answers the request; `response` must be an empty one. Always makes a complete answer,
 * of status 500 if memory has run out.
 */
void routes__handle(struct routes *routes, const struct http_request *request,
		    struct http_response *response);

#endif
