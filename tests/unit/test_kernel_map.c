/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "subject/kernel_map.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"

static char *const texts[] = {
	(char *)"3f4e1a0c9b8d=by-id",
	(char *)"/system.slice/llm.service=by-path",
	(char *)"/system.slice/llm*=by-pattern",
	(char *)"/a=b=by-odd-path",
};
static const struct kernel_map map = { .texts = texts, .count = 4 };

static void the_first_that_fits_counts(void **state)
{
	static const struct {
		const char *container, *text, *kernel_id;
	} cases[] = {
		{ ID, "", "by-id" },
		{ ID, "0::/system.slice/llm.service\n", "by-id" },
		{ "", "0::/system.slice/llm.service\n", "by-path" },
		{ "", "0::/system.slice/llm.service (deleted)\n", "by-path" },
		{ "", "0::/system.slice/llm-2.service/worker\n", "by-pattern" },
		{ "", "4:memory:/system.slice/llm.service\n0::/\n", "by-path" },
		{ "", "0::/a=b\n", "by-odd-path" },
		{ "", "0::/x/system.slice/llm.service\n", NULL },
		{ "4f4e1a0c9b8d", "0::/\n", NULL },
		{ "", "", NULL },
		{ "", "nonsense", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = kernel_map_find(&map, cases[i].container, cases[i].text);

		if (!found != !cases[i].kernel_id ||
		    (found && strcmp(found, cases[i].kernel_id) != 0))
			fail_msg("case %zu: %s", i, found ? found : "none");
	}
}

static void names_fit_as_their_path_does(void **state)
{
	char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { { "" },
							   { "llm.service", "system.slice" } };

	(void)state;
	assert_string_equal(kernel_map_find_names(&map, "", (const void *)names), "by-path");
	strcpy(names[1][2], "x");
	assert_null(kernel_map_find_names(&map, "", (const void *)names));
	assert_string_equal(kernel_map_find_names(&map, ID, (const void *)names), "by-id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_fits_counts),
		cmocka_unit_test(names_fit_as_their_path_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
