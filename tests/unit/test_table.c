/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "stat/table.h"
#include "toolkit/cell.h"

static void shows_numbers_as_people_read_them(void **state)
{
	static const struct {
		double number;
		enum unit unit;
		const char *expected;
	} table[] = {
		{ 0, UNIT_COUNT, "0" },
		{ 3, UNIT_COUNT, "3" },
		{ 1.2345, UNIT_COUNT, "1.23" },
		{ 12.345, UNIT_COUNT, "12.3" },
		{ 999.4, UNIT_COUNT, "999" },
		{ 98765.4, UNIT_COUNT, "98.8k" },
		{ 1e18, UNIT_COUNT, "1000P" },
		{ 512, UNIT_BYTES, "512B" },
		{ 1536, UNIT_BYTES, "1.5KiB" },
		{ 8589934592, UNIT_BYTES, "8GiB" },
		{ 0, UNIT_SECONDS, "0s" },
		{ 0.0000005, UNIT_SECONDS, "0.50us" },
		{ 0.0015, UNIT_SECONDS, "1.5ms" },
		{ 1.5, UNIT_SECONDS, "1.50s" },
		{ 900, UNIT_SECONDS, "15.0m" },
		{ 7200, UNIT_SECONDS, "2.0h" },
		{ 90500, UNIT_MILLISECONDS, "90.5s" },
		{ 153.4, UNIT_CPU, "15.3%" },
		{ 0.9876, UNIT_SHARE, "98.8%" },
	};
	char text[CELL_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cell_number(text, table[i].number, table[i].unit);
		assert_string_equal(text, table[i].expected);
	}
	/* whatever comes from outside fits */
	cell_number(text, 1e308, UNIT_BYTES);
	assert_true(strlen(text) < CELL_LEN);
}

static void shows_names_that_command_nothing(void **state)
{
	static const struct {
		const char *name;
		size_t max;
		const char *expected;
		size_t chars;
	} table[] = {
		{ "plain", 0, "plain", 5 },
		{ "a\x1b[2J\x7f\n", 0, "a?[2J??", 7 },
		{ "\xc2\x9b"
		  "x\xc2\xa0",
		  0, "?x\xc2\xa0", 3 },
		{ "\xe6\x97\xa5\xe6\x9c\xac", 2, "\xe6\x97\xa5\xe6\x9c\xac", 2 },
		{ "0123456789", 4, "012…", 4 },
		{ "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 2, "\xe6\x97\xa5…", 2 },
		{ "", 3, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct strbuf out = STRBUF_INIT;

		assert_int_equal(cell_add_name(&out, table[i].name, table[i].max), table[i].chars);
		assert_string_equal(out.data ? out.data : "", table[i].expected);
		strbuf_free(&out);
	}
}

static json_t *answer;

static struct table *make(const char *text)
{
	struct table *table;

	answer = json_loads(text, 0, NULL);
	assert_non_null(answer);
	assert_int_equal(table__new(&table), 0);
	assert_int_equal(table__add(table, answer), 0);
	return table;
}

static void expect(struct table *table, size_t width, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	table__write(table, width, &out);
	assert_string_equal(out.data, expected);
	strbuf_free(&out);
	table__free(table);
	json_decref(answer);
}

static void sorts_aligns_and_leaves_out(void **state)
{
	(void)state;
	expect(make("{\"by_kernel\":{\"b\":null,\"c\":{\"gauge\":{\"zmq_in_flight\":"
		    "{\"current\":null}}},\"a\":{\"gauge\":{\"mem\":{\"current\":1024,"
		    "\"capacity\":null}}}}}"),
	       0,
	       "KERNEL   MEM  LIMIT  CALLS\n"
	       "a       1KiB   none      -\n"
	       "b       unknown\n"
	       "c          -      -    ...\n");
}

static void shortens_ids_to_the_width(void **state)
{
	(void)state;
	expect(make("{\"by_kernel\":{\"0123456789abcdef0123456789abcdef\":{\"gauge\":"
		    "{\"zmq_in_flight\":{\"current\":1}}}}}"),
	       27,
	       "KERNEL                CALLS\n"
	       "0123456789abcdef012…      1\n");
}

static void takes_answers_that_are_something_else(void **state)
{
	static const char *const answers[] = {
		"{}",
		"{\"by_kernel\":[]}",
		"{\"by_kernel\":5}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		expect(make(answers[i]), 0, "KERNEL\n");
	expect(make("{\"by_kernel\":{\"x\":5,\"y\":{\"gauge\":7,\"rate\":{\"net_rx\":[]}},"
		    "\"z\":{\"gauge\":{\"mem\":{\"current\":\"1\",\"capacity\":[]}}}}}"),
	       0,
	       "KERNEL  MEM  LIMIT  NET RX/s\n"
	       "x       unknown\n"
	       "y         -      -       ...\n"
	       "z       ...   none         -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_numbers_as_people_read_them),
		cmocka_unit_test(shows_names_that_command_nothing),
		cmocka_unit_test(sorts_aligns_and_leaves_out),
		cmocka_unit_test(shortens_ids_to_the_width),
		cmocka_unit_test(takes_answers_that_are_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
