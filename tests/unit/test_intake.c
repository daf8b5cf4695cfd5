/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=clock_gettime */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tap/intake.h"

#define START (1000 * INTAKE_TELL_NS)

static struct intake *intake;
static struct {
	uint64_t cpu_ns, passed_ns;
} spent;
static struct {
	unsigned count;
	uint64_t late, full, unsafe;
	char name[INTAKE_OWNER_SIZE];
} told;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	uint64_t ns = clock == CLOCK_THREAD_CPUTIME_ID ? spent.cpu_ns : spent.passed_ns;

	ts->tv_sec = (time_t)(ns / 1000000000);
	ts->tv_nsec = (long)(ns % 1000000000);
	return 0;
}

static void charge(struct intake_owner *owner, uint64_t cpu_ns, uint64_t passed_ns)
{
	intake__begin(intake);
	spent.cpu_ns += cpu_ns;
	spent.passed_ns += passed_ns;
	intake__charge(intake, owner);
}

static void on_passed_over(void *arg, const struct intake_owner *owner)
{
	(void)arg;
	told.count++;
	told.late = owner->late;
	told.full = owner->full;
	told.unsafe = owner->unsafe;
	snprintf(told.name, sizeof(told.name), "%s", owner->name);
}

static void sweep(uint64_t now_ns)
{
	intake__sweep(intake, now_ns, on_passed_over, NULL);
}

static int setup(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	return intake__new(&intake);
}

static int teardown(void **state)
{
	(void)state;
	intake__free(intake);
	return 0;
}

static void an_owner_has_so_much_time(void **state)
{
	struct intake_owner *one = intake__owner(intake, "one", START);
	struct intake_owner *two = intake__owner(intake, "two", START);

	(void)state;
	assert_ptr_equal(intake__owner(intake, "one", START), one);
	charge(one, INTAKE_CREDIT_NS - 1, INTAKE_CREDIT_NS);
	assert_int_equal(intake__has_time(one), 1);
	charge(one, 1, 1);
	assert_int_equal(intake__has_time(one), 0);
	assert_int_equal(intake__has_time(two), 1);
}

static void time_comes_back_slowly_and_not_beyond_what_there_was(void **state)
{
	struct intake_owner *owner = intake__owner(intake, "one", START);

	(void)state;
	charge(owner, INTAKE_CREDIT_NS + 100, 0);
	intake__owner(intake, "one", START + 100ull * INTAKE_REFILL);
	assert_int_equal(intake__has_time(owner), 0);
	intake__owner(intake, "one", START + 101ull * INTAKE_REFILL);
	assert_int_equal(intake__has_time(owner), 1);
	intake__owner(intake, "one", START + 1000 * INTAKE_CREDIT_NS);
	charge(owner, INTAKE_CREDIT_NS, 0);
	assert_int_equal(intake__has_time(owner), 0);
}

static void waiting_counts_for_a_quarter(void **state)
{
	struct intake_owner *owner = intake__owner(intake, "one", START);

	(void)state;
	charge(owner, 1, 4 * INTAKE_CREDIT_NS - 4);
	assert_int_equal(intake__has_time(owner), 1);
	charge(owner, 0, 4);
	assert_int_equal(intake__has_time(owner), 0);
}

static void what_was_passed_over_is_told_now_and_then(void **state)
{
	struct intake_owner *owner = intake__owner(intake, "one", START);

	(void)state;
	owner->share.specs = 1;
	sweep(START);
	assert_int_equal(told.count, 0);
	owner->late = 3;
	sweep(START);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.name, "one");
	assert_int_equal(told.late, 3);
	owner->late += 4;
	sweep(START + 1);
	owner->full += 5;
	sweep(START + INTAKE_TELL_NS - 1);
	assert_int_equal(told.count, 1);
	sweep(START + INTAKE_TELL_NS);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.late, 4);
	assert_int_equal(told.full, 5);
	sweep(START + 2 * INTAKE_TELL_NS);
	assert_int_equal(told.count, 2);
	owner->unsafe = 6;
	sweep(START + 2 * INTAKE_TELL_NS);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.unsafe, 6);
	assert_int_equal(owner->unsafe, 0);
}

static void who_holds_something_or_owes_time_is_not_forgotten(void **state)
{
	struct intake_owner *holds = intake__owner(intake, "holds", START);
	struct intake_owner *owes = intake__owner(intake, "owes", START);

	(void)state;
	holds->share.classes = 7;
	intake__owner(intake, "neither", START);
	charge(owes, 2 * INTAKE_CREDIT_NS, 0);
	for (int i = 0; i < 10; i++)
		sweep(START);
	assert_int_equal(intake__owner(intake, "holds", START)->share.classes, 7);
	assert_int_equal(intake__has_time(intake__owner(intake, "owes", START)), 0);
}

static void long_names_are_one_by_their_beginning(void **state)
{
	char name[2 * INTAKE_OWNER_SIZE];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_ptr_equal(intake__owner(intake, name, START),
			 intake__owner(intake, name + 1, START));
}

#define INTAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INTAKE_TEST(an_owner_has_so_much_time),
		INTAKE_TEST(time_comes_back_slowly_and_not_beyond_what_there_was),
		INTAKE_TEST(waiting_counts_for_a_quarter),
		INTAKE_TEST(what_was_passed_over_is_told_now_and_then),
		INTAKE_TEST(who_holds_something_or_owes_time_is_not_forgotten),
		INTAKE_TEST(long_names_are_one_by_their_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
