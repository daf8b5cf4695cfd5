/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proc_tree.h"
#include "subject/containers.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID3 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct containers *containers;

static int setup(void **state)
{
	return tree_setup(state) || containers__new(NULL, tree, &containers);
}

static int teardown(void **state)
{
	containers__free(containers);
	return tree_teardown(state);
}

/* A container whose first process has that pid. */
static struct container *add(const char *id, unsigned tgid, uint64_t now_ns)
{
	struct container *container = containers__add(containers, id, now_ns);

	assert_non_null(container);
	tree_put_process(tgid, 1, 500, "1", "0::/\n");
	container->first = (struct first_process){ .tgid = tgid, .start_ticks = 500 };
	return container;
}

static void check(const struct container *container, const char *kernel_id)
{
	struct subject subject;

	container_subject(container, &subject);
	assert_string_equal(subject.kernel_id, kernel_id);
	assert_string_equal(subject.container, container->id);
}

static void the_sources_have_an_order(void **state)
{
	struct container *container = add(ID, 10, 1);

	(void)state;
	check(container, ID);
	assert_int_equal(containers__claim(containers, container, CLAIM_ENVIRONMENT, "env"), 1);
	check(container, "env");
	assert_int_equal(containers__claim(containers, container, CLAIM_LABEL, "label"), 1);
	check(container, "label");
	assert_int_equal(containers__claim(containers, container, CLAIM_CONFIG, "config"), 1);
	check(container, "config");
	assert_int_equal(containers__claim(containers, container, CLAIM_ENVIRONMENT, "other"), 0);
	assert_int_equal(containers__claim(containers, container, CLAIM_CONFIG, "config"), 0);
	check(container, "config");
	assert_int_equal(containers__claim(containers, container, CLAIM_CONFIG, ""), 1);
	check(container, "label");
}

static void of_two_that_claim_one_kernel_both_keep_their_ids(void **state)
{
	struct container *a = add(ID, 10, 1), *b = add(ID2, 11, 1), *c = add(ID3, 12, 1);

	(void)state;
	containers__claim(containers, a, CLAIM_ENVIRONMENT, "k1");
	containers__claim(containers, c, CLAIM_ENVIRONMENT, "k2");
	assert_int_equal(containers__conflicts(containers), 0);
	/* whatever says so */
	assert_int_equal(containers__claim(containers, b, CLAIM_LABEL, "k1"), 1);
	assert_int_equal(containers__conflicts(containers), 2);
	check(a, ID);
	check(b, ID2);
	check(c, "k2");
	assert_int_equal(containers__claim(containers, c, CLAIM_CONFIG, "k1"), 1);
	assert_int_equal(containers__conflicts(containers), 3);
	check(c, ID3);
	/* not undone: whose the earlier counts were stays unknown */
	tree_take_away(10);
	tree_take_away(11);
	containers__settle(containers, c);
	check(c, ID3);
	assert_int_equal(containers__conflicts(containers), 3);
}

static void who_comes_when_the_other_has_gone_takes_the_kernel(void **state)
{
	struct container *a = add(ID, 10, 1), *b = add(ID2, 11, 1);

	(void)state;
	containers__claim(containers, a, CLAIM_ENVIRONMENT, "k1");
	tree_take_away(10);
	containers__claim(containers, b, CLAIM_ENVIRONMENT, "k1");
	check(a, "k1");
	check(b, "k1");
	assert_int_equal(containers__conflicts(containers), 0);
}

static void a_pid_that_comes_again_keeps_no_container_alive(void **state)
{
	struct container *a = add(ID, 10, 1), *b = add(ID2, 11, 1);

	(void)state;
	containers__claim(containers, a, CLAIM_ENVIRONMENT, "k1");
	tree_put_process(10, 1, 501, "1", "0::/\n");
	containers__claim(containers, b, CLAIM_ENVIRONMENT, "k1");
	check(b, "k1");
}

static void a_name_learnt_after_the_end_takes_nothing_from_the_living(void **state)
{
	struct container *a = add(ID, 10, 1), *b = add(ID2, 11, 1);

	(void)state;
	containers__claim(containers, b, CLAIM_ENVIRONMENT, "k1");
	tree_take_away(10);
	containers__claim(containers, a, CLAIM_LABEL, "k1");
	check(a, "k1");
	check(b, "k1");
	assert_int_equal(containers__conflicts(containers), 0);
}

static void a_container_is_remembered_after_its_end_for_a_while(void **state)
{
	struct container *a = add(ID, 10, 100);

	(void)state;
	add(ID2, 11, 100);
	containers__claim(containers, a, CLAIM_ENVIRONMENT, "k1");
	tree_take_away(10);
	containers__sweep(containers, 150, 50);
	check(containers__find(containers, ID), "k1");
	containers__sweep(containers, 151, 50);
	assert_null(containers__find(containers, ID));
	/* one that lives is not forgotten */
	assert_non_null(containers__find(containers, ID2));
	tree_take_away(11);
	containers__sweep(containers, 201, 50);
	assert_non_null(containers__find(containers, ID2));
	containers__sweep(containers, 202, 50);
	assert_null(containers__find(containers, ID2));
}

static void there_is_a_limit(void **state)
{
	char id[CGROUP_CONTAINER_MAX + 1];

	(void)state;
	for (int i = 0; i < CONTAINERS_MAX; i++) {
		snprintf(id, sizeof(id), "%064x", i);
		assert_non_null(containers__add(containers, id, 1));
	}
	assert_null(containers__add(containers, ID, 1));
	containers__sweep(containers, 10, 5);
	assert_non_null(containers__add(containers, ID, 1));
}

static void a_pod_is_known_by_its_uid_until_it_has_a_name(void **state)
{
	struct container *container = add(ID, 10, 1);
	struct subject subject;

	(void)state;
	strcpy(container->pod_uid, "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11");
	container_subject(container, &subject);
	assert_string_equal(subject.pod, "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11");
	assert_string_equal(subject.namespace, "");
	strcpy(container->pod, "web-0");
	strcpy(container->namespace, "shop");
	container_subject(container, &subject);
	assert_string_equal(subject.pod, "web-0");
	assert_string_equal(subject.namespace, "shop");
}

int main(void)
{
#define CONTAINER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		CONTAINER_TEST(the_sources_have_an_order),
		CONTAINER_TEST(of_two_that_claim_one_kernel_both_keep_their_ids),
		CONTAINER_TEST(who_comes_when_the_other_has_gone_takes_the_kernel),
		CONTAINER_TEST(a_pid_that_comes_again_keeps_no_container_alive),
		CONTAINER_TEST(a_name_learnt_after_the_end_takes_nothing_from_the_living),
		CONTAINER_TEST(a_container_is_remembered_after_its_end_for_a_while),
		CONTAINER_TEST(there_is_a_limit),
		CONTAINER_TEST(a_pod_is_known_by_its_uid_until_it_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
