/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "serve/families.h"

static struct strbuf out;

static int teardown(void **state)
{
	(void)state;
	strbuf_free(&out);
	return 0;
}

static struct series_labels message_labels(const char *socket_type, enum series_direction direction)
{
	return (struct series_labels){
		.kind = SERIES_MESSAGE,
		.direction = direction,
		.kernel_id = "k1",
		.container = "",
		.pod = "p",
		.namespace = "",
		.comm = "python3",
		.system = "zmq",
		.endpoint = "tcp://*:5555",
		.socket_type = socket_type,
		.side = "",
		.operation = "",
	};
}

static struct series_labels cache_labels(const char *operation, enum series_direction direction)
{
	struct series_labels labels = message_labels("", direction);

	labels.kind = SERIES_CACHE;
	labels.system = "redis";
	labels.endpoint = "";
	labels.side = "client";
	labels.operation = operation;
	return labels;
}

static void write_as(const struct snapshot *snapshot, enum exposition_format format)
{
	struct families_input in = { snapshot, "1.2.3", "abc\"def", 2500000, 0 };

	strbuf_clear(&out);
	assert_int_equal(families_write(&in, format, &out), 0);
}

static void write_series(const struct series_sample *series, size_t count)
{
	struct snapshot snapshot = { .series = series, .series_count = count };

	write_as(&snapshot, EXPOSITION_TEXT);
}

static void assert_line(const char *line)
{
	size_t len = strlen(line);

	for (const char *p = out.data; (p = strstr(p, line)); p++) {
		if ((p == out.data || p[-1] == '\n') && p[len] == '\n')
			return;
	}
	fail_msg("no line: %s\nin:\n%s", line, out.data);
}

static void assert_absent(const char *text)
{
	if (strstr(out.data, text))
		fail_msg("unexpected: %s\nin:\n%s", text, out.data);
}

static void counts_of_a_message_series_have_all_its_labels(void **state)
{
	struct series_labels labels = message_labels("router", DIRECTION_SEND);
	struct series_sample s = { .labels = &labels,
				   .messages = 3,
				   .frames = 5,
				   .bytes = 700,
				   .would_block = 11,
				   .timeouts = 13 };
#define LABELS                                                                                   \
	"{kernel_id=\"k1\",pod=\"p\",comm=\"python3\",system=\"zmq\",endpoint=\"tcp://*:5555\"," \
	"socket_type=\"router\",direction=\"send\"}"

	(void)state;
	write_series(&s, 1);
	assert_line("tapmeter_messages_total" LABELS " 3");
	assert_line("tapmeter_message_frames_total" LABELS " 5");
	assert_line("tapmeter_message_bytes_total" LABELS " 700");
	assert_line("tapmeter_message_would_block_total" LABELS " 11");
	assert_line("tapmeter_message_timeouts_total" LABELS " 13");
	assert_line("tapmeter_message_call_seconds_count" LABELS " 0");
	assert_absent("tapmeter_message_failures_total");
	assert_absent("tapmeter_cache");
}

static void failures_are_named_and_the_rest_is_other_or_unknown(void **state)
{
	struct series_labels labels = message_labels("", DIRECTION_NONE);
	struct tm_errno_count errors[] = { { .error = 4, .count = 1 },
					   { .error = 156384765, .count = 2 } };
	struct series_sample s = { .labels = &labels,
				   .error_count = 2,
				   .errors = errors,
				   .other_errors = 3,
				   .unknown_errors = 4 };
#define FAILURES                                                                       \
	"tapmeter_message_failures_total{kernel_id=\"k1\",pod=\"p\",comm=\"python3\"," \
	"system=\"zmq\",endpoint=\"tcp://*:5555\",error="

	(void)state;
	write_series(&s, 1);
	assert_line(FAILURES "\"EINTR\"} 1");
	assert_line(FAILURES "\"ETERM\"} 2");
	assert_line(FAILURES "\"other\"} 3");
	assert_line(FAILURES "\"unknown\"} 4");
}

static void a_histogram_counts_its_buckets_cumulatively(void **state)
{
	struct series_labels labels = message_labels("", DIRECTION_NONE);
	uint64_t buckets[] = { 1, 0, 10, 100 };
	/* bucket 92 ends at 1 s, 96 at 2 s */
	struct series_sample s = { .labels = &labels,
				   .frames = 111,
				   .sum_ns = 150250000000,
				   .hist = { 91, 4, buckets } };
#define BUCKET                                                                              \
	"tapmeter_message_call_seconds_bucket{kernel_id=\"k1\",pod=\"p\",comm=\"python3\"," \
	"system=\"zmq\",endpoint=\"tcp://*:5555\",le="

	(void)state;
	write_series(&s, 1);
	assert_line(BUCKET "\"0.5\"} 0");
	assert_line(BUCKET "\"1\"} 1");
	assert_line(BUCKET "\"2\"} 111");
	assert_line(BUCKET "\"+Inf\"} 111");
	assert_non_null(strstr(out.data, "tapmeter_message_call_seconds_sum"));
	assert_non_null(strstr(out.data, " 150.25\n"));
}

static void calls_in_flight_are_put_together_over_socket_types(void **state)
{
	struct series_labels labels[] = { message_labels("dealer", DIRECTION_SEND),
					  message_labels("dealer", DIRECTION_RECEIVE),
					  message_labels("router", DIRECTION_SEND) };
	struct series_sample s[] = {
		{ .labels = &labels[0], .in_flight = 1, .oldest_ns = 2000000000 },
		{ .labels = &labels[1], .in_flight = 7 },
		{ .labels = &labels[2], .in_flight = 2, .oldest_ns = 3500000000 },
	};
#define CALL                                                                                     \
	"{kernel_id=\"k1\",pod=\"p\",comm=\"python3\",system=\"zmq\",endpoint=\"tcp://*:5555\"," \
	"direction="

	(void)state;
	write_series(s, 3);
	assert_line("tapmeter_calls_in_flight" CALL "\"send\"} 3");
	assert_line("tapmeter_calls_in_flight" CALL "\"receive\"} 7");
	assert_line("tapmeter_oldest_call_seconds" CALL "\"send\"} 3.5");
	assert_line("tapmeter_oldest_call_seconds" CALL "\"receive\"} 0");
}

static void cache_operations_are_put_together_over_directions(void **state)
{
	struct series_labels labels[] = { cache_labels("get", DIRECTION_SEND),
					  cache_labels("get", DIRECTION_RECEIVE) };
	struct tm_errno_count error = { .error = 4, .count = 1 };
	struct series_sample s[] = {
		{ .labels = &labels[0],
		  .frames = 10,
		  .cache = { .ok = 10 },
		  .bytes = 100,
		  .timeouts = 2,
		  .error_count = 1,
		  .errors = &error,
		  .would_block = 99 },
		{ .labels = &labels[1],
		  .frames = 20,
		  .cache = { .ok = 20 },
		  .other_errors = 4,
		  .unknown_errors = 8 },
	};
#define CACHE                                                                            \
	"{kernel_id=\"k1\",pod=\"p\",comm=\"python3\",system=\"redis\",side=\"client\"," \
	"operation=\"get\""

	(void)state;
	write_series(s, 2);
	assert_line("tapmeter_cache_operations_total" CACHE ",result=\"ok\"} 30");
	assert_line("tapmeter_cache_operations_total" CACHE ",result=\"error\"} 15");
	assert_line("tapmeter_cache_bytes_total" CACHE ",direction=\"send\"} 100");
	assert_line("tapmeter_cache_operation_seconds_count" CACHE "} 0");
	assert_absent("tapmeter_cache_bytes_total" CACHE ",direction=\"receive\"");
	assert_absent("tapmeter_messages_total");
}

static void look_ups_show_hits_and_misses(void **state)
{
	struct series_labels labels[] = { cache_labels("get", DIRECTION_NONE),
					  cache_labels("del", DIRECTION_NONE) };
	struct series_sample s[] = {
		{ .labels = &labels[0],
		  .frames = 5,
		  .cache = { .hits = 3, .misses = 2, .received = 70 } },
		{ .labels = &labels[1],
		  .frames = 4,
		  .cache = { .ok = 4, .evictions = 11, .expirations = 12 } },
	};

	(void)state;
	labels[1].removals = 1;
	write_series(s, 2);
	assert_line("tapmeter_cache_operations_total" CACHE ",result=\"hit\"} 3");
	assert_line("tapmeter_cache_operations_total" CACHE ",result=\"miss\"} 2");
	assert_line("tapmeter_cache_operations_total" CACHE ",result=\"ok\"} 0");
	assert_line("tapmeter_cache_bytes_total" CACHE ",direction=\"receive\"} 70");
	assert_absent("tapmeter_cache_bytes_total" CACHE ",direction=\"send\"");
#define SYSTEM "{kernel_id=\"k1\",pod=\"p\",comm=\"python3\",system=\"redis\"}"
	assert_line("tapmeter_cache_evictions_total" SYSTEM " 11");
	assert_line("tapmeter_cache_expirations_total" SYSTEM " 12");
}

static void removals_that_nobody_counts_are_absent(void **state)
{
	struct series_labels labels = cache_labels("get", DIRECTION_NONE);
	const struct series_sample s = { .labels = &labels, .frames = 1, .cache = { .hits = 1 } };

	(void)state;
	write_series(&s, 1);
	assert_absent("tapmeter_cache_evictions_total{");
	assert_absent("tapmeter_cache_expirations_total{");
	labels.removals = 1;
	write_series(&s, 1);
	assert_line("tapmeter_cache_evictions_total" SYSTEM " 0");
	assert_line("tapmeter_cache_expirations_total" SYSTEM " 0");
}

static void series_that_differ_in_nothing_shown_become_one_sample(void **state)
{
	struct series_labels labels[] = { message_labels("pair", DIRECTION_SEND),
					  message_labels("pair", DIRECTION_SEND) };
	struct tm_errno_count error = { .error = 4, .count = 5 };
	uint64_t bucket = 3;
	struct series_sample s[2] = {
		{ .labels = &labels[0],
		  .messages = 1,
		  .errors = &error,
		  .error_count = 1,
		  .hist = { 0, 1, &bucket } },
		{ .labels = &labels[1],
		  .messages = 2,
		  .errors = &error,
		  .error_count = 1,
		  .hist = { 121, 1, &bucket } },
	};
#define PAIR                                                                                     \
	"{kernel_id=\"k1\",pod=\"p\",comm=\"python3\",system=\"zmq\",endpoint=\"tcp://*:5555\"," \
	"socket_type=\"pair\",direction=\"send\""

	(void)state;
	labels[1].internal = 1;
	write_series(s, 2);
	assert_line("tapmeter_messages_total" PAIR "} 3");
	assert_line("tapmeter_message_failures_total" PAIR ",error=\"EINTR\"} 10");
	assert_line("tapmeter_message_call_seconds_bucket" PAIR ",le=\"128\"} 3");
	assert_line("tapmeter_message_call_seconds_count" PAIR "} 6");
}

static void label_values_are_escaped(void **state)
{
	struct series_labels labels = message_labels("", DIRECTION_NONE);
	struct series_sample s = { .labels = &labels };

	(void)state;
	labels.comm = "a\"b\\c\nd\xff";
	labels.endpoint = labels.pod = labels.kernel_id = "";
	write_series(&s, 1);
	assert_line("tapmeter_messages_total"
		    "{comm=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",system=\"zmq\"} 0");
}

static void a_tap_is_up_if_it_is_so_everywhere(void **state)
{
	struct tap_sample taps[] = {
		{ .profile = "zmq", .path = "/a", .function = "f", .up = 1 },
		{ .profile = "zmq", .path = "/a", .function = "g", .up = 1 },
		{ .profile = "zmq", .path = "/a", .function = "f", .up = 0 },
	};
	struct snapshot snapshot = { .taps = taps, .tap_count = 3 };

	(void)state;
	write_as(&snapshot, EXPOSITION_TEXT);
	assert_line("tapmeter_tap_up{profile=\"zmq\",path=\"/a\",function=\"f\"} 0");
	assert_line("tapmeter_tap_up{profile=\"zmq\",path=\"/a\",function=\"g\"} 1");
}

static void tapmeter_tells_about_itself_also_when_nothing_is_tapped(void **state)
{
	struct snapshot snapshot = {
		.streams_used = 3,
		.streams_limit = 16384,
		.series_capped = 4,
		.gap_ns = 2500000000,
		.lost[TM_LOST_ORPHANS] = 5,
		.self = { 1500000000, 1000, 2000, 30, 40, 1793334567000000000 },
	};

	(void)state;
	write_as(&snapshot, EXPOSITION_TEXT);
	assert_line("tapmeter_streams 3");
	assert_line("tapmeter_streams_limit 16384");
	assert_line("tapmeter_series_capped_total 4");
	assert_line("tapmeter_gap_seconds_total 2.5");
	assert_line("tapmeter_lost_total{reason=\"orphans\"} 5");
	assert_line("tapmeter_build_info{version=\"1.2.3\",revision=\"abc\\\"def\"} 1");
	assert_line("tapmeter_scrape_seconds 0.0025");
	assert_line("process_cpu_seconds_total 1.5");
	assert_line("process_resident_memory_bytes 1000");
	assert_line("process_virtual_memory_bytes 2000");
	assert_line("process_open_fds 30");
	assert_line("process_max_fds 40");
	assert_line("process_start_time_seconds 1793334567");
	assert_absent("tapmeter_message");
	assert_absent("tapmeter_tap_up");
	assert_absent("tapmeter_calls_in_flight");
}

static void every_reason_of_a_loss_is_there_even_if_it_never_happened(void **state)
{
	struct snapshot snapshot = { 0 };

	(void)state;
	write_as(&snapshot, EXPOSITION_TEXT);
	for (enum tm_lost reason = 0; reason < TM_LOST_COUNT; reason++) {
		struct strbuf line = STRBUF_INIT;

		strbuf_addf(&line, "tapmeter_lost_total{reason=\"%s\"} 0", lost_name(reason));
		assert_line(line.data);
		strbuf_free(&line);
	}
}

/* A snapshot of many series: what all families have data for. */
static void write_many(void (*use)(const struct snapshot *snapshot))
{
	static const char *const types[] = { "dealer", "router", "pub" };
	struct series_labels labels[600];
	struct series_sample series[600];
	struct tap_sample tap = { .profile = "zmq", .path = "/a", .function = "f" };
	struct tm_errno_count error = { .error = 4, .count = 1 };
	struct snapshot snapshot = { .series = series,
				     .series_count = 600,
				     .taps = &tap,
				     .tap_count = 1 };
	char kernel_ids[100][8];

	for (size_t i = 0; i < 600; i++) {
		labels[i] = i % 6 == 5 ? cache_labels("get", DIRECTION_SEND) :
					 message_labels(types[i % 3], DIRECTION_SEND + i % 2);
		kernel_ids[i / 6][0] = (char)('A' + i / 6 % 26);
		kernel_ids[i / 6][1] = (char)('A' + i / 6 / 26);
		kernel_ids[i / 6][2] = '\0';
		labels[i].kernel_id = kernel_ids[i / 6];
		series[i] = (struct series_sample){ .labels = &labels[i],
						    .bytes = 1,
						    .error_count = 1,
						    .errors = &error };
	}
	use(&snapshot);
}

/* The name of the sample or family in the line at `p`, without what a type adds. */
static size_t name_len(const char *p)
{
	static const char *const suffixes[] = { "_bucket", "_count", "_sum" };
	size_t len = strcspn(p, "{ \n");

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i]);

		if (len > suffix && !strncmp(p + len - suffix, suffixes[i], suffix))
			return len - suffix;
	}
	return len;
}

static void check_order(const struct snapshot *snapshot)
{
	const char *family = "", *seen[64];
	size_t count = 0;

	write_as(snapshot, EXPOSITION_TEXT);
	for (const char *p = out.data; *p; p = strchr(p, '\n') + 1) {
		size_t len;

		if (!strncmp(p, "# HELP ", 7))
			continue;
		if (strncmp(p, "# TYPE ", 7) != 0) {
			len = name_len(p);
			assert_memory_equal(p, family, len);
			assert_true(family[len] == ' ');
			continue;
		}
		family = p + 7;
		len = strcspn(family, " ") + 1;
		for (size_t i = 0; i < count; i++)
			assert_int_not_equal(strncmp(seen[i], family, len), 0);
		seen[count++] = family;
	}
	assert_int_equal(count, 29);
}

static void every_family_has_one_head_and_its_samples_follow_it(void **state)
{
	(void)state;
	write_many(check_order);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_unique(const struct snapshot *snapshot)
{
	char **lines;
	size_t count = 0;

	write_as(snapshot, EXPOSITION_TEXT);
	lines = calloc(out.len, sizeof(lines[0]));
	assert_non_null(lines);
	for (char *p = strtok(out.data, "\n"); p; p = strtok(NULL, "\n")) {
		/* without the value */
		*strrchr(p, ' ') = '\0';
		lines[count++] = p;
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(lines[i - 1], lines[i]);
	free(lines);
}

static void no_two_samples_have_the_same_labels(void **state)
{
	(void)state;
	write_many(check_unique);
}

static void check_pieces_as(const struct snapshot *snapshot, enum exposition_format format)
{
	struct families_input in = { snapshot, "1.2.3", "abc\"def", 2500000, 0 };
	struct strbuf piece = STRBUF_INIT;
	struct page *page;
	size_t at = 0, count = 0;
	int more;

	write_as(snapshot, format);
	assert_int_equal(page__new(&in, format, &page), 0);
	do {
		strbuf_clear(&piece);
		more = page__next(page, &piece);
		assert_true(more >= 0);
		assert_in_range(piece.len, 1, 200000);
		assert_true(at + piece.len <= out.len);
		assert_memory_equal(piece.data, out.data + at, piece.len);
		at += piece.len;
		count++;
	} while (more);
	assert_int_equal(at, out.len);
	assert_true(count > 3);
	page__free(page);
	strbuf_free(&piece);
}

static void check_pieces(const struct snapshot *snapshot)
{
	check_pieces_as(snapshot, EXPOSITION_TEXT);
	check_pieces_as(snapshot, EXPOSITION_OPENMETRICS);
	check_pieces_as(snapshot, EXPOSITION_PROTOBUF);
}

static void the_pieces_of_a_page_are_small_and_make_the_page(void **state)
{
	(void)state;
	write_many(check_pieces);
}

static void a_page_that_is_not_written_to_its_end_can_be_freed(void **state)
{
	struct snapshot snapshot = { 0 };
	struct families_input in = { &snapshot, "1.2.3", "x", 0, 0 };
	struct page *page;

	(void)state;
	page__free(NULL);
	assert_int_equal(page__new(&in, EXPOSITION_TEXT, &page), 0);
	page__free(page);
}

static void a_page_beyond_the_bound_is_an_error(void **state)
{
	struct snapshot snapshot = { 0 };
	struct families_input in = { &snapshot, "1.2.3", "x", 0, 0 };
	struct strbuf small = { .max = 100 };

	(void)state;
	assert_int_equal(families_write(&in, EXPOSITION_TEXT, &small), -E2BIG);
	strbuf_free(&small);
}

static void write_kernels(const struct kernel_sample *kernels, size_t count)
{
	struct snapshot snapshot = { .kernels = kernels, .kernel_count = count };

	write_as(&snapshot, EXPOSITION_TEXT);
}

static void a_kernel_shows_what_it_uses(void **state)
{
	struct kernel_sample kernel = {
		.kernel_id = "k1",
		.container = "c",
		.pod = "p",
		.namespace = "",
		.point.usage = { .has = USAGE_CPU | USAGE_MEMORY | USAGE_IO | USAGE_NETWORK,
				 .cpu_ns = 1500000000,
				 .memory_bytes = 3,
				 .memory_limit_bytes = 4,
				 .io_read_bytes = 5,
				 .io_write_bytes = 6,
				 .net_rx_bytes = 7,
				 .net_tx_bytes = 8 },
	};
#define KERNEL "{kernel_id=\"k1\",container=\"c\",pod=\"p\""

	(void)state;
	write_kernels(&kernel, 1);
	assert_line("tapmeter_kernel_cpu_seconds_total" KERNEL "} 1.5");
	assert_line("tapmeter_kernel_memory_bytes" KERNEL "} 3");
	assert_line("tapmeter_kernel_memory_limit_bytes" KERNEL "} 4");
	assert_line("tapmeter_kernel_io_bytes_total" KERNEL ",direction=\"read\"} 5");
	assert_line("tapmeter_kernel_io_bytes_total" KERNEL ",direction=\"write\"} 6");
	assert_line("tapmeter_kernel_network_bytes_total" KERNEL ",direction=\"receive\"} 7");
	assert_line("tapmeter_kernel_network_bytes_total" KERNEL ",direction=\"send\"} 8");
}

static void what_is_not_known_of_a_kernel_is_left_out(void **state)
{
	struct kernel_sample kernels[] = {
		{ .kernel_id = "host", .container = "", .pod = "", .namespace = "" },
		{ .kernel_id = "k1", .container = "c", .pod = "p", .namespace = "" },
	};
	static const struct {
		uint32_t has;
		const char *line;
	} cases[] = {
		{ USAGE_CPU, "tapmeter_kernel_cpu_seconds_total" KERNEL "} 0" },
		{ USAGE_MEMORY, "tapmeter_kernel_memory_bytes" KERNEL "} 0" },
		{ USAGE_IO, "tapmeter_kernel_io_bytes_total" KERNEL ",direction=\"read\"} 0" },
		{ USAGE_NETWORK,
		  "tapmeter_kernel_network_bytes_total" KERNEL ",direction=\"send\"} 0" },
	};

	(void)state;
	write_kernels(kernels, 2);
	assert_absent("tapmeter_kernel_");
	kernels[1].point.usage.memory_limit_bytes = USAGE_UNLIMITED;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kernels[1].point.usage.has = cases[i].has;
		write_kernels(kernels, 2);
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			if (k == i)
				assert_line(cases[k].line);
			else
				assert_absent(cases[k].line);
		}
		assert_absent("limit_bytes{");
		assert_absent("kernel_id=\"host\"");
	}
}

static void requests_are_shown_by_method_and_side(void **state)
{
	const struct series_labels client = { .kind = SERIES_RPC,
					      .kernel_id = "k1",
					      .container = "",
					      .pod = "",
					      .namespace = "",
					      .comm = "python3",
					      .system = "lmcache",
					      .endpoint = "",
					      .socket_type = "",
					      .side = "client",
					      .operation = "store" };
	const char *of = "{kernel_id=\"k1\",comm=\"python3\",system=\"lmcache\",side=\"client\","
			 "method=\"store\"}";
	const uint64_t buckets[] = { 5 };
	struct series_sample series[1] = { { .labels = &client,
					     .messages = 8,
					     .frames = 5,
					     .hist = { 10, 1, buckets },
					     .in_flight = 3,
					     .oldest_ns = 1500000000 } };
	char line[256];

	(void)state;
	write_series(series, 1);
	snprintf(line, sizeof(line), "tapmeter_rpc_requests_total%s 8", of);
	assert_line(line);
	snprintf(line, sizeof(line), "tapmeter_rpc_seconds_count%s 5", of);
	assert_line(line);
	snprintf(line, sizeof(line), "tapmeter_rpc_unanswered%s 3", of);
	assert_line(line);
	snprintf(line, sizeof(line), "tapmeter_rpc_oldest_unanswered_seconds%s 1.5", of);
	assert_line(line);
	assert_null(strstr(out.data, "tapmeter_calls_in_flight{"));
	assert_null(strstr(out.data, "tapmeter_cache_operations_total{"));
}

static void delivery_times_and_backlogs_have_the_endpoint_only(void **state)
{
	const struct series_labels transit = { .kind = SERIES_TRANSIT,
					       .kernel_id = "k1",
					       .container = "",
					       .pod = "",
					       .namespace = "",
					       .comm = "python3",
					       .system = "zmq",
					       .endpoint = "ipc:///a",
					       .socket_type = "pull",
					       .side = "",
					       .operation = "" };
	struct series_labels backlog = transit;
	const uint64_t buckets[] = { 5 };
	struct series_sample series[2] = {
		{ .labels = &transit, .frames = 5, .hist = { 10, 1, buckets }, .sum_ns = 2000 },
		{ .labels = &backlog, .backlog = 7 },
	};

	(void)state;
	backlog.kind = SERIES_BACKLOG;
	write_series(series, 2);
	assert_line("tapmeter_message_transit_seconds_count{kernel_id=\"k1\",comm=\"python3\","
		    "system=\"zmq\",endpoint=\"ipc:///a\"} 5");
	assert_line("tapmeter_message_backlog{kernel_id=\"k1\",comm=\"python3\",system=\"zmq\","
		    "endpoint=\"ipc:///a\"} 7");
	assert_null(strstr(out.data, "tapmeter_messages_total{"));
	assert_null(strstr(out.data, "tapmeter_calls_in_flight{"));
}

/* The view's page of these series. */
static void write_fastdeploy(const struct series_sample *series, size_t count)
{
	struct snapshot snapshot = { .series = series, .series_count = count };
	struct families_input in = { &snapshot, "", "", 0, FAMILIES_VIEW_FASTDEPLOY };

	strbuf_clear(&out);
	assert_int_equal(families_write(&in, EXPOSITION_TEXT, &out), 0);
}

static void fastdeploy_counts_failed_sends_as_sent(void **state)
{
	const struct series_labels send = message_labels("push", DIRECTION_SEND);
	const struct tm_errno_count errors[] = { { .error = 11, .count = 3 } };
	const struct series_sample series[] = {
		{ .labels = &send,
		  .messages = 10,
		  .frames = 10,
		  .bytes = 100,
		  .timeouts = 2,
		  .would_block = 50,
		  .error_count = 1,
		  .errors = errors },
	};

	(void)state;
	write_fastdeploy(series, 1);
	assert_line("fastdeploy:zmq:msg_send_total{address=\"tcp://*:5555\"} 15");
	assert_line("fastdeploy:zmq:msg_send_failed_total{address=\"tcp://*:5555\"} 5");
	assert_line("fastdeploy:zmq:msg_bytes_send_total{address=\"tcp://*:5555\"} 100");
	assert_null(strstr(out.data, "msg_recv"));
}

static void fastdeploys_latency_is_in_milliseconds_at_its_bounds(void **state)
{
	const uint64_t view[TM_VIEW_BOUNDS + 1] = { [0] = 1, [4] = 2, [TM_VIEW_BOUNDS] = 4 };
	struct series_labels request = message_labels("pull", DIRECTION_NONE), response;
	struct series_sample series[2] = {
		{ .labels = &request, .frames = 7, .sum_ns = 4000100000, .view = view },
		{ .labels = &response, .frames = 7, .sum_ns = 1000, .view = view },
	};

	(void)state;
	request.kind = SERIES_TRANSIT;
	response = request;
	response.socket_type = "dealer";
	write_fastdeploy(series, 2);
	assert_line("fastdeploy:zmq:latency_bucket{address=\"tcp://*:5555\",le=\"0.001\"} 1");
	assert_line("fastdeploy:zmq:latency_bucket{address=\"tcp://*:5555\",le=\"0.05\"} 1");
	assert_line("fastdeploy:zmq:latency_bucket{address=\"tcp://*:5555\",le=\"0.1\"} 3");
	assert_line("fastdeploy:zmq:latency_bucket{address=\"tcp://*:5555\",le=\"1000.0\"} 3");
	assert_line("fastdeploy:zmq:latency_bucket{address=\"tcp://*:5555\",le=\"+Inf\"} 7");
	assert_line("fastdeploy:zmq:latency_sum{address=\"tcp://*:5555\"} 4000.1");
	assert_line("fastdeploy:zmq:latency_count{address=\"tcp://*:5555\"} 7");
	assert_line("fastdeploy:zmq:response_latency_sum{address=\"tcp://*:5555\"} 0.001");
}

static void without_a_view_there_is_nothing_of_it(void **state)
{
	const struct series_labels send = message_labels("push", DIRECTION_SEND);
	const struct series_sample series[] = { { .labels = &send, .messages = 10 } };

	(void)state;
	write_series(series, 1);
	assert_null(strstr(out.data, "fastdeploy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_a_message_series_have_all_its_labels),
		cmocka_unit_test(failures_are_named_and_the_rest_is_other_or_unknown),
		cmocka_unit_test(a_histogram_counts_its_buckets_cumulatively),
		cmocka_unit_test(calls_in_flight_are_put_together_over_socket_types),
		cmocka_unit_test(cache_operations_are_put_together_over_directions),
		cmocka_unit_test(requests_are_shown_by_method_and_side),
		cmocka_unit_test(delivery_times_and_backlogs_have_the_endpoint_only),
		cmocka_unit_test(fastdeploy_counts_failed_sends_as_sent),
		cmocka_unit_test(fastdeploys_latency_is_in_milliseconds_at_its_bounds),
		cmocka_unit_test(without_a_view_there_is_nothing_of_it),
		cmocka_unit_test(look_ups_show_hits_and_misses),
		cmocka_unit_test(removals_that_nobody_counts_are_absent),
		cmocka_unit_test(series_that_differ_in_nothing_shown_become_one_sample),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(a_tap_is_up_if_it_is_so_everywhere),
		cmocka_unit_test(tapmeter_tells_about_itself_also_when_nothing_is_tapped),
		cmocka_unit_test(every_reason_of_a_loss_is_there_even_if_it_never_happened),
		cmocka_unit_test(every_family_has_one_head_and_its_samples_follow_it),
		cmocka_unit_test(no_two_samples_have_the_same_labels),
		cmocka_unit_test(a_kernel_shows_what_it_uses),
		cmocka_unit_test(what_is_not_known_of_a_kernel_is_left_out),
		cmocka_unit_test(the_pieces_of_a_page_are_small_and_make_the_page),
		cmocka_unit_test(a_page_that_is_not_written_to_its_end_can_be_freed),
		cmocka_unit_test(a_page_beyond_the_bound_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
