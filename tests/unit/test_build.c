/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tap/build.h"

/*
 * `state` has 64 bytes. Functions that add to it, as compilers write it: relative to the instruction, and by a
 * register that keeps the address.
 */
static const char source[] =
	".macro fn name\n.globl \\name\n.type \\name,@function\n\\name:\n.endm\n"
	".macro end name\n.size \\name,.-\\name\n.endm\n"
	".bss\n.globl state\n.type state,@object\n.size state,64\n.balign 8\n.hidden self\n"
	"self:\nstate: .zero 64\nbehind: .zero 64\n.text\n"
	"fn direct\naddq $1,self+16(%rip)\nlock incq self+8(%rip)\naddl $1,self+24(%rip)\n"
	"addq $2,self+32(%rip)\nsubq $1,self+40(%rip)\naddq $1,behind(%rip)\n"
	"addq $1,self+16(%rip)\nret\nend direct\n"
	"fn by_register\npush %rbx\nlea self(%rip),%rbx\naddq $1,56(%rbx)\naddq $1,64(%rbx)\n"
	"addq $1,(%rbx,%rax)\npop %rbx\nret\nend by_register\n"
	"fn clobbered\npush %rbx\nlea self(%rip),%rbx\nmov %rdi,%rbx\naddq $1,8(%rbx)\npop %rbx\n"
	"ret\nend clobbered\n"
	"fn caller_saved\nlea self(%rip),%rax\ncall direct\naddq $1,8(%rax)\nret\nend caller_saved\n"
	"fn sums\nlock add %rdi,self(%rip)\nadd %rsi,self+48(%rip)\naddq $1,self+8(%rip)\nret\n"
	"end sums\n"
	"fn broken\n.byte 0x06\naddq $1,self(%rip)\nret\nend broken\n";

static char directory[] = "/tmp/tapmeter-build-XXXXXX";
static struct elf_file *elf;
static uint64_t state_address;
static int fd = -1;

static int open_library(void **state)
{
	char command[256], path[128], err[128];
	const char *name = "state";
	struct elf_symbol symbol;
	FILE *file;

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/x.s", directory);
	file = fopen(path, "we");
	if (!file)
		return -1;
	fputs(source, file);
	fclose(file);
	snprintf(command, sizeof(command),
		 "cd %s && gcc -shared -nostdlib x.s -o x.so && strip x.so", directory);
	if (system(command)) /* NOLINT(cert-env33-c): our own words */
		return -1;
	snprintf(path, sizeof(path), "%s/x.so", directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || elf_file__new(fd, &elf, err, sizeof(err)))
		return -1;
	if (elf_file__symbols(elf, &name, 1, &symbol) != 1 || symbol.size != 64)
		return -1;
	state_address = symbol.value;
	return 0;
}

static int remove_library(void **state)
{
	char command[64];

	(void)state;
	elf_file__free(elf);
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command); /* NOLINT(cert-env33-c) */
}

static void expect(struct profile_counter counter, int64_t offset)
{
	uint64_t address = 0;
	int err;

	counter.object = counter.object ? counter.object : "state";
	counter.nth = counter.nth ? counter.nth : 1;
	counter.of = counter.of ? counter.of : 1;
	err = build_find_counter(&counter, elf, &address);
	assert_int_equal(err, offset < 0 ? offset : 0);
	if (offset >= 0)
		assert_int_equal(address - state_address, offset);
}

static void what_is_added_to_is_found_in_the_order_of_addresses(void **state)
{
	(void)state;
	expect((struct profile_counter){ .function = "direct", .of = 2, .nth = 1 }, 8);
	expect((struct profile_counter){ .function = "direct", .of = 2, .nth = 2 }, 16);
	expect((struct profile_counter){ .function = "by_register" }, 56);
	expect((struct profile_counter){ .function = "sums", .sums = 1, .of = 2 }, 0);
	expect((struct profile_counter){ .function = "sums", .sums = 1, .of = 2, .nth = 2 }, 48);
	expect((struct profile_counter){ .function = "sums" }, 8);
}

static void in_doubt_nothing_is_found(void **state)
{
	(void)state;
	expect((struct profile_counter){ .function = "direct" }, -ENOENT);
	expect((struct profile_counter){ .function = "direct", .of = 3 }, -ENOENT);
	expect((struct profile_counter){ .function = "clobbered" }, -ENOENT);
	expect((struct profile_counter){ .function = "caller_saved" }, -ENOENT);
	expect((struct profile_counter){ .function = "broken" }, -ENOENT);
	expect((struct profile_counter){ .function = "nowhere" }, -ENOENT);
	expect((struct profile_counter){ .function = "direct", .object = "nothing", .of = 2 },
	       -ENOENT);
}

static void the_first_variant_that_fits_is_the_constant(void **state)
{
	const struct profile_variant variants[][2] = {
		{ { .value = 1, .symbol = "nowhere" }, { .value = 2, .symbol = "state" } },
		{ { .value = 3, .symbol = "sums" }, { .value = 4 } },
		{ { .value = 5, .build_id = "0000000000" }, { .value = 6, .symbol = "nowhere" } },
	};
	const struct profile_constant constants[] = {
		{ "a", 2, variants[0] },
		{ "b", 2, variants[1] },
		{ "c", 2, variants[2] },
	};
	const struct profile profile = { .constant_count = 3, .constants = constants };
	struct build build;

	(void)state;
	build_examine(&profile, elf, &build);
	assert_true(build.constant_known[0] && build.constants[0] == 2);
	assert_true(build.constant_known[1] && build.constants[1] == 3);
	assert_false(build.constant_known[2]);
}

static void a_file_matches_by_what_it_has_and_has_not(void **state)
{
	const char *const have[] = { "state", "sums" }, *const none[] = { "sums", "nowhere" };

	(void)state;
	assert_true(build_matches(&(struct profile){ 0 }, elf));
	assert_true(build_matches(
		&(struct profile){ .match = { .symbols = have, .symbol_count = 2 } }, elf));
	assert_false(build_matches(
		&(struct profile){ .match = { .symbols = none, .symbol_count = 2 } }, elf));
	assert_false(build_matches(
		&(struct profile){ .match = { .without = none, .without_count = 2 } }, elf));
	assert_true(build_matches(
		&(struct profile){ .match = { .without = none + 1, .without_count = 1 } }, elf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_to_is_found_in_the_order_of_addresses),
		cmocka_unit_test(in_doubt_nothing_is_found),
		cmocka_unit_test(the_first_variant_that_fits_is_the_constant),
		cmocka_unit_test(a_file_matches_by_what_it_has_and_has_not),
	};

	return cmocka_run_group_tests(tests, open_library, remove_library);
}
