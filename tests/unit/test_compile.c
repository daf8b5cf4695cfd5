/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/*
 * The zmq profile, compiled for the distribution's libzmq, and what cannot be compiled for a library
 * of our own. What the specs say is compared with the library as it runs in this very process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include "bpf_test.h"
#include "tap/builtin.h"
#include "tap/compile.h"

#define FIRST_OP 40

static void *library; /* libzmq, NULL if it is not installed */
static struct elf_file *elf;
static int elf_fd = -1;
static struct profile *zmq;

static struct profile *load_builtin(const char *name)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile = NULL;

	for (size_t i = 0; i < builtin_profiles_count; i++)
		if (!strcmp(builtin_profiles[i].name, name))
			profile__parse(name, builtin_profiles[i].text, builtin_profiles[i].size,
				       &profile, &errors);
	yaml_errors_free(&errors);
	return profile;
}

static int open_elf(const char *path, int *fd, struct elf_file **out)
{
	char err[128];

	*out = NULL;
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? -1 : elf_file__new(*fd, out, err, sizeof(err));
}

static int setup(void **state)
{
	struct link_map *map;

	(void)state;
	zmq = load_builtin("zmq");
	library = dlopen("libzmq.so.5", RTLD_LAZY);
	if (!zmq || !library)
		return zmq ? 0 : -1;
	return dlinfo(library, RTLD_DI_LINKMAP, &map) || open_elf(map->l_name, &elf_fd, &elf);
}

static int teardown(void **state)
{
	(void)state;
	elf_file__free(elf);
	if (elf_fd >= 0)
		close(elf_fd);
	profile__free(zmq);
	return library ? dlclose(library) : 0;
}

static void need_library(void)
{
	skip_if(library ? "" : "libzmq.so.5 is not installed");
}

static const struct profile_function *function_of(const struct profile *profile, const char *symbol)
{
	for (size_t i = 0; i < profile->function_count; i++)
		if (!strcmp(profile->functions[i].symbol, symbol))
			return &profile->functions[i];
	fail_msg("the profile has no function %s", symbol);
	return NULL;
}

static struct elf_symbol find_symbol(struct elf_file *in, const char *name)
{
	struct elf_symbol symbol;

	assert_int_equal(elf_file__functions(in, &name, 1, &symbol), 1);
	return symbol;
}

/* The spec of a function of libzmq whose probe is `skipped` bytes behind its entry. */
static struct tm_spec compile(const char *name, uint32_t skipped)
{
	struct compile_context context = {
		.first_op = FIRST_OP,
		.skipped = skipped,
	};
	struct elf_symbol symbol = find_symbol(elf, name);
	struct tm_spec spec;
	struct compiled compiled;

	memset(&spec, 0x55, sizeof(spec));
	spec_compile(zmq, function_of(zmq, name), elf, &symbol, &context, &compiled);
	spec = compiled.spec;
	return spec;
}

/* ---- libzmq ------------------------------------------------------------------------------ */

static void check_argument(const struct tm_value *value, unsigned number, uint64_t mask)
{
	assert_int_equal(value->base, TM_BASE_ARG);
	assert_int_equal(value->arg, number);
	assert_int_equal(value->mask, mask);
	assert_int_equal(value->width, 0);
	assert_int_equal(value->compare, TM_CMP_NONE);
}

static void check_result(const struct tm_spec *spec)
{
	assert_int_equal(spec->bytes.base, TM_BASE_RETURN);
	assert_int_equal(spec->bytes.bits, 32);
	assert_int_equal(spec->bytes.is_signed, 1);
	assert_int_equal(spec->failed[0].base, TM_BASE_RETURN);
	assert_int_equal(spec->failed[0].bits, 32);
	assert_int_equal(spec->failed[0].is_signed, 1);
	assert_int_equal(spec->failed[0].compare, TM_CMP_LT);
	assert_int_equal(spec->failed[0].operand, 0);
	assert_int_equal(spec->failed[1].base, TM_BASE_NONE);
}

static void functions_that_move_messages_are_counted(void **state)
{
	static const struct {
		const char *name;
		unsigned op, object, flags;
	} cases[] = {
		{ "zmq_send", 0, 0, 3 }, { "zmq_send_const", 0, 0, 3 }, { "zmq_msg_send", 0, 1, 2 },
		{ "zmq_recv", 1, 0, 3 }, { "zmq_msg_recv", 1, 1, 2 },
	};

	(void)state;
	need_library();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tm_spec spec = compile(cases[i].name, 0);

		assert_int_equal(spec.action, TM_ACTION_COUNT);
		assert_int_equal(spec.op, FIRST_OP + cases[i].op);
		assert_int_equal(spec.file, 0);
		assert_int_equal(spec.object_class, 0);
		check_argument(&spec.object, cases[i].object, ~0ull);
		check_argument(&spec.nonblocking, cases[i].flags, 1);
		check_result(&spec);
		assert_int_equal(spec.has_errno, 1);
		assert_int_equal(spec.has_more, 1);
		assert_int_equal(spec.more_known, 1);
		if (!cases[i].op)
			check_argument(&spec.more, cases[i].flags, 2);
	}
}

/* With delivery times. */
static struct tm_payload payload_of(const char *name)
{
	struct compile_context context = { .transit = 1 };
	struct elf_symbol symbol = find_symbol(elf, name);
	struct compiled compiled;

	spec_compile(zmq, function_of(zmq, name), elf, &symbol, &context, &compiled);
	return compiled.spec.payload;
}

static void a_message_is_found_in_its_buffer_or_object(void **state)
{
	static const char *const by_object[] = { "zmq_msg_send", "zmq_msg_recv" };
	struct tm_payload payload;

	(void)state;
	need_library();
	assert_int_equal(compile("zmq_msg_send", 0).payload.kind, TM_PAYLOAD_NONE);
	payload = payload_of("zmq_send");
	assert_int_equal(payload.kind, TM_PAYLOAD_BUFFER);
	assert_int_equal(payload.receive, 0);
	check_argument(&payload.data, 1, UINT64_MAX);
	check_argument(&payload.size, 2, UINT64_MAX);
	assert_int_equal(payload_of("zmq_recv").receive, 1);
	for (int receive = 0; receive < 2; receive++) {
		payload = payload_of(by_object[receive]);
		assert_int_equal(payload.kind, TM_PAYLOAD_MESSAGE);
		assert_int_equal(payload.receive, receive);
		check_argument(&payload.data, 0, UINT64_MAX);
		assert_int_equal(payload.type_at, 42);
		/* the type is the last field of a zmq_msg_t that is read */
		assert_int_equal(payload.object_bytes, 43);
		assert_int_equal(payload.form_count, 4);
		assert_int_equal(payload.forms[1].type, 102);
		assert_int_equal(payload.forms[1].behind_bytes, 16); /* data, size of a content_t */
	}
	assert_int_equal(payload_of("zmq_close").kind, TM_PAYLOAD_NONE);
}

static void functions_that_end_or_change_a_socket_name_all_operations(void **state)
{
	static const struct {
		const char *name;
		enum tm_action action;
	} cases[] = {
		{ "zmq_close", TM_ACTION_CLOSE },	 { "zmq_bind", TM_ACTION_RELABEL },
		{ "zmq_connect", TM_ACTION_RELABEL },	 { "zmq_unbind", TM_ACTION_RELABEL },
		{ "zmq_disconnect", TM_ACTION_RELABEL },
	};

	(void)state;
	need_library();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tm_spec spec = compile(cases[i].name, 0);

		assert_int_equal(spec.action, cases[i].action);
		assert_int_equal(spec.op, UINT16_MAX);
		assert_int_equal(spec.close_op_first, FIRST_OP);
		assert_int_equal(spec.close_op_last, FIRST_OP + 1);
		check_argument(&spec.object, 0, ~0ull);
		assert_int_equal(spec.has_more, 0);
		assert_int_equal(spec.has_errno, 0);
	}
}

static void more_of_a_received_frame_is_in_the_flags_of_its_message(void **state)
{
	struct tm_spec spec;

	(void)state;
	need_library();
	spec = compile("zmq_msg_recv", 0);
	assert_int_equal(spec.more.base, TM_BASE_ARG);
	assert_int_equal(spec.more.arg, 0);
	assert_int_equal(spec.more.offset, 43);
	assert_int_equal(spec.more.width, 1);
	assert_int_equal(spec.more.mask, 1);

	spec = compile("zmq_recv", 0);
	assert_int_equal(spec.more.base, TM_BASE_STACK);
	assert_int_equal(spec.more.width, 1);
	assert_int_equal(spec.more.mask, 1);
	/* a zmq_msg_t of 64 bytes, all of it below what the trampoline writes at return */
	assert_in_range(spec.more.offset, -4096, 43 - 64 - 16);
}

static void more_of_zmq_recv_is_where_this_version_has_it(void **state)
{
	void (*version)(int *, int *, int *);
	int major = 0, minor = 0, patch = 0;

	(void)state;
	need_library();
	version = (void (*)(int *, int *, int *))dlsym(library, "zmq_version");
	assert_non_null(version);
	version(&major, &minor, &patch);
	if (major != 4 || minor != 3 || patch != 4)
		skip_if("known for the build of libzmq 4.3.4 in Debian 12 only");
	assert_int_equal(compile("zmq_recv", 0).more.offset, -93);
}

/* The GOT slot, as this process sees it, leads to the function that finds errno. */
static void the_way_to_errno_leads_there(void **state)
{
	static const char *const names[] = { "zmq_send", "zmq_msg_send", "zmq_recv",
					     "zmq_msg_recv" };
	int (*send)(void *, const void *, size_t, int);

	(void)state;
	need_library();
	send = (int (*)(void *, const void *, size_t, int))dlsym(library, "zmq_send");
	errno = 0;
	assert_int_equal(send(NULL, "", 0, 0), -1); /* binds the slot */
	assert_int_equal(errno, ENOTSOCK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *entry = dlsym(library, names[i]);
		void *function;

		for (uint32_t skipped = 0; skipped < 10; skipped += 4) {
			struct tm_spec spec = compile(names[i], skipped);

			assert_int_equal(spec.errno_tpoff, 0);
			assert_int_not_equal(spec.errno_got, 0);
			memcpy(&function, entry + skipped + spec.errno_got, sizeof(function));
			assert_ptr_equal(function, dlsym(RTLD_DEFAULT, "__errno_location"));
		}
	}
}

/* ---- a library of our own ---------------------------------------------------------------- */

static const char made_up[] = "profile: made-up\n"
			      "kind: message\n"
			      "system: mine\n"
			      "operations:\n"
			      "  put: {direction: send}\n"
			      "functions:\n"
			      "  - symbol: tapped_value\n"
			      "    operation: put\n"
			      "    more: u8[local(tapped_sum, 0)] & 1\n"
			      "    failed: retval < 0\n"
			      "    errno: true\n"
			      "  - symbol: tapped_sum\n"
			      "    operation: put\n"
			      "    failed: retval < 0\n"
			      "    errno: false\n"
			      "  - symbol: tapped_fill\n"
			      "    close: arg0\n";

static struct profile *parse_made_up(void)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;

	assert_int_equal(profile__parse("f", made_up, sizeof(made_up) - 1, &profile, &errors), 0);
	yaml_errors_free(&errors);
	return profile;
}

static void check_made_up(const struct profile *profile, struct elf_file *in)
{
	struct compile_context context = { .first_op = FIRST_OP };
	struct elf_symbol symbol = find_symbol(in, "tapped_value");
	struct tm_spec spec;
	struct compiled compiled;

	spec_compile(profile, function_of(profile, "tapped_value"), in, &symbol, &context,
		     &compiled);
	spec = compiled.spec;
	/* it calls no such function */
	assert_int_equal(spec.has_more, 1);
	assert_int_equal(spec.more_known, 0);
	assert_int_equal(spec.more.base, TM_BASE_NONE);
	assert_int_equal(spec.has_errno, 1);
	assert_int_equal(spec.object.base, TM_BASE_NONE);
	assert_int_equal(spec.bytes.base, TM_BASE_NONE);

	symbol = find_symbol(in, "tapped_sum");
	spec_compile(profile, function_of(profile, "tapped_sum"), in, &symbol, &context, &compiled);
	spec = compiled.spec;
	assert_int_equal(spec.has_more, 0);
	assert_int_equal(spec.has_errno, 0);
	assert_int_equal(spec.errno_got, 0);
	assert_int_equal(spec.errno_tpoff, 0);

	symbol = find_symbol(in, "tapped_fill");
	spec_compile(profile, function_of(profile, "tapped_fill"), in, &symbol, &context,
		     &compiled);
	spec = compiled.spec;
	assert_int_equal(spec.action, TM_ACTION_CLOSE);
	assert_int_equal(spec.close_op_first, FIRST_OP);
	assert_int_equal(spec.close_op_last, FIRST_OP);
}

static void what_cannot_be_proven_is_marked_as_unknown(void **state)
{
	struct profile *profile = parse_made_up();
	struct elf_file *in;
	int fd;

	(void)state;
	assert_int_equal(make_directory(__FILE__), 0);
	assert_int_equal(open_elf(in_directory("tapped.so"), &fd, &in), 0);
	check_made_up(profile, in);
	elf_file__free(in);
	close(fd);
	profile__free(profile);
	assert_int_equal(remove_directory(), 0);
}

/* Of 8 bytes, at `offset` from the stack pointer at entry. */
static void check_local(int offset, int known)
{
	static const char source[] = ".globl init, tapped_value\\n"
				     ".type init, @function\\ninit: ret\\n.size init, 1\\n"
				     ".type tapped_value, @function\\n"
				     "tapped_value: sub $64, %%%%rsp\\n"
				     "lea %d(%%%%rsp), %%%%rdi\\n"
				     "call init\\n"
				     "add $64, %%%%rsp\\n"
				     "ret\\n"
				     ".size tapped_value, . - tapped_value\\n";
	struct profile_function function = {
		.action = TM_ACTION_COUNT,
		.more = {
			.value = { .base = TM_BASE_STACK, .width = 8 },
			.local_callee = "init",
		},
	};
	struct compile_context context = { .first_op = FIRST_OP };
	struct elf_symbol symbol;
	char text[512];
	struct elf_file *in;
	struct tm_spec spec;
	struct compiled compiled;
	int fd;

	snprintf(text, sizeof(text), source, 64 + offset);
	assert_int_equal(shell("printf '%s' >x.s && gcc -shared -nostdlib x.s -o x.so", text), 0);
	assert_int_equal(open_elf(in_directory("x.so"), &fd, &in), 0);
	symbol = find_symbol(in, "tapped_value");
	spec_compile(zmq, &function, in, &symbol, &context, &compiled);
	spec = compiled.spec;
	assert_int_equal(spec.more_known, known);
	assert_int_equal(spec.more.offset, known ? offset : 0);
	elf_file__free(in);
	close(fd);
}

static void a_local_variable_that_is_overwritten_at_return_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(make_directory(__FILE__), 0);
	check_local(-64, 1);
	check_local(-24, 1);
	check_local(-20, 0);
	check_local(-16, 0);
	check_local(-8, 0);
	assert_int_equal(remove_directory(), 0);
}

/* What the file says is compared with what the program finds itself. */
static void errno_of_a_static_program_is_at_a_fixed_offset(void **state)
{
	static const char source[] =
		"#include <errno.h>\\n#include <stdio.h>\\n"
		"long tapped_value(long n) { errno = 1; return n; }\\n"
		"int main(void) { char *self; __asm__(\"mov %%%%fs:0, %%0\" : \"=r\"(self));"
		"printf(\"%%ld\", (char *)&errno - self); return !tapped_value(1); }\\n";
	struct profile *profile = parse_made_up();
	struct compile_context context = { .first_op = FIRST_OP };
	struct elf_symbol symbol;
	struct elf_file *in;
	struct tm_spec spec;
	struct compiled compiled;
	long offset = 0;
	FILE *file;
	int fd;

	(void)state;
	assert_int_equal(make_directory(__FILE__), 0);
	assert_int_equal(
		shell("printf '%s' >x.c && gcc -O1 -static x.c -o x && ./x >offset", source), 0);
	assert_int_equal(open_elf(in_directory("x"), &fd, &in), 0);
	symbol = find_symbol(in, "tapped_value");
	spec_compile(profile, function_of(profile, "tapped_value"), in, &symbol, &context,
		     &compiled);
	spec = compiled.spec;
	file = fopen(in_directory("offset"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &offset), 1); /* NOLINT: our own program's number */
	fclose(file);
	assert_int_equal(spec.errno_got, 0);
	assert_int_equal(spec.errno_tpoff, offset);
	elf_file__free(in);
	close(fd);
	profile__free(profile);
	assert_int_equal(remove_directory(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_that_move_messages_are_counted),
		cmocka_unit_test(a_message_is_found_in_its_buffer_or_object),
		cmocka_unit_test(functions_that_end_or_change_a_socket_name_all_operations),
		cmocka_unit_test(more_of_a_received_frame_is_in_the_flags_of_its_message),
		cmocka_unit_test(more_of_zmq_recv_is_where_this_version_has_it),
		cmocka_unit_test(the_way_to_errno_leads_there),
		cmocka_unit_test(what_cannot_be_proven_is_marked_as_unknown),
		cmocka_unit_test(a_local_variable_that_is_overwritten_at_return_is_unknown),
		cmocka_unit_test(errno_of_a_static_program_is_at_a_fixed_offset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
