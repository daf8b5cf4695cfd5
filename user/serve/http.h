/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_HTTP_H
#define TAPMETER_SERVE_HTTP_H
/*
 * The HTTP server: listens, reads requests within limits, has them answered, sends the answers. It
 * has threads of its own, two per address or one per connection. A listener on a loopback address answers only to the
 * Host localhost, 127.0.0.1 or [::1]: a web page whose name was made to point here (DNS rebinding)
 * gets 403.
 *
 * Limits, beside those in struct http_config: 64 KiB for a request's line and headers (414, 431),
 * 128 connections from one address that is not loopback, 30 s for a request to arrive (408), and 512 MiB of
 * answers not yet taken by their clients, or of what these are made of (503).
 */
#include <stdbool.h>
#include <stddef.h>
#include "serve/exchange.h"
#include "serve/web_config.h"

/* Answers one request; called in several threads at once. */
typedef void (*http_handler_fn)(void *arg, const struct http_request *request,
				struct http_response *response);

struct http_config {
	/* "host:port", "[::1]:port", ":port" for all addresses; port 0 = any free one */
	size_t address_count;
	const char *const *addresses;
	http_handler_fn handle;
	void *arg;
	unsigned max_connections; /* of all listeners together; more wait to be accepted. With half of them there is little patience, see slow.h */
	unsigned timeout_s; /* a request that stands still for so long gets 408; a little later an idle connection is closed */
	size_t max_body; /* bytes of a request's body (413) */
	/* TLS, users, headers; NULL = none. Taken over, also on failure. */
	struct web_config *web;
	/* the handler waits for others: each connection gets a thread, so that it keeps nobody up */
	bool handler_waits;
};

struct http_server;

/*
 * Listens on all addresses and starts to answer. -EADDRINUSE, -EACCES and the like, -EINVAL for a
 * malformed address, -ENOMEM; `err` names the address and says why.
 */
int http_server__new(const struct http_config *config, char *err, size_t err_len,
		     struct http_server **out);
/*
 * Serves new connections by `web` (taken over in any case; NULL = without) from now on, on the same addresses; those
 * that are open go on as they began. On failure all stays as it was. The errors of http_server__new().
 */
int http_server__reload(struct http_server *server, struct web_config *web, char *err,
			size_t err_len);
/* Frees what earlier reloads have left, once its connections are closed. Now and then; never waits. */
void http_server__tend(struct http_server *server);
/* Stops listening, waits for the handlers under way, closes all connections. Accepts NULL. */
void http_server__free(struct http_server *server);
/* 1 if some address can be reached from other hosts, and anybody there may read. */
int http_server__is_open(const struct http_server *server);
/*
 * The i-th address as it really is, "127.0.0.1:9752"; NULL beyond the last. Lives as long as the
 * server.
 */
const char *http_server__address(const struct http_server *server, size_t i);

#endif
