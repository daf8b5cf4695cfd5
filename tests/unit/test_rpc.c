/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <tapmeter/rpc.h>
#include "tap/rpc_rules.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A frame's first bytes, as BPF has them. */
static const unsigned char *head_of(const char *frame, size_t size)
{
	static unsigned char head[TM_RPC_HEAD];

	memset(head, 0, sizeof(head));
	memcpy(head, frame, size < sizeof(head) ? size : sizeof(head));
	return head;
}

static void a_uid_is_one_unsigned_integer(void **state)
{
	static const struct {
		const char *frame;
		size_t size;
		int fits;
		uint64_t uid;
	} cases[] = {
		{ "\0", 1, 1, 0 },
		{ "\x7f", 1, 1, 127 },
		{ "\xcc\xff", 2, 1, 255 },
		{ "\xcd\x01\x02", 3, 1, 0x102 },
		{ "\xce\x01\x02\x03\x04", 5, 1, 0x1020304 },
		{ "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, 1, UINT64_MAX },
		{ "", 0, 0, 0 },
		{ "\xff", 1, 0, 0 },
		{ "\x80", 1, 0, 0 },
		{ "\x01\x01", 2, 0, 0 },
		{ "\xcc", 1, 0, 0 },
		{ "\xcd\x01", 2, 0, 0 },
		{ "\xce\x01\x02\x03", 4, 0, 0 },
		{ "\xcf\x01\x02\x03\x04\x05\x06\x07\x08\x09", 10, 0, 0 },
		{ "\xd0\x01", 2, 0, 0 },
		{ "\xa1x", 2, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t uid = 0;
		__u64 found = 0;
		int fits = rpc_uid(head_of(cases[i].frame, cases[i].size), cases[i].size, &found);

		uid = found;
		if (fits != cases[i].fits || (fits && uid != cases[i].uid))
			fail_msg("case %zu: %d, %llu", i, fits, (unsigned long long)uid);
	}
}

static void a_name_is_one_string(void **state)
{
	(void)state;
	assert_int_equal(rpc_name_at(head_of("\xa1x", 2), 2), 1);
	assert_int_equal(rpc_name_at(head_of("\xbf", 1), 32), 1);
	assert_int_equal(rpc_name_at(head_of("\xd9\x01x", 3), 3), 2);
	assert_int_equal(rpc_name_at(head_of("\xd9\x3f", 2), 65), 2);
	assert_int_equal(rpc_name_at(head_of("\xa0", 1), 1), 0);
	assert_int_equal(rpc_name_at(head_of("\xa2x", 2), 2), 0);
	assert_int_equal(rpc_name_at(head_of("\xd9\x40", 2), 66), 0);
	assert_int_equal(rpc_name_at(head_of("\xd9\x02x", 3), 3), 0);
	assert_int_equal(rpc_name_at(head_of("\xc4\x01x", 3), 3), 0);
	assert_int_equal(rpc_name_at(head_of("", 0), 0), 0);
}

static void a_name_has_a_number_of_its_own(void **state)
{
	(void)state;
	assert_true(rpc_name_hash("store") > 127);
	assert_true(rpc_name_hash("store") != rpc_name_hash("store_q"));
	assert_true(rpc_name_hash("store") != rpc_name_hash("erots"));
	assert_true(rpc_name_hash("p2p_lookup") != 0);
	assert_int_equal(rpc_name_hash("Store"), 0);
	assert_int_equal(rpc_name_hash("_store"), 0);
	assert_int_equal(rpc_name_hash("2store"), 0);
	assert_int_equal(rpc_name_hash("sto re"), 0);
	assert_int_equal(rpc_name_hash("stor\xc3\xa9"), 0);
}

static void a_payload_has_the_size_that_its_first_bytes_say(void **state)
{
	static const struct {
		const char *frame;
		size_t head, size;
		int fits;
	} cases[] = {
		{ "\x05", 1, 1, 1 },	      { "\x05", 1, 2, 0 },
		{ "\xe0", 1, 1, 1 },	      { "\xff", 1, 2, 0 },
		{ "\xc0", 1, 1, 1 },	      { "\xc0", 1, 2, 0 },
		{ "\xc1", 1, 1, 0 },	      { "\xc1", 1, 9, 0 },
		{ "\xc2", 1, 1, 1 },	      { "\xc3", 1, 2, 0 },
		{ "\x88", 1, 17, 1 },	      { "\x88", 1, 16, 0 },
		{ "\x93", 1, 4, 1 },	      { "\x93", 1, 3, 0 },
		{ "\xa3", 1, 4, 1 },	      { "\xa3", 1, 5, 0 },
		{ "\xc4\x05", 2, 7, 1 },      { "\xc4\x05", 2, 6, 0 },
		{ "\xc5\1\0", 3, 259, 1 },    { "\xc6\0\1\0\0", 5, 65541, 1 },
		{ "\xc6\0\1\0\0", 5, 9, 0 },  { "\xc7\3\1", 3, 6, 1 },
		{ "\xc8\0\3\1", 4, 7, 1 },    { "\xc9\0\0\0\3\1", 6, 9, 1 },
		{ "\xca", 1, 5, 1 },	      { "\xcb", 1, 9, 1 },
		{ "\xcb", 1, 8, 0 },	      { "\xcc", 1, 2, 1 },
		{ "\xcf", 1, 9, 1 },	      { "\xd0", 1, 2, 1 },
		{ "\xd3", 1, 9, 1 },	      { "\xd4", 1, 3, 1 },
		{ "\xd8", 1, 18, 1 },	      { "\xd8", 1, 17, 0 },
		{ "\xd9\4", 2, 6, 1 },	      { "\xda\0\4", 3, 7, 1 },
		{ "\xdb\0\0\0\4", 5, 9, 1 },  { "\xdb\0\0\0\4", 5, 10, 0 },
		{ "\xdc\0\4", 3, 7, 1 },      { "\xdc\0\4", 3, 6, 0 },
		{ "\xdd\0\0\0\4", 5, 9, 1 },  { "\xdd\xff\xff\xff\xff", 5, 99, 0 },
		{ "\xde\0\4", 3, 11, 1 },     { "\xde\0\4", 3, 10, 0 },
		{ "\xdf\0\0\0\4", 5, 13, 1 }, { "\xdf\0\0\0\4", 5, 12, 0 },
		{ "\xdc", 1, 1, 0 },	      { "", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (rpc_value_fits(head_of(cases[i].frame, cases[i].head), cases[i].size) !=
		    cases[i].fits)
			fail_msg("case %zu", i);
}

static uint32_t port_of(const char *endpoint)
{
	return rpc_port(endpoint + strlen(endpoint) - 8);
}

static void the_port_is_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(port_of("tcp://127.0.0.1:5555"), 5555);
	assert_int_equal(port_of("tcp://[::]:65535"), 65535);
	assert_int_equal(port_of("tcp://x:1"), 1);
	assert_int_equal(port_of("tcp://127.0.0.1:"), 0);
	assert_int_equal(port_of("tcp://127.0.0.1:55x5"), 0);
	assert_int_equal(port_of("tcp://host-of-5555"), 0);
	assert_int_equal(port_of("ipc:///1234567"), 0);
}

/* ---- rules ---- */

static struct profile *profiles[2];

static struct profile *read_profile(const char *text)
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

static int read_profiles(void **state)
{
	(void)state;
	profiles[0] =
		read_profile("profile: lib\nkind: message\nsystem: lib\n"
			     "object: {socket_type: {N1aE: asks, N1sE: serves, N1oE: other}}\n"
			     "operations: {put: {direction: send}}\n"
			     "functions: [{symbol: f, operation: put}]\n");
	profiles[1] = read_profile("profile: calls\nkind: rpc\nsystem: mine\nover: lib\n"
				   "match:\n"
				   "  socket_type: {asks: client, serves: server}\n"
				   "  port: [5555, 0x1b39]\n"
				   "  endpoint: 'ipc:///run/mine'\n"
				   "table: new\n"
				   "tables: {old: {1: go, 3: stop}, new: {2: go, 127: halt}}\n"
				   "names: [later, go]\n");
	return 0;
}

static int free_profiles(void **state)
{
	(void)state;
	profile__free(profiles[0]);
	profile__free(profiles[1]);
	return 0;
}

static int fill(const struct rpc_choice *choice, struct rpc_rules *rules, char err[128])
{
	return rpc_rules_fill((const struct profile *const *)profiles, 2, choice, err, 128, rules);
}

static void a_profile_becomes_a_rule(void **state)
{
	const struct rpc_choice choice = { 0 };
	struct rpc_rules rules;
	char err[128];

	(void)state;
	assert_int_equal(fill(&choice, &rules, err), 0);
	assert_int_equal(rules.count, 1);
	assert_ptr_equal(rules.profiles[0], profiles[1]);
	assert_string_equal(rules.rules[0].classes[0].name, "N1aE");
	assert_int_equal(rules.rules[0].classes[0].side, TM_RPC_CLIENT);
	assert_string_equal(rules.rules[0].classes[1].name, "N1sE");
	assert_int_equal(rules.rules[0].classes[1].side, TM_RPC_SERVER);
	assert_int_equal(rules.rules[0].classes[2].side, 0);
	assert_int_equal(rules.rules[0].ports[1], 6969);
	assert_string_equal(profiles[1]->rpc->methods[0], "unknown");
	assert_string_equal(profiles[1]->rpc->methods[rules.rules[0].methods[2]], "go");
	assert_string_equal(profiles[1]->rpc->methods[rules.rules[0].methods[127]], "halt");
	assert_int_equal(rules.rules[0].methods[1], 0);
	/* unknown, go, stop, halt, later */
	assert_int_equal(profiles[1]->rpc->method_count, 5);
	assert_int_equal(rpc_rules_over((const struct profile *const *)profiles, 2, profiles[0]),
			 1);
	assert_int_equal(rpc_rules_over((const struct profile *const *)profiles, 2, profiles[1]),
			 0);
}

static void flags_beat_the_profile(void **state)
{
	uint64_t ports[] = { 7 };
	const struct rpc_choice choice = { .table = "old", .ports = ports, .port_count = 1 };
	const struct rpc_choice wrong = { .table = "older" };
	struct rpc_rules rules;
	char err[128];

	(void)state;
	assert_int_equal(fill(&choice, &rules, err), 0);
	assert_string_equal(profiles[1]->rpc->methods[rules.rules[0].methods[3]], "stop");
	assert_int_equal(rules.rules[0].methods[127], 0);
	assert_true(rpc_rule_matches(&rules, 0, "asks", "tcp://h:7"));
	assert_true(rpc_rule_matches(&rules, 0, "asks", "tcp://host:7"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "tcp://host:5555"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "ipc:///run/mine/a"));
	assert_int_equal(fill(&wrong, &rules, err), -22);
	assert_non_null(strstr(err, "older"));
}

static void a_rule_means_sockets_by_type_and_endpoint(void **state)
{
	const struct rpc_choice choice = { 0 };
	struct rpc_rules rules;
	char err[128];

	(void)state;
	assert_int_equal(fill(&choice, &rules, err), 0);
	assert_true(rpc_rule_matches(&rules, 0, "asks", "tcp://127.0.0.1:5555"));
	assert_true(rpc_rule_matches(&rules, 0, "serves", "tcp://[::1]:6969"));
	assert_true(rpc_rule_matches(&rules, 0, "serves", "ipc:///run/mine.1"));
	assert_false(rpc_rule_matches(&rules, 0, "other", "tcp://127.0.0.1:5555"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "tcp://127.0.0.1:15555"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "inproc://127.0.0.1:5555"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "none"));
	assert_false(rpc_rule_matches(&rules, 0, "asks", "ipc:///run/min"));
	assert_false(rpc_rule_matches(&rules, 1, "asks", "tcp://127.0.0.1:5555"));
}

/* ---- what is wrong with a profile ---- */

static const char *errors_of(const char *text)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile;
	static char all[8192];

	profile__parse("f", text, strlen(text), &profile, &errors);
	all[0] = 0;
	for (size_t i = 0; i < errors.count; i++) {
		strncat(all, errors.lines[i], sizeof(all) - strlen(all) - 1);
		strncat(all, "\n", sizeof(all) - strlen(all) - 1);
	}
	profile__free(profile);
	yaml_errors_free(&errors);
	return all;
}

static void every_error_is_said_with_its_place(void **state)
{
	const char *all = errors_of("profile: x\nkind: rpc\nsystem: x\nfunctions: []\n"
				    "over: X\n"
				    "match:\n"
				    "  socket_type: {dealer: both}\n"
				    "  port: [0, 65536, a]\n"
				    "  endpoint: ['']\n"
				    "  host: y\n"
				    "table: frozn\n"
				    "tables:\n"
				    "  frozen: {0: a, 128: b, 1: Store, x: c}\n"
				    "  Bad: []\n"
				    "names: [9, a-b]\n");

	(void)state;
	assert_non_null(strstr(all, "f:4:1: unknown key"));
	assert_non_null(strstr(all, "f:5:7: "));
	assert_non_null(strstr(all, "f:7:25: "));
	assert_non_null(strstr(all, "f:8:10: "));
	assert_non_null(strstr(all, "f:8:13: "));
	assert_non_null(strstr(all, "f:8:20: "));
	assert_non_null(strstr(all, "f:9:14: "));
	assert_non_null(strstr(all, "f:10:3: unknown key"));
	assert_non_null(strstr(all, "f:11:8: "));
	assert_non_null(strstr(all, "did you mean 'frozen'"));
	assert_non_null(strstr(all, "f:13:12: "));
	assert_non_null(strstr(all, "f:13:18: "));
	assert_non_null(strstr(all, "f:13:29: "));
	assert_non_null(strstr(all, "f:13:36: "));
	assert_non_null(strstr(all, "f:14:3: "));
	assert_non_null(strstr(all, "f:14:8: "));
	assert_non_null(strstr(all, "f:15:9: "));
	assert_non_null(strstr(all, "f:15:12: "));
}

static void what_is_missing_is_said(void **state)
{
	const char *all = errors_of("profile: x\nkind: rpc\nsystem: x\nmatch: {}\n");

	(void)state;
	assert_non_null(strstr(all, "key 'over' is missing"));
	assert_non_null(strstr(all, "key 'socket_type' is missing"));
	assert_non_null(strstr(all, "key 'port' or 'endpoint' is missing"));
	assert_non_null(strstr(all, "key 'tables' is missing"));
	assert_non_null(strstr(all, "key 'table' is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uid_is_one_unsigned_integer),
		cmocka_unit_test(a_name_is_one_string),
		cmocka_unit_test(a_name_has_a_number_of_its_own),
		cmocka_unit_test(a_payload_has_the_size_that_its_first_bytes_say),
		cmocka_unit_test(the_port_is_at_the_end),
		cmocka_unit_test(a_profile_becomes_a_rule),
		cmocka_unit_test(flags_beat_the_profile),
		cmocka_unit_test(a_rule_means_sockets_by_type_and_endpoint),
		cmocka_unit_test(every_error_is_said_with_its_place),
		cmocka_unit_test(what_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, read_profiles, free_profiles);
}
