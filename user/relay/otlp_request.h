/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OTLP_REQUEST_H
#define TAPMETER_RELAY_OTLP_REQUEST_H
/*
 * A page of Prometheus families as OpenTelemetry's ExportMetricsServiceRequest: one ResourceMetrics for each kernel. A
 * function of its arguments only; any thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

struct otlp_pair {
	const char *name;
	const char *value;
};

struct otlp_source {
	const void *page; /* for serve/family_reader.h */
	size_t len;
	uint64_t start_real_ns; /* when counting began */
	uint64_t real_ns; /* when the counters were read */
	const struct otlp_pair *resource; /* attributes of all resources */
	size_t resource_count;
	const char *version; /* of the scope, which is tapmeter */
};

#define OTLP_BODY_SIZE \
	((size_t)4 << 20) /* not much more than that in one request: receivers have limits */

/*
 * Gets one request, and how many data points are in it. What it leaves in `body` is thrown away; an error ends the work.
 */
typedef int (*otlp_body_fn)(void *arg, struct strbuf *body, uint64_t points);

/* 0, what `fn` returned, -EPROTO if the page is not understood, -ENOMEM. */
int otlp_request_make(const struct otlp_source *source, otlp_body_fn fn, void *arg);
/* How many points there are in a page, without unpacking it; 0 if it is not understood. */
uint64_t otlp_request_points(const void *page, size_t len);

#endif
