/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/service.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/write.h"
#include "serve/compress.h"
#include "serve/livestat.h"

#define JSON "application/json"

/* What is counted, for /metrics. */
struct service_counters {
	atomic_ullong questions, partial, failed, refused;
};

struct service {
	struct service_config config;
	atomic_uint questions; /* that the engines are being asked */
	struct service_counters counters;
};

/* ---- start and stop ------------------------------------------------------------------------ */

int service__new(const struct service_config *config, struct service **out)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return -ENOMEM;
	service->config = *config;
	*out = service;
	return 0;
}

void service__free(struct service *service)
{
	free(service);
}

/* ---- questions to the engines ---------------------------------------------------------------- */

static void succeed(struct http_response *response, const char *content_type)
{
	response->status = 200;
	response->content_type = content_type;
}

/* 0: the engines may be asked, end_question() has to follow; else the answer is made. */
static int begin_question(struct service *service, struct http_response *response)
{
	atomic_fetch_add(&service->counters.questions, 1);
	if (atomic_fetch_add(&service->questions, 1) < service->config.max_questions)
		return 0;
	atomic_fetch_sub(&service->questions, 1);
	atomic_fetch_add(&service->counters.refused, 1);
	http_response_error(response, 503, "overloaded", "%u questions are being asked already",
			    service->config.max_questions);
	return -EBUSY;
}

/* With what asking returned: if it is an error, the answer says so. */
static void end_question(struct service *service, int err, const struct warnings *warnings,
			 struct http_response *response)
{
	const char *why = warnings->count ? warnings->texts[0] : "no reason known";

	atomic_fetch_sub(&service->questions, 1);
	if (err)
		atomic_fetch_add(&service->counters.failed, 1);
	else if (warnings->count)
		atomic_fetch_add(&service->counters.partial, 1);
	if (err == -ENOMEM)
		response->body.err = err;
	else if (err == -ETIMEDOUT)
		http_response_error(response, 504, "engine_timeout", "no engine answered: %s", why);
	else if (err)
		http_response_error(response, 502, "engine_failed", "no engine answered: %s", why);
}

static uint32_t wanted_metrics(const struct livestat_request *query)
{
	uint32_t wanted = 0;

	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		enum metric metric = metric_find(livestat_metrics[i].name);

		if (query->metrics & 1u << i && metric != METRIC_COUNT)
			wanted |= METRIC_BIT(metric);
	}
	return wanted;
}

static void answer_live_stat(struct service *service, const struct livestat_request *query,
			     struct http_response *response)
{
	const struct cluster_question question = {
		.id_count = query->id_count,
		.ids = query->ids,
		.metrics = wanted_metrics(query),
		.window_ns = query->window_ns,
		.stats = query->shape == LIVESTAT_BACKENDAI_AGENT,
	};
	uint64_t now_ns = service->config.now_real_ns();
	struct warnings warnings = { 0 };
	struct values *values = NULL;
	int err;

	if (begin_question(service, response))
		return;
	err = values__new(query->ids, query->id_count, &values);
	if (!err)
		err = cluster__live_stat(service->config.cluster, &question, values, &warnings);
	if (!err) {
		write_live_stat(values, question.metrics, query->shape, now_ns, &warnings,
				&response->body);
		succeed(response, JSON);
	}
	end_question(service, err, &warnings, response);
	warnings_free(&warnings);
	values__free(values);
}

/* ---- handlers ------------------------------------------------------------------------------- */

/* As the agent takes them: forms are what curl says when nobody told it, the body decides. */
static int is_json_type(const char *content_type)
{
	static const char *const types[] = { JSON, "application/x-www-form-urlencoded" };
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;

	if (!content_type)
		return 1;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (len == strlen(types[i]) && !strncasecmp(content_type, types[i], len))
			return 1;
	return 0;
}

static void handle_live_stat(struct service *service, const struct http_request *request,
			     struct http_response *response)
{
	int is_post = !strcmp(request->method, "POST"), err;
	struct livestat_request query = { 0 };
	char message[256] = "";

	if (is_post && !is_json_type(request->content_type)) {
		http_response_error(response, 415, "unsupported_media_type",
				    "the body must be " JSON);
		return;
	}
	if (is_post)
		err = livestat_parse_body(request->body, request->body_len, &query, message,
					  sizeof(message));
	else
		err = livestat_parse_query(request->parameters, request->parameter_count, &query,
					   message, sizeof(message));
	if (!err)
		answer_live_stat(service, &query, response);
	else if (err == -ENOMEM)
		response->body.err = err;
	else
		http_response_error(response, err == -E2BIG ? 413 : 400,
				    err == -E2BIG ? "too_large" : "bad_request", "%s", message);
	livestat_request_free(&query);
}

static void handle_kernels(struct service *service, const struct http_request *request,
			   struct http_response *response)
{
	struct warnings warnings = { 0 };
	int err;

	(void)request;
	if (begin_question(service, response))
		return;
	strbuf_addstr(&response->body, "{\"sampled_at\":");
	write_seconds(&response->body, service->config.now_real_ns());
	strbuf_addstr(&response->body, ",\"kernels\":[");
	err = cluster__kernels(service->config.cluster, &response->body, &warnings);
	if (!err) {
		strbuf_addch(&response->body, ']');
		warnings_write(&warnings, &response->body);
		strbuf_addstr(&response->body, "}\n");
		succeed(response, JSON);
	}
	end_question(service, err, &warnings, response);
	warnings_free(&warnings);
}

static void handle_healthy(struct service *service, const struct http_request *request,
			   struct http_response *response)
{
	(void)service;
	(void)request;
	strbuf_addstr(&response->body, "healthy\n");
	succeed(response, "text/plain; charset=utf-8");
}

/* Whether the engines are: each answer says it by itself. */
static void handle_ready(struct service *service, const struct http_request *request,
			 struct http_response *response)
{
	(void)service;
	(void)request;
	strbuf_addstr(&response->body, "ready\n");
	succeed(response, "text/plain; charset=utf-8");
}

static void add_counter(struct strbuf *out, const char *name, const char *help,
			const atomic_ullong *counter)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
		    atomic_load(counter));
}

static void handle_metrics(struct service *service, const struct http_request *request,
			   struct http_response *response)
{
	struct service_counters *counters = &service->counters;
	struct strbuf *out = &response->body;

	(void)request;
	add_counter(out, "tapmeter_gateway_questions_total",
		    "Requests for which the engines had to be asked.", &counters->questions);
	add_counter(out, "tapmeter_gateway_partial_answers_total",
		    "Answers with warnings: a part was not to be had.", &counters->partial);
	add_counter(out, "tapmeter_gateway_failed_questions_total",
		    "Requests to which no engine had an answer.", &counters->failed);
	add_counter(out, "tapmeter_gateway_refused_questions_total",
		    "Requests refused because too many were being answered.", &counters->refused);
	succeed(response, "text/plain; version=0.0.4; charset=utf-8");
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct service_route {
	const char *path;
	int takes_post; /* beside GET and HEAD */
	void (*handle)(struct service *service, const struct http_request *request,
		       struct http_response *response);
} table[] = {
	{ "/api/v1/kernels", 0, handle_kernels }, { "/api/v1/live-stat", 1, handle_live_stat },
	{ "/metrics", 0, handle_metrics },	  { "/-/healthy", 0, handle_healthy },
	{ "/-/ready", 0, handle_ready },
};

static const struct service_route *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(path, table[i].path))
			return &table[i];
	return NULL;
}

static int is_allowed(const struct service_route *route, const char *method)
{
	if (!strcmp(method, "POST"))
		return route->takes_post;
	return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

void service__handle(void *arg, const struct http_request *request, struct http_response *response)
{
	const struct service_route *route = find_route(request->path);

	if (!route) {
		http_response_error(response, 404, "not_found", "there is nothing at this path");
	} else if (!is_allowed(route, request->method)) {
		const char *allow = route->takes_post ? "GET, HEAD, POST" : "GET, HEAD";

		http_response_error(response, 405, "method_not_allowed", "allowed are: %s", allow);
		http_response_header(response, "Allow", allow);
	} else {
		route->handle(arg, request, response);
	}
	if (response->body.err)
		http_response_error(response, 500, "internal", "out of memory");
	compress_response(response, request->accept_encoding);
}
