/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_fixture.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "serve/livestat.h"

static char err[256];

/* ---- requests ---- */

static int parse(const char *body, struct livestat_request *request)
{
	err[0] = '\0';
	return livestat_parse_body(body, strlen(body), request, err, sizeof(err));
}

/* The name of the only metric that is asked for. */
static const char *only_metric(const struct livestat_request *request)
{
	assert_int_equal(__builtin_popcount(request->metrics), 1);
	return livestat_metrics[__builtin_ctz(request->metrics)].name;
}

static void a_minimal_request_asks_for_everything_over_ten_seconds(void **state)
{
	struct livestat_request request, all;

	(void)state;
	assert_int_equal(parse("{\"kernel_ids\":[\"a\"]}", &request), 0);
	assert_int_equal(request.id_count, 1);
	assert_string_equal(request.ids[0], "a");
	assert_int_equal(request.window_ns, 10 * SECOND);
	assert_int_equal(
		parse("{\"kernel_ids\":[\"a\"],\"metrics\":["
		      "\"mem\",\"cpu_used\",\"io_read\",\"io_write\",\"zmq_in_flight\","
		      "\"zmq_send_oldest_seconds\",\"zmq_recv_oldest_seconds\",\"zmq_call_p50\","
		      "\"zmq_call_p99\",\"zmq_transit_p50\",\"zmq_transit_p99\",\"zmq_backlog\","
		      "\"cache_op_p50\",\"cache_op_p99\",\"rpc_unanswered\",\"rpc_oldest_seconds\","
		      "\"cpu_util\",\"net_rx\",\"net_tx\",\"zmq_send_messages\","
		      "\"zmq_recv_messages\",\"zmq_send_bytes\",\"zmq_recv_bytes\","
		      "\"zmq_failures\","
		      "\"cache_hits\",\"cache_misses\",\"cache_bytes\",\"rpc_requests\"]}",
		      &all),
		0);
	assert_int_equal(request.metrics, all.metrics);
	livestat_request_free(&request);
	livestat_request_free(&all);
}

static void duplicate_ids_and_metrics_collapse(void **state)
{
	struct livestat_request request;

	(void)state;
	assert_int_equal(
		parse("{\"kernel_ids\":[\"b\",\"a\",\"b\",\"a\"],"
		      "\"metrics\":[\"mem\",\"mem\"],\"window\":\"600s\",\"shape\":\"native\"}",
		      &request),
		0);
	assert_int_equal(request.id_count, 2);
	assert_string_equal(request.ids[0], "a");
	assert_string_equal(request.ids[1], "b");
	assert_string_equal(only_metric(&request), "mem");
	assert_int_equal(request.window_ns, 600 * SECOND);
	livestat_request_free(&request);
}

static void a_malformed_request_is_refused_and_the_message_names_the_field(void **state)
{
	static const struct {
		const char *body;
		const char *field;
	} table[] = {
		{ "", "body" },
		{ "{", "body" },
		{ "[]", "body" },
		{ "[\"kernel_ids\"]", "body" },
		{ "\"x\"", "body" },
		{ "{\"kernel_ids\":[\"a\"]} x", "body" },
		{ "{\"kernel_ids\":[\"\xff\"]}", "body" },
		{ "{\"kernel_ids\":[\"\\u0000\"]}", "body" },
		{ "{\"kernel_ids\":[\"\\ud800\"]}", "body" },
		{ "{\"kernel_ids\":[\"a\"],\"kernel_ids\":[\"b\"]}", "kernel_ids" },
		{ "{\"kernel_ids\":[\"a\"],\"x\":1e999}", "body" },
		{ "{}", "kernel_ids" },
		{ "{\"kernel_ids\":[]}", "kernel_ids" },
		{ "{\"kernel_ids\":null}", "kernel_ids" },
		{ "{\"kernel_ids\":\"a\"}", "kernel_ids" },
		{ "{\"kernel_ids\":{\"a\":1}}", "kernel_ids" },
		{ "{\"kernel_ids\":[1]}", "kernel_ids" },
		{ "{\"kernel_ids\":[\"a\",null]}", "kernel_ids" },
		{ "{\"kernel_ids\":[[\"a\"]]}", "kernel_ids" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":[]}", "metrics" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":null}", "metrics" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":\"mem\"}", "metrics" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":[1]}", "metrics" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":[\"mem\",\"nonsense\"]}", "nonsense" },
		{ "{\"kernel_ids\":[\"a\"],\"metrics\":[\"\"]}", "metrics" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":10}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":null}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":\"\"}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":\"10\"}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":\"999ms\"}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":\"600.001s\"}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"window\":\"-10s\"}", "window" },
		{ "{\"kernel_ids\":[\"a\"],\"shape\":\"round\"}", "shape" },
		{ "{\"kernel_ids\":[\"a\"],\"shape\":1}", "shape" },
		{ "{\"kernel_ids\":[\"a\"],\"shape\":\"backendai-\"}", "shape" },
		{ "{\"kernel_ids\":[\"a\"],\"extra\":1}", "extra" },
		{ "{\"kernel_ids\":[\"a\"],\"\":1}", "unknown field" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct livestat_request request;

		if (parse(table[i].body, &request) != -EINVAL || !strstr(err, table[i].field))
			fail_msg("%s: \"%s\"", table[i].body, err);
		livestat_request_free(&request);
	}
}

static int is_answered(const char *body, size_t len)
{
	struct livestat_request request;
	int ret = livestat_parse_body(body, len, &request, err, sizeof(err));

	livestat_request_free(&request);
	assert_true(!ret || (ret == -EINVAL && *err));
	return !ret;
}

static void whatever_is_sent_does_no_harm(void **state)
{
	static const char good[] = "{\"kernel_ids\":[\"a\",\"\\u00e9\"],\"metrics\":[\"mem\"],"
				   "\"window\":\"10s\",\"shape\":\"backendai\"}";
	static char deep[200000];
	char body[sizeof(good)];

	(void)state;
	assert_true(is_answered(good, sizeof(good) - 1));
	for (size_t len = 0; len < sizeof(good) - 1; len++)
		assert_false(is_answered(good, len));
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (int c = 0; c < 256; c++) {
			memcpy(body, good, sizeof(good));
			body[i] = (char)c;
			is_answered(body, sizeof(good) - 1);
		}
	}
	memset(deep, '[', sizeof(deep));
	assert_false(is_answered(deep, sizeof(deep)));
	assert_false(is_answered(NULL, 0));
}

static char *body_with_ids(size_t count)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_addstr(&b, "{\"kernel_ids\":[");
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&b, "%s\"k%zu\"", i ? "," : "", i);
	strbuf_addstr(&b, "]}");
	assert_int_equal(b.err, 0);
	return b.data;
}

static void ten_thousand_ids_are_enough(void **state)
{
	struct livestat_request request;
	char *body = body_with_ids(10000);

	(void)state;
	assert_int_equal(parse(body, &request), 0);
	assert_int_equal(request.id_count, 10000);
	livestat_request_free(&request);
	free(body);
	body = body_with_ids(10001);
	assert_int_equal(parse(body, &request), -E2BIG);
	livestat_request_free(&request);
	free(body);
}

static void a_query_asks_the_same(void **state)
{
	static const struct http_parameter query[] = {
		{ "kernel_id", "b" }, { "metric", "mem" },	{ "window", "1m" },
		{ "kernel_id", "a" }, { "metric", "cpu_used" }, { "shape", "native" },
		{ "kernel_id", "b" },
	};
	struct livestat_request request;

	(void)state;
	assert_int_equal(livestat_parse_query(query, 7, &request, err, sizeof(err)), 0);
	assert_int_equal(request.id_count, 2);
	assert_string_equal(request.ids[0], "a");
	assert_int_equal(__builtin_popcount(request.metrics), 2);
	assert_int_equal(request.window_ns, 60 * SECOND);
	livestat_request_free(&request);
}

static void a_malformed_query_is_refused_and_the_message_names_the_parameter(void **state)
{
	static const struct {
		struct http_parameter query[3];
		size_t count;
		const char *name;
	} table[] = {
		{ { { 0 } }, 0, "kernel_ids" },
		{ { { "metric", "mem" } }, 1, "kernel_ids" },
		{ { { "kernel_id", "\xff" } }, 1, "kernel_id" },
		{ { { "kernel_id", "a" }, { "metric", "x" } }, 2, "metric" },
		{ { { "kernel_id", "a" }, { "window", "1" } }, 2, "window" },
		{ { { "kernel_id", "a" }, { "window", "1s" }, { "window", "1s" } }, 3, "window" },
		{ { { "kernel_id", "a" }, { "shape", "native" }, { "shape", "native" } },
		  3,
		  "shape" },
		{ { { "kernel_id", "a" }, { "shape", "x" } }, 2, "shape" },
		{ { { "kernel_id", "a" }, { "kernel_ids", "b" } }, 2, "kernel_ids" },
		{ { { "kernel_id", "a" }, { "", "" } }, 2, "unknown parameter" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct livestat_request request;

		err[0] = '\0';
		if (livestat_parse_query(table[i].query, table[i].count, &request, err,
					 sizeof(err)) != -EINVAL ||
		    !strstr(err, table[i].name))
			fail_msg("query %zu: \"%s\"", i, err);
		livestat_request_free(&request);
	}
}

static void two_hundred_ids_fit_into_a_query(void **state)
{
	struct http_parameter query[201];
	struct livestat_request request;

	(void)state;
	for (size_t i = 0; i < 201; i++)
		query[i] = (struct http_parameter){ "kernel_id", "a" };
	assert_int_equal(livestat_parse_query(query, 200, &request, err, sizeof(err)), 0);
	livestat_request_free(&request);
	assert_int_equal(livestat_parse_query(query, 201, &request, err, sizeof(err)), -E2BIG);
	livestat_request_free(&request);
}

/* ---- answers ---- */

static struct fixture fixture;

static int setup(void **state)
{
	(void)state;
	fixture_new(&fixture);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&fixture);
	return 0;
}

/* The answer to `body` at mono_ns, with each stream at `count`. */
static json_t *ask(const char *body, uint64_t mono_ns, uint64_t count)
{
	struct snapshot *s = fixture_snapshot(&fixture, mono_ns, count);
	struct livestat_request request;
	struct strbuf out = STRBUF_INIT;
	json_error_t where;
	json_t *answer;

	assert_int_equal(parse(body, &request), 0);
	livestat_answer(&request, s, fixture.store, &out);
	assert_int_equal(out.err, 0);
	answer = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &where);
	if (!answer)
		fail_msg("%s: %s", where.text, out.data);
	livestat_request_free(&request);
	strbuf_free(&out);
	snapshot__unref(s);
	return answer;
}

/* by_kernel.KERNEL.GROUP.METRIC.current; NULL if the metric is not there. */
static json_t *current(json_t *answer, const char *kernel, const char *group, const char *metric)
{
	json_t *value = json_object_get(json_object_get(answer, "by_kernel"), kernel);

	value = json_object_get(json_object_get(value, group), metric);
	if (value)
		assert_int_equal(json_object_size(value), 1);
	return json_object_get(value, "current");
}

static void assert_number(json_t *value, double expected)
{
	assert_true(json_is_number(value));
	if (json_number_value(value) != expected)
		fail_msg("%.17g instead of %.17g", json_number_value(value), expected);
}

#define ASK_ALL "{\"kernel_ids\":[\"alpha\",\"beta\",\"gamma\",\"nobody\"]}"

static void rates_come_from_two_points(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 1000);
	answer = ask(ASK_ALL, 110 * SECOND, 99000);
	assert_number(current(answer, "alpha", "rate", "zmq_send_messages"), 9800);
	assert_number(current(answer, "alpha", "rate", "zmq_send_bytes"), 980000);
	assert_number(json_object_get(answer, "window_seconds"), 10);
	json_decref(answer);
}

static void rates_below_one_keep_their_digits(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 1);
	answer = ask("{\"kernel_ids\":[\"alpha\"],\"window\":\"600s\"}", 700 * SECOND, 2);
	assert_number(current(answer, "alpha", "rate", "zmq_send_messages"), 0.001667);
	json_decref(answer);
}

static void socket_monitors_are_left_out(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 0);
	answer = ask(ASK_ALL, 110 * SECOND, 1000);
	assert_number(current(answer, "alpha", "rate", "zmq_recv_messages"), 100);
	assert_number(current(answer, "alpha", "gauge", "zmq_in_flight"), 1);
	json_decref(answer);
}

static void a_rate_is_null_without_an_older_point(void **state)
{
	json_t *answer = ask(ASK_ALL, 110 * SECOND, 1000);

	(void)state;
	assert_true(json_is_null(current(answer, "alpha", "rate", "zmq_send_messages")));
	assert_number(current(answer, "alpha", "gauge", "zmq_in_flight"), 1);
	assert_number(json_object_get(answer, "window_seconds"), 0);
	json_decref(answer);
}

static void a_rate_is_null_over_too_short_a_time(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 0);
	answer = ask(ASK_ALL, 100 * SECOND + SECOND / 4, 1000);
	assert_true(json_is_null(current(answer, "alpha", "rate", "zmq_send_messages")));
	json_decref(answer);
}

static void a_rate_is_never_negative(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 5000);
	answer = ask(ASK_ALL, 110 * SECOND, 100);
	assert_true(json_is_null(current(answer, "alpha", "rate", "zmq_send_messages")));
	json_decref(answer);
}

static void the_window_says_which_point_is_taken(void **state)
{
	json_t *answer;

	(void)state;
	for (uint64_t i = 0; i < 50; i++)
		fixture_publish(&fixture, (100 + i) * SECOND, i * i);
	answer = ask("{\"kernel_ids\":[\"alpha\"],\"window\":\"2s\"}", 150 * SECOND, 2500);
	assert_number(current(answer, "alpha", "rate", "zmq_send_messages"), (2500. - 48 * 48) / 2);
	assert_number(json_object_get(answer, "window_seconds"), 2);
	json_decref(answer);
	answer = ask("{\"kernel_ids\":[\"alpha\"],\"window\":\"40s\"}", 150 * SECOND, 2500);
	assert_number(current(answer, "alpha", "rate", "zmq_send_messages"), (2500. - 100) / 40);
	assert_number(json_object_get(answer, "window_seconds"), 40);
	json_decref(answer);
}

static void quantiles_are_of_the_calls_in_the_window(void **state)
{
	double p50, p99;
	json_t *answer;

	(void)state;
	/* all calls are in bucket 10: from 2^(-83/4) to 2^(-82/4) seconds */
	fixture_publish(&fixture, 100 * SECOND, 1000);
	answer = ask(ASK_ALL, 110 * SECOND, 1001);
	p50 = json_number_value(current(answer, "alpha", "gauge", "zmq_call_p50"));
	p99 = json_number_value(current(answer, "alpha", "gauge", "zmq_call_p99"));
	assert_true(p50 >= 566e-9 && p50 < p99 && p99 <= 675e-9);
	p50 = json_number_value(current(answer, "beta", "gauge", "cache_op_p50"));
	assert_true(p50 >= 566e-9 && p50 < 675e-9);
	json_decref(answer);
	/* none in the window */
	answer = ask(ASK_ALL, 110 * SECOND, 1000);
	assert_true(json_is_null(current(answer, "alpha", "gauge", "zmq_call_p50")));
	json_decref(answer);
}

static void ages_are_in_seconds(void **state)
{
	json_t *answer = ask(ASK_ALL, 110 * SECOND, 1);

	(void)state;
	assert_number(current(answer, "alpha", "gauge", "zmq_send_oldest_seconds"), 0);
	assert_number(current(answer, "alpha", "gauge", "zmq_recv_oldest_seconds"), 1.5);
	json_decref(answer);
}

static void every_id_is_answered_and_an_unknown_one_is_null(void **state)
{
	json_t *answer = ask(ASK_ALL, 110 * SECOND, 1);
	json_t *by_kernel = json_object_get(answer, "by_kernel");

	(void)state;
	assert_int_equal(json_object_size(by_kernel), 4);
	assert_true(json_is_null(json_object_get(by_kernel, "nobody")));
	assert_number(json_object_get(answer, "sampled_at"), 1793334567.123);
	json_decref(answer);
}

static void what_does_not_apply_to_a_kernel_is_left_out(void **state)
{
	json_t *answer = ask(ASK_ALL, 110 * SECOND, 1);
	json_t *beta = json_object_get(json_object_get(answer, "by_kernel"), "beta");
	json_t *alpha = json_object_get(json_object_get(answer, "by_kernel"), "alpha");

	(void)state;
	assert_int_equal(json_object_size(beta), 3);
	assert_int_equal(json_object_size(json_object_get(beta, "gauge")), 2); /* quantiles */
	assert_int_equal(json_object_size(json_object_get(beta, "diff")), 0);
	assert_int_equal(json_object_size(json_object_get(beta, "rate")), 0);
	assert_int_equal(json_object_size(json_object_get(alpha, "gauge")), 5);
	assert_int_equal(json_object_size(json_object_get(alpha, "rate")), 5);
	json_decref(answer);
}

/* by_kernel.KERNEL.METRIC.KEY */
static const char *text_in(json_t *answer, const char *kernel, const char *metric, const char *key)
{
	json_t *value = json_object_get(json_object_get(answer, "by_kernel"), kernel);

	return json_string_value(json_object_get(json_object_get(value, metric), key));
}

static void the_shape_says_how_it_is_written(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 1000);
	answer = ask("{\"kernel_ids\":[\"alpha\",\"gamma\",\"nobody\"],\"shape\":\"backendai\"}",
		     110 * SECOND, 99000);
	assert_string_equal(text_in(answer, "alpha", "zmq_send_messages", "stats.rate"), "9800");
	assert_true(json_is_null(json_object_get(json_object_get(answer, "by_kernel"), "nobody")));
	/* it has no series yet */
	assert_true(json_is_null(json_object_get(json_object_get(answer, "by_kernel"), "gamma")));
	json_decref(answer);
	answer = ask("{\"kernel_ids\":[\"alpha\"],\"shape\":\"backendai-agent\"}", 110 * SECOND,
		     99000);
	assert_string_equal(text_in(answer, "alpha", "zmq_recv_oldest_seconds", "stats.max"),
			    "1.5");
	assert_null(text_in(answer, "alpha", "zmq_send_messages", "stats.diff"));
	json_decref(answer);
}

static void only_the_metrics_asked_for_are_there(void **state)
{
	json_t *answer = ask("{\"kernel_ids\":[\"alpha\"],\"metrics\":[\"zmq_failures\",\"mem\"]}",
			     110 * SECOND, 1);
	json_t *alpha = json_object_get(json_object_get(answer, "by_kernel"), "alpha");

	(void)state;
	assert_int_equal(json_object_size(json_object_get(alpha, "gauge")), 0);
	assert_int_equal(json_object_size(json_object_get(alpha, "rate")), 1);
	assert_non_null(current(answer, "alpha", "rate", "zmq_failures"));
	json_decref(answer);
}

static void odd_ids_come_back_as_they_were(void **state)
{
	json_t *answer =
		ask("{\"kernel_ids\":[\"\",\"\\\"\\\\\\n\",\"caf\xc3\xa9\"]}", 110 * SECOND, 1);
	json_t *by_kernel = json_object_get(answer, "by_kernel");

	(void)state;
	assert_true(json_is_null(json_object_get(by_kernel, "")));
	assert_true(json_is_null(json_object_get(by_kernel, "\"\\\n")));
	assert_true(json_is_null(json_object_get(by_kernel, "caf\xc3\xa9")));
	json_decref(answer);
}

static void the_greatest_numbers_stay_numbers(void **state)
{
	json_t *answer;

	(void)state;
	fixture_publish(&fixture, 100 * SECOND, 0);
	answer = ask(ASK_ALL, 101 * SECOND, UINT64_MAX);
	assert_true(json_number_value(current(answer, "alpha", "rate", "zmq_send_messages")) >
		    1.8e19);
	json_decref(answer);
}

#define ANSWER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minimal_request_asks_for_everything_over_ten_seconds),
		cmocka_unit_test(duplicate_ids_and_metrics_collapse),
		cmocka_unit_test(a_malformed_request_is_refused_and_the_message_names_the_field),
		cmocka_unit_test(whatever_is_sent_does_no_harm),
		cmocka_unit_test(ten_thousand_ids_are_enough),
		cmocka_unit_test(a_query_asks_the_same),
		cmocka_unit_test(a_malformed_query_is_refused_and_the_message_names_the_parameter),
		cmocka_unit_test(two_hundred_ids_fit_into_a_query),
		ANSWER_TEST(rates_come_from_two_points),
		ANSWER_TEST(rates_below_one_keep_their_digits),
		ANSWER_TEST(socket_monitors_are_left_out),
		ANSWER_TEST(a_rate_is_null_without_an_older_point),
		ANSWER_TEST(a_rate_is_null_over_too_short_a_time),
		ANSWER_TEST(a_rate_is_never_negative),
		ANSWER_TEST(the_window_says_which_point_is_taken),
		ANSWER_TEST(quantiles_are_of_the_calls_in_the_window),
		ANSWER_TEST(ages_are_in_seconds),
		ANSWER_TEST(every_id_is_answered_and_an_unknown_one_is_null),
		ANSWER_TEST(what_does_not_apply_to_a_kernel_is_left_out),
		ANSWER_TEST(the_shape_says_how_it_is_written),
		ANSWER_TEST(only_the_metrics_asked_for_are_there),
		ANSWER_TEST(odd_ids_come_back_as_they_were),
		ANSWER_TEST(the_greatest_numbers_stay_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
