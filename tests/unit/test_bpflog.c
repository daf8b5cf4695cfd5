/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "tap/bpflog.h"

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	bpflog__note(format, args);
	va_end(args);
}

/* As libbpf passes it on. */
static void note_log(const char *log)
{
	note("libbpf: prog '%s': BPF program load failed: %s\n", "tap", "Invalid argument");
	note("libbpf: prog '%s': -- BEGIN PROG LOAD LOG --\n%s-- END PROG LOAD LOG --\n", "tap",
	     log);
	note("libbpf: failed to load object\n");
}

static int begin(void **state)
{
	(void)state;
	bpflog__forget();
	return 0;
}

static void without_a_warning_there_is_no_line(void **state)
{
	(void)state;
	assert_string_equal(bpflog__line(), "");
	assert_false(bpflog__is_verdict());
}

static void the_first_warning_is_kept(void **state)
{
	(void)state;
	note("libbpf: map '%s': %d\n", "slots", -12);
	note("libbpf: failed\n");
	assert_string_equal(bpflog__line(), "libbpf: map 'slots': -12");
	assert_false(bpflog__is_verdict());
	bpflog__forget();
	assert_string_equal(bpflog__line(), "");
}

static void the_verdict_is_the_last_line_before_the_statistics(void **state)
{
	static const char *const logs[] = {
		"0: (bf) r9 = r1\nr1 is bad\nprocessed 2 insns (limit 1000000)\n",
		"r1 is bad\nverification time 11919 usec\nstack depth 0+0\nprocessed 2 insns\n",
		"r1 is bad\n\nprocessed 2 insns\n",
		"r1 is bad\n",
		"r1 is bad",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		bpflog__forget();
		note_log(logs[i]);
		assert_string_equal(bpflog__line(), "libbpf: prog 'tap': r1 is bad");
		assert_true(bpflog__is_verdict());
	}
}

static void a_log_without_a_verdict_leaves_the_first_warning(void **state)
{
	static const char *const logs[] = { "", "\n", "processed 2 insns\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		bpflog__forget();
		note_log(logs[i]);
		assert_string_equal(
			bpflog__line(),
			"libbpf: prog 'tap': BPF program load failed: Invalid argument");
		assert_false(bpflog__is_verdict());
	}
}

static void a_long_line_is_cut(void **state)
{
	char log[4096];

	(void)state;
	memset(log, 'x', sizeof(log));
	log[sizeof(log) - 1] = 0;
	note_log(log);
	assert_in_range(strlen(bpflog__line()), 100, 1000);
	assert_true(bpflog__is_verdict());
}

#define LOG_TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(without_a_warning_there_is_no_line),
		LOG_TEST(the_first_warning_is_kept),
		LOG_TEST(the_verdict_is_the_last_line_before_the_statistics),
		LOG_TEST(a_log_without_a_verdict_leaves_the_first_warning),
		LOG_TEST(a_long_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
