/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_EXPR_H
#define TAPMETER_TAP_EXPR_H
/*
 * The expressions of profiles ("i32(retval) < 0", "u8[arg0 + 43] & 1"), parsed into what the BPF
 * programs evaluate:
 *
 *	value   := term [ "&" integer ] [ compare [ "-" ] integer ]  |  [ "-" ] integer
 *	term    := register | TYPE "(" register ")" | TYPE "[" pointer [ ("+" | "-") integer ] "]"
 *	pointer := register | "local" "(" FUNCTION "," N ")"
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

struct expr {
	struct tm_value value;
	/* base STACK: value.offset counts from the start of the local variable whose address is
	 * argument `local_arg` in the first call to `callee`; else "" and 0. */
	char callee[EXPR_CALLEE_LEN];
	unsigned local_arg;
};

struct expr_error {
	size_t at; /* bytes from the start of the text */
	char text[256]; /* "found X, expected Y" */
};

/* 0 and *out, or -EINVAL and *error. Pure; any thread. */
int expr_parse(const char *text, struct expr *out, struct expr_error *error);

/*
 * Reads the decimal or 0x number (of at most 64 bits) that `text` begins with. Returns its length,
 * 0 if there is none: it is too big, has a leading 0, or letters follow.
 */
size_t expr_number(const char *text, uint64_t *number);

#endif
