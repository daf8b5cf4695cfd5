/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_fixture.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve/routes.h"

static struct fixture fixture;
static struct routes *routes;
static struct http_response response;
static uint64_t now = 100 * SECOND;

static uint64_t now_ns(void)
{
	return now;
}

static uint64_t ticking_ns(void)
{
	return now += SECOND / 8;
}

static int setup_with(uint64_t (*clock)(void))
{
	struct routes_config config = { .version = "1.2.3",
					.revision = "abc",
					.timeout_ns = 1,
					.now_ns = clock };

	fixture_new(&fixture);
	config.store = fixture.store;
	now = 100 * SECOND;
	return routes__new(&config, &routes);
}

static int setup(void **state)
{
	int err = setup_with(now_ns);

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 42);
	return err;
}

static int setup_without_a_snapshot(void **state)
{
	(void)state;
	return setup_with(now_ns);
}

static int setup_with_a_ticking_clock(void **state)
{
	int err = setup_with(ticking_ns);

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 42);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	http_response_free(&response);
	routes__free(routes);
	fixture_free(&fixture);
	return 0;
}

static void handle(const struct http_request *request)
{
	http_response_free(&response);
	routes__handle(routes, request, &response);
	assert_non_null(response.content_type);
}

static void ask(const char *method, const char *path)
{
	struct http_request request = { .method = method, .path = path };

	handle(&request);
}

static void ask_with(const char *path, const char *name, const char *value)
{
	struct http_parameter parameter = { name, value };
	struct http_request request = { .method = "GET",
					.path = path,
					.parameters = &parameter,
					.parameter_count = 1 };

	handle(&request);
}

static void post(const char *path, const char *content_type, const char *body)
{
	struct http_request request = { .method = "POST",
					.path = path,
					.content_type = content_type,
					.body = body,
					.body_len = strlen(body) };

	handle(&request);
}

static const char *header(const char *name)
{
	for (size_t i = 0; i < response.header_count; i++) {
		if (!strcmp(response.headers[i].name, name))
			return response.headers[i].value;
	}
	return NULL;
}

/* That the answer is an error in the agreed form. */
static void assert_error(unsigned status, const char *code)
{
	json_t *root = json_loadb(response.body.data, response.body.len, 0, NULL);
	json_t *error = json_object_get(root, "error");

	assert_int_equal(response.status, status);
	assert_string_equal(response.content_type, "application/json");
	assert_int_equal(json_object_size(root), 1);
	assert_int_equal(json_object_size(error), 2);
	assert_string_equal(json_string_value(json_object_get(error, "code")), code);
	assert_non_null(json_string_value(json_object_get(error, "message")));
	json_decref(root);
}

static void every_route_answers_get_and_head(void **state)
{
	static const struct {
		const char *path;
		const char *content_type;
	} table[] = {
		{ "/", "text/html; charset=utf-8" },
		{ "/metrics", "text/plain; version=0.0.4; charset=utf-8" },
		{ "/api/v1/kernels", "application/json" },
		{ "/api/v1/taps", "application/json" },
		{ "/api/v1/streams", "application/json" },
		{ "/-/healthy", "text/plain; charset=utf-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ask("GET", table[i].path);
		assert_int_equal(response.status, 200);
		assert_string_equal(response.content_type, table[i].content_type);
		assert_true(response.body.len > 0);
		ask("HEAD", table[i].path);
		assert_int_equal(response.status, 200);
	}
}

static void an_unknown_path_is_not_found(void **state)
{
	static const char *const paths[] = { "",	  "/x",	      "/metrics/",
					     "//metrics", "/api/v1/", "/api/v1/live-stat/x",
					     "/METRICS",  "metrics" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ask("GET", paths[i]);
		assert_error(404, "not_found");
		ask("DELETE", paths[i]);
		assert_error(404, "not_found");
	}
}

static void a_method_that_a_route_does_not_have_is_refused_with_those_it_has(void **state)
{
	static const char *const methods[] = { "PUT", "DELETE", "OPTIONS", "PATCH", "get", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		ask(methods[i], "/metrics");
		assert_error(405, "method_not_allowed");
		assert_string_equal(header("Allow"), "GET, HEAD");
		ask(methods[i], "/api/v1/live-stat");
		assert_error(405, "method_not_allowed");
		assert_string_equal(header("Allow"), "GET, HEAD, POST");
	}
	post("/metrics", NULL, "{}");
	assert_error(405, "method_not_allowed");
}

static void metrics_come_in_the_format_asked_for(void **state)
{
	struct http_request request = { .method = "GET",
					.path = "/metrics",
					.accept = "application/openmetrics-text" };

	(void)state;
	handle(&request);
	assert_string_equal(response.content_type,
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
	assert_string_equal(response.body.data + response.body.len - 6, "# EOF\n");
	assert_non_null(strstr(response.body.data, "version=\"1.2.3\",revision=\"abc\""));
}

static void big_answers_are_compressed_for_those_who_accept_it(void **state)
{
	static const char *const paths[] = { "/metrics", "/api/v1/streams" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct http_request request = { .method = "GET",
						.path = paths[i],
						.accept_encoding = "gzip" };

		ask("GET", paths[i]);
		assert_null(response.content_encoding);
		handle(&request);
		assert_int_equal(response.status, 200);
		assert_string_equal(response.content_encoding, "gzip");
		assert_memory_equal(response.body.data, "\x1f\x8b", 2);
	}
}

static void small_answers_and_errors_are_not_compressed(void **state)
{
	struct http_request request = { .method = "GET",
					.path = "/-/healthy",
					.accept_encoding = "gzip" };

	(void)state;
	handle(&request);
	assert_null(response.content_encoding);
	request.path = "/nowhere";
	handle(&request);
	assert_error(404, "not_found");
	assert_null(response.content_encoding);
}

static void a_scrape_tells_how_long_the_previous_one_took(void **state)
{
	(void)state;
	ask("GET", "/metrics");
	assert_non_null(strstr(response.body.data, "\ntapmeter_scrape_seconds 0\n"));
	ask("GET", "/api/v1/taps");
	ask("GET", "/metrics");
	/* the clock is read at the start, for the snapshot, and at the end */
	assert_non_null(strstr(response.body.data, "\ntapmeter_scrape_seconds 0.375\n"));
}

static void live_stat_takes_a_body_or_a_query(void **state)
{
	(void)state;
	post("/api/v1/live-stat", "application/json", "{\"kernel_ids\":[\"alpha\",\"x\"]}");
	assert_int_equal(response.status, 200);
	assert_string_equal(response.content_type, "application/json");
	assert_non_null(strstr(response.body.data, "\"alpha\":{\"gauge\":{"));
	assert_non_null(strstr(response.body.data, "\"x\":null"));
	ask_with("/api/v1/live-stat", "kernel_id", "alpha");
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body.data, "\"alpha\":{\"gauge\":{"));
}

static void live_stat_refuses_what_it_does_not_understand(void **state)
{
	(void)state;
	post("/api/v1/live-stat", NULL, "{\"kernel_ids\":[]}");
	assert_error(400, "bad_request");
	assert_non_null(strstr(response.body.data, "kernel_ids"));
	post("/api/v1/live-stat", NULL, "");
	assert_error(400, "bad_request");
	ask("POST", "/api/v1/live-stat");
	assert_error(400, "bad_request");
	ask_with("/api/v1/live-stat", "window", "1s");
	assert_error(400, "bad_request");
}

static void live_stat_refuses_too_many_ids(void **state)
{
	struct http_parameter parameters[201];
	struct http_request request = { .method = "GET",
					.path = "/api/v1/live-stat",
					.parameters = parameters,
					.parameter_count = 201 };

	(void)state;
	for (size_t i = 0; i < 201; i++)
		parameters[i] = (struct http_parameter){ "kernel_id", "a" };
	handle(&request);
	assert_error(413, "too_large");
}

static void live_stat_looks_at_the_type_of_the_body(void **state)
{
	static const struct {
		const char *content_type;
		unsigned status;
	} table[] = {
		{ NULL, 200 },
		{ "application/json", 200 },
		{ "Application/JSON; charset=utf-8", 200 },
		{ "application/x-www-form-urlencoded", 200 },
		{ "text/plain", 415 },
		{ "application/jsonp", 415 },
		{ "application/xml", 415 },
		{ "", 415 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		post("/api/v1/live-stat", table[i].content_type, "{\"kernel_ids\":[\"alpha\"]}");
		assert_int_equal(response.status, table[i].status);
	}
}

static void streams_are_paged_by_the_query(void **state)
{
	struct http_parameter parameters[] = { { "offset", "1" }, { "limit", "2" } };
	struct http_request request = { .method = "GET",
					.path = "/api/v1/streams",
					.parameters = parameters,
					.parameter_count = 2 };

	(void)state;
	handle(&request);
	assert_int_equal(response.status, 200);
	assert_non_null(strstr(response.body.data, "\"total\":5,\"offset\":1,\"next_offset\":3,"));
}

static void streams_refuse_odd_pages(void **state)
{
	static const struct http_parameter table[] = {
		{ "limit", "0" },
		{ "limit", "10001" },
		{ "limit", "-1" },
		{ "limit", "" },
		{ "limit", "1x" },
		{ "offset", "-1" },
		{ "offset", "99999999999999999999" },
		{ "offset", "1.5" },
		{ "page", "1" },
		{ "limit", " 1" },
		{ "kernel_id", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ask_with("/api/v1/streams", table[i].name, table[i].value);
		assert_error(400, "bad_request");
	}
	ask_with("/api/v1/streams", "limit", "10000");
	assert_int_equal(response.status, 200);
}

static void ready_is_said_once_it_was_set(void **state)
{
	(void)state;
	ask("GET", "/-/ready");
	assert_error(503, "not_ready");
	routes__set_ready(routes);
	ask("GET", "/-/ready");
	assert_int_equal(response.status, 200);
}

static void without_a_snapshot_only_the_server_is_healthy(void **state)
{
	static const char *const paths[] = { "/metrics", "/api/v1/kernels", "/api/v1/taps",
					     "/api/v1/streams", "/-/ready" };

	(void)state;
	routes__set_ready(routes);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ask("GET", paths[i]);
		assert_error(503, "overloaded");
	}
	post("/api/v1/live-stat", NULL, "{\"kernel_ids\":[\"a\"]}");
	assert_error(503, "overloaded");
	ask("GET", "/-/healthy");
	assert_int_equal(response.status, 200);
	store__stop(fixture.store);
	ask("GET", "/metrics");
	assert_error(503, "shutting_down");
}

static void the_page_may_load_nothing_from_anywhere_else(void **state)
{
	(void)state;
	ask("GET", "/");
	assert_non_null(strstr(header("Content-Security-Policy"), "default-src 'none'"));
	assert_null(strstr(header("Content-Security-Policy"), "unsafe"));
	assert_null(strstr(response.body.data, "://"));
	assert_null(strstr(response.body.data, "style="));
	assert_null(strstr(response.body.data, "<script>"));
	assert_non_null(strstr(response.body.data, "href=\"/metrics\""));
}

/* Every file that the page names, with the type that a browser insists on. */
static void what_the_page_is_made_of_is_served(void **state)
{
	static const char *const attributes[] = { " src=\"", " href=\"/web/" };
	int count = 0;

	(void)state;
	ask("GET", "/");
	for (size_t i = 0; i < 2; i++) {
		char *page = strdup(response.body.data);

		for (char *at = page; (at = strstr(at, attributes[i])); count++) {
			char path[100];

			at = strchr(at, '"') + 1;
			snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, "\""), at);
			ask("GET", path);
			assert_int_equal(response.status, 200);
			assert_string_equal(
				response.content_type,
				strstr(path, ".css") ? "text/css; charset=utf-8" :
				strstr(path, ".svg") ? "image/svg+xml" :
						       "text/javascript; charset=utf-8");
		}
		free(page);
		ask("GET", "/");
	}
	assert_true(count >= 4);
	ask("GET", "/web/");
	assert_error(404, "not_found");
	ask("GET", "/web/../metrics");
	assert_error(404, "not_found");
	ask("POST", "/web/page.js");
	assert_error(405, "method_not_allowed");
}

static void who_has_the_page_already_gets_no_second_one(void **state)
{
	struct http_request request = { .method = "GET", .path = "/" };
	char etag[100], list[300];

	(void)state;
	ask("GET", "/");
	snprintf(etag, sizeof(etag), "%s", header("ETag"));
	snprintf(list, sizeof(list), "\"other\", %s", etag + 2);
	for (const char *const *text = (const char *const[]){ etag, list, "*", NULL }; *text;
	     text++) {
		request.if_none_match = *text;
		handle(&request);
		assert_int_equal(response.status, 304);
		assert_int_equal(response.body.len, 0);
		assert_string_equal(header("ETag"), etag);
	}
	request.if_none_match = "W/\"other\"";
	handle(&request);
	assert_int_equal(response.status, 200);
	request.path = "/web/page.js";
	request.if_none_match = etag;
	handle(&request);
	assert_int_equal(response.status, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_route_answers_get_and_head),
		TEST(an_unknown_path_is_not_found),
		TEST(a_method_that_a_route_does_not_have_is_refused_with_those_it_has),
		TEST(metrics_come_in_the_format_asked_for),
		TEST(big_answers_are_compressed_for_those_who_accept_it),
		TEST(small_answers_and_errors_are_not_compressed),
		cmocka_unit_test_setup_teardown(a_scrape_tells_how_long_the_previous_one_took,
						setup_with_a_ticking_clock, teardown),
		TEST(live_stat_takes_a_body_or_a_query),
		TEST(live_stat_refuses_what_it_does_not_understand),
		TEST(live_stat_refuses_too_many_ids),
		TEST(live_stat_looks_at_the_type_of_the_body),
		TEST(streams_are_paged_by_the_query),
		TEST(streams_refuse_odd_pages),
		TEST(ready_is_said_once_it_was_set),
		cmocka_unit_test_setup_teardown(without_a_snapshot_only_the_server_is_healthy,
						setup_without_a_snapshot, teardown),
		TEST(the_page_may_load_nothing_from_anywhere_else),
		TEST(what_the_page_is_made_of_is_served),
		TEST(who_has_the_page_already_gets_no_second_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
