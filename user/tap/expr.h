/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_EXPR_H
#define TAPMETER_TAP_EXPR_H
/*
 * The expressions of profiles ("i32(retval) < 0", "u8[arg0 + 43] & 1"), parsed into what the BPF
 * programs evaluate:
 *
 *	value   := term [ "&" number ] [ compare ( number | "-" integer ) ]  |  [ "-" ] integer
 *	term    := register | TYPE "(" register ")" | TYPE "[" pointer [ ("+" | "-") number ] "]"
 *	pointer := register | "stack" | "local" "(" FUNCTION "," N ")" |
 *		   "u64" "[" register [ ("+" | "-") number ] "]"
 *	number  := integer | CONSTANT
 *	register := "arg0" .. "arg5" | "retval"
 *	compare := "==" | "!=" | "<" | "<=" | ">" | ">="
 *	TYPE    := u8 u16 u32 u64 i8 i16 i32 i64
 *
 * docs/profiles.md says what they mean.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

#define EXPR_CALLEE_LEN 128 /* a function's name with its NUL */
#define EXPR_OFFSET_MAX 0xffffff /* so that an offset in a stack frame can be added in an s32 */

#define EXPR_CONSTANT_LEN 32

/* Where in an expression a number may be a constant's name. */
enum expr_place {
	EXPR_HOP, /* value.hop */
	EXPR_OFFSET, /* value.offset */
	EXPR_MASK, /* value.mask */
	EXPR_OPERAND, /* value.operand */
	EXPR_PLACES,
};

/* The number there is the constant's (negated if `negative`); "" = it stands in the value. */
struct expr_constant {
	char name[EXPR_CONSTANT_LEN];
	int negative;
	size_t at; /* where in the text it stands */
};

struct expr {
	struct tm_value value;
	struct expr_constant constants[EXPR_PLACES];
	/* base STACK: value.offset counts from the start of the local variable whose address is
	 * argument `local_arg` in the first call to `callee`, or, if that is "", from the stack pointer
	 * at entry; else "" and 0. */
	char callee[EXPR_CALLEE_LEN];
	unsigned local_arg;
};

struct expr_error {
	size_t at; /* bytes from the start of the text */
	char text[256]; /* "found X, expected Y" */
};

/* 0 and *out, or -EINVAL and *error. Pure; any thread. */
int expr_parse(const char *text, struct expr *out, struct expr_error *error);

/* 1 if a constant may have this name: lower case letters, digits and _, and nothing else that expressions have. */
int expr_is_constant_name(const char *text);

/*
 * Reads the decimal or 0x number (of at most 64 bits) that `text` begins with. Returns its length,
 * 0 if there is none: it is too big, has a leading 0, or letters follow.
 */
size_t expr_number(const char *text, uint64_t *number);

#endif
