/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcmocka -ljansson */
/* What clients send: bodies and queries of live-stat, headers, whole requests. */
#include <errno.h>
#include <jansson.h>
#include "../unit/serve_fixture.h"
#include "fuzz.h"
#include "serve/livestat_request.h"
#include "serve/negotiate.h"
#include "serve/routes.h"

#define PARAMETERS 32

static void check(int err, const struct livestat_request *request, const char *message)
{
	fuzz_expect(memchr(message, 0, 256) != NULL);
	fuzz_expect(err != -EINVAL || message[0]);
	if (err)
		return;
	fuzz_expect(request->id_count && request->id_count <= LIVESTAT_MAX_IDS);
	fuzz_expect(request->window_ns >= LIVESTAT_MIN_WINDOW_NS &&
		    request->window_ns <= LIVESTAT_MAX_WINDOW_NS);
	for (size_t i = 1; i < request->id_count; i++)
		fuzz_expect(strcmp(request->ids[i - 1], request->ids[i]) < 0);
}

static void read_body(const uint8_t *data, size_t size)
{
	struct livestat_request request;
	char err[256] = "";
	char *body = malloc(size ? size : 1); /* no NUL behind it */

	fuzz_expect(body != NULL);
	memcpy(body, data, size);
	check(livestat_parse_body(body, size, &request, err, sizeof(err)), &request, err);
	livestat_request_free(&request);
	free(body);
}

/* The text as name=value&name=value; it is cut up. */
static size_t split_query(char *text, struct http_parameter parameters[PARAMETERS])
{
	size_t count = 0;
	char *save = NULL;

	for (char *part = strtok_r(text, "&", &save); part && count < PARAMETERS;
	     part = strtok_r(NULL, "&", &save)) {
		char *value = strchr(part, '=');

		if (value)
			*value++ = 0;
		parameters[count++] = (struct http_parameter){ part, value ? value : "" };
	}
	return count;
}

static void read_query(const uint8_t *data, size_t size)
{
	struct http_parameter parameters[PARAMETERS];
	struct livestat_request request;
	char err[256] = "", *text = fuzz_text(data, size);
	size_t count = split_query(text, parameters);

	check(livestat_parse_query(parameters, count, &request, err, sizeof(err)), &request, err);
	livestat_request_free(&request);
	free(text);
}

static uint64_t now_ns(void)
{
	return 100 * SECOND;
}

static struct routes *make_routes(void)
{
	static struct fixture fixture;
	struct routes_config config = { .version = "1", .revision = "2", .now_ns = now_ns };
	struct routes *routes = NULL;

	fixture_new(&fixture);
	fixture_publish(&fixture, 90 * SECOND, 40);
	fixture_publish(&fixture, 100 * SECOND, 42);
	config.store = fixture.store;
	fuzz_expect(!bus__new(16, &config.bus) && !routes__new(&config, &routes));
	routes__set_ready(routes);
	return routes;
}

/* Whatever is asked, the answer is one that is documented, and JSON where it says so. */
static void handle(struct routes *routes, const struct http_request *request)
{
	static const unsigned statuses[] = { 200, 304, 400, 404, 405, 413, 415, 503 };
	struct http_response response = { 0 };
	size_t i = 0;

	routes__handle(routes, request, &response);
	while (i < sizeof(statuses) / sizeof(statuses[0]) && response.status != statuses[i])
		i++;
	fuzz_expect(i < sizeof(statuses) / sizeof(statuses[0]) && !response.body.err);
	if (!response.content_encoding && response.content_type &&
	    !strcmp(response.content_type, "application/json")) {
		json_t *root = json_loadb(response.body.data, response.body.len, 0, NULL);

		fuzz_expect(json_is_object(root) &&
			    (response.status == 200 || json_object_get(root, "error")));
		json_decref(root);
	}
	http_response_free(&response);
}

/* A line for each: path and query, Accept, Accept-Encoding, Content-Type; then the body, if there is any: it is a POST. */
static void read_request(const uint8_t *data, size_t size)
{
	static struct routes *routes;
	char *text = fuzz_text(data, size), *rest = text, *line[4];
	struct http_parameter parameters[PARAMETERS];
	struct http_request request = { .method = "GET", .parameters = parameters };

	for (int i = 0; i < 4; i++)
		line[i] = strsep(&rest, "\n");
	if (!routes)
		routes = make_routes();
	request.path = strsep(&line[0], "?");
	request.parameter_count = line[0] ? split_query(line[0], parameters) : 0;
	request.accept = line[1];
	request.accept_encoding = line[2];
	request.content_type = line[3];
	if (rest) {
		request.method = "POST";
		request.body = rest;
		request.body_len = (size_t)(text + size - rest);
	}
	handle(routes, &request);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	read_body(data, size);
	fuzz_expect(negotiate_format(text).content_type != NULL);
	negotiate_gzip(text);
	free(text);
	read_query(data, size);
	read_request(data, size);
	return 0;
}
