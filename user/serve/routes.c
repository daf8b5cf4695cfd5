/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/routes.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "serve/event_stream.h"
#include "serve/families.h"
#include "serve/compress.h"
#include "serve/inventory.h"
#include "serve/livestat.h"
#include "serve/negotiate.h"
#include "serve/page.h"
#include "serve/scrape.h"

#define JSON "application/json"
/* Shorter bodies fit into one packet anyway. */
#define STREAMS_DEFAULT_LIMIT 1000
#define STREAMS_MAX_LIMIT 10000

struct routes {
	struct routes_config config;
	atomic_bool ready;
	_Atomic uint64_t scrape_ns; /* what the last scrape took */
};

int routes__new(const struct routes_config *config, struct routes **out)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return -ENOMEM;
	routes->config = *config;
	*out = routes;
	return 0;
}

void routes__free(struct routes *routes)
{
	free(routes);
}

void routes__set_ready(struct routes *routes)
{
	atomic_store(&routes->ready, true);
}

/* What there is instead of a snapshot. */
static void refuse_without_snapshot(struct http_response *response, int err)
{
	if (err == -ESHUTDOWN)
		http_response_error(response, 503, "shutting_down", "tapmeter is stopping");
	else
		http_response_error(response, 503, "overloaded",
				    "no fresh snapshot was to be had in time");
}

/* A snapshot with a reference for the caller, or NULL and the answer made. */
static struct snapshot *fresh_snapshot(struct routes *routes, struct http_response *response)
{
	struct snapshot *snapshot;
	int err = store__fresh(routes->config.store, routes->config.now_ns(),
			       routes->config.timeout_ns, &snapshot);

	if (!err)
		return snapshot;
	refuse_without_snapshot(response, err);
	return NULL;
}

/* The same, but it may be as old as --max-age. */
static struct snapshot *recent_snapshot(struct routes *routes, struct http_response *response)
{
	struct snapshot *snapshot;
	int err = store__recent(routes->config.store, routes->config.now_ns(),
				routes->config.timeout_ns, &snapshot);

	if (!err)
		return snapshot;
	refuse_without_snapshot(response, err);
	return NULL;
}

static void succeed(struct http_response *response, const char *content_type)
{
	response->status = 200;
	response->content_type = content_type;
}

/* ---- handlers ---- */

static void on_scraped(void *arg, uint64_t spent_ns)
{
	struct routes *routes = arg;

	atomic_store(&routes->scrape_ns, spent_ns);
}

static int next_of_scrape(void *arg, struct strbuf *out)
{
	return scrape__next(arg, out);
}

static void free_scrape(void *arg)
{
	scrape__free(arg);
}

/* A page of one piece goes as it is; what a bigger one is made of stays with the answer. */
static void answer_scrape(struct scrape *scrape, struct http_response *response)
{
	int ret = scrape__next(scrape, &response->body);

	if (ret > 0) {
		response->producer = (struct http_producer){
			.next = next_of_scrape,
			.free = free_scrape,
			.arg = scrape,
			.memory = scrape__memory(scrape),
		};
		return;
	}
	response->body.err = ret;
	scrape__free(scrape);
}

static void handle_metrics(struct routes *routes, const struct http_request *request,
			   struct http_response *response)
{
	struct negotiated negotiated = negotiate_format(request->accept);
	uint64_t start_ns = routes->config.now_ns();
	struct scrape_config config = {
		.snapshot = fresh_snapshot(routes, response),
		.version = routes->config.version,
		.revision = routes->config.revision,
		.views = routes->config.views,
		.scrape_ns = atomic_load(&routes->scrape_ns),
		.format = negotiated.format,
		.gzip = negotiate_gzip(request->accept_encoding),
		.now_ns = routes->config.now_ns,
		.done = on_scraped,
		.arg = routes,
	};
	struct scrape *scrape;

	if (!config.snapshot)
		return;
	config.waited_ns = routes->config.now_ns() - start_ns;
	response->body.err = scrape__new(&config, &scrape);
	if (response->body.err) {
		snapshot__unref(config.snapshot);
		return;
	}
	succeed(response, negotiated.content_type);
	if (config.gzip)
		response->content_encoding = "gzip";
	answer_scrape(scrape, response);
}

static void handle_kernels(struct routes *routes, const struct http_request *request,
			   struct http_response *response)
{
	struct snapshot *snapshot = fresh_snapshot(routes, response);

	(void)request;
	if (!snapshot)
		return;
	inventory_kernels(snapshot, &response->body);
	succeed(response, JSON);
	snapshot__unref(snapshot);
}

static void handle_taps(struct routes *routes, const struct http_request *request,
			struct http_response *response)
{
	struct snapshot *snapshot = fresh_snapshot(routes, response);

	(void)request;
	if (!snapshot)
		return;
	inventory_taps(snapshot, &response->body);
	succeed(response, JSON);
	snapshot__unref(snapshot);
}

/* Decimal digits, nothing else. */
static int parse_number(const char *text, size_t max, size_t *number)
{
	size_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (size_t)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*number = n;
	return 0;
}

/* 0, or -EINVAL and the answer made. */
static int read_page(const struct http_request *request, size_t *offset, size_t *limit,
		     const char **kernel_id, struct http_response *response)
{
	for (size_t i = 0; i < request->parameter_count; i++) {
		const struct http_parameter *p = &request->parameters[i];

		if (!strcmp(p->name, "offset") && !parse_number(p->value, UINT32_MAX, offset))
			continue;
		if (!strcmp(p->name, "limit") &&
		    !parse_number(p->value, STREAMS_MAX_LIMIT, limit) && *limit)
			continue;
		if (!strcmp(p->name, "kernel_id") && !*kernel_id && *p->value) {
			*kernel_id = p->value;
			continue;
		}
		http_response_error(
			response, 400, "bad_request",
			"%.64s: offset (a number), limit (1 to %d) and one kernel_id are understood",
			p->name, STREAMS_MAX_LIMIT);
		return -EINVAL;
	}
	return 0;
}

static void handle_streams(struct routes *routes, const struct http_request *request,
			   struct http_response *response)
{
	size_t offset = 0, limit = STREAMS_DEFAULT_LIMIT;
	const char *kernel_id = NULL;
	struct snapshot *snapshot;

	if (read_page(request, &offset, &limit, &kernel_id, response))
		return;
	snapshot = fresh_snapshot(routes, response);
	if (!snapshot)
		return;
	inventory_streams(snapshot, kernel_id, offset, limit, &response->body);
	succeed(response, JSON);
	snapshot__unref(snapshot);
}

/*
 * What a body's type may be said to be. Forms are what curl and others say when nobody told them;
 * the body decides anyway, and nothing is changed by a request, so that one made by a foreign page
 * does no harm.
 */
static int is_json_type(const char *content_type)
{
	static const char *const types[] = { JSON, "application/x-www-form-urlencoded" };
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;

	if (!content_type)
		return 1;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (len == strlen(types[i]) && !strncasecmp(content_type, types[i], len))
			return 1;
	}
	return 0;
}

static int parse_live_stat(const struct http_request *request, struct livestat_request *query,
			   char *err, size_t err_len)
{
	if (!strcmp(request->method, "POST"))
		return livestat_parse_body(request->body, request->body_len, query, err, err_len);
	return livestat_parse_query(request->parameters, request->parameter_count, query, err,
				    err_len);
}

static void handle_live_stat(struct routes *routes, const struct http_request *request,
			     struct http_response *response)
{
	struct livestat_request query = { 0 };
	struct snapshot *snapshot;
	char message[256] = "";
	int err;

	if (!strcmp(request->method, "POST") && !is_json_type(request->content_type)) {
		http_response_error(response, 415, "unsupported_media_type",
				    "the body must be " JSON);
		return;
	}
	err = parse_live_stat(request, &query, message, sizeof(message));
	if (err == -ENOMEM) {
		response->body.err = err;
	} else if (err) {
		http_response_error(response, err == -E2BIG ? 413 : 400,
				    err == -E2BIG ? "too_large" : "bad_request", "%s", message);
	} else {
		snapshot = recent_snapshot(routes, response);
		if (snapshot) {
			livestat_answer(&query, snapshot, routes->config.store, &response->body);
			succeed(response, JSON);
			snapshot__unref(snapshot);
		}
	}
	livestat_request_free(&query);
}

static void handle_events(struct routes *routes, const struct http_request *request,
			  struct http_response *response)
{
	int err = event_stream_answer(routes->config.bus, routes->config.life,
				      request->last_event_id, response);

	if (err == -ENOMEM)
		response->body.err = err;
	else if (err)
		http_response_error(response, 503, "overloaded", "%s",
				    err == -ENOSPC ? "too many listen to the events" :
						     "tapmeter is stopping");
	else
		succeed(response, "text/event-stream");
}

/* The server answers, whatever else may be the matter. */
static void handle_healthy(struct routes *routes, const struct http_request *request,
			   struct http_response *response)
{
	(void)routes;
	(void)request;
	strbuf_addstr(&response->body, "healthy\n");
	succeed(response, "text/plain; charset=utf-8");
}

static void handle_ready(struct routes *routes, const struct http_request *request,
			 struct http_response *response)
{
	struct snapshot *snapshot;

	(void)request;
	if (!atomic_load(&routes->ready)) {
		http_response_error(response, 503, "not_ready", "tapmeter is still starting");
		return;
	}
	snapshot = fresh_snapshot(routes, response);
	if (!snapshot)
		return;
	strbuf_addstr(&response->body, "ready\n");
	succeed(response, "text/plain; charset=utf-8");
	snapshot__unref(snapshot);
}

static void handle_page(struct routes *routes, const struct http_request *request,
			struct http_response *response)
{
	(void)routes;
	page_answer(request, response);
}

/* ---- the table ---- */

static const struct route {
	const char *path;
	bool takes_post; /* beside GET and HEAD */
	void (*handle)(struct routes *routes, const struct http_request *request,
		       struct http_response *response);
} table[] = {
	{ "/metrics", false, handle_metrics },
	{ "/api/v1/kernels", false, handle_kernels },
	{ "/api/v1/live-stat", true, handle_live_stat },
	{ "/api/v1/taps", false, handle_taps },
	{ "/api/v1/streams", false, handle_streams },
	{ "/api/v1/events", false, handle_events },
	{ "/-/healthy", false, handle_healthy },
	{ "/-/ready", false, handle_ready },
};

static const struct route *find_route(const char *path)
{
	static const struct route page = { NULL, false, handle_page };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(path, table[i].path))
			return &table[i];
	}
	return page_has(path) ? &page : NULL;
}

static int is_allowed(const struct route *route, const char *method)
{
	if (!strcmp(method, "POST"))
		return route->takes_post;
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

static void refuse_method(const struct route *route, struct http_response *response)
{
	const char *allow = route->takes_post ? "GET, HEAD, POST" : "GET, HEAD";

	http_response_error(response, 405, "method_not_allowed", "allowed are: %s", allow);
	http_response_header(response, "Allow", allow);
}

void routes__handle(struct routes *routes, const struct http_request *request,
		    struct http_response *response)
{
	const struct route *route = find_route(request->path);

	if (!route)
		http_response_error(response, 404, "not_found", "there is nothing at this path");
	else if (!is_allowed(route, request->method))
		refuse_method(route, response);
	else
		route->handle(routes, request, response);
	if (response->body.err)
		http_response_error(response, 500, "internal", "out of memory");
	compress_response(response, request->accept_encoding);
}
