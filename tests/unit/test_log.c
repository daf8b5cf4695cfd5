/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=write */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/log.h"

/* standard error, as far as log.c can tell */
static struct {
	char text[1024];
	size_t len;
	unsigned calls;
	unsigned interruptions; /* calls that are to fail with EINTR */
	size_t most; /* bytes that a call takes */
} screen;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (fd != STDERR_FILENO)
		return __real_write(fd, data, len);
	screen.calls++;
	if (screen.interruptions) {
		screen.interruptions--;
		errno = EINTR;
		return -1;
	}
	if (len > screen.most)
		len = screen.most;
	assert_true(screen.len + len < sizeof(screen.text));
	memcpy(screen.text + screen.len, data, len);
	screen.len += len;
	screen.text[screen.len] = '\0';
	return (ssize_t)len;
}

static int clear_screen(void **state)
{
	(void)state;
	memset(&screen, 0, sizeof(screen));
	screen.most = SIZE_MAX;
	log_setup(LOG_INFO, LOG_LOGFMT);
	return 0;
}

static void the_ready_line_is_as_the_contract_has_it(void **state)
{
	(void)state;
	log_msg(LOG_INFO, "ready", LOG_STR("address", "127.0.0.1:9752"), LOG_U64("taps", 3));
	assert_string_equal(screen.text, "level=info msg=ready address=127.0.0.1:9752 taps=3\n");
	assert_int_equal(screen.calls, 1);
}

static void the_ready_line_is_as_the_contract_has_it_in_json(void **state)
{
	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	log_msg(LOG_INFO, "ready", LOG_STR("address", "127.0.0.1:9752"), LOG_U64("taps", 3));
	assert_string_equal(screen.text,
			    "{\"level\":\"info\",\"msg\":\"ready\",\"address\":\"127.0.0.1:9752\","
			    "\"taps\":3}\n");
	assert_int_equal(screen.calls, 1);
}

static void a_message_needs_no_fields(void **state)
{
	(void)state;
	log_msg(LOG_ERROR, "no memory");
	assert_string_equal(screen.text, "level=error msg=\"no memory\"\n");
}

static void only_the_level_and_worse_are_logged(void **state)
{
	static const char *const expected[] = {
		[LOG_DEBUG] = "level=debug msg=m\n"
			      "level=info msg=m\nlevel=warn msg=m\nlevel=error msg=m\n",
		[LOG_INFO] = "level=info msg=m\nlevel=warn msg=m\nlevel=error msg=m\n",
		[LOG_WARN] = "level=warn msg=m\nlevel=error msg=m\n",
		[LOG_ERROR] = "level=error msg=m\n",
	};

	(void)state;
	for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
		clear_screen(NULL);
		log_setup(level, LOG_LOGFMT);
		for (enum log_level l = LOG_DEBUG; l <= LOG_ERROR; l++)
			log_msg(l, "m");
		assert_string_equal(screen.text, expected[level]);
	}
}

static void values_are_quoted_and_escaped_when_they_need_it(void **state)
{
	static const struct {
		const char *value, *logfmt, *json;
	} cases[] = {
		{ "plain", "plain", "\"plain\"" },
		{ "/usr/lib/libzmq.so.5", "/usr/lib/libzmq.so.5", "\"/usr/lib/libzmq.so.5\"" },
		{ "", "\"\"", "\"\"" },
		{ NULL, "\"\"", "\"\"" },
		{ "two words", "\"two words\"", "\"two words\"" },
		{ "a=b", "\"a=b\"", "\"a=b\"" },
		{ "say \"x\"", "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\"" },
		{ "\"", "\"\\\"\"", "\"\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"", "\"back\\\\slash\"" },
		{ "a\nlevel=error", "\"a\\nlevel=error\"", "\"a\\nlevel=error\"" },
		{ "\x1b[2J", "\"\\u001b[2J\"", "\"\\u001b[2J\"" },
		{ "\x7f", "\"\\u007f\"", "\"\\u007f\"" },
		{ "a\xc2\x9b\x32J", "\"a\\u009b2J\"", "\"a\\u009b2J\"" }, /* CSI as one character */
		{ "\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\"" }, /* just above */
		{ "stra\xc3\x9f"
		  "e",
		  "stra\xc3\x9f"
		  "e",
		  "\"stra\xc3\x9f"
		  "e\"" },
		{ "a\xff", "\"a\xef\xbf\xbd\"", "\"a\xef\xbf\xbd\"" },
		{ "\xc2", "\"\xef\xbf\xbd\"", "\"\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct log_field fields[] = { LOG_STR("k", cases[i].value), { .key = NULL } };
		struct strbuf line = STRBUF_INIT, expected = STRBUF_INIT;

		log_format_line(&line, LOG_LOGFMT, LOG_INFO, fields);
		strbuf_addf(&expected, "level=info k=%s\n", cases[i].logfmt);
		assert_string_equal(line.data, expected.data);

		strbuf_clear(&line);
		strbuf_clear(&expected);
		log_format_line(&line, LOG_JSON, LOG_INFO, fields);
		strbuf_addf(&expected, "{\"level\":\"info\",\"k\":%s}\n", cases[i].json);
		assert_string_equal(line.data, expected.data);
		strbuf_free(&line);
		strbuf_free(&expected);
	}
}

static void numbers_may_have_64_bits(void **state)
{
	(void)state;
	log_msg(LOG_INFO, "m", LOG_U64("least", 0), LOG_U64("most", UINT64_MAX));
	assert_string_equal(screen.text, "level=info msg=m least=0 most=18446744073709551615\n");
}

static void a_line_that_is_interrupted_is_written_to_its_end(void **state)
{
	(void)state;
	screen.interruptions = 2;
	screen.most = 7;
	log_msg(LOG_INFO, "ready", LOG_U64("taps", 3));
	assert_string_equal(screen.text, "level=info msg=ready taps=3\n");
}

static void errno_stays_as_it_was(void **state)
{
	(void)state;
	screen.interruptions = 1;
	errno = ENOENT;
	log_msg(LOG_INFO, "m");
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_ready_line_is_as_the_contract_has_it, clear_screen),
		cmocka_unit_test_setup(the_ready_line_is_as_the_contract_has_it_in_json,
				       clear_screen),
		cmocka_unit_test_setup(a_message_needs_no_fields, clear_screen),
		cmocka_unit_test_setup(only_the_level_and_worse_are_logged, clear_screen),
		cmocka_unit_test(values_are_quoted_and_escaped_when_they_need_it),
		cmocka_unit_test_setup(numbers_may_have_64_bits, clear_screen),
		cmocka_unit_test_setup(a_line_that_is_interrupted_is_written_to_its_end,
				       clear_screen),
		cmocka_unit_test_setup(errno_stays_as_it_was, clear_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
