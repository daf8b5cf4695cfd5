/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tap/expr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ALL ~0ULL

static const struct {
	const char *text;
	struct tm_value value;
} good[] = {
	{ "arg0", { .base = TM_BASE_ARG, .arg = 0, .bits = 64, .mask = ALL } },
	{ "arg5", { .base = TM_BASE_ARG, .arg = 5, .bits = 64, .mask = ALL } },
	{ "retval", { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL } },
	{ "7", { .base = TM_BASE_CONST, .operand = 7, .mask = ALL } },
	{ "-7", { .base = TM_BASE_CONST, .operand = -7, .mask = ALL } },
	{ "0", { .base = TM_BASE_CONST, .mask = ALL } },
	{ "0x10", { .base = TM_BASE_CONST, .operand = 16, .mask = ALL } },
	{ "0XaB", { .base = TM_BASE_CONST, .operand = 171, .mask = ALL } },
	{ "9223372036854775807", { .base = TM_BASE_CONST, .operand = INT64_MAX, .mask = ALL } },
	{ "-9223372036854775808", { .base = TM_BASE_CONST, .operand = INT64_MIN, .mask = ALL } },
	{ "i32(retval)", { .base = TM_BASE_RETURN, .bits = 32, .is_signed = 1, .mask = ALL } },
	{ "u8(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 8, .mask = ALL } },
	{ "i8(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 8, .is_signed = 1, .mask = ALL } },
	{ "u16(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 16, .mask = ALL } },
	{ "i16(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 16, .is_signed = 1, .mask = ALL } },
	{ "u32(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 32, .mask = ALL } },
	{ "u64(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 64, .mask = ALL } },
	{ "i64(arg3)", { .base = TM_BASE_ARG, .arg = 3, .bits = 64, .is_signed = 1, .mask = ALL } },
	{ "arg3 & 2", { .base = TM_BASE_ARG, .arg = 3, .bits = 64, .mask = 2 } },
	{ "arg3 & 0xffffffffffffffff", { .base = TM_BASE_ARG, .arg = 3, .bits = 64, .mask = ALL } },
	{ "i32(retval) < 0",
	  { .base = TM_BASE_RETURN, .bits = 32, .is_signed = 1, .mask = ALL, .compare = 3 } },
	{ "retval == -1",
	  { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL, .compare = 1, .operand = -1 } },
	{ "retval != 1",
	  { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL, .compare = TM_CMP_NE, .operand = 1 } },
	{ "retval <= 1",
	  { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL, .compare = TM_CMP_LE, .operand = 1 } },
	{ "retval > 1",
	  { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL, .compare = TM_CMP_GT, .operand = 1 } },
	{ "retval >= 1",
	  { .base = TM_BASE_RETURN, .bits = 64, .mask = ALL, .compare = TM_CMP_GE, .operand = 1 } },
	/* unlike in C, the mask binds closer */
	{ "arg3 & 0xf == 2",
	  { .base = TM_BASE_ARG, .arg = 3, .bits = 64, .mask = 15, .compare = 1, .operand = 2 } },
	{ "u8[arg0 + 43] & 1",
	  { .base = TM_BASE_ARG, .width = 1, .bits = 8, .offset = 43, .mask = 1 } },
	{ "u64[arg1]", { .base = TM_BASE_ARG, .arg = 1, .width = 8, .bits = 64, .mask = ALL } },
	{ "i16[arg1 - 0x10]",
	  { .base = TM_BASE_ARG,
	    .arg = 1,
	    .width = 2,
	    .bits = 16,
	    .is_signed = 1,
	    .offset = -16,
	    .mask = ALL } },
	{ "u8[arg0+16777215]",
	  { .base = TM_BASE_ARG, .width = 1, .bits = 8, .offset = EXPR_OFFSET_MAX, .mask = ALL } },
	{ "u8[arg0-16777215]",
	  { .base = TM_BASE_ARG, .width = 1, .bits = 8, .offset = -EXPR_OFFSET_MAX, .mask = ALL } },
	{ "i32[retval] == 6",
	  { .base = TM_BASE_RETURN,
	    .width = 4,
	    .bits = 32,
	    .is_signed = 1,
	    .mask = ALL,
	    .compare = 1,
	    .operand = 6 } },
	{ "i32[retval]==6",
	  { .base = TM_BASE_RETURN,
	    .width = 4,
	    .bits = 32,
	    .is_signed = 1,
	    .mask = ALL,
	    .compare = 1,
	    .operand = 6 } },
	{ "u16[u64[arg2 - 8] + 4]",
	  { .base = TM_BASE_ARG,
	    .arg = 2,
	    .width = 2,
	    .bits = 16,
	    .hops = 1,
	    .hop = -8,
	    .offset = 4,
	    .mask = ALL } },
	{ " \t i32 [ retval ] == 6 ",
	  { .base = TM_BASE_RETURN,
	    .width = 4,
	    .bits = 32,
	    .is_signed = 1,
	    .mask = ALL,
	    .compare = 1,
	    .operand = 6 } },
};

static void every_form_becomes_its_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct expr_error error;
		struct expr expr;

		if (expr_parse(good[i].text, &expr, &error))
			fail_msg("%s: %s", good[i].text, error.text);
		if (memcmp(&expr.value, &good[i].value, sizeof(expr.value)) != 0)
			fail_msg("%s: another value", good[i].text);
		assert_string_equal(expr.callee, "");
		assert_int_equal(expr.local_arg, 0);
	}
}

static void a_local_variable_is_named_by_the_call_that_gets_its_address(void **state)
{
	struct expr_error error;
	struct expr expr;

	(void)state;
	assert_int_equal(expr_parse("u8[local(zmq_msg_init, 0) + 43] & 1", &expr, &error), 0);
	assert_int_equal(expr.value.base, TM_BASE_STACK);
	assert_int_equal(expr.value.width, 1);
	assert_int_equal(expr.value.offset, 43);
	assert_int_equal(expr.value.mask, 1);
	assert_string_equal(expr.callee, "zmq_msg_init");
	assert_int_equal(expr.local_arg, 0);

	assert_int_equal(expr_parse("u64[ local ( f$oo.part.0 , 5 ) ]", &expr, &error), 0);
	assert_string_equal(expr.callee, "f$oo.part.0");
	assert_int_equal(expr.local_arg, 5);
}

static void constants_stand_where_numbers_do(void **state)
{
	struct expr_error error;
	struct expr expr;

	(void)state;
	assert_int_equal(expr_parse("u32[u64[arg1 + hop] - off] & bits == goal", &expr, &error), 0);
	assert_int_equal(expr.value.hops, 1);
	assert_int_equal(expr.value.width, 4);
	assert_int_equal(expr.value.compare, TM_CMP_EQ);
	assert_string_equal(expr.constants[EXPR_HOP].name, "hop");
	assert_false(expr.constants[EXPR_HOP].negative);
	assert_string_equal(expr.constants[EXPR_OFFSET].name, "off");
	assert_true(expr.constants[EXPR_OFFSET].negative);
	assert_string_equal(expr.constants[EXPR_MASK].name, "bits");
	assert_string_equal(expr.constants[EXPR_OPERAND].name, "goal");
	assert_int_equal(expr.constants[EXPR_OPERAND].at, 37);

	assert_int_equal(expr_parse("u64[stack + 8]", &expr, &error), 0);
	assert_int_equal(expr.value.base, TM_BASE_STACK);
	assert_string_equal(expr.callee, "");
	assert_int_equal(expr.value.offset, 8);
}

#define TERM "arg0 to arg5, retval, a type (u8 to u64, i8 to i64) or an integer"
#define POINTER "a pointer: arg0 to arg5, retval, stack, u64[...] or local(FUNCTION, N)"
#define OFFSET "an integer up to 0xffffff or the name of a constant"
#define FLOATING \
	"an integer or a pointer: floating-point values are in registers that a probe cannot read"
#define REST "'&', a comparison (== != < <= > >=) or the end"
#define SIGNED "an integer of 64 bits with sign"

static const struct {
	const char *text;
	size_t at;
	const char *error;
} bad[] = {
	{ "", 0, "found the end, expected " TERM },
	{ "  ", 2, "found the end, expected " TERM },
	{ "foo", 0, "found 'foo', expected " TERM },
	{ "arg6", 0, "found 'arg6', expected " TERM },
	{ "arg", 0, "found 'arg', expected " TERM },
	{ "arg00", 0, "found 'arg00', expected " TERM },
	{ "Retval", 0, "found 'Retval', expected " TERM },
	{ "retval1", 0, "found 'retval1', expected " TERM },
	{ "u24[arg0]", 0, "found 'u24', expected " TERM },
	{ "!arg0", 0, "found '!', expected " TERM },
	{ "(arg0)", 0, "found '(', expected " TERM },
	{ "local(f, 0)", 0, "found 'local', expected " TERM },
	{ "\xc3\xa4", 0, "found '\xc3\xa4', expected " TERM },
	{ "\x1b[31m", 0, "found '?', expected " TERM },
	{ "retval retval", 7, "found 'retval', expected " REST },
	{ "retval = 1", 7, "found '=', expected " REST },
	{ "retval | 1", 7, "found '|', expected " REST },
	{ "arg0 + 8", 5, "found '+', expected " REST },
	{ "arg0 & 1 & 2", 9, "found '&', expected " REST },
	{ "arg0 && arg1", 6, "found '&', expected an integer (like 8 or 0x8)" },
	{ "arg0 & -1", 7, "found '-', expected an integer (like 8 or 0x8)" },
	{ "arg0 & arg1", 7, "found 'arg1', expected an integer (like 8 or 0x8)" },
	{ "arg0 & 0x10000000000000000", 7,
	  "found '0x10000000000000000', expected an integer (like 8 or 0x8)" },
	{ "arg0 &", 6, "found the end, expected an integer (like 8 or 0x8)" },
	{ "arg0 == 1 == 2", 10, "found '==', expected the end" },
	{ "arg0 == 1 & 2", 10, "found '&', expected the end" },
	{ "arg0 === 1", 7, "found '=', expected " SIGNED },
	{ "arg0 < arg1", 7, "found 'arg1', expected " SIGNED },
	{ "arg0 < ", 7, "found the end, expected " SIGNED },
	{ "arg0 < --1", 8, "found '-', expected " SIGNED },
	{ "arg0 < 9223372036854775808", 7, "found '9223372036854775808', expected " SIGNED },
	{ "arg0 < -9223372036854775809", 8, "found '9223372036854775809', expected " SIGNED },
	{ "5 == 5", 2, "found '==', expected the end" },
	{ "12ab", 0, "found '12ab', expected " SIGNED },
	{ "010", 0, "found '010', expected " SIGNED },
	{ "0x", 0, "found '0x', expected " SIGNED },
	{ "0xfg", 0, "found '0xfg', expected " SIGNED },
	{ "1u", 0, "found '1u', expected " SIGNED },
	{ "-", 1, "found the end, expected " SIGNED },
	{ "u8", 2, "found the end, expected '[' (memory) or '(' (register)" },
	{ "u8 arg0", 3, "found 'arg0', expected '[' (memory) or '(' (register)" },
	{ "u8(5)", 3, "found '5', expected arg0 to arg5 or retval" },
	{ "u8(local(f, 0))", 3, "found 'local', expected arg0 to arg5 or retval" },
	{ "u8(arg0", 7, "found the end, expected ')'" },
	{ "u8(arg0]", 7, "found ']', expected ')'" },
	{ "u8(arg0 + 1)", 8, "found '+', expected ')'" },
	{ "u8[]", 3, "found ']', expected " POINTER },
	{ "u8[5]", 3, "found '5', expected " POINTER },
	{ "u8[u32[arg0]]", 3, "found 'u32', expected " POINTER },
	{ "u8[u64[u64[arg0]]]", 7,
	  "found 'u64', expected arg0 to arg5, retval or stack: two steps at most lead to a value" },
	{ "u8[u64(arg0)]", 6, "found '(', expected '['" },
	{ "f64(arg0)", 0, "found 'f64', expected " FLOATING },
	{ "xmm0", 0, "found 'xmm0', expected " FLOATING },
	{ "double", 0, "found 'double', expected " FLOATING },
	{ "u8[arg0 + Upper]", 10, "found 'Upper', expected " OFFSET },
	{ "u8[arg0 + u8]", 10, "found 'u8', expected " OFFSET },
	{ "u8[arg0", 7, "found the end, expected ']'" },
	{ "u8[arg0)", 7, "found ')', expected ']'" },
	{ "u8[arg0 + ]", 10, "found ']', expected " OFFSET },
	{ "u8[arg0 + -8]", 10, "found '-', expected " OFFSET },
	{ "u8[arg0 + 16777216]", 10, "found '16777216', expected " OFFSET },
	{ "u8[arg0 + 1 + 1]", 12, "found '+', expected ']'" },
	{ "u8[local]", 8, "found ']', expected '('" },
	{ "u8[local(, 0)]", 9, "found ',', expected the name of a function" },
	{ "u8[local(0f, 0)]", 9, "found '0f', expected the name of a function" },
	{ "u8[local(f)]", 10, "found ')', expected ','" },
	{ "u8[local(f, 6)]", 12, "found '6', expected an argument's number, 0 to 5" },
	{ "u8[local(f, arg0)]", 12, "found 'arg0', expected an argument's number, 0 to 5" },
	{ "u8[local(f, 0]", 13, "found ']', expected ')'" },
};

static void every_error_says_its_place_and_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct expr_error error = { 0 };
		struct expr expr;

		if (!expr_parse(bad[i].text, &expr, &error))
			fail_msg("%s: no error", bad[i].text);
		assert_string_equal(error.text, bad[i].error);
		if (error.at != bad[i].at)
			fail_msg("%s: at %zu", bad[i].text, error.at);
	}
}

static void a_name_of_127_letters_is_the_longest(void **state)
{
	char text[400], name[129];
	struct expr_error error;
	struct expr expr;

	(void)state;
	memset(name, 'f', 128);
	name[127] = 0;
	snprintf(text, sizeof(text), "u8[local(%s, 0)]", name);
	assert_int_equal(expr_parse(text, &expr, &error), 0);
	assert_string_equal(expr.callee, name);
	name[127] = 'f';
	name[128] = 0;
	snprintf(text, sizeof(text), "u8[local(%s, 0)]", name);
	assert_int_not_equal(expr_parse(text, &expr, &error), 0);
	assert_int_equal(error.at, 9);
}

static void a_huge_word_is_cut_in_the_error(void **state)
{
	static char huge[1 << 20];
	struct expr_error error;
	struct expr expr;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	assert_int_not_equal(expr_parse(huge, &expr, &error), 0);
	assert_non_null(strstr(error.text, "xxx...', expected arg0"));
}

/* any bytes: no crash, and an error lies inside the text */
static void random_text_is_survived(void **state)
{
	static const char alphabet[] = "argretvalu8i32[]()+-&=<>! 0x19local,\xc3\xff_$.";

	(void)state;
	srand(1);
	for (int round = 0; round < 200000; round++) {
		struct expr_error error;
		struct expr expr;
		char text[24];
		size_t len = rand() % sizeof(text);

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[rand() % (sizeof(alphabet) - 1)];
		text[len] = 0;
		if (expr_parse(text, &expr, &error))
			assert_true(error.at <= strlen(text));
	}
}

static void a_number_ends_where_its_letters_end(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(expr_number("12]", &n), 2);
	assert_int_equal(n, 12);
	assert_int_equal(expr_number("0xffffffffffffffff ", &n), 18);
	assert_int_equal(n, UINT64_MAX);
	assert_int_equal(expr_number("18446744073709551615", &n), 20);
	assert_int_equal(expr_number("18446744073709551616", &n), 0);
	assert_int_equal(expr_number("", &n), 0);
	assert_int_equal(expr_number(" 1", &n), 0);
	assert_int_equal(expr_number("00", &n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_becomes_its_value),
		cmocka_unit_test(a_local_variable_is_named_by_the_call_that_gets_its_address),
		cmocka_unit_test(constants_stand_where_numbers_do),
		cmocka_unit_test(every_error_says_its_place_and_what_was_expected),
		cmocka_unit_test(a_name_of_127_letters_is_the_longest),
		cmocka_unit_test(a_huge_word_is_cut_in_the_error),
		cmocka_unit_test(random_text_is_survived),
		cmocka_unit_test(a_number_ends_where_its_letters_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
