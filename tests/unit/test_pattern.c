/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tap/pattern.h"

static void a_cpp_name_means_all_overloads(void **state)
{
	(void)state;
	assert_true(pattern_matches("Cache::Get", "_ZN5Cache3GetERK3KeyP5Value"));
	assert_true(pattern_matches("Cache::Get", "_ZNK5Cache3GetEi"));
	assert_true(pattern_matches("a::b::c", "_ZN1a1b1cEv"));
	assert_false(pattern_matches("Cache::Get", "_ZN5Cache4GetsEv"));
	assert_false(pattern_matches("Cache::Get", "_ZN6Cache_3GetEv"));
	assert_false(pattern_matches("Cache::Get", "_ZN2ns5Cache3GetEv"));
	assert_false(pattern_matches("Cache::Get", "_ZN5Cache3GetERK3Key.cold"));
	assert_false(pattern_matches("Cache::Get", "Cache::Get"));
}

static void a_star_is_any_characters(void **state)
{
	(void)state;
	assert_true(pattern_matches("cache_get_*", "cache_get_"));
	assert_true(pattern_matches("cache_get_*", "cache_get_by_key"));
	assert_true(pattern_matches("_ZN5CacheI*3GetE*", "_ZN5CacheIiE3GetERKi"));
	assert_false(pattern_matches("cache_get_*", "my_cache_get_it"));
	assert_false(pattern_matches("cache_get_*", "cache_get_it.part.0"));
	assert_true(pattern_matches("cache_get_*.part.0", "cache_get_it.part.0"));
}

static void what_cannot_be_matched_is_refused(void **state)
{
	static const char *const bad[] = { "*",	    "**",    "ab*",    "a b*",	    "a[b]*",
					   "A::",   "::f",   "A::~A",  "A<int>::f", "A::f()",
					   "A::1f", "A:::f", "A::f::", "",	    "a?cd*" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pattern_is_valid(bad[i]));
	assert_true(pattern_is_valid("abc*"));
	assert_true(pattern_is_valid("A::f"));
	assert_true(pattern_is_valid("ns::Cache_2::Get"));
	assert_int_equal(pattern_kind("zmq_send"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cpp_name_means_all_overloads),
		cmocka_unit_test(a_star_is_any_characters),
		cmocka_unit_test(what_cannot_be_matched_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
