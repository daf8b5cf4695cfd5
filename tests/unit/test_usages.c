/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"
#include <errno.h>
#include "usages.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define HEAD "Inter-|   Receive | Transmit\n face |bytes |bytes\n"
#define ETH0 "  eth0: 1000 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n"
#define TICK_NS 10000000ull
#define MS 1000000ull

/* ---- a host --------------------------------------------------------------------------------------- */

static struct tree tree;
static struct processes *processes;
static struct usages *usages;
static uint64_t clock_ns;
static uint64_t step_ns; /* how far the clock goes each time it is looked at */

static uint64_t look_at_clock(void)
{
	return clock_ns += step_ns;
}

static int setup(void **state)
{
	struct usages_config config = { tree.root, NULL, 100 * MS, 1000 * MS, 100, look_at_clock };
	char text[600];

	(void)state;
	clock_ns = 1000000 * MS;
	step_ns = 0;
	if (tree_new(&tree))
		return -1;
	tree_put(&tree, "unified/cgroup.procs", "");
	snprintf(text, sizeof(text), "1 2 0:3 / %s/unified rw - cgroup2 none rw\n", tree.root);
	tree_put(&tree, "self/mountinfo", text);
	tree_link(&tree, "1/ns/net", "net:[1]");
	assert_int_equal(processes__new(NULL, tree.root, &processes), 0);
	config.processes = processes;
	assert_int_equal(usages__new(&config, &usages), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	usages__free(usages);
	processes__free(processes);
	return tree_free(&tree);
}

static void put_cpu(const char *container, unsigned usec)
{
	char name[128], text[64];

	snprintf(name, sizeof(name), "unified/docker/%s/cpu.stat", container);
	snprintf(text, sizeof(text), "usage_usec %u\n", usec);
	tree_put(&tree, name, text);
}

static void put_net(unsigned tgid, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "%u/net/dev", tgid);
	tree_put(&tree, name, text);
}

/* A process of the container, in a network namespace of the container's own. */
static struct process put_process(unsigned tgid, const char *container)
{
	struct process process = { .id = { .tgid = tgid, .start_ns = 500 * TICK_NS } };
	char name[128], text[256];

	snprintf(process.subject.container, sizeof(process.subject.container), "%s", container);
	snprintf(process.subject.kernel_id, sizeof(process.subject.kernel_id), "kernel-%.8s",
		 container);
	snprintf(name, sizeof(name), "%u/stat", tgid);
	tree_put(&tree, name,
		 "1 (a) S 1 1 1 34816 1 4194304 100 200 3 4 50 60 70 80 20 0 1 0 500 1 1\n");
	snprintf(name, sizeof(name), "%u/cgroup", tgid);
	snprintf(text, sizeof(text), "0::/docker/%s\n", container);
	tree_put(&tree, name, text);
	snprintf(name, sizeof(name), "%u/ns/net", tgid);
	snprintf(text, sizeof(text), "net:[%.8s]", container);
	tree_link(&tree, name, text);
	put_net(tgid, HEAD ETH0);
	return process;
}

static struct kernel_usage find(const struct process *process)
{
	struct kernel_usage usage;

	usages__find(usages, &process->subject, &usage);
	return usage;
}

static int open_files(void)
{
	int count = 0;

	for (int fd = 0; fd < 200; fd++)
		count += lseek(fd, 0, SEEK_CUR) >= 0;
	return count;
}

/* ---- containers -------------------------------------------------------------------------------------- */

static void a_container_is_read_at_first_sight(void **state)
{
	struct process process = put_process(42, ID);
	struct kernel_usage usage;

	(void)state;
	put_cpu(ID, 7);
	usages__add(usages, &process);
	usage = find(&process);
	assert_int_equal(usage.has, USAGE_CPU | USAGE_NETWORK);
	assert_int_equal(usage.cpu_ns, 7000);
	assert_int_equal(usage.mono_ns, clock_ns);
}

static void what_is_in_no_container_has_no_usage(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	put_cpu(ID, 7);
	process.subject = (struct subject){ .kernel_id = "host" };
	usages__add(usages, &process);
	assert_int_equal(find(&process).mono_ns, 0);
	process.subject = (struct subject){ .kernel_id = "unknown" };
	usages__add(usages, &process);
	assert_int_equal(find(&process).mono_ns, 0);
	usages__drop(usages, &process.id);
}

static void a_unit_is_found_whatever_its_kernel_id(void **state)
{
	struct process process = put_process(42, "nginx.service");

	(void)state;
	put_cpu("nginx.service", 9);
	process.subject = (struct subject){ .kernel_id = "web", .unit = "nginx.service" };
	usages__add(usages, &process);
	assert_int_equal(find(&process).cpu_ns, 9000);
}

static void a_container_without_files_is_none(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	usages__add(usages, &process);
	assert_int_equal(find(&process).has, 0);
	usages__read(usages);
	assert_int_equal(find(&process).has, 0);
	/* it may have been too early */
	put_cpu(ID, 7);
	usages__sweep(usages);
	assert_int_equal(find(&process).cpu_ns, 7000);
}

static void a_process_that_has_gone_meanwhile_opens_nothing(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	put_cpu(ID, 7);
	process.id.start_ns = 400 * TICK_NS; /* the pid is another's now */
	usages__add(usages, &process);
	assert_int_equal(find(&process).has, 0);
}

static void files_close_with_the_last_process(void **state)
{
	struct process first = put_process(42, ID), second = put_process(43, ID);
	int before = open_files();

	(void)state;
	put_cpu(ID, 7);
	usages__add(usages, &first);
	usages__add(usages, &second);
	usages__add(usages, &second);
	assert_int_equal(open_files(), before + 2);
	put_net(43, HEAD "  eth0: 1234 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
	usages__drop(usages, &first.id);
	usages__read(usages);
	assert_int_equal(find(&second).net_rx_bytes, 1234);
	usages__drop(usages, &second.id);
	usages__drop(usages, &second.id);
	assert_int_equal(open_files(), before);
	assert_int_equal(find(&second).mono_ns, 0);
	usages__sweep(usages);
	usages__read(usages);
}

static void the_processes_of_two_containers_are_told_apart(void **state)
{
	struct process one = put_process(42, ID), two = put_process(43, ID2);

	(void)state;
	put_cpu(ID, 1);
	put_cpu(ID2, 2);
	usages__add(usages, &one);
	usages__add(usages, &two);
	assert_int_equal(find(&one).cpu_ns, 1000);
	assert_int_equal(find(&two).cpu_ns, 2000);
	assert_true(find(&one).instance != find(&two).instance);
	usages__drop(usages, &one.id);
	assert_int_equal(find(&one).mono_ns, 0);
	assert_int_equal(find(&two).cpu_ns, 2000);
}

static void a_container_that_comes_again_is_another_instance(void **state)
{
	struct process process = put_process(42, ID);
	uint32_t instance;

	(void)state;
	put_cpu(ID, 1000);
	usages__add(usages, &process);
	instance = find(&process).instance;
	usages__drop(usages, &process.id);
	put_cpu(ID, 5);
	usages__add(usages, &process);
	assert_int_equal(find(&process).cpu_ns, 5000);
	assert_true(find(&process).instance != instance);
}

/* ---- how often ------------------------------------------------------------------------------------------ */

static void read_after(uint64_t ns)
{
	clock_ns += ns;
	usages__read(usages);
}

static void a_reading_is_used_for_max_age_at_least(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	put_cpu(ID, 1);
	usages__add(usages, &process);
	read_after(0);
	put_cpu(ID, 2);
	read_after(99 * MS);
	assert_int_equal(find(&process).cpu_ns, 1000);
	read_after(1 * MS);
	assert_int_equal(find(&process).cpu_ns, 2000);
	assert_int_equal(find(&process).mono_ns, clock_ns);
}

static void a_dear_reading_is_used_ten_times_as_long(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	put_cpu(ID, 1);
	usages__add(usages, &process);
	step_ns = 15 * MS; /* before, for the container, and after: 30 ms in all */
	read_after(0);
	step_ns = 0;
	put_cpu(ID, 2);
	read_after(300 * MS - 30 * MS - 1);
	assert_int_equal(find(&process).cpu_ns, 1000);
	read_after(1);
	assert_int_equal(find(&process).cpu_ns, 2000);
}

static void each_sample_has_a_reading_of_its_own(void **state)
{
	struct process process = put_process(42, ID);

	(void)state;
	put_cpu(ID, 1);
	usages__add(usages, &process);
	step_ns = 200 * MS;
	read_after(0);
	step_ns = 0;
	put_cpu(ID, 2);
	read_after(1000 * MS * 7 / 8 - 400 * MS - 1);
	assert_int_equal(find(&process).cpu_ns, 1000);
	read_after(1);
	assert_int_equal(find(&process).cpu_ns, 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_container_is_read_at_first_sight),
		TEST(what_is_in_no_container_has_no_usage),
		TEST(a_unit_is_found_whatever_its_kernel_id),
		TEST(a_container_without_files_is_none),
		TEST(a_process_that_has_gone_meanwhile_opens_nothing),
		TEST(files_close_with_the_last_process),
		TEST(the_processes_of_two_containers_are_told_apart),
		TEST(a_container_that_comes_again_is_another_instance),
		TEST(a_reading_is_used_for_max_age_at_least),
		TEST(a_dear_reading_is_used_ten_times_as_long),
		TEST(each_sample_has_a_reading_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
