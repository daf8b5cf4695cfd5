/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_fixture.h"
#include <jansson.h>
#include <stdio.h>
#include "serve/summary.h"

static json_t *root;

static int teardown(void **state)
{
	(void)state;
	json_decref(root);
	root = NULL;
	return 0;
}

/* Reads the summary of the snapshot. */
static void summarise(const struct snapshot *snapshot)
{
	struct strbuf out = STRBUF_INIT;

	summary_add_json(&out, snapshot);
	assert_int_equal(out.err, 0);
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	strbuf_free(&out);
}

static json_t *at(const char *first, const char *second)
{
	return json_object_get(json_object_get(root, first), second);
}

static void totals_are_over_all_kernels(void **state)
{
	struct kernel_sample kernels[2] = {
		{ .kernel_id = "a",
		  .point = { .send_messages = 3,
			     .recv_bytes = 10,
			     .backlog = 4,
			     .send_oldest_ns = SECOND } },
		{ .kernel_id = "b",
		  .point = { .send_messages = 4,
			     .cache_hits = 5,
			     .backlog = 1,
			     .send_oldest_ns = 2 * SECOND } },
	};
	struct snapshot snapshot = { .kernel_count = 2, .kernels = kernels };

	(void)state;
	summarise(&snapshot);
	assert_int_equal(json_integer_value(at("totals", "send_messages")), 7);
	assert_int_equal(json_integer_value(at("totals", "recv_bytes")), 10);
	assert_int_equal(json_integer_value(at("totals", "cache_hits")), 5);
	assert_int_equal(json_integer_value(at("totals", "backlog")), 5);
	assert_true(json_number_value(at("totals", "send_oldest_seconds")) == 2);
}

static void histograms_are_added_bucket_by_bucket(void **state)
{
	static const uint64_t low[] = { 1, 2 }, high[] = { 5, 0, 7 };
	struct kernel_sample kernels[2] = {
		{ .hists[HIST_CALLS] = { .first = 10, .count = 2, .buckets = low } },
		{ .hists[HIST_CALLS] = { .first = 11, .count = 3, .buckets = high } },
	};
	static const int sums[] = { 1, 7, 0, 7 };
	struct snapshot snapshot = { .kernel_count = 2, .kernels = kernels };
	json_t *counts;

	(void)state;
	summarise(&snapshot);
	counts = json_object_get(at("histograms", "call"), "counts");
	assert_int_equal(json_integer_value(json_object_get(at("histograms", "call"), "first")),
			 10);
	assert_int_equal(json_array_size(counts), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_integer_value(json_array_get(counts, i)), sums[i]);
	assert_int_equal(json_array_size(json_object_get(at("histograms", "cache"), "counts")), 0);
}

static void requests_are_by_method_and_those_beyond_the_room_are_one(void **state)
{
	static char names[40][16];
	static struct series_labels labels[41];
	static struct series_sample series[41];
	struct snapshot snapshot = { .series_count = 41, .series = series };
	json_t *rpc, *method;

	(void)state;
	for (size_t i = 0; i < 41; i++) {
		snprintf(names[i % 40], sizeof(names[0]), "method%zu", i % 40);
		labels[i] = (struct series_labels){ .kind = SERIES_RPC,
						    .system = "lmcache",
						    .side = "server",
						    .operation = names[i % 40] };
		series[i] = (struct series_sample){ .labels = &labels[i],
						    .messages = i + 1,
						    .in_flight = 1 };
	}
	summarise(&snapshot);
	rpc = json_object_get(root, "rpc");
	assert_int_equal(json_array_size(rpc), 33);
	method = json_array_get(rpc, 0); /* that of two kernels */
	assert_string_equal(json_string_value(json_object_get(method, "method")), "method0");
	assert_int_equal(json_integer_value(json_object_get(method, "requests")), 1 + 41);
	assert_int_equal(json_integer_value(json_object_get(method, "unanswered")), 2);
	method = json_array_get(rpc, 32);
	assert_string_equal(json_string_value(json_object_get(method, "method")), "other");
	assert_int_equal(json_integer_value(json_object_get(method, "requests")),
			 33 + 34 + 35 + 36 + 37 + 38 + 39 + 40);
}

static void losses_that_are_zero_are_left_out(void **state)
{
	struct snapshot snapshot = { .lost = { [1] = 5 } };

	(void)state;
	summarise(&snapshot);
	assert_int_equal(json_object_size(json_object_get(root, "lost")), 1);
	assert_int_equal(json_integer_value(at("lost", lost_name(1))), 5);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(totals_are_over_all_kernels),
		TEST(histograms_are_added_bucket_by_bucket),
		TEST(requests_are_by_method_and_those_beyond_the_room_are_one),
		TEST(losses_that_are_zero_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
