/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "relay/otlp_request.h"
#include "serve/exposition.h"

static const struct otlp_pair service = { "service.name", "s" };

static void write_families(struct exposition *e)
{
	static const struct family_head counter = { "c", FAMILY_COUNTER, "", "h" };
	static const struct family_head calls = { "s_seconds", FAMILY_HISTOGRAM, "seconds", "h" };
	uint64_t buckets[TM_HIST_BUCKETS] = { 0 };

	exposition_family(e, &counter);
	exposition_sample(e, "a=\"b\"", 5, NULL, NULL, 300);
	exposition_sample(e, "kernel_id=\"k\"", 13, NULL, NULL, 1);
	exposition_family(e, &calls);
	exposition_histogram(e, "", 0, buckets, 0);
}

static struct strbuf make_page(void)
{
	struct strbuf out = STRBUF_INIT;
	struct exposition e;

	exposition_init(&e, EXPOSITION_PROTOBUF, &out);
	write_families(&e);
	exposition_measured(&e);
	write_families(&e);
	exposition_end(&e);
	exposition_free(&e);
	return out;
}

struct taken {
	struct strbuf bytes;
	uint64_t points;
	unsigned count;
	int answer;
};

static int take(void *arg, struct strbuf *body, uint64_t points)
{
	struct taken *taken = arg;

	strbuf_add(&taken->bytes, body->data, body->len);
	taken->points += points;
	taken->count++;
	return taken->answer;
}

static int make(const void *page, size_t len, struct taken *taken)
{
	const struct otlp_source source = {
		.page = page,
		.len = len,
		.start_real_ns = 1,
		.real_ns = 2,
		.resource = &service,
		.resource_count = 1,
		.version = "v",
	};

	return otlp_request_make(&source, take, taken);
}

static void assert_has(const struct strbuf *body, const char *bytes, size_t len)
{
	assert_non_null(memmem(body->data, body->len, bytes, len));
}

#define ASSERT_HAS(body, bytes) assert_has(body, bytes, sizeof(bytes) - 1)

static void a_page_is_one_request_with_a_resource_for_each_kernel(void **state)
{
	struct strbuf page = make_page();
	struct taken taken = { .count = 0 };

	(void)state;
	assert_int_equal(make(page.data, page.len, &taken), 0);
	assert_int_equal(taken.count, 1);
	assert_int_equal(taken.points, 3);
	assert_int_equal(otlp_request_points(page.data, page.len), 3);
	/* Resource.attributes: KeyValue { 1: name, 2: AnyValue { 1: text } } */
	ASSERT_HAS(&taken.bytes, "\x0a\x13\x0a\x0cservice.name\x12\x03\x0a\x01s");
	ASSERT_HAS(&taken.bytes, "\x0a\x19\x0a\x12tapmeter.kernel.id\x12\x03\x0a\x01k");
	/* ScopeMetrics.scope { 1: name, 2: version } */
	ASSERT_HAS(&taken.bytes, "\x0a\x0d\x0a\x08tapmeter\x12\x01v");
	strbuf_free(&page);
	strbuf_free(&taken.bytes);
}

static void counters_are_cumulative_monotonic_sums(void **state)
{
	struct strbuf page = make_page();
	struct taken taken = { .count = 0 };

	(void)state;
	assert_int_equal(make(page.data, page.len, &taken), 0);
	/* Metric { 1: name, 2: help, 3: unit, 7: Sum { 1: point { 2: start, 3: time, 4: double, … }, 2: cumulative, 3: monotonic } } */
	ASSERT_HAS(&taken.bytes, "\x0a\x01"
				 "c\x12\x01h\x1a\x07{count}\x3a");
	ASSERT_HAS(&taken.bytes, "\x11\1\0\0\0\0\0\0\0\x19\2\0\0\0\0\0\0\0");
	ASSERT_HAS(&taken.bytes, "\x21\0\0\0\0\0\xc0\x72\x40");
	ASSERT_HAS(&taken.bytes, "\x10\2\x18\1");
	strbuf_free(&page);
	strbuf_free(&taken.bytes);
}

static void a_page_that_is_cut_short_is_an_error(void **state)
{
	struct strbuf page = make_page();
	struct taken taken = { .count = 0 };

	(void)state;
	assert_int_equal(make(page.data, page.len - 1, &taken), -EPROTO);
	assert_int_equal(otlp_request_points(page.data, page.len - 1), 0);
	assert_int_equal(make("", 0, &taken), 0);
	assert_int_equal(taken.count, 0);
	taken.answer = -ENOMEM;
	assert_int_equal(make(page.data, page.len, &taken), -ENOMEM);
	strbuf_free(&page);
	strbuf_free(&taken.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_one_request_with_a_resource_for_each_kernel),
		cmocka_unit_test(counters_are_cumulative_monotonic_sums),
		cmocka_unit_test(a_page_that_is_cut_short_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
