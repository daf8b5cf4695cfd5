/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_H
#define TAPMETER_SERVE_LIVESTAT_H
/*
 * The live-stat query: what are these kernels (compute containers) doing now? Counters are
 * cumulative everywhere else; here two points of the same kernel are subtracted.
 */
#include <stddef.h>
#include <stdint.h>
#include "serve/exchange.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "util/strbuf.h"

#define LIVESTAT_MAX_IDS 10000
#define LIVESTAT_MAX_QUERY_IDS 200 /* in a URL */
#define LIVESTAT_MIN_WINDOW_NS 1000000000ull
#define LIVESTAT_MAX_WINDOW_NS (600 * 1000000000ull)
#define LIVESTAT_DEFAULT_WINDOW_NS (10 * 1000000000ull)

struct livestat_request {
	size_t id_count;
	const char **ids; /* sorted, each once; texts belong to `document` or to the query */
	uint32_t metrics; /* a bit for each one wanted */
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

/*
 * Adds the answer, JSON, to `out`: the snapshot against the history in `store`. Errors stay in
 * out->err.
 */
void livestat_answer(const struct livestat_request *request, const struct snapshot *snapshot,
		     struct store *store, struct strbuf *out);

#endif
