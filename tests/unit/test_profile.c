/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tap/profile.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The path of a file of the project, from where this one was compiled. */
static const char *in_project(const char *name)
{
	static char path[4096];
	size_t up = strlen(__FILE__) - strlen("tests/unit/test_profile.c");

	snprintf(path, sizeof(path), "%.*s%s", (int)up, __FILE__, name);
	return path;
}

static struct profile *read_good(const char *text)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;
	int err = profile__parse("f", text, strlen(text), &profile, &errors);

	if (errors.count)
		fail_msg("%s", errors.lines[0]);
	assert_int_equal(err, 0);
	yaml_errors_free(&errors);
	return profile;
}

/* All errors of a text, a line each. */
static const char *errors_of(const char *text, size_t size)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;
	static char all[8192];
	int err = profile__parse("f", text, size, &profile, &errors);

	all[0] = 0;
	for (size_t i = 0; i < errors.count; i++) {
		strncat(all, errors.lines[i], sizeof(all) - strlen(all) - 1);
		strncat(all, "\n", sizeof(all) - strlen(all) - 1);
	}
	assert_int_equal(err, errors.count ? -EINVAL : 0);
	assert_int_equal(!!profile, !errors.count);
	profile__free(profile);
	yaml_errors_free(&errors);
	return all;
}

static const char everything[] = "profile: my-lib_2\n"
				 "description: made up\n"
				 "kind: message\n"
				 "system: mine\n"
				 "object:\n"
				 "  class_prefix: N4mine\n"
				 "  tag: 0xbaddecaf\n"
				 "  within: 512\n"
				 "  socket_type: {N4mine3outE: out, N4mine2inE: in}\n"
				 "  endpoint: [\"tcp://\", \"ipc://\"]\n"
				 "  internal: [\"ipc:///self\"]\n"
				 "operations:\n"
				 "  put: {direction: send}\n"
				 "  take: {direction: receive}\n"
				 "functions:\n"
				 "  - symbol: [my_put, my_put.part.0]\n"
				 "    operation: put\n"
				 "    object: u64[arg0 + 8]\n"
				 "    bytes: arg2\n"
				 "    more: arg3 & 2\n"
				 "    failed: [retval == 0, 'i32[retval] == 6']\n"
				 "    errno: true\n"
				 "    nonblocking: 1\n"
				 "  - symbol: my_take\n"
				 "    operation: take\n"
				 "    more: u8[local(my_init, 1) + 43] & 1\n"
				 "    failed: i32(retval) < 0\n"
				 "    errno: false\n"
				 "  - symbol: my_close\n"
				 "    close: arg1\n"
				 "  - symbol: my_bind\n"
				 "    relabel: arg2\n"
				 "    failed: retval != 0\n";

static void every_key_is_read(void **state)
{
	struct profile *p = read_good(everything);

	(void)state;
	assert_string_equal(p->name, "my-lib_2");
	assert_string_equal(p->file, "f");
	assert_string_equal(p->description, "made up");
	assert_int_equal(p->kind, PROFILE_MESSAGE);
	assert_string_equal(p->system, "mine");
	assert_string_equal(p->side, "");
	assert_true(p->object.given);
	assert_string_equal(p->object.class_prefix, "N4mine");
	assert_int_equal(p->object.tag, 0xbaddecaf);
	assert_int_equal(p->object.within, 512);
	assert_int_equal(p->object.class_count, 2);
	assert_string_equal(p->object.classes[0].from, "N4mine3outE");
	assert_string_equal(p->object.classes[0].to, "out");
	assert_string_equal(p->object.classes[1].from, "N4mine2inE");
	assert_string_equal(p->object.classes[1].to, "in");
	assert_int_equal(p->object.prefix_count, 2);
	assert_string_equal(p->object.prefixes[0], "tcp://");
	assert_string_equal(p->object.prefixes[1], "ipc://");
	assert_int_equal(p->internal_count, 1);
	assert_string_equal(p->internal_endpoints[0], "ipc:///self");
	assert_int_equal(p->operation_count, 2);
	assert_string_equal(p->operations[0].name, "put");
	assert_int_equal(p->operations[0].direction, OPERATION_SEND);
	assert_string_equal(p->operations[1].name, "take");
	assert_int_equal(p->operations[1].direction, OPERATION_RECEIVE);
	assert_int_equal(p->function_count, 5);
	profile__free(p);
}

static void every_value_of_a_function_is_read(void **state)
{
	struct profile *p = read_good(everything);
	const struct profile_function *f = p->functions;

	(void)state;
	assert_string_equal(f->symbol, "my_put");
	assert_int_equal(f->action, TM_ACTION_COUNT);
	assert_int_equal(f->operation, 0);
	assert_int_equal(f->object.value.base, TM_BASE_ARG);
	assert_int_equal(f->object.value.width, 8);
	assert_int_equal(f->object.value.offset, 8);
	assert_int_equal(f->bytes.value.base, TM_BASE_ARG);
	assert_int_equal(f->bytes.value.arg, 2);
	assert_int_equal(f->more.value.arg, 3);
	assert_int_equal(f->more.value.mask, 2);
	assert_int_equal(f->failed[0].value.base, TM_BASE_RETURN);
	assert_int_equal(f->failed[0].value.compare, TM_CMP_EQ);
	assert_int_equal(f->failed[1].value.width, 4);
	assert_int_equal(f->failed[1].value.operand, 6);
	assert_true(f->has_errno);
	assert_int_equal(f->nonblocking.value.base, TM_BASE_CONST);
	assert_int_equal(f->nonblocking.value.operand, 1);
	assert_null(f->more.local_callee);
	profile__free(p);
}

static void a_list_of_symbols_makes_equal_functions(void **state)
{
	struct profile *p = read_good(everything);

	(void)state;
	assert_string_equal(p->functions[1].symbol, "my_put.part.0");
	assert_memory_equal(&p->functions[0].action, &p->functions[1].action,
			    sizeof(p->functions[0]) - offsetof(struct profile_function, action));
	profile__free(p);
}

static void values_that_are_not_given_have_no_base(void **state)
{
	struct profile *p = read_good(everything);
	const struct profile_function *f = &p->functions[2];

	(void)state;
	assert_string_equal(f->symbol, "my_take");
	assert_int_equal(f->operation, 1);
	assert_int_equal(f->object.value.base, TM_BASE_NONE);
	assert_int_equal(f->bytes.value.base, TM_BASE_NONE);
	assert_int_equal(f->nonblocking.value.base, TM_BASE_NONE);
	assert_int_equal(f->failed[0].value.base, TM_BASE_RETURN);
	assert_int_equal(f->failed[1].value.base, TM_BASE_NONE);
	assert_false(f->has_errno);
	assert_int_equal(f->more.value.base, TM_BASE_STACK);
	assert_int_equal(f->more.value.offset, 43);
	assert_string_equal(f->more.local_callee, "my_init");
	assert_int_equal(f->more.local_arg, 1);
	profile__free(p);
}

static void close_and_relabel_name_the_object(void **state)
{
	struct profile *p = read_good(everything);

	(void)state;
	assert_string_equal(p->functions[3].symbol, "my_close");
	assert_int_equal(p->functions[3].action, TM_ACTION_CLOSE);
	assert_int_equal(p->functions[3].operation, -1);
	assert_int_equal(p->functions[3].object.value.arg, 1);
	assert_string_equal(p->functions[4].symbol, "my_bind");
	assert_int_equal(p->functions[4].action, TM_ACTION_RELABEL);
	assert_int_equal(p->functions[4].operation, -1);
	assert_int_equal(p->functions[4].object.value.arg, 2);
	assert_int_equal(p->functions[4].failed[0].value.compare, TM_CMP_NE);
	profile__free(p);
}

#define CACHE "profile: p\nkind: cache\nsystem: s\nside: client\n"

static void little_is_needed(void **state)
{
	struct profile *p = read_good(CACHE "operations: {get: {}}\n"
					    "functions: [{symbol: f, operation: get}]\n");

	(void)state;
	assert_int_equal(p->kind, PROFILE_CACHE);
	assert_string_equal(p->side, "client");
	assert_string_equal(p->description, "");
	assert_false(p->object.given);
	assert_string_equal(p->object.class_prefix, "");
	assert_int_equal(p->internal_count, 0);
	assert_int_equal(p->operations[0].direction, OPERATION_NO_DIRECTION);
	assert_int_equal(p->function_count, 1);
	profile__free(p);
}

static void an_object_is_looked_through_as_far_as_possible_unless_told_otherwise(void **state)
{
	struct profile *p = read_good(CACHE "object: {tag: 7}\noperations: {get: {}}\n"
					    "functions: [{symbol: f, operation: get}]\n");

	(void)state;
	assert_int_equal(p->object.tag, 7);
	assert_int_equal(p->object.within, TM_OBJECT_HEAD);
	assert_string_equal(p->object.class_prefix, "");
	profile__free(p);
}

#define HEAD "profile: p\nkind: message\nsystem: s\n" /* lines 1 to 3 */
#define OPS "operations: {out: {direction: send}, in: {direction: receive}}\n"
#define FUNS "functions: [{symbol: f, operation: out}]\n"
#define A_NAME "a name: a letter, then letters, digits, _ and - (all lower case, up to 31)"
#define A_TERM "arg0 to arg5, retval, a type (u8 to u64, i8 to i64) or an integer"
#define A_CLASS "the beginning of a mangled class name, up to 23 bytes"
#define A_CONSTANT                                                                      \
	"a name for a constant: a letter, then letters, digits and _ (all lower case, " \
	"up to 31), and no word of expressions"
#define A_SYMBOL "a symbol: letters, digits, _, . and $, up to 255"
#define A_FUNCTION                                                                            \
	"a symbol (letters, digits, _, . and $, up to 255), a pattern of three or more with " \
	"*, or a C++ name like Cache::Get"

static const struct {
	const char *text, *errors;
} bad[] = {
	/* the top */
	{ "# all of it is a comment\n", "f:1:1: key 'profile' is missing\n"
					"f:1:1: key 'kind' is missing\n"
					"f:1:1: key 'system' is missing\n"
					"f:1:1: key 'operations' is missing\n"
					"f:1:1: key 'functions' is missing\n" },
	{ "just text", "f:1:1: found 'just text', expected a map\n" },
	{ "[profile, p]", "f:1:1: found a list, expected a map\n" },
	{ "---\n", "f:2:1: found nothing, expected a map\n" },
	{ "{}", "f:1:1: key 'profile' is missing\n"
		"f:1:1: key 'kind' is missing\n"
		"f:1:1: key 'system' is missing\n"
		"f:1:1: key 'operations' is missing\n"
		"f:1:1: key 'functions' is missing\n" },
	{ HEAD OPS FUNS "profil: x\n", "f:6:1: unknown key 'profil', did you mean 'profile'?\n" },
	{ HEAD OPS FUNS "xyz: x\n",
	  "f:6:1: unknown key 'xyz', expected one of: profile, description, kind, system, side, "
	  "match, object, message, constants, counters, commands, operations, background, functions\n" },
	{ HEAD OPS FUNS "message: x\n", "f:6:10: found 'x', expected a map\n" },
	{ HEAD OPS FUNS "message: {type: 256, forms: {1: {inside: 0, size: 'u8[0]'}}}\n",
	  "f:6:17: found '256', expected an offset from 0 to 63\n" },
	{ HEAD OPS FUNS "message: {type: 1}\n", "f:6:10: keys 'type' and 'forms' go together\n" },
	{ HEAD OPS FUNS "message: {type: 1, forms: {}}\n",
	  "f:6:27: expected a map of 1 to 4 values of the type byte\n" },
	{ HEAD OPS FUNS "message: {type: 1, forms: {300: {inside: 0, size: 'u8[0]'}}}\n",
	  "f:6:28: expected the value of the type byte, 0 to 255\n" },
	{ HEAD OPS FUNS "message: {type: 1, forms: {1: {size: 'u8[0]'}}}\n",
	  "f:6:31: expected one of the keys 'pointer' and 'inside'\n" },
	{ HEAD OPS FUNS "message: {type: 1, forms: {1: {inside: 0, size: 'i8[0]'}}}\n",
	  "f:6:49: found 'i8[0]', expected u8[N], u16[N], u32[N] or u64[N], N from 0 to 63 and "
	  "a multiple of the size\n" },
	{ HEAD OPS FUNS "message: {type: 1, forms: {1: {inside: 0}}}\n",
	  "f:6:31: key 'size' is missing\n" },
	{ HEAD OPS FUNS "message: {addressed: [a, b, c]}\n",
	  "f:6:22: expected a list of at most 2 mangled class names\n" },
	{ HEAD OPS FUNS "message: {fan_out: [aaaaaaaaaaaaaaaaaaaaaaaa]}\n",
	  "f:6:21: found 'aaaaaaaaaaaaaaaaaaaaaaaa', expected a mangled class name of 1 to 23 "
	  "bytes\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, bytes: retval, message: arg0}]\n",
	  "f:5:56: key 'message' needs the profile's section 'message' with 'forms'\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, bytes: retval, data: arg0}]\n",
	  "f:5:13: keys 'data' and 'size' go together\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, data: arg0, size: arg1}]\n",
	  "f:5:41: key 'data' needs 'bytes'\n" },
	{ CACHE
	  "operations: {get: {}}\nfunctions: [{symbol: f, operation: get, bytes: retval, data: "
	  "arg0, size: arg1}]\n",
	  "f:6:56: key 'data' does not go with kind 'cache'\n" },
	{ HEAD OPS FUNS "kind: cache\n", "f:6:1: key 'kind' was given before, on line 2\n" },
	{ "profile: P\nkind: message\nsystem: s\n" OPS FUNS,
	  "f:1:10: found 'P', expected " A_NAME "\n" },
	{ "profile: ../p\nkind: message\nsystem: s\n" OPS FUNS,
	  "f:1:10: found '../p', expected " A_NAME "\n" },
	{ "profile: a2345678901234567890123456789012\nkind: message\nsystem: 9\n" OPS FUNS,
	  "f:1:10: found 'a2345678901234567890123456789012', expected " A_NAME "\n"
	  "f:3:9: found '9', expected " A_NAME "\n" },
	{ "profile:\nkind: message\nsystem: [s]\n" OPS FUNS,
	  "f:1:9: found nothing, expected " A_NAME "\n"
	  "f:3:9: found a list, expected " A_NAME "\n" },
	{ "profile: p\nkind: mesage\nsystem: s\n" OPS FUNS,
	  "f:2:7: unknown kind 'mesage', did you mean 'message'?\n" },
	{ "profile: p\nkind: database\nsystem: s\n" OPS FUNS,
	  "f:2:7: unknown kind 'database', expected one of: message, cache, rpc, event\n" },
	{ "profile: p\nkind: {}\nsystem: s\n" OPS FUNS,
	  "f:2:7: found a map, expected one of: message, cache, rpc, event\n" },
	{ HEAD OPS FUNS "description:\n",
	  "f:6:13: found nothing, expected one line of text, up to 255 bytes\n" },
	{ HEAD OPS FUNS "description: \"a\\nb\"\n",
	  "f:6:14: found 'a?b', expected one line of text, up to 255 bytes\n" },
	{ HEAD OPS FUNS "description: \"a\\x7f\\x9bb\"\n",
	  "f:6:14: found 'a???b', expected one line of text, up to 255 bytes\n" },
	{ HEAD OPS FUNS "side: client\n", "f:6:1: key 'side' does not go with kind 'message'\n" },
	{ "profile: p\nkind: cache\nsystem: s\n" OPS FUNS, "f:1:1: key 'side' is missing\n" },
	{ "profile: p\nkind: cache\nsystem: s\nside: middle\n" OPS FUNS,
	  "f:4:7: unknown side 'middle', expected one of: client, server\n" },
	/* object */
	{ HEAD OPS FUNS "object: 5\n", "f:6:9: found '5', expected a map\n" },
	{ HEAD OPS FUNS "object: {tags: 5}\n",
	  "f:6:10: unknown key 'tags', did you mean 'tag'?\n" },
	{ HEAD OPS FUNS "object: {class_prefix: ''}\n",
	  "f:6:24: found nothing, expected " A_CLASS "\n" },
	{ HEAD OPS FUNS "object: {class_prefix: N12345678901234567890123}\n",
	  "f:6:24: found 'N12345678901234567890123', expected " A_CLASS "\n" },
	{ HEAD OPS FUNS "object: {tag: 0}\n",
	  "f:6:15: found '0', expected a number from 1 to 0xffffffff\n" },
	{ HEAD OPS FUNS "object: {tag: 0x100000000}\n",
	  "f:6:15: found '0x100000000', expected a number from 1 to 0xffffffff\n" },
	{ HEAD OPS FUNS "object: {tag: 5 apples}\n",
	  "f:6:15: found '5 apples', expected a number from 1 to 0xffffffff\n" },
	{ HEAD OPS FUNS "object: {tag: -1}\n",
	  "f:6:15: found '-1', expected a number from 1 to 0xffffffff\n" },
	{ HEAD OPS FUNS "object: {tag: [1]}\n",
	  "f:6:15: found a list, expected a number from 1 to 0xffffffff\n" },
	{ HEAD OPS FUNS "object: {within: 4097}\n",
	  "f:6:18: found '4097', expected a number of bytes from 1 to 4096\n" },
	{ HEAD OPS FUNS "object: {socket_type: [a]}\n",
	  "f:6:23: found a list, expected a map of class names and socket types\n" },
	{ HEAD OPS FUNS "object: {socket_type: {C: B d, D: [], '': b}}\n",
	  "f:6:27: found 'B d', expected " A_NAME "\n"
	  "f:6:35: found a list, expected " A_NAME "\n"
	  "f:6:39: found '', expected a mangled class name of 1 to 63 bytes\n" },
	{ HEAD OPS FUNS "object: {socket_type: "
			"{C123456789012345678901234567890123456789012345678901234567890123: b}}\n",
	  "f:6:24: found 'C12345678901234567890123456789012345678901234567890123456789...', "
	  "expected a mangled class name of 1 to 63 bytes\n" },
	{ HEAD OPS FUNS "object: {endpoint: tcp}\n",
	  "f:6:20: found 'tcp', expected a list of prefixes like \"tcp://\"\n" },
	{ HEAD OPS FUNS "object: {endpoint: [a, '', [], \"\\t\"], internal: {}}\n",
	  "f:6:24: found nothing, expected the beginning of an endpoint, up to 255 bytes\n"
	  "f:6:28: found a list, expected the beginning of an endpoint, up to 255 bytes\n"
	  "f:6:32: found '?', expected the beginning of an endpoint, up to 255 bytes\n"
	  "f:6:49: found a map, expected a list of prefixes like \"tcp://\"\n" },
	/* operations */
	{ HEAD "operations: 5\n" FUNS, "f:4:13: found no operations, expected a map of them\n" },
	{ HEAD "operations: {}\n" FUNS, "f:4:13: found no operations, expected a map of them\n" },
	{ HEAD "operations: [out]\n" FUNS,
	  "f:4:13: found no operations, expected a map of them\n" },
	{ HEAD "operations: {out: {}}\n" FUNS, "f:4:19: key 'direction' is missing\n" },
	{ HEAD "operations: {out: send}\n" FUNS, "f:4:19: found 'send', expected a map\n" },
	{ HEAD "operations: {out: {direction: recv}}\n" FUNS,
	  "f:4:31: unknown direction 'recv', expected one of: send, receive\n" },
	{ HEAD "operations: {out: {direktion: send}}\n" FUNS,
	  "f:4:20: unknown key 'direktion', did you mean 'direction'?\n"
	  "f:4:19: key 'direction' is missing\n" },
	{ HEAD "operations: {Out: {direction: send}, out: {direction: send}}\n" FUNS,
	  "f:4:14: found 'Out', expected " A_NAME "\n" },
	/* functions */
	{ HEAD OPS "functions: 5\n", "f:5:12: found no functions, expected a list of them\n" },
	{ HEAD OPS "functions: []\n", "f:5:12: found no functions, expected a list of them\n" },
	{ HEAD OPS "functions: {f: {}}\n",
	  "f:5:12: found no functions, expected a list of them\n" },
	{ HEAD OPS "functions: [f]\n", "f:5:13: found 'f', expected a map\n" },
	{ HEAD OPS "functions: [{}]\n",
	  "f:5:13: key 'operation', 'close', 'relabel' or 'sample' is missing\n"
	  "f:5:13: key 'symbol' is missing\n" },
	{ HEAD OPS "functions: [{operation: out}]\n", "f:5:13: key 'symbol' is missing\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: otu}]\n",
	  "f:5:36: unknown operation 'otu', did you mean 'out'?\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: connect}]\n",
	  "f:5:36: unknown operation 'connect', expected one of: out, in\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: [out]}]\n",
	  "f:5:36: found a list, expected one of: out, in\n" },
	{ HEAD OPS "functions: [{sybmol: f, operation: out}]\n",
	  "f:5:13: key 'symbol' is missing\n"
	  "f:5:14: unknown key 'sybmol', did you mean 'symbol'?\n" },
	{ HEAD OPS "functions: [{symbol: 9f, operation: out}]\n",
	  "f:5:22: found '9f', expected " A_FUNCTION "\n" },
	{ HEAD OPS "functions: [{symbol: 'f*', operation: out}]\n",
	  "f:5:22: found 'f*', expected " A_FUNCTION "\n" },
	{ HEAD OPS "functions: [{symbol: 'A<int>::f', operation: out, may_throw: false}]\n",
	  "f:5:22: found 'A<int>::f', expected " A_FUNCTION "\n" },
	{ HEAD OPS "functions: [{symbol: 'A::f', operation: out}]\n",
	  "f:5:22: 'A::f' needs 'may_throw: false': an exception through a tapped function ends "
	  "the process\n" },
	{ HEAD OPS "functions: [{symbol: '', operation: out}]\n",
	  "f:5:22: found nothing, expected " A_FUNCTION "\n" },
	{ HEAD OPS "functions: [{symbol: {a: b}, operation: out}]\n",
	  "f:5:22: found a map, expected " A_FUNCTION "\n" },
	{ HEAD OPS "functions: [{symbol: [], operation: out}]\n",
	  "f:5:22: found no symbols, expected a list of them\n" },
	{ HEAD OPS "functions: [{symbol: [f, g, f], operation: out}, {symbol: g, close: arg0}]\n",
	  "f:5:29: symbol 'f' was given before\n"
	  "f:5:59: symbol 'g' was given before\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, close: arg0}]\n",
	  "f:5:41: key 'close' does not go with 'operation'\n" },
	{ HEAD OPS "functions: [{symbol: f, relabel: arg1, close: arg0}]\n",
	  "f:5:25: key 'relabel' does not go with 'close'\n" },
	{ HEAD OPS
	  "functions: [{symbol: f, close: arg0, failed: retval, object: arg1, bytes: 1}]\n",
	  "f:5:54: key 'object' does not go with 'close'\n"
	  "f:5:68: key 'bytes' does not go with 'close'\n"
	  "f:5:38: key 'failed' does not go with 'close'\n" },
	{ HEAD OPS "functions: [{symbol: f, relabel: arg0, more: 1, errno: true}]\n",
	  "f:5:40: key 'more' does not go with 'relabel'\n"
	  "f:5:49: key 'errno' does not go with 'relabel'\n"
	  "f:5:49: key 'errno' needs 'failed'\n" },
	/* values */
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: [arg0]}]\n",
	  "f:5:49: found a list, expected an expression\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: arg7}]\n",
	  "f:5:49: found 'arg7', expected " A_TERM "\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: arg0 8}]\n",
	  "f:5:54: found '8', expected '&', a comparison (== != < <= > >=) or the end\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: \"arg0 8\"}]\n",
	  "f:5:55: found '8', expected '&', a comparison (== != < <= > >=) or the end\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: }]\n",
	  "f:5:49: found the end, expected " A_TERM "\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: retval}]\n",
	  "f:5:49: found retval, expected arguments only\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: 'u64[local(f, 0)]'}]\n",
	  "f:5:49: found local(), expected arguments only\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: arg0 == 1}]\n",
	  "f:5:49: found a comparison, expected a number\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, object: 5}]\n",
	  "f:5:49: found a constant, expected a value of the call\n" },
	{ HEAD OPS "functions: [{symbol: f, close: retval}]\n",
	  "f:5:32: found retval, expected arguments only\n" },
	{ HEAD OPS "functions: [{symbol: f, relabel: 5}]\n",
	  "f:5:34: found a constant, expected a value of the call\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, bytes: retval > 5}]\n",
	  "f:5:48: found a comparison, expected a number\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, bytes: 'u64[local(f, 0)]', failed: "
		   "'u64[local(f, 0)]'}]\n",
	  "f:5:48: found local(), expected arguments or retval\n"
	  "f:5:76: found local(), expected arguments or retval\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: retval, errno: yes}]\n",
	  "f:5:64: unknown errno 'yes', expected one of: false, true\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, may_throw: no}]\n",
	  "f:5:52: unknown may_throw 'no', expected one of: false, true\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, errno: true}]\n",
	  "f:5:41: key 'errno' needs 'failed'\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, nonblocking: arg0}]\n",
	  "f:5:41: key 'nonblocking' needs 'errno: true'\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: retval, errno: false, "
		   "nonblocking: retval}]\n",
	  "f:5:71: key 'nonblocking' needs 'errno: true'\n"
	  "f:5:84: found retval, expected arguments only\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: []}]\n",
	  "f:5:49: found no conditions, expected a list of them\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: [retval, arg0, arg1]}]\n",
	  "f:5:49: found 3 conditions, expected at most 2\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: [retval =, {}]}]\n",
	  "f:5:57: found '=', expected '&', a comparison (== != < <= > >=) or the end\n"
	  "f:5:60: found a map, expected an expression\n" },
	{ HEAD OPS "functions: [{symbol: f, operation: out, failed: [i32[retval] == 6]}]\n",
	  "f:5:53: not YAML: did not find expected ',' or ']' while parsing a flow sequence\n" },
	{ CACHE "operations: {get: {}}\nfunctions: [{symbol: f, operation: get, more: 1}]\n",
	  "f:6:41: key 'more' does not go with kind 'cache'\n" },
	/* caches */
	{ HEAD OPS "functions: [{symbol: f, operation: out, hit: 1, when: arg0}]\n",
	  "f:5:49: key 'when' does not go with kind 'message'\n"
	  "f:5:41: key 'hit' does not go with kind 'message'\n" },
	{ CACHE "operations: {get: {}}\nbackground: got\n"
		"functions: [{symbol: f, operation: get, bytes: retval}]\n",
	  "f:6:13: unknown background 'got', did you mean 'get'?\n" },
	{ CACHE "match: {comm: [], exes: a, symbols: [9]}\noperations: {get: {}}\n"
		"functions: [{symbol: f, operation: get}]\n",
	  "f:5:19: unknown key 'exes', did you mean 'exe'?\n"
	  "f:5:38: found '9', expected " A_SYMBOL "\n"
	  "f:5:15: found no patterns, expected a list of them\n" },
	{ CACHE "constants: {a: x, B: 1, arg1: 2, c: [{symbol: f}, {value: 1, build_id: xyz}], "
		"d: [3]}\noperations: {get: {}}\n"
		"functions: [{symbol: f, operation: get, hit: 'u8[arg0 + b]'}]\n",
	  "f:5:16: found 'x', expected an integer (like 8 or 0x8)\n"
	  "f:5:19: found 'B', expected " A_CONSTANT "\n"
	  "f:5:25: found 'arg1', expected " A_CONSTANT "\n"
	  "f:5:38: key 'value' is missing\n"
	  "f:5:72: found 'xyz', expected a build id, or its beginning: 8 or more of 0-9 and "
	  "a-f\n"
	  "f:5:83: found '3', expected a map like {value: 8, symbol: NAME}\n"
	  "f:7:57: found 'b', expected a number or the name of a constant\n" },
	{ CACHE "counters: {hits: {object: o, function: f, nth: 2}, misses: 3, hit: {}}\n"
		"operations: {get: {}}\n"
		"functions: [{symbol: f, operation: get, counters: [hits, evictions, x]}]\n",
	  "f:5:63: unknown key 'hit', did you mean 'hits'?\n"
	  "f:5:18: found nth 2 of 1, expected one of them\n"
	  "f:5:60: found '3', expected a map like {object: NAME, function: NAME}\n"
	  "f:7:58: found 'evictions', expected one that is described under 'counters' of the "
	  "profile\n"
	  "f:7:69: unknown value 'x', expected one of: hits, misses, failures, evictions, "
	  "expirations, sent, received\n" },
	{ CACHE "commands: {get: [get, Get, a b, get], set: x}\noperations: {get: {}}\n"
		"functions: [{symbol: f, operation: {text: 5}}]\n",
	  "f:5:23: found 'Get', expected a command: 1 to 26 characters, none a blank or upper "
	  "case\n"
	  "f:5:28: found 'a b', expected a command: 1 to 26 characters, none a blank or upper "
	  "case\n"
	  "f:5:33: command 'get' was given before\n"
	  "f:5:39: found 'set', expected the name of an operation\n"
	  "f:7:36: key 'otherwise' is missing\n"
	  "f:7:43: found a constant, expected a value of the call\n" },
	{ CACHE "operations: {get: {}}\n"
		"functions: [{symbol: f, operation: {number: arg1, is: {x: get, 2: got}, "
		"otherwise: get}, sent: {entry: arg0, growth: arg1}, nested: maybe}]\n",
	  "f:6:56: found 'x', expected an integer (like 8 or 0x8)\n"
	  "f:6:67: unknown 2 'got', did you mean 'get'?\n"
	  "f:6:96: found a map, expected either 'entry' or 'growth'\n"
	  "f:6:133: unknown nested 'maybe', expected one of: same, any, count\n" },
	/* much at once: what YAML itself says comes first */
	{ "profile: p\nkind: x\nkind: y\nsystm: s\noperations: {a: {b: &c d}}\nfunctions: [{}]\n",
	  "f:3:1: key 'kind' was given before, on line 2\n"
	  "f:5:21: anchors and aliases (& and *) are not allowed\n"
	  "f:4:1: unknown key 'systm', did you mean 'system'?\n"
	  "f:2:7: unknown kind 'x', expected one of: message, cache, rpc, event\n"
	  "f:1:1: key 'system' is missing\n"
	  "f:5:18: unknown key 'b', expected one of: direction\n"
	  "f:6:13: key 'operation', 'close', 'relabel' or 'sample' is missing\n"
	  "f:6:13: key 'symbol' is missing\n" },
};

static void events_have_a_name_and_a_value(void **state)
{
	static const char good[] =
		"profile: p\nkind: event\nsystem: s\noperations: {a: {}}\n"
		"functions:\n  - {symbol: f, operation: a, name: arg1, value: i32(arg0)}\n";
	static const char bad_one[] =
		"profile: p\nkind: event\nsystem: s\nside: client\nobject: {}\noperations: {a: {}}\n"
		"functions:\n  - {symbol: f, operation: {text: arg0}, bytes: arg1}\n"
		"  - {symbol: g, close: arg0}\n  - {symbol: h, operation: a, name: retval}\n";
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;

	(void)state;
	assert_int_equal(profile__parse("f", good, strlen(good), &profile, &errors), 0);
	assert_int_equal(profile->kind, PROFILE_EVENT);
	assert_int_equal(profile->functions[0].object.value.base, TM_BASE_ARG);
	assert_int_equal(profile->functions[0].object.value.arg, 1);
	assert_int_equal(profile->functions[0].bytes.value.arg, 0);
	profile__free(profile);
	assert_string_equal(
		errors_of(bad_one, strlen(bad_one)),
		"f:4:1: key 'side' does not go with kind 'event'\n"
		"f:5:1: key 'object' does not go with kind 'event'\n"
		"f:8:42: key 'bytes' does not go with kind 'event'\n"
		"f:8:5: key 'name' is missing\n"
		"f:8:28: found a map, expected the name of an operation (kind 'event')\n"
		"f:9:17: key 'close' does not go with kind 'event'\n"
		"f:9:5: key 'name' is missing\n"
		"f:10:37: found retval, expected arguments only\n");
}

static void every_error_is_said_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_string_equal(errors_of(bad[i].text, strlen(bad[i].text)), bad[i].errors);
}

static void hostile_bytes_are_refused(void **state)
{
	static const char nul[] = "profile: p\0\n", escaped[] = "profile: \"a\\0b\"\n";

	(void)state;
	assert_non_null(strstr(errors_of(nul, sizeof(nul) - 1),
			       "f:1:11: not YAML: control characters are not allowed\n"));
	assert_non_null(strstr(errors_of(escaped, sizeof(escaped) - 1),
			       "f:1:10: found a NUL byte in a text\n"));
	assert_string_equal(errors_of("profile: \xfe", 10),
			    "f:1:10: not YAML: invalid leading UTF-8 octet\n");
}

/* `count` times `piece`, in which %d is the number; to be freed. */
static char *many(const char *before, const char *piece, int count, const char *after)
{
	size_t size = strlen(before) + count * (strlen(piece) + 8) + strlen(after) + 1;
	char *text = malloc(size);
	size_t len;

	assert_non_null(text);
	len = snprintf(text, size, "%s", before);
	for (int i = 0; i < count; i++) {
		const char *number = strchr(piece, '%');

		len += snprintf(text + len, size - len, "%.*s%d%s", (int)(number - piece), piece, i,
				number + 2);
	}
	snprintf(text + len, size - len, "%s", after);
	return text;
}

static void expect_of_many(const char *before, const char *piece, int count, const char *after,
			   const char *errors)
{
	char *text = many(before, piece, count, after);

	assert_string_equal(errors_of(text, strlen(text)), errors);
	free(text);
}

static void tables_have_an_end(void **state)
{
	(void)state;
	expect_of_many(HEAD "operations:\n", "  o%d: {direction: send}\n", 64,
		       "functions: [{symbol: f, operation: o63}]\n", "");
	expect_of_many(HEAD "operations:\n", "  o%d: {direction: send}\n", 65,
		       "functions: [{symbol: f, operation: o63}]\n",
		       "f:5:3: found 65 operations, expected at most 64\n");
	expect_of_many(HEAD OPS "functions:\n", "  - {symbol: f%d, operation: out}\n", 1024, "",
		       "");
	expect_of_many(HEAD OPS "functions:\n", "  - {symbol: f%d, operation: out}\n", 1025, "",
		       "f:6:3: found 1025 functions, expected at most 1024\n");
	expect_of_many(HEAD OPS "functions:\n  - operation: out\n    symbol:\n", "    - f%d\n",
		       1024, "", "");
	expect_of_many(HEAD OPS "functions:\n  - operation: out\n    symbol:\n", "    - f%d\n",
		       1025, "", "f:6:3: found 1025 symbols, expected at most 1024\n");
}

static void a_description_of_255_bytes_is_the_longest(void **state)
{
	char text[600], description[257];

	(void)state;
	memset(description, 'd', 256);
	description[255] = 0;
	snprintf(text, sizeof(text), HEAD OPS FUNS "description: %s\n", description);
	profile__free(read_good(text));
	description[255] = 'd';
	description[256] = 0;
	snprintf(text, sizeof(text), HEAD OPS FUNS "description: %s\n", description);
	assert_string_equal(
		errors_of(text, strlen(text)),
		"f:6:14: found 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd...', "
		"expected one line of text, up to 255 bytes\n");
}

static void nothing_of_the_text_is_kept(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	char *text = strdup(everything), *file = strdup("file");
	struct profile *p;

	(void)state;
	assert_int_equal(profile__parse(file, text, strlen(text), &p, &errors), 0);
	free(text);
	free(file);
	assert_string_equal(p->file, "file");
	assert_string_equal(p->functions[2].more.local_callee, "my_init");
	profile__free(p);
	yaml_errors_free(&errors);
}

static void a_good_profile_is_read_though_another_had_errors(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *p;

	(void)state;
	assert_int_equal(profile__parse("a", "{}", 2, &p, &errors), -EINVAL);
	assert_int_equal(errors.count, 5);
	assert_int_equal(profile__parse("b", everything, strlen(everything), &p, &errors), 0);
	assert_int_equal(errors.count, 5);
	profile__free(p);
	yaml_errors_free(&errors);
}

static void a_profile_that_cannot_be_opened_is_an_error(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *p;

	(void)state;
	assert_int_equal(profile__load("/nowhere/p.yaml", &p, &errors), -ENOENT);
	assert_null(p);
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.lines[0], "/nowhere/p.yaml: No such file or directory");
	yaml_errors_free(&errors);
	profile__free(NULL);
}

/* Cuts and changes of a good profile: no crash, no leak, and either a profile or an error. */
static void damaged_profiles_are_survived(void **state)
{
	char text[sizeof(everything)];
	const size_t len = sizeof(everything) - 1;

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		errors_of(everything, cut);
	srand(1);
	for (int round = 0; round < 3000; round++) {
		memcpy(text, everything, sizeof(text));
		for (int i = 0; i < 3; i++)
			text[rand() % len] = everything[rand() % len];
		text[rand() % len] ^= 1 << rand() % 8;
		errors_of(text, len);
	}
}

static struct profile *load_good(const char *name)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;
	int err = profile__load(in_project(name), &profile, &errors);

	if (errors.count)
		fail_msg("%s", errors.lines[0]);
	assert_int_equal(err, 0);
	yaml_errors_free(&errors);
	return profile;
}

static const struct profile_function *function_of(const struct profile *profile, const char *symbol)
{
	for (size_t i = 0; i < profile->function_count; i++)
		if (!strcmp(profile->functions[i].symbol, symbol))
			return &profile->functions[i];
	fail_msg("no %s", symbol);
	return NULL;
}

static void the_profile_of_zeromq_says_what_libzmq_does(void **state)
{
	struct profile *p = load_good("profiles/zmq.yaml");
	const struct profile_function *f;

	(void)state;
	assert_string_equal(p->name, "zmq");
	assert_int_equal(p->kind, PROFILE_MESSAGE);
	assert_int_equal(p->object.tag, 0xbaddecaf);
	assert_string_equal(p->object.class_prefix, "N3zmq");
	for (size_t i = 0; i < p->object.class_count; i++) {
		const char *to = p->object.classes[i].to;
		char mangled[64];

		/* zmq::<type>_t */
		snprintf(mangled, sizeof(mangled), "N3zmq%zu%s_tE", strlen(to) + 2, to);
		assert_string_equal(p->object.classes[i].from, mangled);
	}
	assert_int_equal(p->object.class_count, 21);
	for (size_t i = 0; i < p->object.prefix_count; i++)
		assert_non_null(strstr(p->object.prefixes[i], "://"));
	f = function_of(p, "zmq_recv");
	assert_string_equal(f->more.local_callee, "zmq_msg_init");
	assert_int_equal(f->more.value.offset, 43);
	assert_string_equal(p->operations[f->operation].name, "receive");
	f = function_of(p, "zmq_msg_send");
	assert_int_equal(f->object.value.arg, 1);
	assert_int_equal(f->more.value.arg, 2);
	assert_int_equal(f->more.value.mask, 2);
	assert_int_equal(f->nonblocking.value.mask, 1);
	assert_int_equal(function_of(p, "zmq_close")->action, TM_ACTION_CLOSE);
	assert_int_equal(function_of(p, "zmq_connect")->action, TM_ACTION_RELABEL);
	profile__free(p);
}

static void functions_of_cxx_may_throw_unless_it_is_said(void **state)
{
	struct profile *p = read_good(HEAD OPS
				      "functions:\n"
				      "  - {symbol: [c, _Z1av], operation: out}\n"
				      "  - {symbol: _Z1bv, operation: out, may_throw: false}\n"
				      "  - {symbol: _Z1dv, close: arg0, may_throw: false}\n"
				      "  - {symbol: e, relabel: arg0, may_throw: true}\n");

	(void)state;
	assert_false(function_of(p, "c")->may_throw);
	assert_true(function_of(p, "_Z1av")->may_throw);
	assert_false(function_of(p, "_Z1bv")->may_throw);
	assert_false(function_of(p, "_Z1dv")->may_throw);
	assert_true(function_of(p, "e")->may_throw);
	profile__free(p);
}

static void the_profile_of_hiredis_takes_an_error_reply_for_a_failure(void **state)
{
	struct profile *p = load_good("profiles/hiredis.yaml");
	const struct profile_function *f = function_of(p, "redisCommandArgv");

	(void)state;
	assert_string_equal(p->name, "hiredis");
	assert_string_equal(p->system, "redis");
	assert_string_equal(p->side, "client");
	assert_int_equal(f->failed[0].value.compare, TM_CMP_EQ);
	assert_int_equal(f->failed[0].value.width, 0);
	assert_int_equal(f->failed[1].value.width, 4);
	assert_int_equal(f->failed[1].value.operand, 6);
	assert_false(f->has_errno);
	assert_int_equal(f->bytes.value.base, TM_BASE_NONE);
	profile__free(p);
}

static void the_example_of_the_manual_is_a_profile(void **state)
{
	static char text[65536];
	FILE *file = fopen(in_project("docs/profiles.md"), "r");
	char *begin, *end;

	(void)state;
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	begin = strstr(text, "```yaml\nprofile:");
	assert_non_null(begin);
	begin += strlen("```yaml\n");
	end = strstr(begin, "```");
	assert_non_null(end);
	*end = 0;
	profile__free(read_good(begin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(every_value_of_a_function_is_read),
		cmocka_unit_test(a_list_of_symbols_makes_equal_functions),
		cmocka_unit_test(values_that_are_not_given_have_no_base),
		cmocka_unit_test(close_and_relabel_name_the_object),
		cmocka_unit_test(little_is_needed),
		cmocka_unit_test(
			an_object_is_looked_through_as_far_as_possible_unless_told_otherwise),
		cmocka_unit_test(events_have_a_name_and_a_value),
		cmocka_unit_test(every_error_is_said_with_its_place),
		cmocka_unit_test(hostile_bytes_are_refused),
		cmocka_unit_test(tables_have_an_end),
		cmocka_unit_test(a_description_of_255_bytes_is_the_longest),
		cmocka_unit_test(nothing_of_the_text_is_kept),
		cmocka_unit_test(a_good_profile_is_read_though_another_had_errors),
		cmocka_unit_test(a_profile_that_cannot_be_opened_is_an_error),
		cmocka_unit_test(damaged_profiles_are_survived),
		cmocka_unit_test(the_profile_of_zeromq_says_what_libzmq_does),
		cmocka_unit_test(the_profile_of_hiredis_takes_an_error_reply_for_a_failure),
		cmocka_unit_test(functions_of_cxx_may_throw_unless_it_is_said),
		cmocka_unit_test(the_example_of_the_manual_is_a_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
