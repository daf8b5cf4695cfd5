/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -Wl,--wrap=probes__specs,--wrap=probes__adopt,--wrap=probe_link__free,--wrap=probes__open_gap,--wrap=pins__each,--wrap=pins__remove */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tap/adopt.h"
#include "tap/quick.h"

#define MAX_NAMES 16
#define FIRST_OP 5

/* ---- the directory, and the specs in BPF ------------------------------------------------------- */

static struct {
	char names[MAX_NAMES][PINS_NAME_SIZE]; /* "" = removed */
	size_t count;
	unsigned removed;
	struct tm_spec specs[TM_MAX_SPECS];
	struct tm_result_spec results[TM_MAX_SPECS];
	unsigned links; /* that are open */
	int counts_lost; /* with the gap; -1 = there is none */
	int adopt_error;
} fake;

int __wrap_probes__specs(const struct probes *probes, struct tm_spec *specs,
			 struct tm_result_spec *results);
int __wrap_probes__adopt(struct probes *probes, const struct pinned_link *name,
			 struct probe_link **out);
void __wrap_probe_link__free(struct probe_link *link);
void __wrap_probes__open_gap(struct probes *probes, int counts_lost);
int __wrap_pins__each(const struct pins *pins, int (*fn)(void *arg, const char *name), void *arg);
int __wrap_pins__remove(const struct pins *pins, const char *name);

int __wrap_probes__specs(const struct probes *probes, struct tm_spec *specs,
			 struct tm_result_spec *results)
{
	(void)probes;
	memcpy(specs, fake.specs, sizeof(fake.specs));
	memcpy(results, fake.results, sizeof(fake.results));
	return 0;
}

static int is_there(const char *name)
{
	for (size_t i = 0; i < fake.count; i++)
		if (!strcmp(fake.names[i], name))
			return 1;
	return 0;
}

int __wrap_probes__adopt(struct probes *probes, const struct pinned_link *name,
			 struct probe_link **out)
{
	char text[PINS_NAME_SIZE];

	(void)probes;
	if (fake.adopt_error)
		return fake.adopt_error;
	for (uint32_t part = 0; part < name->parts; part++) {
		pinned_link_name(name, part, text);
		if (!is_there(text))
			return -ENOENT;
	}
	*out = malloc(1);
	fake.links++;
	return *out ? 0 : -ENOMEM;
}

void __wrap_probe_link__free(struct probe_link *link)
{
	fake.links -= link != NULL;
	free(link);
}

void __wrap_probes__open_gap(struct probes *probes, int counts_lost)
{
	(void)probes;
	fake.counts_lost = counts_lost;
}

int __wrap_pins__each(const struct pins *pins, int (*fn)(void *arg, const char *name), void *arg)
{
	int err = 0;

	(void)pins;
	for (size_t i = 0; i < fake.count && !err; i++)
		if (fake.names[i][0])
			err = fn(arg, fake.names[i]);
	return err;
}

int __wrap_pins__remove(const struct pins *pins, const char *name)
{
	(void)pins;
	for (size_t i = 0; i < fake.count; i++)
		if (!strcmp(fake.names[i], name)) {
			fake.names[i][0] = 0;
			fake.removed++;
			return 0;
		}
	return -ENOENT;
}

static void put_name(const char *name)
{
	snprintf(fake.names[fake.count++], PINS_NAME_SIZE, "%s", name);
}

static struct pinned_link link_of(uint64_t inode, uint32_t number)
{
	return (struct pinned_link){
		.inode = inode,
		.size = 4096,
		.mtime = 1700000000,
		.device = 5,
		.number = number,
		.round = 1,
		.parts = 2,
	};
}

/* Parts `from` to the last one. */
static void put_link(const struct pinned_link *link, uint32_t from)
{
	for (uint32_t part = from; part < link->parts; part++)
		pinned_link_name(link, part, fake.names[fake.count++]);
}

static struct tm_spec spec_of(uint32_t file, uint16_t op)
{
	return (struct tm_spec){ .action = TM_ACTION_COUNT, .op = op, .file = file };
}

/* As probes__set_spec() leaves it. */
static void put_spec(uint32_t index, const struct tm_spec *spec)
{
	fake.specs[index] = *spec;
	spec_quicken(&fake.specs[index]);
}

static int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.counts_lost = -1;
	return 0;
}

static struct adopted *adopt(void)
{
	struct adopted *adopted = NULL;

	assert_int_equal(adopted__new(NULL, NULL, &adopted), 0);
	return adopted;
}

/* ---- files ---------------------------------------------------------------------------------- */

static void files_are_found_again_by_identity(void **state)
{
	struct pinned_link one = link_of(100, 1), other = link_of(200, 2), wanted;
	struct adopted *adopted;

	(void)state;
	put_link(&one, 0);
	put_link(&other, 0);
	adopted = adopt();
	assert_int_equal(fake.links, 2);
	wanted = link_of(200, 0);
	wanted.parts = 0;
	assert_int_equal(adopted__find(adopted, &wanted)->name.number, 2);
	wanted.mtime++;
	assert_null(adopted__find(adopted, &wanted)); /* it has been written anew */
	assert_int_equal(adopted__last_file(adopted), 2);
	adopted__free(adopted);
	assert_int_equal(fake.links, 0);
	assert_int_equal(fake.removed, 0);
	assert_int_equal(fake.counts_lost, -1);
}

static void what_was_missed_waits_for_the_next_round(void **state)
{
	struct pinned_link one = link_of(100, 1);
	struct adopted *adopted;

	(void)state;
	put_link(&one, 0);
	adopted = adopt();
	adopted__find(adopted, &one)->missed = 1;
	assert_null(adopted__unclaimed(adopted, 1));
	assert_int_equal(adopted__unclaimed(adopted, 2)->name.number, 1);
	adopted__free(adopted);
}

static void what_nobody_claims_can_be_dropped(void **state)
{
	struct pinned_link one = link_of(100, 1), other = link_of(200, 2);
	struct adopted *adopted;

	(void)state;
	put_link(&one, 0);
	put_link(&other, 0);
	adopted = adopt();
	adopted__find(adopted, &one)->claimed = 1;
	assert_int_equal(adopted__unclaimed(adopted, 1)->name.number, 2);
	adopted__drop(adopted, adopted__unclaimed(adopted, 1));
	assert_int_equal(fake.links, 1);
	assert_null(adopted__unclaimed(adopted, 1));
	assert_null(adopted__find(adopted, &other));
	adopted__free(adopted);
	assert_null(adopted__find(NULL, &one));
	assert_null(adopted__unclaimed(NULL, 1));
	adopted__free(NULL);
}

/* Whatever the order in which the directory lists them. */
static void of_two_links_of_a_file_the_later_one_goes_on(void **state)
{
	struct pinned_link early = link_of(100, 1), late = early;
	struct adopted *adopted;

	(void)state;
	late.round = 2;
	for (int turn = 0; turn < 2; turn++) {
		set_up(NULL);
		put_link(turn ? &late : &early, 0);
		put_link(turn ? &early : &late, 0);
		adopted = adopt();
		assert_int_equal(fake.links, 1);
		assert_int_equal(adopted__find(adopted, &early)->name.round, 2);
		assert_int_equal(fake.counts_lost, -1);
		adopted__free(adopted);
	}
}

static void a_link_that_was_not_finished_leaves_the_one_before(void **state)
{
	struct pinned_link early = link_of(100, 1), late = early;
	struct adopted *adopted;

	(void)state;
	late.round = 2;
	for (int turn = 0; turn < 2; turn++) {
		set_up(NULL);
		if (turn)
			put_link(&early, 0);
		put_link(&late, 1);
		if (!turn)
			put_link(&early, 0);
		adopted = adopt();
		assert_int_equal(fake.links, 1);
		assert_int_equal(adopted__find(adopted, &early)->name.round, 1);
		assert_int_equal(fake.removed, 1);
		assert_int_equal(fake.counts_lost, -1);
		adopted__free(adopted);
	}
}

static void a_link_that_is_not_whole_is_removed_and_the_gap_counts(void **state)
{
	struct pinned_link whole = link_of(100, 1), broken = link_of(200, 2);
	struct adopted *adopted;

	(void)state;
	put_link(&whole, 0);
	put_link(&broken, 1);
	adopted = adopt();
	assert_null(adopted__find(adopted, &broken));
	assert_int_equal(adopted__find(adopted, &whole)->name.number, 1);
	assert_int_equal(fake.removed, 1);
	assert_int_equal(fake.counts_lost, 1);
	adopted__free(adopted);
}

static void names_that_are_no_links_are_left_alone(void **state)
{
	static const char *const names[] = {
		"kept",
		"map_slots",
		"agent_streams",
		"life_exit",
		"link-",
		"link-5-64-0-1000-6553f100-1-0-1-2-0x",
		"link-5-64-0-1000-6553f100-1-0-1-ffffffff-0", /* 4 billion parts */
		"link-5-64-0-1000-6553f100-0-0-1-2-0", /* of file 0, which is none */
		"cilium_calls",
	};
	struct adopted *adopted;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_name(names[i]);
	adopted = adopt();
	assert_null(adopted__unclaimed(adopted, 1));
	assert_int_equal(fake.removed, 0);
	assert_int_equal(fake.counts_lost, -1);
	adopted__free(adopted);
}

static void an_error_is_told_and_nothing_stays_open(void **state)
{
	struct pinned_link one = link_of(100, 1);
	struct adopted *adopted = NULL;

	(void)state;
	put_link(&one, 0);
	fake.adopt_error = -EACCES;
	assert_int_equal(adopted__new(NULL, NULL, &adopted), -EACCES);
	assert_null(adopted);
	assert_int_equal(fake.links, 0);
	assert_int_equal(fake.removed, 0);
}

/* ---- specs ------------------------------------------------------------------------------------ */

static void each_spec_is_handed_out_once_by_content(void **state)
{
	struct pinned_link name = link_of(100, 1);
	struct tm_spec spec = spec_of(1, FIRST_OP), unknown = spec_of(1, FIRST_OP + 1);
	struct tm_result_spec result = { 0 }, other = { .lookups = 1 };
	struct adopted_file *file;
	struct adopted *adopted;

	(void)state;
	put_link(&name, 0);
	put_spec(10, &spec);
	put_spec(20, &spec);
	adopted = adopt();
	file = adopted__find(adopted, &name);
	assert_int_equal(adopted__specs_left(adopted, file), 2);
	assert_int_equal(adopted__spec(adopted, file, &unknown, &result), -ENOENT);
	assert_int_equal(adopted__spec(adopted, file, &spec, &other), -ENOENT);
	assert_int_equal(adopted__spec(adopted, file, &spec, &result), 10);
	assert_int_equal(adopted__spec(adopted, file, &spec, &result), 20);
	assert_int_equal(adopted__spec(adopted, file, &spec, &result), -ENOENT);
	assert_int_equal(adopted__specs_left(adopted, file), 0);
	adopted__free(adopted);
}

static void another_files_specs_are_not_its_own(void **state)
{
	struct pinned_link name = link_of(100, 1);
	struct tm_spec spec = spec_of(2, FIRST_OP);
	struct tm_result_spec result = { 0 };
	struct adopted *adopted;

	(void)state;
	put_link(&name, 0);
	put_spec(10, &spec);
	adopted = adopt();
	assert_int_equal(adopted__spec(adopted, adopted__find(adopted, &name), &spec, &result),
			 -ENOENT);
	assert_int_equal(adopted__specs_left(adopted, adopted__find(adopted, &name)), 0);
	assert_int_equal(adopted__last_file(adopted), 2); /* whose number is not used again */
	adopted__free(adopted);
}

static void note_class(void *arg, uint32_t index, const struct tm_spec *spec)
{
	(void)index;
	assert_in_range(spec->object_class, 0, TM_MAX_OBJECT_CLASSES - 1);
	++*(unsigned *)arg;
}

/* A class is an index in the agent's tables. */
static void a_spec_with_a_class_that_cannot_be_is_none(void **state)
{
	struct pinned_link name = link_of(100, 1);
	struct tm_spec good = spec_of(1, FIRST_OP), bad = spec_of(1, FIRST_OP);
	struct tm_result_spec result = { 0 };
	struct adopted_file *file;
	struct adopted *adopted;
	unsigned count = 0;

	(void)state;
	good.object_class = 3;
	bad.object_class = TM_MAX_OBJECT_CLASSES;
	put_link(&name, 0);
	put_spec(9, &bad);
	put_spec(10, &good);
	adopted = adopt();
	file = adopted__find(adopted, &name);
	adopted__each_spec(adopted, note_class, &count);
	assert_int_equal(count, 1);
	assert_int_equal(adopted__spec(adopted, file, &bad, &result), -ENOENT);
	assert_int_equal(adopted__class(adopted, file, FIRST_OP, FIRST_OP + 1), 3);
	assert_int_equal(adopted__class(adopted, file, FIRST_OP + 1, FIRST_OP + 9), 0);
	adopted__free(adopted);
}

/* ---- settings ----------------------------------------------------------------------------------- */

static void settings_change_with_what_operations_mean(void **state)
{
	struct operation operations[] = { { .name = "send" }, { .name = "receive" } };
	struct profile profile = { .name = "p", .operations = operations, .operation_count = 2 };
	const struct profile *list[] = { &profile };
	uint64_t before = adopted_settings(list, 1);

	(void)state;
	assert_true(adopted_settings(list, 1) == before);
	assert_true(adopted_settings(list, 0) != before);
	profile.system = "zmq";
	assert_true(adopted_settings(list, 1) != before);
	profile.system = NULL;
	operations[1].name = "drop";
	assert_true(adopted_settings(list, 1) != before);
	operations[1].name = "receive";
	assert_true(adopted_settings(list, 1) == before);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_found_again_by_identity),
		TEST(what_was_missed_waits_for_the_next_round),
		TEST(what_nobody_claims_can_be_dropped),
		TEST(of_two_links_of_a_file_the_later_one_goes_on),
		TEST(a_link_that_was_not_finished_leaves_the_one_before),
		TEST(a_link_that_is_not_whole_is_removed_and_the_gap_counts),
		TEST(names_that_are_no_links_are_left_alone),
		TEST(an_error_is_told_and_nothing_stays_open),
		TEST(each_spec_is_handed_out_once_by_content),
		TEST(another_files_specs_are_not_its_own),
		TEST(a_spec_with_a_class_that_cannot_be_is_none),
		TEST(settings_change_with_what_operations_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
