/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_SERVICE_H
#define TAPMETER_GATEWAY_SERVICE_H
/* Which request gets which answer. Knows nothing of sockets. */
#include <stdint.h>
#include "gateway/cluster.h"
#include "serve/exchange.h"

struct service;

struct service_config {
	const struct cluster *cluster; /* must outlive the service */
	unsigned max_questions; /* put to the engines at a time; more get 503 */
	uint64_t (*now_real_ns)(void); /* CLOCK_REALTIME */
};

/* -ENOMEM. */
int service__new(const struct service_config *config, struct service **out);
/* Accepts NULL. */
void service__free(struct service *service);
/*
 * Any thread: answers the request; `response` must be an empty one. Always makes a complete answer.
 * A struct http_server's handler: `arg` is the service.
 */
void service__handle(void *arg, const struct http_request *request, struct http_response *response);

#endif
