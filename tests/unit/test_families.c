/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
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
	struct families_input in = { snapshot, "1.2.3", "abc\"def", 2500000 };

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
		.lost[TM_LOST_ORPHANS] = 5,
		.self = { 1500000000, 1000, 2000, 30, 40, 1793334567000000000 },
	};

	(void)state;
	write_as(&snapshot, EXPOSITION_TEXT);
	assert_line("tapmeter_streams 3");
	assert_line("tapmeter_streams_limit 16384");
	assert_line("tapmeter_series_capped_total 4");
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
	assert_int_equal(count, 25);
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

static void check_gzip(const struct snapshot *snapshot)
{
	struct families_input in = { snapshot, "1.2.3", "abc\"def", 2500000 };
	struct strbuf packed = STRBUF_INIT;
	char *text;
	z_stream z = { 0 };

	write_as(snapshot, EXPOSITION_OPENMETRICS);
	assert_int_equal(families_write_gzip(&in, EXPOSITION_OPENMETRICS, &packed), 0);
	text = malloc(out.len);
	assert_non_null(text);
	z.next_in = (Bytef *)packed.data;
	z.avail_in = (uInt)packed.len;
	z.next_out = (Bytef *)text;
	z.avail_out = (uInt)out.len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, out.len);
	assert_memory_equal(text, out.data, out.len);
	inflateEnd(&z);
	free(text);
	strbuf_free(&packed);
}

static void the_compressed_page_is_the_same_page(void **state)
{
	(void)state;
	write_many(check_gzip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_a_message_series_have_all_its_labels),
		cmocka_unit_test(failures_are_named_and_the_rest_is_other_or_unknown),
		cmocka_unit_test(a_histogram_counts_its_buckets_cumulatively),
		cmocka_unit_test(calls_in_flight_are_put_together_over_socket_types),
		cmocka_unit_test(cache_operations_are_put_together_over_directions),
		cmocka_unit_test(look_ups_show_hits_and_misses),
		cmocka_unit_test(series_that_differ_in_nothing_shown_become_one_sample),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(a_tap_is_up_if_it_is_so_everywhere),
		cmocka_unit_test(tapmeter_tells_about_itself_also_when_nothing_is_tapped),
		cmocka_unit_test(every_reason_of_a_loss_is_there_even_if_it_never_happened),
		cmocka_unit_test(every_family_has_one_head_and_its_samples_follow_it),
		cmocka_unit_test(no_two_samples_have_the_same_labels),
		cmocka_unit_test(the_compressed_page_is_the_same_page),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
