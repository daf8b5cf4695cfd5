/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_fixture.h"
#include <jansson.h>
#include <string.h>
#include "serve/inventory.h"

static struct fixture fixture;
static struct snapshot *snapshot;
static struct strbuf out;
static json_t *root;

static int setup(void **state)
{
	(void)state;
	fixture_new(&fixture);
	snapshot = fixture_snapshot(&fixture, 100 * SECOND, 42);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(root);
	root = NULL;
	strbuf_free(&out);
	snapshot__unref(snapshot);
	fixture_free(&fixture);
	return 0;
}

/* The list `name` of the answer in `out`. */
static json_t *read_list(const char *name)
{
	json_error_t where;

	json_decref(root);
	root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		fail_msg("%s: %s", where.text, out.data);
	assert_true(json_real_value(json_object_get(root, "sampled_at")) == 1793334567.123);
	return json_object_get(root, name);
}

static void assert_string(json_t *object, const char *key, const char *expected)
{
	assert_non_null(json_object_get(object, key));
	assert_string_equal(json_string_value(json_object_get(object, key)), expected);
}

static void assert_integer(json_t *object, const char *key, long long expected)
{
	assert_true(json_is_integer(json_object_get(object, key)));
	assert_int_equal(json_integer_value(json_object_get(object, key)), expected);
}

static void kernels_are_listed_with_what_is_known_of_them(void **state)
{
	json_t *kernels, *alpha, *gamma;

	(void)state;
	inventory_kernels(snapshot, &out);
	kernels = read_list("kernels");
	assert_int_equal(json_array_size(kernels), 3);
	alpha = json_array_get(kernels, 0);
	assert_string(alpha, "id", "alpha");
	assert_string(alpha, "container", "c1");
	assert_string(alpha, "name", "work-1");
	assert_string(alpha, "pod", "pod-1");
	assert_string(alpha, "namespace", "default");
	assert_integer(alpha, "processes", 2);
	assert_int_equal(json_array_size(json_object_get(alpha, "systems")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(alpha, "systems"), 0)),
			    "zmq");
	gamma = json_array_get(kernels, 2);
	assert_string(gamma, "id", "gamma");
	assert_string(gamma, "container", "");
	assert_string(gamma, "name", "");
	assert_int_equal(json_array_size(json_object_get(gamma, "systems")), 0);
}

static void taps_say_where_they_are_or_why_not(void **state)
{
	json_t *taps, *up, *down;

	(void)state;
	inventory_taps(snapshot, &out);
	taps = read_list("taps");
	assert_int_equal(json_array_size(taps), 2);
	up = json_array_get(taps, 0);
	down = json_array_get(taps, 1);
	assert_true(json_is_true(json_object_get(up, "up")));
	assert_string(up, "function", "zmq_msg_send");
	assert_string(up, "attach", "multi");
	assert_true(json_is_true(json_object_get(up, "adopted")));
	assert_integer(up, "offset", 0x5a10);
	assert_string(up, "instruction", "push rbp");
	assert_true(json_is_false(json_object_get(down, "up")));
	assert_true(json_is_false(json_object_get(down, "adopted")));
	assert_string(down, "path", "/opt/\"odd\"\xef\xbf\xbd.so");
	assert_string(down, "reason", "no such symbol");
}

static void streams_show_labels_and_counters(void **state)
{
	json_t *streams, *first, *labels;

	(void)state;
	inventory_streams(snapshot, NULL, 0, 100, &out);
	streams = read_list("streams");
	assert_int_equal(json_array_size(streams), 5);
	first = json_array_get(streams, 1);
	assert_integer(first, "pid", 100);
	assert_string(first, "object", "0x7f0000001001");
	assert_string(first, "operation", "receive");
	assert_integer(first, "messages", 42);
	assert_integer(first, "bytes", 4200);
	assert_integer(first, "failures", 1);
	assert_true(json_real_value(json_object_get(first, "oldest_call_seconds")) == 1.5);
	labels = json_object_get(first, "labels");
	assert_int_equal(json_object_size(labels), 9);
	assert_string(labels, "direction", "receive");
	assert_string(labels, "socket_type", "router");
}

static void a_stream_without_an_object_or_labels_says_null(void **state)
{
	json_t *streams;

	(void)state;
	inventory_streams(snapshot, NULL, 0, 100, &out);
	streams = read_list("streams");
	assert_true(json_is_null(json_object_get(json_array_get(streams, 3), "object")));
	assert_true(json_is_null(json_object_get(json_array_get(streams, 4), "labels")));
}

static void streams_come_in_pages(void **state)
{
	static const struct {
		size_t offset, limit, count;
		long long next; /* 0 = null */
	} table[] = {
		{ 0, 5, 5, 0 },	       { 0, 2, 2, 2 }, { 2, 2, 2, 4 },
		{ 4, 2, 1, 0 },	       { 5, 2, 0, 0 }, { SIZE_MAX, SIZE_MAX, 0, 0 },
		{ 0, SIZE_MAX, 5, 0 }, { 4, 1, 1, 0 }, { 3, 1, 1, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		/* beyond what JSON's readers take as an integer */
		size_t offset = table[i].offset == SIZE_MAX ? UINT32_MAX : table[i].offset;
		json_t *next;

		strbuf_clear(&out);
		inventory_streams(snapshot, NULL, offset, table[i].limit, &out);
		assert_int_equal(json_array_size(read_list("streams")), table[i].count);
		assert_integer(root, "total", 5);
		assert_integer(root, "offset", (long long)offset);
		next = json_object_get(root, "next_offset");
		assert_true(table[i].next ? json_integer_value(next) == table[i].next :
					    json_is_null(next));
	}
}

static void streams_of_one_kernel_come_in_pages_too(void **state)
{
	json_t *streams;

	(void)state;
	inventory_streams(snapshot, "alpha", 1, 1, &out);
	streams = read_list("streams");
	assert_int_equal(json_array_size(streams), 1);
	assert_string(json_array_get(streams, 0), "operation", "receive");
	assert_integer(root, "total", 3);
	assert_integer(root, "next_offset", 2);
	strbuf_clear(&out);
	inventory_streams(snapshot, "nobody", 0, 100, &out);
	assert_int_equal(json_array_size(read_list("streams")), 0);
	assert_integer(root, "total", 0);
}

static void nothing_to_list_is_an_empty_list(void **state)
{
	struct snapshot empty = { .real_ns = FIXTURE_REAL_NS };

	(void)state;
	inventory_kernels(&empty, &out);
	assert_int_equal(json_array_size(read_list("kernels")), 0);
	strbuf_clear(&out);
	inventory_taps(&empty, &out);
	assert_int_equal(json_array_size(read_list("taps")), 0);
	strbuf_clear(&out);
	inventory_streams(&empty, NULL, 0, 1, &out);
	assert_int_equal(json_array_size(read_list("streams")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kernels_are_listed_with_what_is_known_of_them),
		TEST(taps_say_where_they_are_or_why_not),
		TEST(streams_show_labels_and_counters),
		TEST(a_stream_without_an_object_or_labels_says_null),
		TEST(streams_come_in_pages),
		TEST(streams_of_one_kernel_come_in_pages_too),
		TEST(nothing_to_list_is_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
