/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>
#include "subject/process.h"

#define TICK_NS 10000000ull
#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- a tree like /proc ------------------------------------------------------------------- */

static char root[64];
static struct processes *processes;

static void put(unsigned tgid, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%u", root, tgid);
	assert_true(!mkdir(path, 0700) || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%u/%s", root, tgid, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void put_stat(unsigned tgid, const char *comm, char state, unsigned threads,
		     unsigned long long start)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%u (%s) %c 1 %u %u 34816 %u 4194304 100 200 3 4 50 60 70 80 20 0 %u 0 %llu "
		 "123456 789 18446744073709551615 1 2 3 4 5 0 0 0 17 0 0 0 0 0 0\n",
		 tgid, comm, state, tgid, tgid, tgid, threads, start);
	put(tgid, "stat", text);
}

/* A process that began `start` ticks after boot. */
static struct tm_process_id put_process(unsigned tgid, const char *comm, unsigned long long start)
{
	char line[64];

	put_stat(tgid, comm, 'S', 1, start);
	snprintf(line, sizeof(line), "%s\n", comm);
	put(tgid, "comm", line);
	put(tgid, "cgroup", "0::/user.slice\n");
	/* what is less than a tick is not in /proc */
	return (struct tm_process_id){ .tgid = tgid, .start_ns = start * TICK_NS + 1234567 };
}

static void take_away(unsigned tgid)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s/%u'", root, tgid);
	assert_int_equal(system(command), 0); /* NOLINT: the path is ours */
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/tapmeter-proc-XXXXXX");
	return mkdtemp(root) ? processes__new(NULL, root, &processes) : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	processes__free(processes);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command); /* NOLINT: the path is ours */
}

static struct process *see(const struct tm_process_id *id, int expected_new)
{
	struct process *process = NULL;
	int is_new = 7;

	assert_int_equal(processes__see(processes, id, &process, &is_new), 0);
	assert_int_equal(is_new, expected_new);
	return process;
}

static void check_gone(const struct tm_process_id *id)
{
	struct process *process = NULL;
	int is_new;

	assert_int_equal(processes__see(processes, id, &process, &is_new), -ENOENT);
	assert_null(process);
	assert_null(processes__find(processes, id));
}

static void count(void *arg, const struct process *process)
{
	unsigned *counted = arg;

	assert_non_null(process);
	++*counted;
}

static unsigned known(void)
{
	unsigned counted = 0;

	processes__each(processes, count, &counted);
	return counted;
}

/* ---- first sight ------------------------------------------------------------------------- */

static void a_process_is_read_once_and_then_known(void **state)
{
	struct tm_process_id id = put_process(10, "server", 500);
	struct process *process;

	(void)state;
	assert_null(processes__find(processes, &id));
	process = see(&id, 1);
	assert_string_equal(process->comm, "server");
	assert_string_equal(process->subject.kernel_id, "host");
	assert_string_equal(process->subject.container, "");
	assert_memory_equal(&process->id, &id, sizeof(id));
	put(10, "comm", "renamed\n");
	assert_ptr_equal(see(&id, 0), process);
	assert_string_equal(process->comm, "server");
	assert_ptr_equal(processes__find(processes, &id), process);
}

static void a_process_in_a_container_has_its_id(void **state)
{
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	put(10, "cgroup", "0::/system.slice/docker-" CONTAINER ".scope\n");
	assert_string_equal(see(&id, 1)->subject.container, CONTAINER);
	assert_string_equal(see(&id, 0)->subject.kernel_id, CONTAINER);
}

static void any_name_can_be_read(void **state)
{
	static const char *const names[] = {
		"a) R 1 (b",	   ")",	       "two\nlines", "((()", "",
		"fifteen letters", "\xff\xfe", " lead",	     "\n",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct tm_process_id id = put_process(10 + i, names[i], 500);

		assert_string_equal(see(&id, 1)->comm, names[i]);
		assert_true(processes__alive(processes, &id));
	}
}

static void a_process_that_has_gone_is_not_entered(void **state)
{
	static const char *const files[] = { "stat", "comm", "cgroup" };
	char path[128];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct tm_process_id id = put_process(10 + i, "server", 500);

		snprintf(path, sizeof(path), "%s/%u/%s", root, 10 + i, files[i]);
		assert_int_equal(unlink(path), 0);
		check_gone(&id);
	}
	check_gone(&(struct tm_process_id){ .tgid = 99, .start_ns = TICK_NS });
	assert_int_equal(known(), 0);
}

/* A process that ends while it is read: the files are there, but empty. */
static void a_process_whose_files_have_become_empty_has_gone(void **state)
{
	static const char *const files[] = { "stat", "comm", "cgroup" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct tm_process_id id = put_process(10 + i, "server", 500);

		put(10 + i, files[i], "");
		check_gone(&id);
	}
}

static void a_stat_file_that_makes_no_sense_is_of_no_process(void **state)
{
	static const char *const texts[] = {
		"10",
		"10 (server",
		"10 (server)",
		"10 (server) S",
		"10 (server) S 1 2 3 4 5 6 7 8 9",
		"10 (server) S a b c d e f g h i j k l m n o p q r s t u",
	};
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(10, "stat", texts[i]);
		assert_false(processes__alive(processes, &id));
		check_gone(&id);
	}
}

/* ---- life and death ---------------------------------------------------------------------- */

static void a_pid_that_comes_again_is_another_process(void **state)
{
	struct tm_process_id old = put_process(10, "first", 500), new;
	struct process *first = see(&old, 1);

	(void)state;
	new = put_process(10, "second", 501);
	assert_false(processes__alive(processes, &old));
	assert_true(processes__alive(processes, &new));
	assert_ptr_not_equal(see(&new, 1), first);
	assert_string_equal(processes__find(processes, &new)->comm, "second");
	assert_string_equal(processes__find(processes, &old)->comm, "first");
	assert_int_equal(known(), 2);
	processes__drop(processes, &old);
	check_gone(&old); /* though there is a process with that pid */
	assert_int_equal(known(), 1);
}

static void a_process_after_exec_is_looked_at_anew(void **state)
{
	struct tm_process_id id = put_process(10, "shell", 500);

	(void)state;
	see(&id, 1);
	put_process(10, "server", 500);
	id.exec_id++;
	assert_string_equal(see(&id, 1)->comm, "server");
	assert_int_equal(known(), 2);
}

static void a_process_lives_as_long_as_one_of_its_threads(void **state)
{
	static const struct {
		char state;
		unsigned threads;
		int alive;
	} cases[] = {
		{ 'R', 1, 1 }, { 'S', 1, 1 }, { 'D', 1, 1 }, { 'T', 1, 1 }, { 't', 5, 1 },
		{ 'Z', 1, 0 }, { 'Z', 2, 1 }, { 'X', 0, 0 }, { 'X', 1, 0 },
	};
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_stat(10, "server", cases[i].state, cases[i].threads, 500);
		assert_int_equal(processes__alive(processes, &id), cases[i].alive);
	}
}

static void the_test_itself_is_alive(void **state)
{
	struct tm_process_id id = { .tgid = (uint32_t)getpid() };
	unsigned long long start;
	struct processes *real;
	char text[1024] = "";
	FILE *file = fopen("/proc/self/stat", "r");

	(void)state;
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	/* field 22; 19 spaces after the name */
	char *at = strrchr(text, ')') + 1;
	for (int i = 0; i < 20; i++)
		at = strchr(at, ' ') + 1;
	start = strtoull(at, NULL, 10);
	assert_int_equal(processes__new(NULL, "/proc", &real), 0);
	id.start_ns = start * TICK_NS;
	assert_true(processes__alive(real, &id));
	id.start_ns += TICK_NS - 1;
	assert_true(processes__alive(real, &id));
	id.start_ns++;
	assert_false(processes__alive(real, &id));
	processes__free(real);
}

/* ---- sweeps ------------------------------------------------------------------------------ */

struct dropped {
	unsigned count;
	uint32_t sum; /* of the pids */
};

static void note_dropped(void *arg, const struct process *process)
{
	struct dropped *dropped = arg;

	dropped->count++;
	dropped->sum += process->id.tgid;
}

static void a_sweep_drops_those_that_it_has_not_seen(void **state)
{
	struct dropped dropped = { 0 };
	struct tm_process_id ids[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		ids[i] = put_process(1000 + i, "server", 500 + i);
		see(&ids[i], 1);
	}
	processes__begin_sweep(processes);
	for (unsigned i = 0; i < 200; i += 2)
		see(&ids[i], 0);
	processes__end_sweep(processes, note_dropped, &dropped);
	assert_int_equal(dropped.count, 100);
	assert_int_equal(dropped.sum, 100 * 1100);
	assert_int_equal(known(), 100);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(!!processes__find(processes, &ids[i]), i % 2 == 0);
}

static void those_that_come_during_a_sweep_stay(void **state)
{
	struct dropped dropped = { 0 };
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	processes__begin_sweep(processes);
	see(&id, 1);
	processes__end_sweep(processes, note_dropped, &dropped);
	assert_int_equal(dropped.count, 0);
	processes__begin_sweep(processes);
	processes__end_sweep(processes, note_dropped, &dropped);
	assert_int_equal(dropped.count, 1);
	assert_int_equal(known(), 0);
}

static void a_sweep_that_came_to_no_end_drops_nobody(void **state)
{
	struct dropped dropped = { 0 };
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	see(&id, 1);
	processes__begin_sweep(processes); /* the mappings could not be listed */
	processes__begin_sweep(processes);
	see(&id, 0);
	processes__end_sweep(processes, note_dropped, &dropped);
	assert_int_equal(dropped.count, 0);
	assert_int_equal(known(), 1);
}

static void dropping_twice_is_dropping_once(void **state)
{
	struct tm_process_id id = put_process(10, "server", 500);

	(void)state;
	see(&id, 1);
	processes__drop(processes, &id);
	processes__drop(processes, &id);
	assert_int_equal(known(), 0);
	see(&id, 1);
	take_away(10);
	see(&id, 0); /* until it is dropped, nobody looks */
}

/* ---- names of cgroups -------------------------------------------------------------------- */

static void the_first_hierarchy_that_names_a_container_says_it(void **state)
{
	static const struct {
		const char *v2[3], *v1[3];
		const char *container;
	} cases[] = {
		{ { "docker-" CONTAINER ".scope", "system.slice", "" }, { "", "", "" }, CONTAINER },
		{ { "", "", "" }, { CONTAINER, "docker", "" }, CONTAINER },
		{ { "session-1.scope", "user.slice", "" }, { CONTAINER, "docker", "" }, CONTAINER },
		{ { "session-1.scope", "user.slice", "" }, { "user.slice", "", "" }, "" },
		{ { "", "", "" }, { "", "", "" }, "" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { 0 };
		struct subject subject;

		for (unsigned level = 0; level < 3; level++) {
			snprintf(names[0][level], TM_CGROUP_NAME, "%s", cases[i].v2[level]);
			snprintf(names[1][level], TM_CGROUP_NAME, "%s", cases[i].v1[level]);
		}
		memset(&subject, 0x55, sizeof(subject));
		subject_from_names((const char(*)[TM_CGROUP_DEPTH][TM_CGROUP_NAME])names, &subject);
		assert_string_equal(subject.container, cases[i].container);
		assert_string_equal(subject.kernel_id,
				    cases[i].container[0] ? cases[i].container : "host");
		assert_string_equal(subject.pod, "");
		assert_string_equal(subject.namespace, "");
	}
}

static void without_a_container_the_unit_says_it(void **state)
{
	static const struct {
		const char *v2[TM_CGROUP_DEPTH], *v1[TM_CGROUP_DEPTH];
		const char *kernel_id;
	} cases[] = {
		{ { "llm.service", "system.slice", "" }, { "" }, "llm.service" },
		{ { "" }, { "llm.service", "system.slice", "" }, "llm.service" },
		{ { "a.service", "" }, { "b.service", "" }, "a.service" },
		{ { "init.scope", "" }, { "" }, "host" },
		/* a container may be named above what the names reach up to */
		{ { "a", "b", "c", "d", "e" }, { "" }, "unknown" },
		{ { "a", "b", "c", "d", "e.service" }, { "" }, "unknown" },
		{ { "a.service", "" }, { "a", "b", "c", "d", "e" }, "unknown" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME] = { 0 };
		struct subject subject;

		for (unsigned level = 0; level < TM_CGROUP_DEPTH; level++) {
			if (cases[i].v2[level])
				strcpy(names[0][level], cases[i].v2[level]);
			if (cases[i].v1[level])
				strcpy(names[1][level], cases[i].v1[level]);
		}
		memset(&subject, 0x55, sizeof(subject));
		subject_from_names((const char(*)[TM_CGROUP_DEPTH][TM_CGROUP_NAME])names, &subject);
		assert_string_equal(subject.kernel_id, cases[i].kernel_id);
		assert_string_equal(subject.container, "");
	}
}

static void a_process_of_a_unit_or_a_pod_is_known_by_it(void **state)
{
	struct tm_process_id unit = put_process(10, "server", 500);
	struct tm_process_id pod = put_process(11, "server", 500);

	(void)state;
	put(10, "cgroup", "1:name=systemd:/system.slice/llm.service\n0::/\n");
	assert_string_equal(see(&unit, 1)->subject.kernel_id, "llm.service");
	put(11, "cgroup",
	    "0::/kubepods/burstable/pod2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11/" CONTAINER "\n");
	assert_string_equal(see(&pod, 1)->subject.kernel_id, CONTAINER);
	assert_string_equal(see(&pod, 0)->subject.pod, "2d3bbb23-0b4a-4b0c-9a3e-5f5a1f0c7a11");
}

static void an_owner_is_a_container_a_unit_or_the_host(void **state)
{
	char name[KERNEL_ID_SIZE];

	(void)state;
	put_process(70, "one", 1);
	assert_int_equal(process_owner(root, 70, name, sizeof(name)), 0);
	assert_string_equal(name, "host");
	put(70, "cgroup", "0::/system.slice/some.service\n");
	assert_int_equal(process_owner(root, 70, name, sizeof(name)), 0);
	assert_string_equal(name, "some.service");
	put(70, "cgroup", "0::/docker/" CONTAINER "/below\n");
	assert_int_equal(process_owner(root, 70, name, sizeof(name)), 0);
	assert_string_equal(name, CONTAINER);
	assert_int_equal(process_owner(root, 71, name, sizeof(name)), -ENOENT);
}

int main(void)
{
#define PROCESS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		PROCESS_TEST(a_process_is_read_once_and_then_known),
		PROCESS_TEST(a_process_in_a_container_has_its_id),
		PROCESS_TEST(an_owner_is_a_container_a_unit_or_the_host),
		PROCESS_TEST(any_name_can_be_read),
		PROCESS_TEST(a_process_that_has_gone_is_not_entered),
		PROCESS_TEST(a_process_whose_files_have_become_empty_has_gone),
		PROCESS_TEST(a_stat_file_that_makes_no_sense_is_of_no_process),
		PROCESS_TEST(a_pid_that_comes_again_is_another_process),
		PROCESS_TEST(a_process_after_exec_is_looked_at_anew),
		PROCESS_TEST(a_process_lives_as_long_as_one_of_its_threads),
		PROCESS_TEST(the_test_itself_is_alive),
		PROCESS_TEST(a_sweep_drops_those_that_it_has_not_seen),
		PROCESS_TEST(those_that_come_during_a_sweep_stay),
		PROCESS_TEST(a_sweep_that_came_to_no_end_drops_nobody),
		PROCESS_TEST(dropping_twice_is_dropping_once),
		PROCESS_TEST(the_first_hierarchy_that_names_a_container_says_it),
		PROCESS_TEST(without_a_container_the_unit_says_it),
		PROCESS_TEST(a_process_of_a_unit_or_a_pod_is_known_by_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
