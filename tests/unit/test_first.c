/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "proc_tree.h"
#include "subject/first.h"
#include "subject/procfs.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

/* A host with cgroup v2 alone, and one whose v2 cgroups are all the root: the same processes. */
static const struct {
	const char *host, *engine, *container, *other;
} hosts[] = {
	{ "0::/init.scope\n", "0::/system.slice/containerd.service\n",
	  "0::/system.slice/docker-" ID ".scope\n", "0::/system.slice/docker-" ID2 ".scope\n" },
	{ "4:memory:/\n0::/\n", "4:memory:/system.slice/containerd.service\n0::/\n",
	  "5:name=systemd:/docker/" ID "\n4:memory:/docker/" ID "\n0::/\n",
	  "4:memory:/docker/" ID2 "\n0::/\n" },
};

/*
 *	1 init
 *	100 engine's shim
 *	  200 pid 1 of the container
 *	    201 its child
 *	      202 pid 1 of a pid namespace inside
 *	        203 its child
 *	  300 entered the container from outside (docker exec)
 *	  400 pid 1 of another container
 */
static void put_host(size_t i)
{
	tree_put_process(1, 0, 1, "1", hosts[i].host);
	tree_put_process(100, 1, 1000, "100", hosts[i].engine);
	tree_put_process(200, 100, 2000, "200 1", hosts[i].container);
	tree_put_process(201, 200, 2001, "201 7", hosts[i].container);
	tree_put_process(202, 201, 2002, "202 8 1", hosts[i].container);
	tree_put_process(203, 202, 2003, "203 9 2", hosts[i].container);
	tree_put_process(300, 100, 3000, "300 20", hosts[i].container);
	tree_put_process(400, 100, 1500, "400 1", hosts[i].other);
}

static void check(unsigned tgid, const char *container, unsigned expected)
{
	struct first_process first;
	int err = first_process_find(NULL, tree, tgid, container, &first);

	assert_int_equal(err, expected ? 0 : -ENOENT);
	assert_int_equal(first.tgid, expected);
}

static void the_first_process_is_found_from_each(void **state)
{
	static const unsigned members[] = { 200, 201, 202, 203, 300 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		put_host(i);
		for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
			check(members[m], ID, 200);
		check(400, ID2, 400);
	}
}

static void a_pid_1_comes_before_those_that_are_older(void **state)
{
	(void)state;
	put_host(0);
	tree_put_process(300, 100, 1900, "300 20", hosts[0].container);
	tree_put_process(301, 100, 2100, "301 21", hosts[0].container);
	check(300, ID, 200);
	check(301, ID, 200);
}

static void its_start_is_told(void **state)
{
	struct first_process first;

	(void)state;
	put_host(0);
	assert_int_equal(first_process_find(NULL, tree, 203, ID, &first), 0);
	assert_int_equal(first.start_ticks, 2000);
	assert_true(procfs_alive(NULL, tree, 200, 2000));
	assert_false(procfs_alive(NULL, tree, 200, 2001));
}

static void without_a_pid_1_the_oldest_is_the_first(void **state)
{
	(void)state;
	put_host(0);
	/* --pid=host, or the pod's pid 1 is in another container */
	tree_put_process(200, 100, 2000, "200", hosts[0].container);
	tree_put_process(201, 200, 2001, "201", hosts[0].container);
	tree_take_away(202);
	tree_put_process(203, 201, 2003, "203", hosts[0].container);
	tree_put_process(300, 100, 1999, "300", hosts[0].container);
	check(203, ID, 300);
	tree_take_away(300);
	check(203, ID, 200);
}

static void one_that_has_gone_leads_to_the_others(void **state)
{
	(void)state;
	put_host(0);
	tree_take_away(203);
	check(203, ID, 200);
	for (unsigned tgid = 200; tgid <= 202; tgid++)
		tree_take_away(tgid);
	check(203, ID, 300);
	tree_take_away(300);
	check(203, ID, 0);
}

static void parents_that_go_round_come_to_an_end(void **state)
{
	(void)state;
	put_host(0);
	tree_put_process(200, 203, 2000, "200", hosts[0].container);
	tree_put_process(202, 201, 2002, "202", hosts[0].container);
	check(203, ID, 200);
}

static void a_name_cannot_make_a_process_the_first(void **state)
{
	(void)state;
	put_host(0);
	/* proc_tree.h gives each the name "a\nNSpid:\t9 1", as the Linux kernel shows it */
	assert_false(procfs_is_first(NULL, tree, 201));
	assert_true(procfs_is_first(NULL, tree, 202));
	assert_false(procfs_is_first(NULL, tree, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_process_is_found_from_each, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(a_pid_1_comes_before_those_that_are_older,
						tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(its_start_is_told, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(without_a_pid_1_the_oldest_is_the_first, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(one_that_has_gone_leads_to_the_others, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(parents_that_go_round_come_to_an_end, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(a_name_cannot_make_a_process_the_first, tree_setup,
						tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
