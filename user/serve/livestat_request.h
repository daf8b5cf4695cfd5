/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_REQUEST_H
#define TAPMETER_SERVE_LIVESTAT_REQUEST_H
/* What a live-stat query asks for: read from a body or from a URL, within limits. */
#include <stddef.h>
#include <stdint.h>
#include "serve/exchange.h"
#include "serve/livestat_values.h"

#define LIVESTAT_MAX_IDS 10000
#define LIVESTAT_MAX_QUERY_IDS 200 /* in a URL */
#define LIVESTAT_MIN_WINDOW_NS 1000000000ull
#define LIVESTAT_MAX_WINDOW_NS (600 * 1000000000ull)
#define LIVESTAT_DEFAULT_WINDOW_NS (10 * 1000000000ull)

/* How the answer is written. */
enum livestat_shape {
	LIVESTAT_NATIVE,
	LIVESTAT_BACKENDAI, /* as Backend.AI's manager makes it of Prometheus' answers */
	LIVESTAT_BACKENDAI_AGENT, /* as its agents put it into Valkey */
};

struct livestat_request {
	size_t id_count;
	const char **ids; /* sorted, each once; texts belong to `document` or to the query */
	uint32_t metrics; /* a bit for each one wanted, by its place in livestat_metrics */
	enum livestat_shape shape;
	uint64_t window_ns;
	void *document;
};

/*
 * Reads a request from the body of a POST. 0; -EINVAL and -E2BIG (too many ids) with a message in
 * `err` that names the field; -ENOMEM. Free *request in any case, with livestat_request_free().
 */
int livestat_parse_body(const char *body, size_t len, struct livestat_request *request, char *err,
			size_t err_len);
/* The same from the query of a GET, which must outlive *request. */
int livestat_parse_query(const struct http_parameter *parameters, size_t count,
			 struct livestat_request *request, char *err, size_t err_len);
void livestat_request_free(struct livestat_request *request);

#endif
