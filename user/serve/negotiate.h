/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_NEGOTIATE_H
#define TAPMETER_SERVE_NEGOTIATE_H
/* Which of our formats a client wants most (RFC 9110, 12.5; Prometheus' content negotiation). */
#include "serve/exposition.h"

struct negotiated {
	enum exposition_format format;
	const char *content_type; /* static */
};

/*
 * By the Accept header, NULL = none. What cannot be understood in it is skipped; if nothing fits,
 * the text format 0.0.4 is the answer of last resort. A client that asks for OpenMetrics or
 * protobuf with `escaping=` is told the scheme in return; all our names are the same in every scheme.
 */
struct negotiated negotiate_format(const char *accept);
/* Whether the Accept-Encoding header (NULL = none) allows gzip. */
int negotiate_gzip(const char *accept_encoding);

#endif
