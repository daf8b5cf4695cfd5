/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "proc_tree.h"
#include "subject/pods.h"

#define UID "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11"
#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define STATIC_UID "c4fb8bbf09e3ab4d5b2f4e8b1a7c6d5e"

static void check(const char *uid, const char *pod, const char *namespace)
{
	char found[32], found_namespace[16];
	int err =
		pod_find(tree, uid, found, sizeof(found), found_namespace, sizeof(found_namespace));

	assert_int_equal(err, *pod ? 0 : -ENOENT);
	assert_string_equal(found, pod);
	assert_string_equal(found_namespace, namespace);
}

static void put_pod(const char *directory)
{
	char path[256];

	snprintf(path, sizeof(path), POD_LOGS "/%s/web/0.log", directory);
	tree_put_bytes(path, "", 0);
}

static void a_pod_is_named_by_its_log_directory(void **state)
{
	(void)state;
	check(UID, "", "");
	put_pod("shop_web-0_" UID);
	put_pod("kube-system_etcd-node1.example_" STATIC_UID);
	check(UID, "web-0", "shop");
	check(STATIC_UID, "etcd-node1.example", "kube-system");
	check("3d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11", "", "");
}

static void a_directory_that_is_no_pods_names_none(void **state)
{
	static const char *const names[] = {
		UID,
		"_" UID,
		"shop_" UID,
		"shop__" UID,
		"_web_" UID,
		"shop_web_0_" UID,
		"Shop_web_" UID,
		"shop_we b_" UID,
		"shop_web\n_" UID,
		"shop_web_x" UID,
		"a-namespace-too-long_web_" UID,
		"shop_a-pod-with-a-name-that-is-too-long_" UID,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_pod(names[i]);
	check(UID, "", "");
}

static void state_files_are_found(void **state)
{
	char text[8] = "";
	int fd;

	(void)state;
	assert_int_equal(state_file_open(tree, ID), -ENOENT);
	tree_put_bytes("run/containers/storage/overlay-containers/" ID "/userdata/config.json",
		       "crio", 4);
	fd = state_file_open(tree, ID);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "crio");
	close(fd);
	tree_put_bytes("run/containerd/io.containerd.runtime.v2.task/k8s.io/" ID "/config.json",
		       "containerd", 10);
	fd = state_file_open(tree, ID);
	assert_int_equal(read(fd, text, 4), 4);
	assert_memory_equal(text, "cont", 4);
	close(fd);
}

static void what_is_no_file_is_not_opened(void **state)
{
	char path[256];

	(void)state;
	tree_put_bytes("run/containers/storage/overlay-containers/" ID "/userdata/x", "", 0);
	snprintf(path, sizeof(path),
		 "%s/run/containers/storage/overlay-containers/" ID "/userdata/config.json", tree);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(state_file_open(tree, ID), -ENOENT);
	unlink(path);
	assert_int_equal(symlink("x", path), 0);
	assert_int_equal(state_file_open(tree, ID), -ENOENT);
}

int main(void)
{
#define POD_TEST(function) cmocka_unit_test_setup_teardown(function, tree_setup, tree_teardown)
	const struct CMUnitTest tests[] = {
		POD_TEST(a_pod_is_named_by_its_log_directory),
		POD_TEST(a_directory_that_is_no_pods_names_none),
		POD_TEST(state_files_are_found),
		POD_TEST(what_is_no_file_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
