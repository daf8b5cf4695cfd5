/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes are children of this one, so that they have its variables where it has them; they register gauges as
 * libtapmeter-tap does, or as somebody would who means no good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <tapmeter/tap_table.h>
#include <unistd.h>
#include "util/aside.h"
#include "variables.h"

/* Read from outside. */
volatile long jobs = 7;
volatile long *pool = NULL;
volatile struct tap_table tapmeter_tap_table = { .magic = TAP_TABLE_MAGIC };

#define LOOK (VARIABLES_TAPPED | VARIABLES_MAPPED)

static char comm_pattern[] = "vars-*", jobs_name[] = "jobs", pool_name[] = "pool", help[] = "Help.";
static char *comm_patterns[] = { comm_pattern };
static struct gauge_spec specs[] = {
	{ .name = jobs_name,
	  .help = help,
	  .comms = { comm_patterns, 1 },
	  .symbol = jobs_name,
	  .type = GAUGE_I64 },
	{ .name = pool_name,
	  .help = help,
	  .comms = { comm_patterns, 1 },
	  .symbol = pool_name,
	  .type = GAUGE_I64,
	  .pointer = 1,
	  .offset = 8 },
};
static struct gauge_specs declared = { specs, sizeof(specs) / sizeof(specs[0]) };

static struct aside *aside;
static struct gauges *gauges;
static struct variables *variables;
static struct snapshot *snapshot;
static pid_t children[8];
static int child_count, allow, busy;

static int allowed(void *arg, const struct process *process)
{
	(void)arg;
	(void)process;
	return allow;
}

/* All that it maps, unless that cannot be told now. */
static int may_open(void *arg, uint32_t tgid, struct variable_ranges *out)
{
	unsigned long start, end;
	char path[64], line[512];
	FILE *maps;
	int err = 0;

	(void)arg;
	if (busy)
		return -EAGAIN;
	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (!err && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			err = variable_ranges_add(out, start, end);
	fclose(maps);
	return err;
}

static int setup(void **state)
{
	struct variables_config config = {
		.proc_root = "/proc",
		.specs = &declared,
		.allowed = allowed,
		.may_open = may_open,
	};

	(void)state;
	allow = 1;
	busy = 0;
	child_count = 0;
	snapshot = NULL;
	if (gauges__new(&gauges) || aside__new(&aside))
		return -1;
	config.gauges = gauges;
	config.aside = aside;
	return variables__new(&config, &variables);
}

static void end(int child)
{
	if (!children[child])
		return;
	kill(children[child], SIGKILL);
	waitpid(children[child], NULL, 0);
	children[child] = 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < child_count; i++)
		end(i);
	variables__free(variables);
	gauges__free(gauges);
	aside__free(aside);
	snapshot__unref(snapshot);
	return 0;
}

/* A child that has done what `prepare` does, which is looked at. */
static int start(const char *comm, void (*prepare)(void))
{
	int ready[2], number = child_count++;
	char byte;

	assert_int_equal(pipe(ready), 0);
	children[number] = fork();
	if (!children[number]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, comm);
		if (prepare)
			prepare();
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return number;
}

static void look(int child)
{
	variables__look(variables, (uint32_t)children[child], LOOK, 1);
}

static void take_snapshot(void)
{
	struct snapshot_builder *builder;

	snapshot__unref(snapshot);
	variables__read(variables);
	assert_int_equal(snapshot_builder__new(1, 1, 1, &builder), 0);
	assert_int_equal(gauges__read(gauges, builder), 0);
	assert_int_equal(snapshot_builder__seal(builder, &snapshot), 0);
}

static const struct gauge_family *family(const char *name)
{
	for (size_t i = 0; i < snapshot->gauge_count; i++)
		if (!strcmp(snapshot->gauges[i].name, name))
			return &snapshot->gauges[i];
	return NULL;
}

/* Of the family, the value of the process of that name; -1: it has none. */
static double value_of(const char *name, const char *comm)
{
	const struct gauge_family *found = family(name);

	for (size_t i = 0; found && i < found->count; i++)
		for (size_t k = 0; k < found->samples[i].label_count; k++)
			if (!strcmp(found->samples[i].labels[k].name, "comm") &&
			    !strcmp(found->samples[i].labels[k].value, comm))
				return found->samples[i].value;
	return -1;
}

#define assert_value(name, comm, expected) assert_true(value_of(name, comm) == (double)(expected))

/* ---- declared gauges --------------------------------------------------------------------------- */

static void set_jobs(void)
{
	jobs = 41;
}

static void set_pool(void)
{
	static long two[2] = { 8, 9 };

	pool = two;
}

static void set_wild_pool(void)
{
	pool = (volatile long *)(uintptr_t)0xffffffff81000000ull;
}

static void a_declared_gauge_is_what_the_variable_is(void **state)
{
	(void)state;
	look(start("vars-a", set_jobs));
	look(start("vars-b", set_pool));
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
	assert_value("jobs", "vars-b", 7);
	assert_value("pool", "vars-b", 9); /* 8 bytes behind the pointer */
	assert_value("pool", "vars-a", -1); /* NULL: there is none */
	assert_int_equal(variables__unreadable(variables), 0);
}

static void who_is_not_meant_has_none(void **state)
{
	(void)state;
	look(start("others", set_jobs));
	allow = 0;
	look(start("vars-a", set_jobs));
	variables__look(variables, (uint32_t)getpid(), LOOK, 1); /* nor has the agent itself */
	take_snapshot();
	assert_value("jobs", "others", -1);
	assert_value("jobs", "vars-a", -1);
	assert_true(!family("jobs") || !family("jobs")->count);
}

static void a_wild_pointer_is_counted_and_harms_nobody(void **state)
{
	(void)state;
	look(start("vars-a", set_wild_pool));
	look(start("vars-b", set_jobs));
	take_snapshot();
	assert_value("pool", "vars-a", -1);
	assert_value("jobs", "vars-a", 7);
	assert_value("jobs", "vars-b", 41);
	assert_int_equal(variables__unreadable(variables), 1);
}

static void a_sweep_finds_all_that_are_meant(void **state)
{
	(void)state;
	start("vars-a", set_jobs);
	start("vars-b", NULL);
	variables__sweep(variables, VARIABLES_MAPPED, 1);
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
	assert_value("jobs", "vars-b", 7);
}

static void what_has_gone_is_forgotten(void **state)
{
	int first = start("vars-a", set_jobs), second = start("vars-b", NULL);

	(void)state;
	look(first);
	look(second);
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
	end(first);
	take_snapshot();
	assert_value("jobs", "vars-a", -1);
	assert_value("jobs", "vars-b", 7);
	end(second);
	variables__sweep(variables, VARIABLES_MAPPED, 1);
	take_snapshot();
	assert_value("jobs", "vars-b", -1);
	assert_int_equal(variables__unreadable(variables), 0);
}

/* As if the process held the lock of its memory; until let_go(). */
static void hold(int child, const char *fifo)
{
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(aside__open(aside, (uint32_t)children[child], fifo, O_RDONLY | O_CLOEXEC),
			 -ETIMEDOUT);
}

static void let_go(const char *fifo)
{
	int fd = open(fifo, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	while (aside__left_behind(aside))
		usleep(1000);
	close(fd);
	unlink(fifo);
}

static void who_does_not_let_himself_be_read_has_no_values_for_a_while(void **state)
{
	int first = start("vars-a", set_jobs), second = start("vars-b", NULL);
	char fifo[64];

	(void)state;
	snprintf(fifo, sizeof(fifo), "/tmp/tapmeter-variables-%d", getpid());
	/* from the start */
	hold(first, fifo);
	look(first);
	look(second);
	take_snapshot();
	assert_value("jobs", "vars-a", -1);
	assert_value("jobs", "vars-b", 7);
	let_go(fifo);
	look(first);
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
	assert_int_equal(variables__unreadable(variables), 0);
	/* and later */
	hold(first, fifo);
	variables__sweep(variables, 0, 1);
	take_snapshot();
	assert_value("jobs", "vars-a", -1);
	assert_value("jobs", "vars-b", 7);
	assert_int_equal(variables__unreadable(variables), 3);
	let_go(fifo);
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
	/* until it ends */
	hold(first, fifo);
	end(first);
	variables__sweep(variables, 0, 1);
	take_snapshot();
	assert_value("jobs", "vars-a", -1);
	assert_int_equal(variables__unreadable(variables), 3);
	let_go(fifo);
}

static void who_could_not_be_looked_at_is_looked_at_again(void **state)
{
	int child = start("vars-a", set_jobs);

	(void)state;
	busy = 1;
	look(child);
	take_snapshot();
	assert_value("jobs", "vars-a", -1);
	busy = 0;
	/* it has not mapped anything since */
	variables__look(variables, (uint32_t)children[child], 0, 1);
	take_snapshot();
	assert_value("jobs", "vars-a", 41);
}

/* ---- registered gauges --------------------------------------------------------------------------- */

static int64_t depth = 12;

static void put(uint32_t i, const char *name, const void *address)
{
	tapmeter_tap_table.gauges[i].address = (uintptr_t)address;
	for (size_t k = 0; k < TAP_TABLE_NAME; k++)
		tapmeter_tap_table.gauges[i].name[k] = k < strlen(name) ? name[k] : 0;
	if (i >= tapmeter_tap_table.count)
		tapmeter_tap_table.count = i + 1;
}

static void register_depth(void)
{
	put(0, "depth", &depth);
}

static void register_badly(void)
{
	static int64_t one = 1;

	put(0, "wild", (void *)(uintptr_t)0x10);
	put(1, "a\"} 1\nforged", &one);
	put(2, "ends_total", &one);
	put(3, "", &one);
	put(4, "taken_back", NULL);
	put(5, "good", &one);
	put(6, "x", &one);
	for (size_t k = 0; k < TAP_TABLE_NAME; k++) /* without an end */
		tapmeter_tap_table.gauges[6].name[k] = 'x';
}

static void claim_too_many(void)
{
	register_depth();
	tapmeter_tap_table.count = UINT32_MAX;
}

static void change_for_ever(void)
{
	register_depth();
	tapmeter_tap_table.sequence = 1;
}

static void be_something_else(void)
{
	register_depth();
	tapmeter_tap_table.magic = 1;
}

static void a_registered_gauge_is_read(void **state)
{
	int child = start("tool", register_depth);

	(void)state;
	look(child);
	for (int again = 0; again < 2; again++) {
		take_snapshot();
		assert_value("depth", "tool", 12);
	}
	end(child);
	take_snapshot();
	assert_value("depth", "tool", -1);
}

static void a_process_that_is_not_tapped_registers_in_vain(void **state)
{
	(void)state;
	variables__look(variables, (uint32_t)children[start("tool", register_depth)],
			VARIABLES_MAPPED, 1);
	take_snapshot();
	assert_null(family("depth"));
}

static void names_that_are_none_make_no_family(void **state)
{
	(void)state;
	look(start("bad", register_badly));
	take_snapshot();
	assert_value("good", "bad", 1);
	for (size_t i = 0; i < snapshot->gauge_count; i++)
		assert_true(gauge_name_valid(snapshot->gauges[i].name));
	assert_null(family("ends_total"));
	assert_null(family("taken_back"));
	assert_null(family("wild"));
	assert_int_equal(variables__unreadable(variables), 1); /* the wild one */
}

static void a_table_that_cannot_be_is_counted_and_not_read(void **state)
{
	void (*const ways[])(void) = { claim_too_many, change_for_ever, be_something_else };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int child = start("bad", ways[i]);

		look(child);
		take_snapshot();
		assert_null(family("depth"));
		assert_int_equal(variables__unreadable(variables), i + 1);
		end(child);
	}
}

/* The letter tells whose they are. */
static char letter;

static void register_all(void)
{
	static int64_t one = 1;
	char name[TAP_TABLE_NAME];

	for (uint32_t i = 0; i < TAP_TABLE_GAUGES; i++) {
		snprintf(name, sizeof(name), "%c%u", letter, i);
		put(i, name, &one);
	}
}

static void names_are_limited(void **state)
{
	(void)state;
	for (const char *next = "abcde"; *next; next++) {
		letter = *next;
		look(start("many", register_all));
	}
	take_snapshot();
	assert_int_equal(snapshot->gauge_count,
			 VARIABLES_MAX_NAMES + (family("jobs") != NULL) + (family("pool") != NULL));
	assert_int_equal(variables__refused(variables), 5 * TAP_TABLE_GAUGES - VARIABLES_MAX_NAMES);
}

int main(void)
{
#define VARIABLES_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		VARIABLES_TEST(a_declared_gauge_is_what_the_variable_is),
		VARIABLES_TEST(who_is_not_meant_has_none),
		VARIABLES_TEST(a_wild_pointer_is_counted_and_harms_nobody),
		VARIABLES_TEST(a_sweep_finds_all_that_are_meant),
		VARIABLES_TEST(what_has_gone_is_forgotten),
		VARIABLES_TEST(who_does_not_let_himself_be_read_has_no_values_for_a_while),
		VARIABLES_TEST(who_could_not_be_looked_at_is_looked_at_again),
		VARIABLES_TEST(a_registered_gauge_is_read),
		VARIABLES_TEST(a_process_that_is_not_tapped_registers_in_vain),
		VARIABLES_TEST(names_that_are_none_make_no_family),
		VARIABLES_TEST(a_table_that_cannot_be_is_counted_and_not_read),
		VARIABLES_TEST(names_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
