/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "serve/families.h"
#include "serve/view_lmcache.h"

#define REST                                                                            \
	.container = "", .pod = "", .namespace = "", .comm = "python3", .endpoint = "", \
	.socket_type = ""
#define METHOD(kernel, who, name)                                                              \
	&(const struct series_labels)                                                          \
	{                                                                                      \
		.kind = SERIES_RPC, .system = "lmcache", .kernel_id = (kernel), .side = (who), \
		.operation = (name), REST                                                      \
	}

static const struct series_sample series[] = {
	{ .labels = METHOD("a", "client", "store"), .messages = 100, .frames = 90 },
	{ .labels = METHOD("a", "server", "lookup"),
	  .messages = 12,
	  .frames = 11,
	  .live_answers = 10,
	  .live_results = 2 },
	{ .labels = METHOD("a", "server", "query_prefetch_status"),
	  .messages = 50,
	  .frames = 50,
	  .live_answers = 50,
	  .live_results = 4 },
	{ .labels = METHOD("a", "server", "retrieve"), .messages = 6, .frames = 5 },
	{ .labels = METHOD("a", "server", "store"), .messages = 8, .frames = 7 },
	{ .labels = METHOD("a", "server", "wait_prefetch_status"),
	  .messages = 1,
	  .frames = 1,
	  .live_answers = 1,
	  .live_results = 1 },
	/* seen from the middle: more results than look-ups */
	{ .labels = METHOD("b\"", "server", "query_prefetch_status"),
	  .messages = 3,
	  .frames = 3,
	  .live_answers = 3,
	  .live_results = 3 },
};
static const struct snapshot snapshot = { .series_count = 7, .series = series };

static void expect(const char *text, const char *sample)
{
	if (!strstr(text, sample))
		fail_msg("no %s in\n%s", sample, text);
}

static void servers_by_kernel_and_method(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct exposition exposition = { .out = &out, .format = EXPOSITION_TEXT };

	(void)state;
	view_lmcache_write(&exposition, &snapshot);
	assert_int_equal(out.err, 0);
	expect(out.data, "\nlmcache_mp_num_submitted_stores_total{kernel_id=\"a\"} 8\n");
	expect(out.data, "\nlmcache_mp_num_finished_stores_total{kernel_id=\"a\"} 7\n");
	expect(out.data, "\nlmcache_mp_num_submitted_retrieves_total{kernel_id=\"a\"} 6\n");
	expect(out.data, "\nlmcache_mp_num_finished_retrieves_total{kernel_id=\"a\"} 5\n");
	/* (10 - 2) - 4 - 1 */
	expect(out.data, "\nlmcache_mp_active_prefetch_jobs{kernel_id=\"a\"} 3\n");
	expect(out.data, "\nlmcache_mp_active_prefetch_jobs{kernel_id=\"b\\\"\"} 0\n");
	expect(out.data, "\nlmcache_mp_rpc_requests_total{kernel_id=\"a\",method=\"lookup\"} 12\n");
	expect(out.data, "\nlmcache_mp_rpc_seconds_count{kernel_id=\"a\",method=\"store\"} ");
	strbuf_free(&out);
}

static void without_servers_there_is_nothing(void **state)
{
	const struct snapshot clients = { .series_count = 1, .series = series };
	struct strbuf out = STRBUF_INIT;
	struct exposition exposition = { .out = &out, .format = EXPOSITION_TEXT };

	(void)state;
	view_lmcache_write(&exposition, &clients);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.len, 0);
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_by_kernel_and_method),
		cmocka_unit_test(without_servers_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
