/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/nearest.h"

static const char *const words[] = { "symbol", "operation", "object", "bytes", "more" };

static const char *among(const char *word)
{
	const char *found = nearest(word, words, sizeof(words) / sizeof(words[0]));

	return found ? found : "(none)";
}

static void one_wrong_missing_extra_or_swapped_letter_is_near(void **state)
{
	(void)state;
	assert_string_equal(among("symbal"), "symbol");
	assert_string_equal(among("symbl"), "symbol");
	assert_string_equal(among("symbool"), "symbol");
	assert_string_equal(among("sybmol"), "symbol");
	assert_string_equal(among("mroe"), "more");
	assert_string_equal(among("byte"), "bytes");
	assert_string_equal(among("Symbol"), "symbol");
}

static void the_word_itself_is_nearest(void **state)
{
	(void)state;
	assert_string_equal(among("more"), "more");
}

static void a_third_of_the_letters_may_be_wrong_and_no_more(void **state)
{
	(void)state;
	assert_string_equal(among("opXXaXion"), "operation");
	assert_string_equal(among("opXXaXXon"), "(none)");
	assert_string_equal(among("bXXes"), "bytes");
	assert_string_equal(among("bXXXs"), "(none)");
}

static void of_two_equally_near_the_first_is_taken(void **state)
{
	const char *const two[] = { "recv_a", "recv_b" };

	(void)state;
	assert_ptr_equal(nearest("recv_", two, 2), two[0]);
}

static void strange_words_are_near_to_nothing(void **state)
{
	char huge[10000];

	(void)state;
	memset(huge, 'm', sizeof(huge));
	huge[sizeof(huge) - 1] = 0;
	assert_string_equal(among(huge), "(none)");
	assert_string_equal(among(""), "(none)");
	assert_null(nearest("word", NULL, 0));
}

static void a_huge_known_word_is_passed_over(void **state)
{
	char huge[100];
	const char *list[] = { huge, "more" };

	(void)state;
	memset(huge, 'm', sizeof(huge));
	huge[sizeof(huge) - 1] = 0;
	assert_string_equal(nearest("mor", list, 2), "more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_wrong_missing_extra_or_swapped_letter_is_near),
		cmocka_unit_test(the_word_itself_is_nearest),
		cmocka_unit_test(a_third_of_the_letters_may_be_wrong_and_no_more),
		cmocka_unit_test(of_two_equally_near_the_first_is_taken),
		cmocka_unit_test(strange_words_are_near_to_nothing),
		cmocka_unit_test(a_huge_known_word_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
