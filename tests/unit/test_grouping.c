/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "serve/grouping.h"

static const int items[8];

static void assert_labels(const struct grouping *g, size_t entry, const char *text)
{
	assert_int_equal(g->entries[entry].len, strlen(text));
	assert_memory_equal(g->text.data + g->entries[entry].start, text, strlen(text));
}

static void leaves_empty_labels_out_and_escapes_the_others(void **state)
{
	struct grouping g = { 0 };

	(void)state;
	grouping_label(&g, "a", "");
	grouping_label(&g, "b", "x\"y");
	grouping_label(&g, "c", "");
	grouping_label(&g, "d", "z");
	assert_int_equal(grouping_add(&g, &items[0]), 0);
	assert_int_equal(grouping_finish(&g), 0);
	assert_labels(&g, 0, "b=\"x\\\"y\",d=\"z\"");
	grouping_free(&g);
}

static void brings_equal_labels_together(void **state)
{
	static const char *const values[] = { "b", "a", "", "b", "aa", "a" };
	static const char *const sorted[] = { "", "l=\"a\"", "l=\"aa\"", "l=\"b\"" };
	static const size_t sizes[] = { 1, 2, 1, 2 };
	struct grouping g = { 0 };
	size_t first = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		grouping_label(&g, "l", values[i]);
		assert_int_equal(grouping_add(&g, &items[i]), 0);
	}
	assert_int_equal(grouping_finish(&g), 0);
	for (size_t i = 0; i < 4; i++) {
		size_t end = grouping_end(&g, first);

		assert_labels(&g, first, sorted[i]);
		assert_int_equal(end - first, sizes[i]);
		first = end;
	}
	assert_int_equal(first, g.count);
	grouping_free(&g);
}

static void keeps_each_item_with_its_labels(void **state)
{
	struct grouping g = { 0 };

	(void)state;
	grouping_label(&g, "l", "2");
	assert_int_equal(grouping_add(&g, &items[2]), 0);
	grouping_label(&g, "l", "1");
	assert_int_equal(grouping_add(&g, &items[1]), 0);
	assert_int_equal(grouping_finish(&g), 0);
	assert_ptr_equal(g.entries[0].item, &items[1]);
	assert_ptr_equal(g.entries[1].item, &items[2]);
	grouping_free(&g);
}

static void may_be_empty(void **state)
{
	struct grouping g = { 0 };

	(void)state;
	assert_int_equal(grouping_finish(&g), 0);
	assert_int_equal(g.count, 0);
	grouping_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_empty_labels_out_and_escapes_the_others),
		cmocka_unit_test(brings_equal_labels_together),
		cmocka_unit_test(keeps_each_item_with_its_labels),
		cmocka_unit_test(may_be_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
