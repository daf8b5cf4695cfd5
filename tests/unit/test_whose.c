/* SPDX-License-Identifier: Apache-2.0 */
/* Whose processes and streams are, in a tree like /proc. The relay is this program, executed by the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <poll.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "proc_tree.h"
#include "relay/lookups.h"
#include "util/aside.h"
#include "whose.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define ID2 "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID3 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11"
#define TICK_NS 10000000ull
#define SECOND 1000000000ull
#define EXPIRY (600 * SECOND)

static struct config config;
static struct relay_link *relay;
static struct whose *whose;
static struct processes *processes;
static uint64_t now;

static int setup(void **state)
{
	now = 1000 * SECOND;
	config = (struct config){ .series_expiry_ns = EXPIRY };
	relay = NULL;
	return tree_setup(state) || processes__new(NULL, tree, &processes) ||
	       whose__new(&config, tree, tree, NULL, NULL, &whose);
}

static int teardown(void **state)
{
	whose__free(whose);
	processes__free(processes);
	relay_link__free(relay);
	return tree_teardown(state);
}

/* With these settings instead of none. */
static void again(struct relay_link *link)
{
	whose__free(whose);
	assert_int_equal(whose__new(&config, tree, tree, link, NULL, &whose), 0);
}

static void put_environment(unsigned tgid, const char *value)
{
	char path[64], text[256] = "BACKENDAI_ACCESS_KEY=secret";
	size_t len = strlen(text) + 1;

	len += (size_t)snprintf(text + len, sizeof(text) - len, "BACKENDAI_KERNEL_ID=%s", value) +
	       1;
	snprintf(path, sizeof(path), "%u/environ", tgid);
	tree_put_bytes(path, text, len);
}

/* A container of one process. */
static void put_container(unsigned tgid, const char *id, const char *kernel_id)
{
	char cgroup[128];

	snprintf(cgroup, sizeof(cgroup), "0::/docker/%s\n", id);
	tree_put_process(tgid, 1, 500, "10 1", cgroup);
	put_environment(tgid, kernel_id);
}

static struct process *see(unsigned tgid)
{
	struct tm_process_id id = { .tgid = tgid, .start_ns = 500 * TICK_NS };
	struct process *process = NULL;
	int is_new;

	assert_int_equal(processes__see(processes, &id, &process, &is_new), 0);
	if (is_new)
		whose__see(whose, process, now);
	return process;
}

static void the_environment_of_the_first_process_names_the_kernel(void **state)
{
	(void)state;
	put_container(10, ID, "k1");
	tree_put_process(11, 10, 500, "11 2", "0::/docker/" ID "\n");
	put_environment(11, "not the first one's");
	assert_string_equal(see(11)->subject.kernel_id, "k1");
	assert_string_equal(see(10)->subject.kernel_id, "k1");
	assert_string_equal(see(10)->subject.container, ID);
	assert_int_equal(whose__conflicts(whose), 0);
}

/* Its first process does not let its memory be read. */
static void an_environment_that_does_not_come_is_read_later(void **state)
{
	struct aside *aside;
	struct process *process;
	int fd;

	(void)state;
	assert_int_equal(aside__new(&aside), 0);
	whose__free(whose);
	assert_int_equal(whose__new(&config, tree, tree, NULL, aside, &whose), 0);
	put_container(10, ID, "k1");
	put_container(20, ID2, "k2");
	tree_remove(10, "environ");
	tree_put_fifo("10/environ");
	process = see(10);
	assert_string_equal(process->subject.kernel_id, ID);
	/* nobody else waits for it */
	assert_string_equal(see(20)->subject.kernel_id, "k2");
	tree_put_process(11, 10, 500, "11 2", "0::/docker/" ID "\n");
	assert_string_equal(see(11)->subject.kernel_id, ID);
	whose__take_changed(whose);
	whose__sweep(whose, now += SECOND);
	assert_int_equal(whose__take_changed(whose), 0);
	fd = tree_open_fifo("10/environ", O_WRONLY);
	while (aside__left_behind(aside))
		usleep(1000);
	close(fd);
	tree_remove(10, "environ");
	put_environment(10, "k1");
	whose__sweep(whose, now += SECOND);
	assert_int_equal(whose__take_changed(whose), 1);
	assert_int_equal(whose__update(whose, process), 1);
	assert_string_equal(process->subject.kernel_id, "k1");
	/* and only once */
	put_environment(10, "k3");
	whose__sweep(whose, now += SECOND);
	assert_int_equal(whose__take_changed(whose), 0);
	again(NULL);
	aside__free(aside);
}

static void outside_containers_no_environment_is_read(void **state)
{
	(void)state;
	tree_put_process(10, 1, 500, "10", "0::/system.slice/llm.service\n");
	put_environment(10, "k1");
	tree_put_process(11, 1, 500, "11", "0::/\n");
	put_environment(11, "k1");
	assert_string_equal(see(10)->subject.kernel_id, "llm.service");
	assert_string_equal(see(11)->subject.kernel_id, "host");
}

static void a_kernel_id_that_is_none_is_ignored(void **state)
{
	char too_long[129];

	(void)state;
	memset(too_long, 'k', 128);
	too_long[128] = 0;
	put_container(10, ID, too_long);
	assert_string_equal(see(10)->subject.kernel_id, ID);
	too_long[127] = 0;
	put_container(11, ID2, too_long);
	assert_string_equal(see(11)->subject.kernel_id, too_long);
}

static void two_containers_of_one_kernel_are_known_by_their_ids(void **state)
{
	struct process *first, *second;

	(void)state;
	put_container(10, ID, "k1");
	put_container(20, ID2, "k1");
	first = see(10);
	assert_string_equal(first->subject.kernel_id, "k1");
	whose__take_changed(whose);
	second = see(20);
	assert_string_equal(second->subject.kernel_id, ID2);
	assert_int_equal(whose__take_changed(whose), 1);
	assert_int_equal(whose__update(whose, first), 1);
	assert_string_equal(first->subject.kernel_id, ID);
	assert_int_equal(whose__update(whose, first), 0);
	assert_int_equal(whose__conflicts(whose), 2);
}

static void one_after_the_other_is_no_conflict(void **state)
{
	(void)state;
	put_container(10, ID, "k1");
	put_container(20, ID2, "k1");
	assert_string_equal(see(10)->subject.kernel_id, "k1");
	tree_take_away(10);
	assert_string_equal(see(20)->subject.kernel_id, "k1");
	assert_int_equal(whose__conflicts(whose), 0);
}

static void what_comes_late_has_the_same_name(void **state)
{
	static const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { { ID, "docker" } };
	struct subject subject;

	(void)state;
	whose__from_names(whose, names, now, &subject);
	assert_string_equal(subject.kernel_id, ID);
	put_container(10, ID, "k1");
	see(10);
	tree_take_away(10);
	now += EXPIRY;
	whose__sweep(whose, now);
	whose__from_names(whose, names, now, &subject);
	assert_string_equal(subject.kernel_id, "k1");
	now += EXPIRY + 1;
	whose__sweep(whose, now);
	whose__from_names(whose, names, now, &subject);
	assert_string_equal(subject.kernel_id, ID);
}

static void the_users_word_comes_first(void **state)
{
	char *texts[] = { (char *)"3f4e1a0c9b8d=mapped", (char *)"/system.slice/llm.service=unit" };

	(void)state;
	config.kernel_map = (struct option_texts){ .items = texts, .count = 2 };
	again(NULL);
	put_container(10, ID, "k1");
	put_container(20, ID2, "k2");
	tree_put_process(30, 1, 500, "30", "0::/system.slice/llm.service\n");
	assert_string_equal(see(10)->subject.kernel_id, "mapped");
	assert_string_equal(see(20)->subject.kernel_id, "k2");
	assert_string_equal(see(30)->subject.kernel_id, "unit");
}

static void the_kubelets_directories_name_the_pod(void **state)
{
	struct process *process;

	(void)state;
	tree_put_bytes("1/root/var/log/pods/shop_web-0_" UID "/c/0.log", "", 0);
	tree_put_bytes("var/log/pods/shop_db-0_3d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11/c/0.log", "",
		       0);
	tree_put_process(10, 1, 500, "10 1", "0::/kubepods/burstable/pod" UID "/" ID "\n");
	tree_put_process(20, 1, 500, "20 1",
			 "0::/kubepods/burstable/pod3d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11/" ID2
			 "\n");
	tree_put_process(30, 1, 500, "30 1",
			 "0::/kubepods/burstable/pod4d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11/" ID3
			 "\n");
	process = see(10);
	assert_string_equal(process->subject.kernel_id, ID);
	assert_string_equal(process->subject.pod, "web-0");
	assert_string_equal(process->subject.namespace, "shop");
	assert_string_equal(see(20)->subject.pod, "db-0");
	assert_string_equal(see(30)->subject.pod, "4d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11");
}

/* ---- engines -------------------------------------------------------------------------------- */

static int open_engine(void)
{
	static char path[128];
	static char *paths[] = { path };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/engine.sock", tree);
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(relay_link__new(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), now, &relay),
			 0);
	config.engine_sockets = (struct option_texts){ .items = paths, .count = 1 };
	again(relay);
	return fd;
}

static void answer(int listener, const char *text)
{
	int fd = accept(listener, NULL, NULL);
	char request[512];

	assert_true(recv(fd, request, sizeof(request), MSG_WAITALL) > 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void wait_for_relay(const char *container)
{
	struct pollfd poll_fd = { .fd = relay_link__fd(relay), .events = POLLIN };

	while (whose__pending(whose, container, now)) {
		assert_int_equal(poll(&poll_fd, 1, 10000), 1);
		whose__read(whose, now);
	}
}

static void the_engines_label_comes_before_the_environment(void **state)
{
	int listener = open_engine();
	struct process *process;

	(void)state;
	put_container(10, ID, "k1");
	process = see(10);
	/* nobody waits for it, but new streams, and those not for long */
	assert_string_equal(process->subject.kernel_id, "k1");
	assert_int_equal(whose__pending(whose, ID, now), 1);
	assert_int_equal(whose__pending(whose, ID, now + WHOSE_HOLD_NS - 1), 1);
	assert_int_equal(whose__pending(whose, ID, now + WHOSE_HOLD_NS), 0);
	assert_int_equal(whose__pending(whose, ID2, now), 0);
	answer(listener, "HTTP/1.0 200 OK\r\n\r\n{\"Id\":\"" ID "\",\"Name\":\"/web\",\"Config\":"
			 "{\"Labels\":{\"ai.backend.kernel-id\":\"k2\"}}}");
	wait_for_relay(ID);
	assert_int_equal(whose__take_changed(whose), 1);
	assert_int_equal(whose__update(whose, process), 1);
	assert_string_equal(process->subject.kernel_id, "k2");
	assert_string_equal(process->subject.name, "web");
	close(listener);
}

static void an_engine_that_failed_is_asked_again(void **state)
{
	int listener = open_engine();
	struct process *process;

	(void)state;
	put_container(10, ID, "k1");
	process = see(10);
	answer(listener, "garbage");
	wait_for_relay(ID);
	whose__update(whose, process);
	assert_string_equal(process->subject.kernel_id, "k1");
	now += 100 * SECOND;
	whose__sweep(whose, now);
	/* this time no stream waits for it */
	assert_int_equal(whose__pending(whose, ID, now), 0);
	answer(listener, "HTTP/1.0 200 OK\r\n\r\n{\"Id\":\"" ID "\",\"Name\":\"/web\"}");
	for (int i = 0; i < 1000 && !whose__update(whose, process); i++) {
		poll(&(struct pollfd){ .fd = relay_link__fd(relay), .events = POLLIN }, 1, 10);
		whose__read(whose, now);
	}
	assert_string_equal(process->subject.name, "web");
	close(listener);
}

static void a_container_that_the_engine_does_not_know_is_not_asked_for_again(void **state)
{
	int listener = open_engine();

	(void)state;
	put_container(10, ID, "k1");
	see(10);
	answer(listener, "HTTP/1.0 404 Not Found\r\n\r\n");
	wait_for_relay(ID);
	now += 100 * SECOND;
	whose__sweep(whose, now);
	assert_int_equal(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 0), 0);
	close(listener);
}

int main(int argc, char **argv)
{
#define WHOSE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		WHOSE_TEST(the_environment_of_the_first_process_names_the_kernel),
		WHOSE_TEST(an_environment_that_does_not_come_is_read_later),
		WHOSE_TEST(outside_containers_no_environment_is_read),
		WHOSE_TEST(a_kernel_id_that_is_none_is_ignored),
		WHOSE_TEST(two_containers_of_one_kernel_are_known_by_their_ids),
		WHOSE_TEST(one_after_the_other_is_no_conflict),
		WHOSE_TEST(what_comes_late_has_the_same_name),
		WHOSE_TEST(the_users_word_comes_first),
		WHOSE_TEST(the_kubelets_directories_name_the_pod),
		WHOSE_TEST(the_engines_label_comes_before_the_environment),
		WHOSE_TEST(an_engine_that_failed_is_asked_again),
		WHOSE_TEST(a_container_that_the_engine_does_not_know_is_not_asked_for_again),
	};

	if (argc && !strcmp(argv[0], "tapmeter-relay"))
		return lookups_serve(RELAY_FD, NULL, NULL) ? 1 : 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
