/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tap/probes.h"
#include "util/config.h"
#include "util/log.h"

#define MS 1000000ull
#define SECOND (1000 * MS)
#define MAX_ARGS 8

static struct config config;
static struct strbuf errors = STRBUF_INIT;

static int tear_down(void **state)
{
	(void)state;
	config__free(&config);
	strbuf_free(&errors);
	return 0;
}

/* The arguments end with NULL. */
static int load(const char *const args[MAX_ARGS])
{
	char *argv[MAX_ARGS + 1] = { (char *)"run" };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	config__free(&config);
	strbuf_clear(&errors);
	return config__load(argc, argv, &config, &errors);
}
#define LOAD(...) load((const char *const[MAX_ARGS]){ __VA_ARGS__ })

static void the_defaults_are_those_of_the_contract(void **state)
{
	(void)state;
	assert_int_equal(LOAD(NULL), 0);
	assert_int_equal(config.web_listen_address.count, 1);
	assert_string_equal(config.web_listen_address.items[0], "127.0.0.1:9752");
	assert_null(config.config_file);
	assert_int_equal(config.profiles.count, 0);
	assert_int_equal(config.pids.count, 0);
	assert_int_equal(config.kernel_ids.count, 0);
	assert_int_equal(config.comms.count, 0);
	assert_int_equal(config.kernel_map.count, 0);
	assert_int_equal(config.engine_sockets.count, 0);
	assert_int_equal(config.bpf_attach, ATTACH_AUTO);
	assert_int_equal(config.max_streams, 16384);
	assert_int_equal(config.max_endpoints_per_kernel, 64);
	assert_int_equal(config.series_expiry_ns, 600 * SECOND);
	assert_int_equal(config.sample_interval_ns, SECOND);
	assert_int_equal(config.max_age_ns, 100 * MS);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(config.log_format, LOG_LOGFMT);
}

static void every_flag_reaches_its_field(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--web.listen-address=[::1]:0", "--profile=zmq", "--pid=4194304",
			      "--kernel-id=k*", "--comm=python3", "--max-streams=64",
			      "--max-endpoints-per-kernel=1"),
			 0);
	assert_string_equal(config.web_listen_address.items[0], "[::1]:0");
	assert_string_equal(config.profiles.items[0], "zmq");
	assert_int_equal(config.pids.items[0], 4194304);
	assert_string_equal(config.kernel_ids.items[0], "k*");
	assert_string_equal(config.comms.items[0], "python3");
	assert_int_equal(config.max_streams, 64);
	assert_int_equal(config.max_endpoints_per_kernel, 1);
	assert_int_equal(LOAD("--series.expiry=1s", "--sample.interval=100ms", "--max-age=1m",
			      "--view=backendai"),
			 0);
	assert_string_equal(config.views.items[0], "backendai");
	assert_int_equal(config.series_expiry_ns, SECOND);
	assert_int_equal(config.sample_interval_ns, 100 * MS);
	assert_int_equal(config.max_age_ns, 60 * SECOND);
}

static void words_stand_for_the_numbers_that_other_modules_have(void **state)
{
	static const char *const levels[] = {
		[LOG_DEBUG] = "--log.level=debug",
		[LOG_INFO] = "--log.level=info",
		[LOG_WARN] = "--log.level=warn",
		[LOG_ERROR] = "--log.level=error",
	};
	static const char *const ways[] = {
		[ATTACH_AUTO] = "--bpf.attach=auto",
		[ATTACH_SESSION] = "--bpf.attach=session",
		[ATTACH_MULTI] = "--bpf.attach=multi",
		[ATTACH_PERF] = "--bpf.attach=perf",
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(LOAD(levels[i], ways[i]), 0);
		assert_int_equal(config.log_level, i);
		assert_int_equal(config.bpf_attach, i);
	}
	assert_int_equal(LOAD("--log.format=logfmt"), 0);
	assert_int_equal(config.log_format, LOG_LOGFMT);
	assert_int_equal(LOAD("--log.format=json"), 0);
	assert_int_equal(config.log_format, LOG_JSON);
}

static void a_listen_address_is_a_host_and_a_port(void **state)
{
	static const char *const good[] = {
		"127.0.0.1:9752", "localhost:0", "[::1]:65535", ":9752", "0.0.0.0:1",
	};
	static const char *const bad[] = {
		"9752",	    "127.0.0.1", "127.0.0.1:", "localhost:http", "localhost:65536",
		"::1:9752", "[]:9752",	 "[::1]",      "[::1]9752",	 "localhost:-1",
		"a:b:1",    ":",	 "h:000001",   "h:99999999999",
	};
	char arg[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(arg, sizeof(arg), "--web.listen-address=%s", good[i]);
		assert_int_equal(LOAD(arg), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char expected[256];

		snprintf(arg, sizeof(arg), "--web.listen-address=%s", bad[i]);
		snprintf(expected, sizeof(expected), "--web.listen-address: found '%s'%s", bad[i],
			 ", expected HOST:PORT or [IPV6]:PORT, port 0 to 65535\n");
		assert_int_equal(LOAD(arg), -EINVAL);
		assert_string_equal(errors.data, expected);
	}
}

static void a_mapping_names_a_container_or_a_cgroup_and_a_kernel(void **state)
{
	static const char *const good[] = {
		"0123456789ab=k1",
		"/system.slice/a=b.service=k1",
		"/*=a kernel",
		"3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988=k1",
	};
	static const char *const bad[] = {
		"k1",
		"=k1",
		"0123456789ab=",
		"0123456789a=k1",
		"0123456789AB=k1",
		"web=k1",
		"0123456789ab=a\n",
		"system.slice/*=k1",
		"0123456789ab=x=y",
		"3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa99880=k1",
	};
	char arg[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(arg, sizeof(arg), "--kernel-map=%s", good[i]);
		assert_int_equal(LOAD(arg), 0);
		assert_string_equal(config.kernel_map.items[0], good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(arg, sizeof(arg), "--kernel-map=%s", bad[i]);
		assert_int_equal(LOAD(arg), -EINVAL);
	}
}

static void an_engine_is_a_path_or_none(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--engine.socket=/run/a.sock", "--engine.socket=none"), 0);
	assert_string_equal(config.engine_sockets.items[0], "/run/a.sock");
	assert_int_equal(LOAD("--engine.socket=docker.sock"), -EINVAL);
	assert_int_equal(LOAD("--engine.socket="), -EINVAL);
}

static void a_comm_has_at_most_15_bytes_unless_it_is_a_pattern(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--comm=fifteen_letters"), 0);
	assert_int_equal(LOAD("--comm=sixteen__letters"), -EINVAL);
	assert_string_equal(errors.data, "--comm: found 'sixteen__letters', expected a name as in "
					 "/proc/PID/comm, at most 15 bytes, or a pattern\n");
	assert_int_equal(LOAD("--comm=[a-z][a-z][a-z]*"), 0);
}

static void a_view_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--view=vllm"), -EINVAL);
	assert_string_equal(errors.data,
			    "--view: found 'vllm', expected backendai, fastdeploy or lmcache\n");
}

static void a_mistyped_flag_is_answered_with_the_right_one(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--web.listen-adress=:1"), -EINVAL);
	assert_string_equal(
		errors.data,
		"unknown flag --web.listen-adress, did you mean --web.listen-address?\n");
}

/* ---- with a config file ------------------------------------------------------------------ */

static char path[] = "/tmp/test_config.XXXXXX";

static const char *file_flag(const char *text)
{
	static char flag[64];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	return flag;
}

static void the_command_line_beats_the_file_and_the_file_the_defaults(void **state)
{
	const char *flag = file_flag("web: {listen-address: ['127.0.0.1:0', '[::1]:0']}\n"
				     "log:\n  level: warn\n  format: json\nmax-streams: 100\n");

	(void)state;
	assert_int_equal(LOAD(flag, "--log.level=debug"), 0);
	assert_string_equal(config.config_file, path);
	assert_int_equal(config.web_listen_address.count, 2);
	assert_string_equal(config.web_listen_address.items[1], "[::1]:0");
	assert_int_equal(config.log_level, LOG_DEBUG);
	assert_int_equal(config.log_format, LOG_JSON);
	assert_int_equal(config.max_streams, 100);
	assert_int_equal(config.max_endpoints_per_kernel, 64);
}

static void all_errors_of_the_file_are_told_one_to_a_line(void **state)
{
	const char *flag = file_flag("max-streams: many\nconfig: {file: x}\n");
	char expected[512];

	(void)state;
	snprintf(expected, sizeof(expected),
		 "%s:1:14: found 'many', expected a whole number from 64 to 262144\n"
		 "%s:2:10: 'config.file' is only for the command line\n",
		 path, path);
	assert_int_equal(LOAD(flag), -EINVAL);
	assert_string_equal(errors.data, expected);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(LOAD("--config.file=/no/such.yaml"), -ENOENT);
	assert_string_equal(errors.data, "/no/such.yaml: No such file or directory\n");
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_defaults_are_those_of_the_contract),
		TEST(every_flag_reaches_its_field),
		TEST(words_stand_for_the_numbers_that_other_modules_have),
		TEST(a_listen_address_is_a_host_and_a_port),
		TEST(a_mapping_names_a_container_or_a_cgroup_and_a_kernel),
		TEST(an_engine_is_a_path_or_none),
		TEST(a_comm_has_at_most_15_bytes_unless_it_is_a_pattern),
		TEST(a_view_that_is_none_is_refused),
		TEST(a_mistyped_flag_is_answered_with_the_right_one),
		TEST(the_command_line_beats_the_file_and_the_file_the_defaults),
		TEST(all_errors_of_the_file_are_told_one_to_a_line),
		TEST(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
