/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"
#include <errno.h>
#include "subject/usage.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define V1 "docker/" ID
#define V2 "kubepods.slice/pod.slice/cri-containerd-" ID ".scope"
#define HOST_NETNS "net:[4026531840]"
#define HEAD "Inter-|   Receive | Transmit\n face |bytes |bytes\n"
#define ETH0 "  eth0: 1000 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n"

/* ---- a host with one container ----------------------------------------------------------------- */

static struct tree tree;
static struct usage_host *host;
static struct usage *usage;

static int setup(void **state)
{
	(void)state;
	return tree_new(&tree);
}

static int teardown(void **state)
{
	(void)state;
	usage__free(usage);
	usage = NULL;
	usage_host__free(host);
	host = NULL;
	return tree_free(&tree);
}

static void put_mounts(const char *const *kinds)
{
	char text[4096] = "", line[600], path[512];

	for (; *kinds; kinds++) {
		tree_path(&tree, *kinds, path);
		mkdir(path, 0700);
		snprintf(line, sizeof(line), "1 2 0:3 / %s rw - %s none rw,%s\n", path,
			 strcmp(*kinds, "unified") ? "cgroup" : "cgroup2", *kinds);
		strcat(text, line);
	}
	tree_put(&tree, "self/mountinfo", text);
}

static void put_process(unsigned tgid, const char *cgroup, const char *netns, const char *net_dev)
{
	char name[64];

	snprintf(name, sizeof(name), "%u/cgroup", tgid);
	tree_put(&tree, name, cgroup);
	snprintf(name, sizeof(name), "%u/ns/net", tgid);
	tree_link(&tree, name, netns);
	snprintf(name, sizeof(name), "%u/net/dev", tgid);
	tree_put(&tree, name, net_dev);
}

static void put_v1(void)
{
	static const char *const kinds[] = { "cpuacct", "memory", "blkio", "unified", NULL };

	put_mounts(kinds);
	tree_put(&tree, "cpuacct/" V1 "/cpuacct.usage", "123456789\n");
	tree_put(&tree, "memory/" V1 "/memory.usage_in_bytes", "1000000\n");
	tree_put(&tree, "memory/" V1 "/memory.stat",
		 "inactive_file 7\nhierarchical_memory_limit 9223372036854771712\n"
		 "total_inactive_file 400000\n");
	tree_put(&tree, "memory/" V1 "/memory.limit_in_bytes", "9223372036854771712\n");
	tree_put(&tree, "blkio/" V1 "/blkio.throttle.io_service_bytes_recursive",
		 "8:0 Read 11\n8:0 Write 22\n8:0 Total 33\nTotal 33\n");
	put_process(1, "0::/\n", HOST_NETNS, HEAD);
	put_process(42,
		    "4:blkio:/" V1 "\n3:memory:/" V1 "\n2:cpu,cpuacct:/" V1 "/init.scope\n0::/\n",
		    "net:[4026532000]", HEAD ETH0);
}

static void put_v2(void)
{
	static const char *const kinds[] = { "unified", NULL };

	put_mounts(kinds);
	tree_put(&tree, "unified/" V2 "/cpu.stat", "usage_usec 5000000\nuser_usec 4\n");
	tree_put(&tree, "unified/" V2 "/memory.current", "1000000\n");
	tree_put(&tree, "unified/" V2 "/memory.stat", "anon 5\ninactive_file 300000\n");
	tree_put(&tree, "unified/" V2 "/memory.max", "max\n");
	tree_put(&tree, "unified/" V2 "/io.stat",
		 "8:0 rbytes=1 wbytes=2\n8:1 rbytes=10 wbytes=20\n");
	put_process(1, "0::/\n", HOST_NETNS, HEAD);
	put_process(42, "0::/" V2 "/init.scope\n", "net:[4026532000]", HEAD ETH0);
}

static void open_host(size_t max_fds)
{
	assert_int_equal(usage_host__new(tree.root, max_fds, &host), 0);
}

static void open_usage(size_t max_fds)
{
	open_host(max_fds);
	assert_int_equal(usage__new(host, ID, 42, &usage), 0);
}

static struct kernel_usage read_usage(void)
{
	struct kernel_usage out = { .instance = 5, .cpu_ns = 99, .io_read_bytes = 99 };

	usage__read(usage, 1234, &out);
	assert_int_equal(out.mono_ns, 1234);
	assert_int_equal(out.instance, 5);
	return out;
}

#define ALL (USAGE_CPU | USAGE_MEMORY | USAGE_IO | USAGE_NETWORK)

/* ---- what is read --------------------------------------------------------------------------------- */

static void v1_is_read(void **state)
{
	struct kernel_usage u;

	(void)state;
	put_v1();
	open_usage(100);
	u = read_usage();
	assert_int_equal(u.has, ALL);
	assert_int_equal(u.cpu_ns, 123456789);
	assert_int_equal(u.memory_bytes, 600000);
	assert_true(u.memory_limit_bytes == USAGE_UNLIMITED);
	assert_int_equal(u.io_read_bytes, 11);
	assert_int_equal(u.io_write_bytes, 22);
	assert_int_equal(u.net_rx_bytes, 1000);
	assert_int_equal(u.net_tx_bytes, 20);
}

static void v2_is_read(void **state)
{
	struct kernel_usage u;

	(void)state;
	put_v2();
	open_usage(100);
	u = read_usage();
	assert_int_equal(u.has, ALL);
	assert_int_equal(u.cpu_ns, 5000000000);
	assert_int_equal(u.memory_bytes, 700000);
	assert_true(u.memory_limit_bytes == USAGE_UNLIMITED);
	assert_int_equal(u.io_read_bytes, 11);
	assert_int_equal(u.io_write_bytes, 22);
	assert_int_equal(u.net_rx_bytes, 1000);
}

static void each_resource_is_read_where_the_container_is(void **state)
{
	static const char *const kinds[] = { "memory", "unified", NULL };
	struct kernel_usage u;

	(void)state;
	put_v1();
	put_v2();
	/* blkio is not mounted; memory is that of all containers; CPU is in v2 */
	put_mounts(kinds);
	put_process(42, "3:memory:/docker\n2:blkio:/" V1 "\n0::/" V2 "\n", HOST_NETNS, HEAD);
	tree_remove(&tree, "unified/" V2 "/memory.current");
	tree_remove(&tree, "unified/" V2 "/io.stat");
	open_usage(100);
	u = read_usage();
	assert_int_equal(u.has, USAGE_CPU);
	assert_int_equal(u.cpu_ns, 5000000000);
}

static void cpu_of_v1_comes_before_that_of_v2(void **state)
{
	static const char *const kinds[] = { "cpuacct", "memory", "blkio", "unified", NULL };

	(void)state;
	put_v1();
	put_v2();
	put_mounts(kinds);
	put_process(42, "2:cpu,cpuacct:/" V1 "\n0::/" V2 "\n", HOST_NETNS, HEAD);
	open_usage(100);
	assert_int_equal(read_usage().cpu_ns, 123456789);
	assert_int_equal(read_usage().memory_bytes, 700000);
}

static void a_limit_further_up_counts(void **state)
{
	(void)state;
	put_v1();
	tree_put(&tree, "memory/" V1 "/memory.stat",
		 "hierarchical_memory_limit 5000\ntotal_inactive_file 0\n");
	open_usage(100);
	assert_int_equal(read_usage().memory_limit_bytes, 5000);
	tree_put(&tree, "memory/" V1 "/memory.limit_in_bytes", "4000\n");
	assert_int_equal(read_usage().memory_limit_bytes, 4000);
}

static void a_limit_further_up_counts_in_v2(void **state)
{
	(void)state;
	put_v2();
	tree_put(&tree, "unified/kubepods.slice/memory.max", "8000\n");
	tree_put(&tree, "unified/kubepods.slice/pod.slice/memory.max", "max\n");
	open_usage(100);
	assert_int_equal(read_usage().memory_limit_bytes, 8000);
	tree_put(&tree, "unified/" V2 "/memory.max", "7000\n");
	assert_int_equal(read_usage().memory_limit_bytes, 7000);
	tree_put(&tree, "unified/kubepods.slice/pod.slice/memory.max", "6000\n");
	for (int i = 0; i < 5; i++)
		usage__refresh(usage);
	assert_int_equal(read_usage().memory_limit_bytes, 6000);
}

static void more_inactive_than_used_is_nothing_used(void **state)
{
	(void)state;
	put_v2();
	tree_put(&tree, "unified/" V2 "/memory.current", "200000\n");
	open_usage(100);
	assert_int_equal(read_usage().memory_bytes, 0);
}

static void garbage_is_left_out(void **state)
{
	static const struct {
		const char *file;
		uint32_t has;
	} cases[] = {
		{ "unified/" V2 "/cpu.stat", USAGE_CPU },
		{ "unified/" V2 "/memory.current", USAGE_MEMORY },
		{ "unified/" V2 "/memory.stat", USAGE_MEMORY },
		{ "unified/" V2 "/memory.max", USAGE_MEMORY },
		{ "unified/" V2 "/io.stat", USAGE_IO },
		{ "42/net/dev", USAGE_NETWORK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_usage u;

		put_v2();
		open_usage(100);
		tree_put(&tree, cases[i].file, "usage_usec 99999999999999999999\n");
		u = read_usage();
		assert_int_equal(u.has, ALL & ~cases[i].has);
		assert_int_equal(u.cpu_ns, cases[i].has == USAGE_CPU ? 0 : 5000000000);
		usage__free(usage);
		usage = NULL;
		usage_host__free(host);
		host = NULL;
	}
}

static void microseconds_beyond_64_bits_of_nanoseconds_are_left_out(void **state)
{
	(void)state;
	put_v2();
	tree_put(&tree, "unified/" V2 "/cpu.stat", "usage_usec 18446744073709552\n");
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_CPU);
}

static void a_file_without_end_is_left_out(void **state)
{
	static char text[300 << 10];

	(void)state;
	put_v2();
	memset(text, '\n', sizeof(text) - 1);
	tree_put(&tree, "42/net/dev", text);
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
}

static void a_disk_unused_is_zero_only_if_disks_are_counted(void **state)
{
	(void)state;
	put_v1();
	tree_put(&tree, "blkio/" V1 "/blkio.throttle.io_service_bytes_recursive", "Total 0\n");
	tree_put(&tree, "blkio/blkio.throttle.io_service_bytes_recursive", "Total 0\n");
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_IO);
	tree_put(&tree, "blkio/blkio.throttle.io_service_bytes_recursive",
		 "8:0 Read 5\n8:0 Write 5\nTotal 10\n");
	usage_host__refresh(host);
	assert_int_equal(read_usage().has, ALL);
	assert_int_equal(read_usage().io_read_bytes, 0);
}

/* ---- whose it is ---------------------------------------------------------------------------------- */

static void the_hosts_network_is_left_out(void **state)
{
	(void)state;
	put_v2();
	put_process(42, "0::/" V2 "\n", HOST_NETNS, HEAD ETH0);
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
}

static void no_network_is_shown_if_the_hosts_is_not_known(void **state)
{
	(void)state;
	put_v2();
	tree_remove(&tree, "1");
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
	usage__refresh(usage);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
}

static void kthreadd_tells_the_hosts_network_if_init_does_not(void **state)
{
	(void)state;
	put_v2();
	tree_remove(&tree, "1");
	put_process(2, "0::/\n", HOST_NETNS, HEAD);
	open_usage(100);
	assert_int_equal(read_usage().has, ALL);
	put_process(42, "0::/" V2 "\n", HOST_NETNS, HEAD ETH0);
	usage__refresh(usage);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
}

static void a_process_in_no_such_container_has_no_usage(void **state)
{
	(void)state;
	put_v2();
	open_host(100);
	put_process(43, "0::/user.slice\n", HOST_NETNS, HEAD);
	assert_int_equal(usage__new(host, ID, 43, &usage), -ENOENT);
	assert_int_equal(usage__new(host, ID, 44, &usage), -ENOENT);
	tree_remove(&tree, "unified/kubepods.slice");
	assert_int_equal(usage__new(host, ID, 42, &usage), -ENOENT);
	assert_null(usage);
	assert_int_equal(usage_host__fds(host), 0);
}

static void a_unit_is_read_as_a_container_is(void **state)
{
	(void)state;
	put_v2();
	tree_put(&tree, "unified/system.slice/nginx.service/cpu.stat", "usage_usec 7\n");
	put_process(43, "0::/system.slice/nginx.service\n", HOST_NETNS, HEAD);
	open_host(100);
	assert_int_equal(usage__new(host, "nginx.service", 43, &usage), 0);
	assert_int_equal(read_usage().has, USAGE_CPU);
	assert_int_equal(read_usage().cpu_ns, 7000);
}

static void no_link_is_followed_out_of_the_cgroups(void **state)
{
	(void)state;
	put_v2();
	tree_put(&tree, "secret", "usage_usec 666\n");
	tree_remove(&tree, "unified/" V2 "/cpu.stat");
	tree_link(&tree, "unified/" V2 "/cpu.stat", "../../../../secret");
	open_usage(100);
	assert_int_equal(read_usage().has, ALL & ~USAGE_CPU);
	usage__free(usage);
	usage = NULL;
	put_process(42, "0::/../secret/" ID "\n", HOST_NETNS, HEAD);
	tree_put(&tree, "secret2/" ID "/cpu.stat", "usage_usec 666\n");
	put_process(42, "0::/../secret2/" ID "\n", HOST_NETNS, HEAD);
	assert_int_equal(usage__new(host, ID, 42, &usage), -ENOENT);
	usage = NULL;
}

/* ---- open files ------------------------------------------------------------------------------------ */

static void files_are_opened_once(void **state)
{
	(void)state;
	put_v2();
	open_usage(100);
	assert_int_equal(usage_host__fds(host), 6);
	/* nothing can be opened any more, and all goes on */
	tree_remove(&tree, "unified/kubepods.slice");
	tree_remove(&tree, "42/net");
	assert_int_equal(read_usage().has, ALL);
	usage__free(usage);
	usage = NULL;
	assert_int_equal(usage_host__fds(host), 0);
}

static void beyond_the_limit_files_are_opened_for_each_reading(void **state)
{
	int before, after;

	(void)state;
	put_v2();
	open_usage(2);
	assert_int_equal(usage_host__fds(host), 2);
	before = dup(0);
	close(before);
	assert_int_equal(read_usage().has, ALL);
	assert_int_equal(read_usage().cpu_ns, 5000000000);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void the_network_goes_with_its_process(void **state)
{
	(void)state;
	put_v2();
	open_usage(100);
	usage__set_process(usage, 0);
	assert_int_equal(usage_host__fds(host), 5);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
	usage__refresh(usage);
	assert_int_equal(usage_host__fds(host), 5);
	put_process(43, "0::/" V2 "\n", "net:[4026532000]", HEAD ETH0);
	usage__set_process(usage, 43);
	assert_int_equal(usage__process(usage), 43);
	assert_int_equal(read_usage().has, ALL);
}

static void another_network_namespace_is_noticed(void **state)
{
	(void)state;
	put_v2();
	open_usage(100);
	put_process(42, "0::/" V2 "\n", "net:[4026532001]",
		    HEAD "  eth1: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n");
	usage__refresh(usage);
	assert_int_equal(read_usage().net_rx_bytes, 5);
	put_process(42, "0::/" V2 "\n", HOST_NETNS, HEAD ETH0);
	usage__refresh(usage);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
	assert_int_equal(usage_host__fds(host), 5);
}

static void a_pid_of_another_network_is_not_read(void **state)
{
	(void)state;
	put_v2();
	open_usage(0); /* so that it is opened each time */
	assert_int_equal(read_usage().has, ALL);
	put_process(42, "0::/" V2 "\n", "net:[4026532001]", HEAD ETH0);
	assert_int_equal(read_usage().has, ALL & ~USAGE_NETWORK);
}

static void without_mountinfo_there_is_no_host(void **state)
{
	(void)state;
	assert_int_equal(usage_host__new(tree.root, 1, &host), -ENOENT);
	assert_null(host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(v1_is_read),
		TEST(v2_is_read),
		TEST(each_resource_is_read_where_the_container_is),
		TEST(cpu_of_v1_comes_before_that_of_v2),
		TEST(a_limit_further_up_counts),
		TEST(a_limit_further_up_counts_in_v2),
		TEST(more_inactive_than_used_is_nothing_used),
		TEST(garbage_is_left_out),
		TEST(microseconds_beyond_64_bits_of_nanoseconds_are_left_out),
		TEST(a_file_without_end_is_left_out),
		TEST(a_disk_unused_is_zero_only_if_disks_are_counted),
		TEST(the_hosts_network_is_left_out),
		TEST(no_network_is_shown_if_the_hosts_is_not_known),
		TEST(kthreadd_tells_the_hosts_network_if_init_does_not),
		TEST(a_process_in_no_such_container_has_no_usage),
		TEST(a_unit_is_read_as_a_container_is),
		TEST(no_link_is_followed_out_of_the_cgroups),
		TEST(files_are_opened_once),
		TEST(beyond_the_limit_files_are_opened_for_each_reading),
		TEST(the_network_goes_with_its_process),
		TEST(another_network_namespace_is_noticed),
		TEST(a_pid_of_another_network_is_not_read),
		TEST(without_mountinfo_there_is_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
