/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_SLOW_H
#define TAPMETER_SERVE_SLOW_H
/*
 * Clients that begin a request and do not end it get a 408. libmicrohttpd closes such connections without a word, and lets
 * nobody answer in the middle of a request; so the answer is written to the socket beside it, by a thread that looks at all
 * connections now and then, and the connection is ended. With TLS it is ended without an answer: a session belongs to the
 * library's thread. A connection on which no request has begun is left to the library, unless it gets crowded.
 */
#include <stdbool.h>

struct slow_clients;
/* One connection. All its functions may be called from any thread. */
struct slow_client;

/*
 * A request, from the first byte of its line on, must not stand still for idle_s seconds, nor take longer than whole_s
 * until it is complete. With more than `crowd` connections there is a tenth of the patience, and none for those on which no
 * request begins. -ENOMEM; what the thread's start failed with.
 */
int slow_clients__new(unsigned idle_s, unsigned whole_s, unsigned crowd, struct slow_clients **out);
/* After the last connection has been closed. Accepts NULL. */
void slow_clients__free(struct slow_clients *clients);

/* A connection has been accepted. NULL without memory: then it is not watched; all functions accept that. */
struct slow_client *slow_clients__add(struct slow_clients *clients, int fd, bool tls);
/* The connection is about to be closed; frees it. */
void slow_client__remove(struct slow_client *client);

/* A request's line has come. */
void slow_client__begin(struct slow_client *client);
/* More of the request has come. */
void slow_client__progress(struct slow_client *client);
/* All of it is there, or is not waited for. false: it has been answered with a 408, so that nobody else may. */
bool slow_client__complete(struct slow_client *client);
/* The request is over and done with. */
void slow_client__end(struct slow_client *client);

#endif
