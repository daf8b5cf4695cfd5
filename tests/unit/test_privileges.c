/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities are given up in children, which say by their exit status whether they have what they should: as Linux
 * shows it, not as the library does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cap-ng.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/privileges.h"

#define BIT(capability) (1ull << (capability))
#define NEEDED                                                                              \
	(BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | \
	 BIT(CAP_CHECKPOINT_RESTORE))
#define ADMIN BIT(CAP_SYS_ADMIN)

static int wrong; /* what a child has found so, up to now */

static void expect(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "# it does not hold that %s\n", what);
	wrong = 1;
}

/* One of this thread's sets, as Linux shows it: "Eff", "Prm", "Inh", "Bnd", "Amb". */
static uint64_t set(const char *name)
{
	char line[256], key[16];
	uint64_t value = UINT64_MAX;
	FILE *status = fopen("/proc/thread-self/status", "re");

	snprintf(key, sizeof(key), "Cap%s:", name);
	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, key, strlen(key)))
			value = strtoull(line + strlen(key), NULL, 16);
	if (status)
		fclose(status);
	return value;
}

static void expect_sets(uint64_t expected)
{
	expect(set("Eff") == expected, "the effective set is as expected");
	expect(set("Prm") == expected, "the permitted set is as expected");
	expect(!(set("Bnd") & ~expected), "no more can be gained");
	expect(!set("Inh") && !set("Amb"), "nothing is inherited");
}

static void take_away(unsigned capability)
{
	capng_get_caps_process();
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
	capng_apply(CAPNG_SELECT_CAPS);
}

static void in_a_child(void (*function)(void))
{
	int status;
	pid_t child;

	if ((set("Prm") & (NEEDED | ADMIN | BIT(CAP_SETPCAP))) !=
	    (NEEDED | ADMIN | BIT(CAP_SETPCAP)))
		skip();
	child = fork();
	if (!child) {
		function();
		_exit(wrong);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- keeping --------------------------------------------------------------------------------- */

static void keep(void)
{
	expect(!privileges_keep_needed(false), "it works");
	expect_sets(NEEDED);
	take_away(CAP_BPF);
	capng_get_caps_process();
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
	expect(capng_apply(CAPNG_SELECT_CAPS) != 0, "there is no way back");
	expect(set("Eff") == (NEEDED & ~BIT(CAP_BPF)), "what was given up is gone");
}

static void what_tapping_needs_is_kept_and_nothing_else(void **state)
{
	(void)state;
	in_a_child(keep);
}

static void keep_for_perf(void)
{
	expect(!privileges_keep_needed(true), "it works");
	expect_sets(NEEDED | ADMIN);
}

static void the_perf_way_keeps_cap_sys_admin(void **state)
{
	(void)state;
	in_a_child(keep_for_perf);
}

static void keep_a_stand_in(void)
{
	take_away(CAP_PERFMON);
	expect(!privileges_keep_needed(false), "it works");
	expect_sets((NEEDED & ~BIT(CAP_PERFMON)) | ADMIN);
}

static void cap_sys_admin_is_kept_if_it_stands_for_what_is_missing(void **state)
{
	(void)state;
	in_a_child(keep_a_stand_in);
}

static void keep_without_a_stand_in(void)
{
	take_away(CAP_SYS_PTRACE);
	expect(!privileges_keep_needed(false), "it works");
	expect_sets(NEEDED & ~BIT(CAP_SYS_PTRACE));
}

static void cap_sys_admin_is_not_kept_for_what_it_does_not_stand_for(void **state)
{
	(void)state;
	in_a_child(keep_without_a_stand_in);
}

static void keep_without_setpcap(void)
{
	take_away(CAP_SETPCAP);
	expect(!privileges_keep_needed(false), "it works without CAP_SETPCAP, too");
	expect(set("Eff") == NEEDED && set("Prm") == NEEDED, "the sets are as expected");
	expect(set("Bnd") & BIT(CAP_CHOWN), "the bounding set could not be emptied");
}

static void the_bounding_set_stays_where_it_must(void **state)
{
	(void)state;
	in_a_child(keep_without_setpcap);
}

/* ---- giving all up ------------------------------------------------------------------------------- */

static void drop(void)
{
	expect(!privileges_drop_all(), "it works");
	expect_sets(0);
	expect(!privileges_drop_all(), "it works when there is nothing left");
}

static void all_are_given_up(void **state)
{
	(void)state;
	in_a_child(drop);
}

static void *look(void *arg)
{
	*(uint64_t *)arg = set("Prm");
	return NULL;
}

static int look_around(void *arg)
{
	uint64_t seen = UINT64_MAX;
	pthread_t thread;

	expect(arg == &wrong, "the argument is handed on");
	expect_sets(0);
	pthread_create(&thread, NULL, look, &seen);
	pthread_join(thread, NULL);
	expect(!seen, "a thread that it starts has nothing, too");
	return -ENOTTY;
}

static void run_without(void)
{
	uint64_t before = set("Eff");

	expect(privileges_without(look_around, &wrong) == -ENOTTY, "the result comes back");
	expect(set("Eff") == before && before & NEEDED, "this thread keeps what it has");
}

static void a_function_runs_without_any_while_others_keep_theirs(void **state)
{
	(void)state;
	in_a_child(run_without);
}

/* ---- saying ------------------------------------------------------------------------------------- */

static const struct privilege *named(const char *name)
{
	const struct privilege *privilege = privileges_needed();

	while (privilege->name && strcmp(privilege->name, name) != 0)
		privilege++;
	return privilege;
}

static void say(void)
{
	char text[512], small[12];

	expect(!privileges_missing(text, sizeof(text)) && !text[0], "nothing is missing");
	take_away(CAP_BPF);
	expect(privilege_is_there(named("CAP_BPF")), "CAP_SYS_ADMIN stands for CAP_BPF");
	take_away(CAP_SYS_PTRACE);
	expect(!privilege_is_there(named("CAP_SYS_PTRACE")), "but not for CAP_SYS_PTRACE");
	expect(privileges_missing(text, sizeof(text)) == 1 &&
		       !strcmp(text,
			       "CAP_SYS_PTRACE (to read what processes of other users map, and whose they are)"),
	       "it is named, and what it is for");
	take_away(CAP_SYS_ADMIN);
	expect(privileges_missing(text, sizeof(text)) == 2 &&
		       strstr(text, "CAP_BPF (to load BPF programs), CAP_SYS_PTRACE (to ") == text,
	       "so are several, with commas");
	expect(privileges_missing(small, sizeof(small)) == 2 && !strcmp(small, "CAP_BPF (to"),
	       "what does not fit is cut off");
	expect(privileges_missing(small, 1) == 2 && !small[0], "all of it, if need be");
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	in_a_child(say);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_tapping_needs_is_kept_and_nothing_else),
		cmocka_unit_test(the_perf_way_keeps_cap_sys_admin),
		cmocka_unit_test(cap_sys_admin_is_kept_if_it_stands_for_what_is_missing),
		cmocka_unit_test(cap_sys_admin_is_not_kept_for_what_it_does_not_stand_for),
		cmocka_unit_test(the_bounding_set_stays_where_it_must),
		cmocka_unit_test(all_are_given_up),
		cmocka_unit_test(a_function_runs_without_any_while_others_keep_theirs),
		cmocka_unit_test(what_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
