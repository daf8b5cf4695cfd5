/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "util/gauge_spec.h"

static struct gauge_specs specs;
static struct yaml_errors errors = YAML_ERRORS_INIT;

static void read_text(const char *text)
{
	struct yaml_node *node = NULL;

	gauge_specs_free(&specs);
	yaml_errors_free(&errors);
	errors.file = "f";
	assert_int_equal(yaml__parse("f", text, strlen(text), &node, &errors), 0);
	gauge_specs_read(node, &specs, &errors);
	yaml__free(node);
}

static int tear_down(void **state)
{
	(void)state;
	gauge_specs_free(&specs);
	yaml_errors_free(&errors);
	return 0;
}

static void reads_all_that_can_be_said(void **state)
{
	const struct gauge_spec *spec;

	(void)state;
	read_text(
		"- {name: jobs, help: Jobs., match: {comm: [a*, b], exe: /x, kernel_id: k}, symbol: g,\n"
		"   file: '*/lib*', type: u16, pointer: true, offset: 0x10, labels: {queue: q, tier: t}}\n");
	assert_int_equal(errors.count, 0);
	assert_int_equal(specs.count, 1);
	spec = &specs.items[0];
	assert_string_equal(spec->name, "jobs");
	assert_string_equal(spec->help, "Jobs.");
	assert_int_equal(spec->comms.count, 2);
	assert_string_equal(spec->comms.items[1], "b");
	assert_string_equal(spec->exes.items[0], "/x");
	assert_string_equal(spec->kernel_ids.items[0], "k");
	assert_string_equal(spec->symbol, "g");
	assert_string_equal(spec->file, "*/lib*");
	assert_int_equal(spec->type, GAUGE_U16);
	assert_int_equal(spec->pointer, 1);
	assert_int_equal(spec->offset, 16);
	assert_int_equal(spec->label_count, 2);
	assert_string_equal(spec->labels[1].name, "tier");
	assert_string_equal(spec->labels[1].value, "t");
}

/* Each is the only thing wrong. */
static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "gauges", "f:1:1: found 'gauges', expected a list of gauges" },
		{ "- x",
		  "f:1:3: found 'x', expected a map with name, help, match, symbol and type" },
		{ "- {help: h, match: {comm: c}, symbol: s, type: i8}",
		  "f:1:3: 'name' is missing, expected letters, digits and _" },
		{ "- {name: n, help: h, match: {}, symbol: s, type: i8}",
		  "expected a map with comm, exe or kernel_id" },
		{ "- {name: n, help: h, match: {comm: []}, symbol: s, type: i8}",
		  "expected a pattern, or a list of patterns" },
		{ "- {name: n, help: h, symbol: s, type: i8}", "'match' is missing" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s}", "'type' is missing" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: int}", "'int'" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, ofset: 1}",
		  "did you mean 'offset'?" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, offset: 1x}",
		  "expected a number of bytes, 0 to 0xffffff" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, offset: 0x1000000}",
		  "expected a number of bytes, 0 to 0xffffff" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, labels: {pod: x}}",
		  "'pod' cannot be a label here" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, labels: {__x: x}}",
		  "'__x' cannot be a label here" },
		{ "- {name: n, help: h, match: {comm: c}, symbol: s, type: i8, labels: {x: ''}}",
		  "expected the label's value" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_text(cases[i].text);
		assert_int_equal(errors.count, 1);
		if (!strstr(errors.lines[0], cases[i].error))
			assert_string_equal(errors.lines[0], cases[i].error);
	}
}

static void reads_values_of_all_types(void **state)
{
	static const struct {
		enum gauge_type type;
		size_t size;
		const char *bytes;
		double value;
	} cases[] = {
		{ GAUGE_I8, 1, "\xff", -1 },
		{ GAUGE_U8, 1, "\xff", 255 },
		{ GAUGE_I16, 2, "\xfe\xff", -2 },
		{ GAUGE_U16, 2, "\xfe\xff", 65534 },
		{ GAUGE_I32, 4, "\xfd\xff\xff\xff", -3 },
		{ GAUGE_U32, 4, "\xfd\xff\xff\xff", 4294967293.0 },
		{ GAUGE_I64, 8, "\xfc\xff\xff\xff\xff\xff\xff\xff", -4 },
		{ GAUGE_U64, 8, "\0\0\0\0\0\0\0\x80", 9223372036854775808.0 },
		{ GAUGE_F32, 4, "\0\0\x20\xc0", -2.5 },
		{ GAUGE_F64, 8, "\0\0\0\0\0\0\x04\x40", 2.5 },
		{ GAUGE_BOOL, 1, "\x02", 1 },
		{ GAUGE_BOOL, 1, "\0", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double value = gauge_type_value(cases[i].type, cases[i].bytes);

		assert_int_equal(gauge_type_size(cases[i].type), cases[i].size);
		assert_memory_equal(&value, &cases[i].value, sizeof(value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads_all_that_can_be_said, tear_down),
		cmocka_unit_test_teardown(says_what_is_wrong, tear_down),
		cmocka_unit_test_teardown(reads_values_of_all_types, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
