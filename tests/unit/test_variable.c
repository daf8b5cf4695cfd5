/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "proc_tree.h"
#include "tap/variable.h"
#include "util/aside.h"

#define PAGE 4096

/* Read from outside, as another process's would be. */
volatile long test_variable = 0x1122334455667788;
static volatile long test_hidden = 5;

static const struct variable_want wants[] = {
	{ "test_variable", NULL, 0, 8 },
	{ "test_variable", "*/test_variable", 4, 4 },
	{ "test_variable", "/nobody", 0, 8 },
	{ "test_variable", NULL, 4, 8 },
	{ "test_hidden", NULL, 0, 8 },
	{ "main", NULL, 0, 8 },
	{ "environ", NULL, 0, 8 },
};
#define WANTS (sizeof(wants) / sizeof(wants[0]))

static void finds_and_reads_variables(void **state)
{
	struct variable_files *files;
	struct variable_memory memory;
	struct variable found[WANTS];
	long value;

	(void)state;
	assert_int_equal(variable_files__new(wants, WANTS, NULL, &files), 0);
	for (int again = 0; again < 2; again++) { /* the second time from memory */
		assert_int_equal(
			variable_files__find(files, "/proc", (uint32_t)getpid(), NULL, found), 0);
		assert_int_equal(found[0].address, (uintptr_t)&test_variable);
		assert_int_equal(found[1].address, (uintptr_t)&test_variable + 4);
		assert_int_equal(found[2].address, 0);
		assert_true(found[3].too_small && !found[0].too_small);
		assert_int_equal(found[4].address, (uintptr_t)&test_hidden);
		assert_int_equal(found[5].address, 0); /* no variable */
		assert_int_not_equal(found[6].address, 0); /* of a library */
	}
	assert_memory_equal(found[0].initial, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	assert_memory_equal(found[1].initial, "\x44\x33\x22\x11", 4);
	assert_int_equal(variable_memory_open(NULL, "/proc", (uint32_t)getpid(), &memory), 0);
	test_variable = -3;
	assert_int_equal(variable_memory_read(&memory, found[0].address, &value, 8), 0);
	assert_int_equal(value, -3);
	variable_memory_close(&memory);
	variable_files__free(files);
}

static void a_page_that_nobody_touched_stays_so(void **state)
{
	struct variable_memory memory;
	unsigned char there = 1;
	char *pages =
		mmap(NULL, 2ul * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t address = (uintptr_t)pages;
	long value;

	(void)state;
	assert_true(pages != MAP_FAILED);
	madvise(pages, 2ul * PAGE, MADV_NOHUGEPAGE);
	assert_int_equal(variable_memory_open(NULL, "/proc", (uint32_t)getpid(), &memory), 0);
	assert_int_equal(variable_memory_read(&memory, address, &value, 8), -ENODATA);
	assert_int_equal(mincore(pages, PAGE, &there), 0);
	assert_int_equal(there & 1, 0);
	pages[0] = 9;
	assert_int_equal(variable_memory_read(&memory, address, &value, 8), 0);
	assert_int_equal(value, 9);
	/* half of it on the other page */
	assert_int_equal(variable_memory_read(&memory, address + PAGE - 4, &value, 8), -ENODATA);
	munmap(pages, 2ul * PAGE);
	variable_memory_close(&memory);
}

static void any_address_is_harmless(void **state)
{
	static const uint64_t addresses[] = { 0,
					      1,
					      0x7fffffffffff,
					      1ull << 47,
					      UINT64_MAX - 3,
					      0xffffffff81000000ull,
					      0xffffffffff600000ull };
	struct variable_memory memory;
	long value;

	(void)state;
	assert_int_equal(variable_memory_open(NULL, "/proc", (uint32_t)getpid(), &memory), 0);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_true(variable_memory_read(&memory, addresses[i], &value, 8) < 0);
	variable_memory_close(&memory);
}

static void what_has_ended_or_become_another_is_not_read(void **state)
{
	struct variable_memory memory;
	int pipes[2], status;
	char byte;
	long value;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		close(pipes[1]);
		if (read(pipes[0], &byte, 1) == 1)
			execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	close(pipes[0]);
	assert_int_equal(variable_memory_open(NULL, "/proc", (uint32_t)child, &memory), 0);
	assert_int_equal(variable_memory_read(&memory, (uintptr_t)&test_variable, &value, 8), 0);
	assert_true(variable_memory_alive(&memory));
	assert_int_equal(write(pipes[1], "x", 1), 1);
	while (variable_memory_alive(&memory))
		usleep(1000);
	assert_int_equal(variable_memory_read(&memory, (uintptr_t)&test_variable, &value, 8),
			 -ESRCH);
	close(pipes[1]);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	variable_memory_close(&memory);
	assert_int_equal(variable_memory_open(NULL, "/proc", (uint32_t)child, &memory), -ENOENT);
}

/* As a process that holds the lock of its memory is. */
static void what_does_not_come_is_not_waited_for(void **state)
{
	const uint32_t self = (uint32_t)getpid();
	struct variable_files *files;
	struct variable_memory memory;
	struct variable found[WANTS];
	struct aside *aside;
	int maps, pagemap;
	long value;

	(void)state;
	tree_put_fifo("7/maps");
	tree_put_fifo("8/pagemap");
	assert_int_equal(aside__new(&aside), 0);
	assert_int_equal(variable_files__new(wants, WANTS, aside, &files), 0);
	assert_int_equal(variable_files__find(files, tree, 7, NULL, found), -ETIMEDOUT);
	assert_int_equal(variable_files__find(files, tree, 7, NULL, found), -EBUSY);
	assert_int_equal(variable_memory_open(aside, tree, 8, &memory), -ETIMEDOUT);
	assert_int_equal(variable_memory_open(aside, tree, 8, &memory), -EBUSY);
	assert_int_equal(variable_memory_open(NULL, "/proc", self, &memory), 0);
	memory.aside = aside;
	memory.tgid = 8;
	assert_int_equal(variable_memory_read(&memory, (uintptr_t)&test_variable, &value, 8),
			 -EBUSY);
	assert_int_equal(variable_memory_alive(&memory), 1);
	variable_memory_close(&memory);
	assert_int_equal(variable_files__find(files, "/proc", self, NULL, found), 0);
	assert_int_equal(variable_memory_open(aside, "/proc", self, &memory), 0);
	assert_int_equal(variable_memory_read(&memory, found[0].address, &value, 8), 0);
	assert_int_equal(value, test_variable);
	variable_memory_close(&memory);
	maps = tree_open_fifo("7/maps", O_WRONLY);
	pagemap = tree_open_fifo("8/pagemap", O_WRONLY);
	while (aside__left_behind(aside))
		usleep(1000);
	close(maps);
	close(pagemap);
	/* it can be opened, but does not come to its end */
	maps = tree_open_fifo("7/maps", O_RDWR);
	assert_int_equal(write(maps, "0-1", 3), 3);
	assert_int_equal(variable_files__find(files, tree, 7, NULL, found), -ETIMEDOUT);
	close(maps);
	variable_files__free(files);
	while (aside__left_behind(aside))
		usleep(1000);
	aside__free(aside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_reads_variables),
		cmocka_unit_test(a_page_that_nobody_touched_stays_so),
		cmocka_unit_test(any_address_is_harmless),
		cmocka_unit_test(what_has_ended_or_become_another_is_not_read),
		cmocka_unit_test(what_does_not_come_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
