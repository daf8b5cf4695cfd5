/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/* LDFLAGS: -Wl,--wrap=elf_file__new,--wrap=probes__attach,--wrap=probes__mappings,--wrap=probes__file_is_held,--wrap=intake__has_time */
/* Files that are found and tapped, and let go of. */
#include "taps_fixture.h"

/* ---- finding ----------------------------------------------------------------------------- */

static void a_file_that_a_process_maps_is_found_and_tapped(void **state)
{
	struct worker *worker;
	struct seen_taps seen;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	step(worker);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(told.functions, 1);
	assert_string_equal(told.path, in_directory("tapped.so"));
	assert_string_equal(told.reason, "");
	assert_in_range(told.processes, 1, 10);
	assert_int_equal(taps__up(taps), 1);
	for (int i = 0; i < 5; i++)
		step(worker);
	assert_int_equal(counted(worker), 5);

	seen = seen_taps();
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.up, 1);
	assert_ptr_equal(seen.last.profile, profile);
	assert_string_equal(seen.last.path, in_directory("tapped.so"));
	assert_int_equal(seen.last.processes, 1);
	assert_string_equal(seen.last.reason, "");
	sweep(START + SECOND);
	assert_int_equal(told.attached, 1);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void a_look_at_one_process_finds_its_files(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(shell("cp tapped.so other.so"), 0);
	other = start_worker(in_directory("other.so"));
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 1);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 0);
	/* nobody, and somebody who has gone */
	assert_int_equal(taps__look(taps, 0, START), 0);
	taps__look(taps, (uint32_t)run_child(do_nothing, NULL), START);
	assert_int_equal(told.attached, 1);
}

static void a_copy_is_a_file_of_its_own(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so copy.so"), 0);
	worker = free_worker();
	worker->paths[0] = in_directory("tapped.so");
	worker->paths[1] = in_directory("copy.so");
	start_prepared(worker);
	sweep(START);
	assert_int_equal(told.attached, 2);
	assert_int_equal(taps__up(taps), 2);
	step(worker);
	assert_int_equal(counted(worker), 2);
}

static void a_deleted_file_is_tapped_too(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so deleted.so"), 0);
	worker = start_worker(in_directory("deleted.so"));
	assert_int_equal(unlink(in_directory("deleted.so")), 0);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(strrchr(told.path, '/'), "/deleted.so (deleted)");
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static void a_file_by_several_names_is_one_file(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("ln tapped.so hard.so && ln -s tapped.so soft.so"), 0);
	worker = start_worker(in_directory("hard.so"));
	other = start_worker(in_directory("soft.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(seen_taps().last.processes, 2);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 1);
}

/* A process that sees the directory's "lower" through an overlay of its own. */
static struct worker *start_overlaid(int number)
{
	static char options[2][512];
	struct worker *worker = free_worker();

	assert_int_equal(shell("mkdir -p lower merged upper%d work%d", number, number), 0);
	assert_int_equal(shell("[ -e lower/lib.so ] || cp tapped.so lower/lib.so"), 0);
	snprintf(options[number], sizeof(options[0]),
		 "lowerdir=%s/lower,upperdir=%s/upper%d,workdir=%s/work%d", test_directory,
		 test_directory, number, test_directory, number);
	worker->overlay = options[number];
	worker->paths[0] = in_directory("merged/lib.so");
	return start_prepared(worker);
}

static void a_file_in_two_overlays_is_one_file(void **state)
{
	struct worker *workers_[2];

	(void)state;
	skip_if(why_not);
	skip_if(cannot_mount);
	for (int i = 0; i < 2; i++)
		workers_[i] = start_overlaid(i);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(seen_taps().last.processes, 2);
	for (int i = 0; i < 2; i++) {
		step(workers_[i]);
		assert_int_equal(counted(workers_[i]), 1);
	}
}

static void a_second_name_of_a_function_is_not_tapped_again(void **state)
{
	struct seen_taps seen;

	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	sweep(START);
	seen = seen_taps();
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.up, 1);
}

#define THROWING                                 \
	"profile: made-up\n"                     \
	"kind: message\n"                        \
	"system: mine\n"                         \
	"operations: {put: {direction: send}}\n" \
	"functions:\n"                           \
	"  - symbol: _ZN6tapped5valueEl\n"       \
	"    operation: put\n"

/* From here on, what the profile says is tapped and nothing else. */
static struct profile *open_other_taps(const char *text, int per_process)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *made_up_profile = profile, *other;

	assert_int_equal(profile__parse("f", text, strlen(text), &other, &errors), 0);
	taps__free(taps);
	profile = other;
	assert_int_equal(open_taps(0, per_process), 0);
	profile = made_up_profile;
	return other;
}

static int note_reason(void *arg, const struct tap_info *info)
{
	assert_false(info->up);
	snprintf(arg, sizeof(told.reason), "%s", info->reason);
	return 0;
}

static void check_is_not_tapped(int per_process)
{
	struct profile *throwing = open_other_taps(THROWING, per_process);
	char reason[sizeof(told.reason)] = "";

	memset(&told, 0, sizeof(told));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(told.functions, 0);
	assert_non_null(strstr(told.reason, "may_throw: false"));
	assert_int_equal(taps__each(taps, note_reason, reason), 0);
	assert_non_null(strstr(reason, "may_throw: false"));
	assert_int_equal(taps__up(taps), 0);
	sweep(START + 60 * SECOND); /* not tried again, and it is said once */
	assert_int_equal(told.attached, 1);
	assert_int_equal(taps__give_up_dearest(taps, START + 60 * SECOND), 0);
	taps__free(taps);
	taps = NULL;
	profile__free(throwing);
}

static void a_function_that_may_throw_is_not_tapped(void **state)
{
	struct profile *quiet;

	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	check_is_not_tapped(0);
	check_is_not_tapped(1);
	quiet = open_other_taps(THROWING "    may_throw: false\n", 0);
	memset(&told, 0, sizeof(told));
	sweep(START);
	assert_int_equal(told.functions, 1);
	assert_string_equal(told.reason, "");
	assert_int_equal(taps__up(taps), 1);
	taps__free(taps);
	taps = NULL;
	profile__free(quiet);
}

static void a_process_that_is_not_selected_is_not_looked_into(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	told.unselected = worker->pid;
	sweep(START);
	assert_int_equal(fault.opened, 0);
	assert_int_equal(told.attached, 0);
	told.unselected = 0;
	sweep(START + SECOND);
	assert_int_equal(told.attached, 1);
}

static void a_dry_run_finds_but_sets_no_probe(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	taps__free(taps);
	assert_int_equal(open_taps(1, 0), 0);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.reason, "");
	step(worker);
	assert_int_equal(counted(worker), 0);
	assert_int_equal(taps__up(taps), 0);
}

static void with_links_of_their_own_only_the_selected_count(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	if (!probes__can_attach_process(probes))
		skip_if("no links for one process on this Linux kernel");
	taps__free(taps);
	assert_int_equal(open_taps(0, 1), 0);
	worker = start_worker(in_directory("tapped.so"));
	other = start_worker(in_directory("tapped.so"));
	told.unselected = other->pid;
	sweep(START);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 0);
	told.unselected = 0;
	sweep(START + SECOND);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 2);
	assert_int_equal(counted(other), 1);
}

static void count_own(void *arg, const struct tm_mapping *mapping)
{
	struct stat st;

	assert_int_equal(stat(in_directory("tapped.so"), &st), 0);
	if (mapping->kind == TM_MAPPING_FILE && mapping->process.tgid == (uint32_t)getpid() &&
	    mapping->inode == st.st_ino)
		++*(unsigned *)arg;
}

/* More than a reading of the Linux kernel's list has room for. */
static void all_mappings_of_a_process_are_listed(void **state)
{
	void *mapped[700];
	unsigned listed = 0;

	(void)state;
	skip_if(why_not);
	for (size_t i = 0; i < 700; i++)
		mapped[i] = map_file(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, getpid(), count_own, &listed), 0);
	assert_int_equal(listed, 700);
	listed = 0;
	assert_int_equal(__real_probes__mappings(probes, 0, count_own, &listed), 0);
	assert_int_equal(listed, 700);
	for (size_t i = 0; i < 700; i++)
		munmap(mapped[i], 4096);
	listed = 0;
	assert_int_equal(__real_probes__mappings(probes, getpid(), count_own, &listed), 0);
	assert_int_equal(listed, 0);
}

/* ---- letting go -------------------------------------------------------------------------- */

static void a_tap_goes_some_time_after_the_last_process(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	sweep(START + 100 * SECOND);
	assert_int_equal(told.detached, 0);
	stop_worker(worker);
	sweep(START + 101 * SECOND);
	sweep(START + 100 * SECOND + LINGER - 1);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 0);
	sweep(START + 100 * SECOND + LINGER);
	assert_int_equal(told.detached, 1);
	assert_string_equal(told.path, in_directory("tapped.so"));
	assert_int_not_equal(told.file, 0);
	assert_int_equal(taps__up(taps), 0);
	assert_int_equal(seen_taps().count, 0);
	/* and comes back with the next one */
	worker = start_worker(in_directory("tapped.so"));
	sweep(START + 200 * SECOND);
	assert_int_equal(told.attached, 2);
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static void a_tap_goes_when_a_living_process_has_unloaded_the_library(void **state)
{
	struct worker *worker = free_worker();

	(void)state;
	skip_if(why_not);
	worker->paths[0] = in_directory("tapped.so");
	worker->unload = 1;
	start_prepared(worker);
	sweep(START);
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	sweep(START + LINGER);
	assert_int_equal(told.detached, 1);
	assert_int_equal(taps__up(taps), 0);
}

static void a_tap_that_has_gone_lets_its_filesystem_go(void **state)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	skip_if(cannot_mount);
	assert_int_equal(shell("mkdir -p mounted"), 0);
	assert_int_equal(mount("tmpfs", in_directory("mounted"), "tmpfs", 0, NULL), 0);
	assert_int_equal(shell("cp tapped.so mounted/"), 0);
	worker = start_worker(in_directory("mounted/tapped.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	stop_worker(worker);
	assert_int_equal(umount(in_directory("mounted")), -1);
	assert_int_equal(errno, EBUSY);
	sweep(START + LINGER);
	/* soon: it is taken off aside */
	while (umount(in_directory("mounted"))) {
		assert_int_equal(errno, EBUSY);
		nanosleep(&moment, NULL);
	}
}

static int add_runs(void *arg, const struct profile *of, const char *function, uint64_t runs,
		    uint64_t cost_ns)
{
	(void)of;
	(void)function;
	(void)cost_ns;
	*(uint64_t *)arg += runs;
	return 0;
}

/* Of probes: two on one function run twice, though the call counts once. */
static uint64_t runs(void)
{
	uint64_t sum = 0;

	assert_int_equal(taps__each_function(taps, add_runs, &sum), 0);
	return sum;
}

static void a_file_that_is_mapped_again_while_its_probes_go_is_counted_once(void **state)
{
	uint64_t before;

	(void)state;
	skip_if(why_not);
	/* some begin when the probes are still there, some while they go, some after */
	for (unsigned i = 0; i < 12; i++) {
		const uint64_t now_ns = START + i * 100ull * SECOND;
		const struct timespec some = { .tv_nsec = i % 4 * 20000000l };
		struct worker *worker = start_worker(in_directory("tapped.so"));

		sweep(now_ns);
		stop_worker(worker);
		sweep(now_ns + LINGER);
		assert_int_equal(told.detached, i + 1);
		assert_int_equal(taps__up(taps), 0);
		nanosleep(&some, NULL);
		worker = start_worker(in_directory("tapped.so"));
		sweep(now_ns + LINGER);
		assert_int_equal(told.attached, i + 2);
		assert_int_equal(taps__up(taps), 1);
		assert_int_equal(seen_taps().up, 1);
		before = runs();
		step(worker);
		assert_int_equal(runs() - before, 1);
		assert_int_equal(counted(worker), 1);
		stop_worker(worker);
		sweep(now_ns + LINGER);
	}
}

static int keep_cost(void *arg, const struct profile *of, const char *function, uint64_t runs,
		     uint64_t cost_ns)
{
	uint64_t *cost = arg;

	assert_ptr_equal(of, profile);
	assert_string_equal(function, "tapped_value");
	assert_int_equal(runs, 3);
	*cost += cost_ns;
	return 0;
}

static void the_dearest_file_is_given_up_for_a_while(void **state)
{
	struct worker *worker, *dear;
	uint64_t cost = 0;

	(void)state;
	skip_if(why_not);
	assert_int_equal(taps__give_up_dearest(taps, START), 0);
	assert_int_equal(shell("cp tapped.so dear.so"), 0);
	worker = start_worker(in_directory("tapped.so"));
	dear = start_worker(in_directory("dear.so"));
	sweep(START);
	step(worker);
	step(dear);
	step(dear);
	assert_int_equal(taps__give_up_dearest(taps, START), 1);
	assert_int_equal(told.detached, 1);
	assert_string_equal(told.path, in_directory("dear.so"));
	assert_int_equal(taps__up(taps), 1);
	step(dear);
	assert_int_equal(counted(dear), 2);
	assert_int_equal(taps__each_function(taps, keep_cost, &cost), 0);
	assert_int_equal(cost, taps__spent(taps));
	sweep(START + 30 * SECOND - 1);
	assert_int_equal(taps__up(taps), 1);
	sweep(START + 30 * SECOND);
	assert_int_equal(taps__up(taps), 2);
	step(dear);
	assert_int_equal(counted(dear), 3);
	stop_worker(dear);
	stop_worker(worker);
	sweep(START + 40 * SECOND);
	assert_int_equal(taps__up(taps), 0);
	assert_true(taps__spent(taps) > cost); /* of files that have gone, too */
}

/* ---- numbers ----------------------------------------------------------------------------- */

static void operations_and_classes_are_found_by_their_numbers(void **state)
{
	const struct tm_slot *slots;
	const struct operation *operation = NULL;
	struct worker *worker;
	unsigned i = 0;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	step(worker);
	slots = probes__slots(probes);
	while (slots[i].key.process.tgid != (uint32_t)worker->pid)
		assert_true(++i < MAX_STREAMS);
	assert_ptr_equal(taps__operation(taps, slots[i].key.op, &operation), profile);
	assert_string_equal(operation->name, "take");
	assert_null(taps__operation(taps, 0, &operation));
	assert_null(taps__operation(taps, slots[i].key.op + 1, &operation));
	assert_null(taps__operation(taps, UINT32_MAX, &operation));
	assert_ptr_equal(taps__class_profile(taps, slots[i].object_class), profile);
	assert_null(taps__class_profile(taps, 0));
	assert_null(taps__class_profile(taps, UINT32_MAX));
}

int main(void)
{
#define TAPS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TAPS_TEST(a_file_that_a_process_maps_is_found_and_tapped),
		TAPS_TEST(a_look_at_one_process_finds_its_files),
		TAPS_TEST(a_copy_is_a_file_of_its_own),
		TAPS_TEST(a_deleted_file_is_tapped_too),
		TAPS_TEST(a_file_by_several_names_is_one_file),
		TAPS_TEST(a_file_in_two_overlays_is_one_file),
		TAPS_TEST(a_second_name_of_a_function_is_not_tapped_again),
		TAPS_TEST(a_function_that_may_throw_is_not_tapped),
		TAPS_TEST(a_process_that_is_not_selected_is_not_looked_into),
		TAPS_TEST(a_dry_run_finds_but_sets_no_probe),
		TAPS_TEST(with_links_of_their_own_only_the_selected_count),
		TAPS_TEST(all_mappings_of_a_process_are_listed),
		TAPS_TEST(a_tap_goes_some_time_after_the_last_process),
		TAPS_TEST(a_tap_goes_when_a_living_process_has_unloaded_the_library),
		TAPS_TEST(a_tap_that_has_gone_lets_its_filesystem_go),
		TAPS_TEST(a_file_that_is_mapped_again_while_its_probes_go_is_counted_once),
		TAPS_TEST(the_dearest_file_is_given_up_for_a_while),
		TAPS_TEST(operations_and_classes_are_found_by_their_numbers),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
