/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot looks like on the wire, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "relay/snapshot_pack.h"
#include "serve/exposition.h"

static void write_families(struct exposition *e)
{
	static const struct family_head counter = { "c", FAMILY_COUNTER, "", "x" };
	static const struct family_head calls = { "s_seconds", FAMILY_HISTOGRAM, "seconds", "x" };
	uint64_t buckets[TM_HIST_BUCKETS] = { 0 };

	exposition_family(e, &counter);
	exposition_sample(e, "a=\"b\"", 5, NULL, NULL, 300);
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

static void a_frame_is_a_topic_and_msgpack(void **state)
{
	static const char body[] = "\x95\x05\xcd\x03\xe8\xa8"
				   "complete\x02\x92" /* 5, 1000, "complete", 2, [ */
				   "\x93\xa7"
				   "counter\xae"
				   "c_total{a=\"b\"}\xcd\x01\x2c" /* 300 */
				   "\x99\xa6"
				   "series\xa9"
				   "s_seconds\0\0\0\0\0\x80\x90";
	struct strbuf text = make_page();
	struct feed_page page = {
		.head = { .number = 5, .mono_ns = 1000, .state = RELAY_COMPLETE, .pending = 2 },
		.data = (const uint8_t *)text.data,
		.size = text.len,
	};
	char topic[SNAPSHOT_TOPIC_LEN] = "MET", *frame;
	size_t len;

	(void)state;
	assert_int_equal(snapshot_pack(&page, &frame, &len), 0);
	assert_int_equal(len, sizeof(topic) + sizeof(body) - 1);
	assert_memory_equal(frame, topic, sizeof(topic));
	assert_memory_equal(frame + sizeof(topic), body, sizeof(body) - 1);
	free(frame);
	strbuf_free(&text);
}

static void an_empty_page_has_no_metrics(void **state)
{
	static const char body[] = "\x95\x01\x00\xaainitialize\x00\x90";
	struct feed_page page = { .head = { .number = 1 } };
	char *frame;
	size_t len;

	(void)state;
	assert_int_equal(snapshot_pack(&page, &frame, &len), 0);
	assert_int_equal(len, SNAPSHOT_TOPIC_LEN + sizeof(body) - 1);
	assert_memory_equal(frame + SNAPSHOT_TOPIC_LEN, body, sizeof(body) - 1);
	free(frame);
}

static void a_page_that_is_none_is_refused(void **state)
{
	struct feed_page page = { .data = (const uint8_t *)"\x7f", .size = 1 };
	char *frame;
	size_t len;

	(void)state;
	assert_int_equal(snapshot_pack(&page, &frame, &len), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_a_topic_and_msgpack),
		cmocka_unit_test(an_empty_page_has_no_metrics),
		cmocka_unit_test(a_page_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
