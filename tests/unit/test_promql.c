/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/promql.h"
#include "gateway/source.h"

static void escapes_ids_for_the_expression_and_the_string(void **state)
{
	static const struct {
		const char *id, *expected;
	} table[] = {
		{ "plain-id_1", "plain-id_1" },
		{ "a.b", "a\\\\.b" },
		{ "a|b", "a\\\\|b" },
		{ "^(a)[b]{1}$", "\\\\^\\\\(a\\\\)\\\\[b\\\\]\\\\{1\\\\}\\\\$" },
		{ ".*+?", "\\\\.\\\\*\\\\+\\\\?" },
		{ "\\", "\\\\\\\\" },
		{ "\\d", "\\\\\\\\d" },
		{ "say \"no\"", "say \\\"no\\\"" },
		{ "it's", "it's" },
		{ "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
		{ "\xc3\xbc", "\xc3\xbc" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct strbuf out = STRBUF_INIT;

		promql_add_id(&out, table[i].id);
		assert_string_equal(out.data ? out.data : "", table[i].expected);
		assert_int_equal(promql_id_len(table[i].id), strlen(table[i].expected));
		strbuf_free(&out);
	}
}

static void joins_the_ids_of_a_matcher(void **state)
{
	const char *const ids[] = { "a", "b.c" };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	promql_add_matcher(&out, ids, 2);
	assert_string_equal(out.data, "kernel_id=~\"a|b\\\\.c\"");
	strbuf_free(&out);
}

static void takes_as_many_ids_as_fit(void **state)
{
	const char *const ids[] = { "aaa", "b.", "c" };
	const char *many[PROMQL_MAX_IDS + 5];

	(void)state;
	assert_int_equal(promql_batch(ids, 3, 2), 0);
	assert_int_equal(promql_batch(ids, 3, 3), 1);
	/* aaa|b\\. */
	assert_int_equal(promql_batch(ids, 3, 7), 1);
	assert_int_equal(promql_batch(ids, 3, 8), 2);
	assert_int_equal(promql_batch(ids, 3, 10), 3);
	assert_int_equal(promql_batch(ids, 0, 10), 0);
	for (size_t i = 0; i < PROMQL_MAX_IDS + 5; i++)
		many[i] = "x";
	assert_int_equal(promql_batch(many, PROMQL_MAX_IDS + 5, 1 << 20), PROMQL_MAX_IDS);
}

static void puts_matcher_and_window_into_a_text(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	promql_expand(&out, "rate(x{$k}[$w]) $5 $", "kernel_id=~\"$w\"", 1500000000);
	assert_string_equal(out.data, "rate(x{kernel_id=~\"$w\"}[1500ms]) $5 $");
	strbuf_free(&out);
}

static void encodes_forms(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	promql_add_form(&out, "aZ0-._~ +&=%\n\xc3", 14);
	assert_string_equal(out.data, "aZ0-._~%20%2B%26%3D%25%0A%C3");
	strbuf_free(&out);
}

/* ---- the sources' queries ---- */

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void each_metric_is_told_of_by_one_part_at_most(void **state)
{
	const struct source *source = source_get(SOURCE_TAPMETER);
	uint32_t seen = 0;

	(void)state;
	for (unsigned part = PART_GAUGE; part < PART_COUNT; part++) {
		uint32_t own = 0;

		if (PARTS_OF_STATS >> part & 1)
			continue; /* tells more of what another part tells of */
		for (size_t i = 0; i < source->term_count; i++)
			if (source->terms[i].part == part)
				own |= source->terms[i].metrics;
		assert_int_equal(own & seen, 0);
		seen |= own;
	}
	assert_int_equal(seen, METRICS_ALL);
}

static void asks_for_wanted_metrics_only(void **state)
{
	const struct source *source = source_get(SOURCE_TAPMETER);
	struct strbuf out = STRBUF_INIT;
	size_t matchers;

	(void)state;
	assert_int_equal(source_add_query(source, PART_DIFF, METRIC_BIT(METRIC_MEM), "K", 1, &out),
			 0);
	assert_int_equal(out.len, 0);
	matchers = source_add_query(source, PART_GAUGE, METRIC_BIT(METRIC_MEM), "K", 1, &out);
	assert_int_equal(matchers, 2);
	assert_int_equal(count(out.data, "K"), 2);
	assert_non_null(strstr(out.data, "tapmeter_kernel_memory_limit_bytes"));
	assert_null(strstr(out.data, "cpu"));
	strbuf_free(&out);
}

/* What a query of n ids takes is reckoned from this. */
static void says_how_many_matchers_are_in_a_query(void **state)
{
	(void)state;
	for (unsigned kind = SOURCE_TAPMETER; kind <= SOURCE_BACKENDAI; kind++) {
		for (unsigned part = 0; part < PART_COUNT; part++) {
			struct strbuf out = STRBUF_INIT;
			size_t matchers = source_add_query(source_get((enum source_kind)kind),
							   (enum part)part, METRICS_ALL, "<K>",
							   1000000, &out);

			assert_int_equal(out.data ? count(out.data, "<K>") : 0, matchers);
			assert_int_equal(out.data ? count(out.data, "$") : 0, 0);
			strbuf_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_ids_for_the_expression_and_the_string),
		cmocka_unit_test(joins_the_ids_of_a_matcher),
		cmocka_unit_test(takes_as_many_ids_as_fit),
		cmocka_unit_test(puts_matcher_and_window_into_a_text),
		cmocka_unit_test(encodes_forms),
		cmocka_unit_test(each_metric_is_told_of_by_one_part_at_most),
		cmocka_unit_test(asks_for_wanted_metrics_only),
		cmocka_unit_test(says_how_many_matchers_are_in_a_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
