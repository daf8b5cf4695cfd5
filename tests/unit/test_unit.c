/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>
#include "subject/cgroup.h"
#include "subject/unit.h"

#define NAME_120                                                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void a_path_names_a_unit_or_none(void **state)
{
	static const struct {
		const char *path, *unit;
	} cases[] = {
		{ "/system.slice/redis-server.service", "redis-server.service" },
		{ "/system.slice/system-serving.slice/serving@7.service", "serving@7.service" },
		{ "/system.slice/llm.service/workers/3", "llm.service" },
		{ "/system.slice/llm.service (deleted)", "llm.service" },
		{ "/system.slice/run-u12.service", "run-u12.service" },
		{ "/machine.slice/machine-web.scope", "machine-web.scope" },
		/* systemd in a container of systemd's own: the innermost */
		{ "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
		  "nginx.service" },
		{ "/../../system.slice/llm.service", "llm.service" },
		{ "//system.slice//llm.service//", "llm.service" },
		{ "/system.slice/name\\x2dwith\\x20escapes.service",
		  "name\\x2dwith\\x20escapes.service" },
		{ "/" NAME_120 ".scope", NAME_120 ".scope" },
		/* none */
		{ "/" NAME_120 ".service", "" }, /* too long: not cut */
		{ "/", "" },
		{ "", "" },
		{ "/init.scope", "" },
		{ "/system.slice", "" },
		{ "/.service", "" },
		{ "/a\nb.service", "" },
		{ "/a\xff.service", "" },
		/* what comes and goes with users' logins */
		{ "/user.slice", "" },
		{ "/user.slice/user-1000.slice/session-12.scope", "" },
		{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-term-4711.scope",
		  "" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/llm.service", "" },
	};
	char unit[UNIT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = unit_from_path(cases[i].path, strlen(cases[i].path), unit);

		if (err != (*cases[i].unit ? 0 : -ENOENT) || strcmp(unit, cases[i].unit) != 0)
			fail_msg("%s: %d %s", cases[i].path, err, unit);
	}
}

static void the_hierarchies_have_an_order(void **state)
{
	static const struct {
		const char *text, *unit;
	} cases[] = {
		{ "0::/system.slice/a.service\n", "a.service" },
		{ "4:memory:/system.slice/b.service\n0::/system.slice/a.service\n", "a.service" },
		{ "4:memory:/system.slice/b.service\n1:name=systemd:/system.slice/c.service\n0::/\n",
		  "c.service" },
		{ "5:pids:/x.service\n4:memory,cpu:/system.slice/b.service\n0::/\n", "b.service" },
		{ "5:pids:/system.slice/x.service\n4:memory:/\n0::/\n", "x.service" },
		{ "0::/\n", "" },
		{ "", "" },
		{ "0:/x.service\nx.service\n", "" },
	};
	char unit[UNIT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = unit_from_text(cases[i].text, unit);

		if (err != (*cases[i].unit ? 0 : -ENOENT) || strcmp(unit, cases[i].unit) != 0)
			fail_msg("case %zu: %d %s", i, err, unit);
	}
}

static void names_make_a_path(void **state)
{
	char names[TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { "a.service", "system.slice", "" };
	char path[64];

	(void)state;
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, sizeof(path)), 0);
	assert_string_equal(path, "/system.slice/a.service");
	names[0][0] = 0;
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, sizeof(path)), 0);
	assert_string_equal(path, "/");
}

static void names_that_do_not_make_a_whole_path_make_none(void **state)
{
	char names[TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { "5", "4", "3", "2", "1" };
	char path[64];

	(void)state;
	/* what lies above is not known */
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, sizeof(path)),
			 -ENAMETOOLONG);
	assert_string_equal(path, "");
	memset(names[0], 'x', TM_CGROUP_NAME - 1);
	names[1][0] = 0;
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, sizeof(path)),
			 -ENAMETOOLONG);
	strcpy(names[0], "abc");
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, 4), -ENAMETOOLONG);
	assert_int_equal(cgroup_path_from_names(names, TM_CGROUP_DEPTH, path, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_names_a_unit_or_none),
		cmocka_unit_test(the_hierarchies_have_an_order),
		cmocka_unit_test(names_make_a_path),
		cmocka_unit_test(names_that_do_not_make_a_whole_path_make_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
