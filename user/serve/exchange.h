/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EXCHANGE_H
#define TAPMETER_SERVE_EXCHANGE_H
/*
 * One HTTP request and the answer to it, as the routes see them: plain data, whatever library reads
 * and writes it.
 */
#include <stddef.h>
#include "util/strbuf.h"

struct http_parameter {
	const char *name;
	const char *value; /* decoded; "" if there was no "=" */
};

/* Everything belongs to the caller and lives until the handler returns. */
struct http_request {
	const char *method;
	const char *path; /* decoded, without the query */
	size_t parameter_count;
	const struct http_parameter *parameters; /* of the query, in its order */
	const char *accept; /* headers; NULL = none */
	const char *accept_encoding;
	const char *content_type;
	const char *if_none_match;
	const char *last_event_id;
	const char *body; /* NULL = none */
	size_t body_len;
};

struct http_header {
	const char *name;
	const char *value;
};

#define HTTP_MAX_HEADERS 8

/*
 * What makes a body while it is being sent, so that a big one never lies in memory as a whole. Used
 * by one thread at a time, not always the same.
 */
#define HTTP_MORE 1
#define HTTP_LATER 2

struct http_producer {
	/*
	 * Adds the next piece of the body to the empty `out`: HTTP_MORE, or 0 = that was all; HTTP_LATER = there
	 * is nothing now, and it is to be asked again when it has woken its server, see `start`. -errno:
	 * the connection is closed, so that the client sees that something is missing.
	 */
	int (*next)(void *arg, struct strbuf *out);
	/*
	 * NULL for who never says HTTP_LATER. Called once, before next(): wake(wake_arg) is to be called by any
	 * thread when there is something new. It may be called at any time before free() has returned.
	 */
	void (*start)(void *arg, void (*wake)(void *wake_arg), void *wake_arg);
	void (*free)(void *arg);
	void *arg;
	size_t memory; /* bytes that it holds on to, about */
};

/* Texts but the body's are static. All zeroes is an empty one; free with http_response_free(). */
struct http_response {
	unsigned status;
	const char *content_type;
	const char *content_encoding; /* NULL = the body is as it is */
	size_t header_count;
	struct http_header headers[HTTP_MAX_HEADERS];
	struct strbuf body; /* of HEAD too: whoever writes it leaves it out */
	struct http_producer producer; /* of what follows the body; .next NULL = nothing does */
};

void http_response_free(struct http_response *response);
/* Adds a header; both texts must be static. */
void http_response_header(struct http_response *response, const char *name, const char *value);
/*
 * Makes it an error in JSON, {"error":{"code":…,"message":…}}; what body there was is dropped, and
 * its producer.
 */
void http_response_error(struct http_response *response, unsigned status, const char *code,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
