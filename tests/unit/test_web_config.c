/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "serve/web_config.h"

#define HASH "$2b$04$tapmetertapmetertapmeePBL/wNXLgpTZj.EEdDaoAlZoAACZqOy"

static char path[] = "/tmp/web_config.XXXXXX";
static struct yaml_errors errors;

static int setup(void **state)
{
	(void)state;
	strcpy(path, "/tmp/web_config.XXXXXX");
	close(mkstemp(path));
	errors = (struct yaml_errors)YAML_ERRORS_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	yaml_errors_free(&errors);
	return unlink(path);
}

static int load(const char *text, struct web_config **out)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	*out = NULL;
	return web_config__load(path, out, &errors);
}

static void reads_users_and_headers(void **state)
{
	struct web_config *web;

	(void)state;
	assert_int_equal(
		load("basic_auth_users: {ann: '" HASH "', bob: '" HASH "'}\n"
		     "http_server_config: {http2: true, headers: {X-Frame-Options: deny}}\n",
		     &web),
		0);
	assert_false(web->tls);
	assert_int_equal(web->user_count, 2);
	assert_string_equal(web->users[1].name, "bob");
	assert_string_equal(web->users[1].hash, HASH);
	assert_int_equal(web->header_count, 1);
	assert_string_equal(web->headers[0].value, "deny");
	web_config__free(web);
}

static void finds_all_that_is_wrong_at_once(void **state)
{
	struct web_config *web;

	(void)state;
	assert_int_equal(load("basic_auth_users: {ann: password, 'a:b': '" HASH "'}\n"
			      "tls_server_config: {cert_file: /nowhere, min_version: TLS9}\n"
			      "rate_limit: {}\n"
			      "surprise: 1\n",
			      &web),
			 -EINVAL);
	assert_null(web);
	assert_int_equal(errors.count, 7);
	for (size_t i = 0; i < errors.count; i++) {
		assert_memory_equal(errors.lines[i], path, strlen(path));
		assert_null(strstr(errors.lines[i], "password,"));
	}
}

static void takes_only_bcrypt_for_a_hash(void **state)
{
	static const char *const hashes[] = {
		"$1$salt$0123456789012345678901",
		"$2b$4$x",
		"",
		"$2b$04$tapmetertapmetertapmeePBL/wNXLgpTZj.EEdDaoAlZoAACZqO",
		"$2b$04$tapmetertapmetertapmeePBL/wNXLgpTZj.EEdDaoAlZoAACZq!y",
		"$2b$xx$tapmetertapmetertapmeePBL/wNXLgpTZj.EEdDaoAlZoAACZqOy",
	};
	char text[256];
	struct web_config *web;

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		snprintf(text, sizeof(text), "basic_auth_users: {ann: '%s'}\n", hashes[i]);
		assert_int_equal(load(text, &web), -EINVAL);
	}
}

static void an_empty_map_asks_for_nothing(void **state)
{
	static const char *const texts[] = { "{}\n", "# tls_server_config:\n", "" };
	struct web_config *web;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(load(texts[i], &web), 0);
		assert_false(web->tls);
		assert_int_equal(web->user_count + web->header_count, 0);
		web_config__free(web);
	}
	web_config__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_users_and_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_all_that_is_wrong_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_only_bcrypt_for_a_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_map_asks_for_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
