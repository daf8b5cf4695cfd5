/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve/auth.h"

/* bcrypt of "correct horse" */
#define HASH "$2b$04$tapmetertapmetertapmeePBL/wNXLgpTZj.EEdDaoAlZoAACZqOy"

static const struct web_user users[] = { { "ann", HASH } };

static int setup(void **state)
{
	struct auth *auth;

	assert_int_equal(auth__new(users, 1, &auth), 0);
	*state = auth;
	return 0;
}

static int teardown(void **state)
{
	auth__free(*state);
	return 0;
}

/* Asks with these bytes as the credentials. */
static bool lets_in(struct auth *auth, const char *scheme, const char *bytes, size_t len)
{
	gnutls_datum_t plain = { (unsigned char *)(uintptr_t)bytes, (unsigned)len }, base64;
	char header[4096];

	assert_int_equal(gnutls_base64_encode2(&plain, &base64), 0);
	snprintf(header, sizeof(header), "%s %.*s", scheme, (int)base64.size, base64.data);
	gnutls_free(base64.data);
	return auth__check(auth, header);
}

#define LETS_IN(scheme, text) lets_in(*state, scheme, text, sizeof(text) - 1)

static void lets_a_user_with_his_password_in(void **state)
{
	assert_true(LETS_IN("Basic", "ann:correct horse"));
	assert_true(LETS_IN("basic", "ann:correct horse"));
	assert_true(LETS_IN("Basic  ", "ann:correct horse"));
}

static void keeps_everybody_else_out(void **state)
{
	static const char *const wrong[] = { "ann:correct hors",
					     "ann:correct horse ",
					     "ann:",
					     ":correct horse",
					     "bob:correct horse",
					     "ann",
					     "Ann:correct horse",
					     "" };

	assert_false(auth__check(*state, NULL));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(lets_in(*state, "Basic", wrong[i], strlen(wrong[i])));
}

static void remembers_verdicts_but_not_for_others(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_true(LETS_IN("Basic", "ann:correct horse"));
		assert_false(LETS_IN("Basic", "ann:wrong"));
		/* the same bytes, parted elsewhere */
		assert_false(LETS_IN("Basic", "an:ncorrect horse"));
	}
}

static void forgets_old_verdicts_and_finds_them_again(void **state)
{
	assert_true(LETS_IN("Basic", "ann:correct horse"));
	for (int i = 0; i < 100; i++) {
		char text[32];

		snprintf(text, sizeof(text), "ann:%d", i);
		assert_false(lets_in(*state, "Basic", text, strlen(text)));
	}
	assert_true(LETS_IN("Basic", "ann:correct horse"));
}

static void refuses_what_is_malformed(void **state)
{
	static const char *const malformed[] = { "",	     "Basic",
						 "Basic ",   "Basic %%%",
						 "Basic YQ", "Bearer YW5uOmNvcnJlY3QgaG9yc2U=",
						 "Basicx" };
	char big[8192] = "Basic ";

	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		assert_false(auth__check(*state, malformed[i]));
	memset(big + 6, 'A', sizeof(big) - 7);
	assert_false(auth__check(*state, big));
	/* what comes behind a NUL byte would not be part of the password */
	assert_false(LETS_IN("Basic", "ann:correct horse\0x"));
	assert_false(LETS_IN("Digest", "ann:correct horse"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lets_a_user_with_his_password_in, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_everybody_else_out, setup, teardown),
		cmocka_unit_test_setup_teardown(remembers_verdicts_but_not_for_others, setup,
						teardown),
		cmocka_unit_test_setup_teardown(forgets_old_verdicts_and_finds_them_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refuses_what_is_malformed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
