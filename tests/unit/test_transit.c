/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/*
 * Which send a receive is matched with, in BPF: a process calls two tapped functions in a known order. One stands for
 * sending, one for receiving; both get the bytes and `SIZE | flags`.
 */
#include "bpf_test.h"
#include <dlfcn.h>
#include <fcntl.h>
#include "tap/elf.h"
#include "tapped.h"

#define SIZE_MASK 0xffffff
#define FAILS 0x1000000
#define MORE 0x2000000
#define MAX_SIZE 4096

enum function { SEND, RECEIVE, FUNCTIONS };

static const char *const names[FUNCTIONS] = { "tapped_middle", "tapped_outer" };
static tapped_call_fn *call[FUNCTIONS];
static struct elf_symbol symbols[FUNCTIONS];
static struct probes *probes;
static struct probe_link *links;
static char why_not[512];
static uint64_t lost_before[TM_LOST_COUNT];

/* ---- set-up ------------------------------------------------------------------------------ */

static struct tm_value argument(unsigned number, uint64_t mask)
{
	return (struct tm_value){ .base = TM_BASE_ARG,
				  .arg = (uint8_t)number,
				  .bits = 64,
				  .mask = mask };
}

static int set_spec(enum function function)
{
	struct tm_spec spec = {
		.action = TM_ACTION_COUNT,
		.has_more = 1,
		.more_known = 1,
		.op = (uint16_t)(1 + function),
		.bytes = argument(2, SIZE_MASK),
		.more = argument(2, MORE),
		.failed = { argument(2, FAILS) },
		.payload = { .kind = TM_PAYLOAD_BUFFER,
			     .receive = function == RECEIVE,
			     .data = argument(1, UINT64_MAX),
			     .size = argument(2, SIZE_MASK) },
	};

	return probes__set_spec(probes, function, &spec);
}

static int open_library(int *fd)
{
	char err[128];
	struct elf_file *elf;
	void *library;
	int found;

	if (make_directory(__FILE__))
		return -1;
	*fd = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || elf_file__new(*fd, &elf, err, sizeof(err)))
		return -1;
	found = elf_file__functions(elf, names, FUNCTIONS, symbols);
	elf_file__free(elf);
	library = dlopen(in_directory("tapped.so"), RTLD_LAZY | RTLD_LOCAL);
	for (int i = 0; i < FUNCTIONS && library; i++)
		call[i] = (tapped_call_fn *)dlsym(library, names[i]);
	return found == FUNCTIONS && library ? 0 : -1;
}

static int set_up(void **state)
{
	struct probes_config config = { .max_streams = 256, .transit = 1 };
	struct probe list[FUNCTIONS] = { { .spec = SEND }, { .spec = RECEIVE } };
	int fd;

	(void)state;
	if (open_library(&fd) || open_probes(&config, &probes, why_not))
		return -1;
	if (!probes)
		return 0;
	for (int i = 0; i < FUNCTIONS; i++) {
		list[i].offset = symbols[i].offset;
		if (set_spec((enum function)i))
			return -1;
	}
	return probes__attach(probes, fd, list, FUNCTIONS, 0, &links);
}

static int tear_down(void **state)
{
	(void)state;
	probe_link__free(links);
	probes__free(probes);
	return remove_directory();
}

/* ---- what a process does, and what comes of it -------------------------------------------------- */

/*
 * A step is a letter for the call and one for the message: S sends, F fails to send, R receives; lower case: another
 * frame follows. "_" as message is empty, "0" a long one, "1" one that differs from it in the middle.
 */
static void steps(void *arg)
{
	static char data[MAX_SIZE];

	for (const char *step = arg; *step; step += 2 + (step[2] == ' ')) {
		int is_long = step[1] == '0' || step[1] == '1';
		long size = step[1] == '_' ? 0 : is_long ? MAX_SIZE : 100;
		char verb = step[0] & ~0x20;

		memset(data, is_long ? 'x' : step[1], sizeof(data));
		if (is_long)
			data[MAX_SIZE / 2] = step[1];
		if (step[0] & 0x20)
			size |= MORE;
		if (verb == 'F')
			size |= FAILS;
		call[verb == 'R' ? RECEIVE : SEND]((tapped_callback)(void *)getpid, data, size);
	}
}

static uint64_t matched(void)
{
	const struct tm_transit *transits = probes__transits(probes);
	uint64_t count = 0;

	for (size_t i = 0; i < 64; i++)
		for (size_t k = 0; k < TM_HIST_BUCKETS; k++)
			count += transits[i].hist[k];
	return count;
}

static void check(const char *what, uint64_t matches, uint64_t ambiguous)
{
	uint64_t before = matched(), skipped;

	memcpy(lost_before, probes__losses(probes), sizeof(lost_before));
	run_child(steps, (void *)(uintptr_t)what);
	skipped = probes__losses(probes)[TM_LOST_TRANSIT_AMBIGUOUS] -
		  lost_before[TM_LOST_TRANSIT_AMBIGUOUS];
	if (matched() - before != matches || skipped != ambiguous)
		print_error("%s: %d matched, %d ambiguous\n", what, (int)(matched() - before),
			    (int)skipped);
	assert_int_equal(matched() - before, matches);
	assert_int_equal(skipped, ambiguous);
}

/* ---- tests: each uses letters of its own, as records outlive a process ---------------------------- */

static void a_message_is_matched_once(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Sa Ra", 1, 0);
	check("Sb Sc Rb Rc", 2, 0);
	check("Rd", 0, 0);
}

static void equal_messages_one_at_a_time_are_matched(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Se Re Se Re Se Re", 3, 0);
}

static void equal_messages_at_once_are_not(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Sf Sf Rf Rf", 0, 2);
	/* once all have come, it is clear again */
	check("Sf Rf", 1, 0);
	/* the one that is left may be either */
	check("Sg Sg Rg Sg Rg Rg", 0, 3);
	check("Sg Rg", 1, 0);
}

static void one_that_is_received_too_often_is_never_matched_again(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Sh Rh Rh", 1, 1);
	check("Sh Rh Sh Rh", 0, 2);
}

static void one_that_got_lost_is_never_mistaken(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Si", 0, 0);
	check("Si Ri Si Ri", 0, 2);
}

static void a_failed_send_leaves_nothing(void **state)
{
	(void)state;
	skip_if(why_not);
	check("Fj Fj Rj", 0, 0);
	check("Fk Fk Sk Rk", 1, 0);
	check("Sl Rl Fl Sl Rl", 2, 0);
}

static void of_frames_all_count(void **state)
{
	(void)state;
	skip_if(why_not);
	check("sm Sn rm Rn", 1, 0);
	/* the last frame is the same */
	check("so Sp sq Sp rq Rp ro Rp", 2, 0);
	check("so Sp Rp", 0, 0);
	/* a failed frame is sent again */
	check("sr fs ss Ft St rr rs Rt", 1, 0);
}

static void what_is_for_the_way_does_not_count(void **state)
{
	(void)state;
	skip_if(why_not);
	check("su s_ Sv Rv", 1, 0);
	check("s_ Sw rx r_ Rw", 1, 0);
	/* an empty frame at the end is a message */
	check("sy S_ ry R_", 1, 0);
	check("sy S_ R_", 0, 0);
}

static void messages_that_differ_in_the_middle_are_equal(void **state)
{
	(void)state;
	skip_if(why_not);
	check("S0 S1 R0 R1", 0, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_matched_once),
		cmocka_unit_test(equal_messages_one_at_a_time_are_matched),
		cmocka_unit_test(equal_messages_at_once_are_not),
		cmocka_unit_test(one_that_is_received_too_often_is_never_matched_again),
		cmocka_unit_test(one_that_got_lost_is_never_mistaken),
		cmocka_unit_test(a_failed_send_leaves_nothing),
		cmocka_unit_test(of_frames_all_count),
		cmocka_unit_test(what_is_for_the_way_does_not_count),
		cmocka_unit_test(messages_that_differ_in_the_middle_are_equal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
