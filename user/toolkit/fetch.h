/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_FETCH_H
#define TAPMETER_TOOLKIT_FETCH_H
/*
 * HTTP requests to other servers, many at a time, within limits of time and size. Connections are
 * kept for the next run. Redirects are not followed and proxies not used: credentials go to the
 * server that was named, or nowhere.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

/* How all requests of a fetcher are made. Texts are copied; NULL = not given. */
struct fetch_config {
	const char *user; /* basic authentication */
	const char *password;
	const char *ca_file; /* who may sign the server's certificate; NULL = as the system has it */
	const char *cert_file; /* our own certificate and its key */
	const char *key_file;
	size_t header_count;
	const char *const *headers; /* "Name: value" */
	size_t max_total; /* bytes of all answers of a run together */
	int cancel_fd; /* as soon as it can be read, runs end; -1 = none */
};

/* One request, and the answer to it. */
struct fetch {
	const char *url;
	const char *body; /* NULL = a GET */
	size_t body_len;
	const char *body_type; /* "Content-Type: ..." */
	size_t max_answer; /* bytes */

	long status; /* of the answer; 0 = there is none */
	uint64_t retry_after_s; /* what it asks for; 0 = nothing */
	struct strbuf answer;
	/* 0, -ETIMEDOUT, -E2BIG, -ECANCELED, -ENOMEM, -errno of connecting, -EIO otherwise */
	int err;
	char why[256]; /* if `err`: the reason, for people */
};

struct fetcher;

/*
 * Before other threads start, since libcurl is set up here. -ENOMEM, -EIO. Whether the files are
 * any good is only seen when they are used.
 */
int fetcher__new(const struct fetch_config *config, struct fetcher **out);
/* No run may be under way. Accepts NULL. */
void fetcher__free(struct fetcher *fetcher);
/*
 * Any thread: makes all the requests, in parallel, in at most timeout_ms. Each has an answer or an
 * error afterwards. fetch_free() has to follow for each.
 */
void fetcher__run(struct fetcher *fetcher, struct fetch *fetches, size_t count,
		  unsigned timeout_ms);
void fetch_free(struct fetch *fetch);

#endif
