/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tap/expr.h"
#include "util/quote.h"

#define DIGITS "0123456789"
#define WORD_CHARS DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define SYMBOL_CHARS WORD_CHARS ".$" /* compilers make names like foo.part.0 */
#define A_NUMBER "an integer (like 8 or 0x8)"

struct cursor {
	const char *start, *at;
	struct expr_error *error;
};

struct word {
	const char *text;
	size_t len;
};

static const struct {
	const char *name;
	__u8 bits;
	__u8 is_signed;
} types[] = {
	{ "u8", 8, 0 }, { "u16", 16, 0 }, { "u32", 32, 0 }, { "u64", 64, 0 },
	{ "i8", 8, 1 }, { "i16", 16, 1 }, { "i32", 32, 1 }, { "i64", 64, 1 },
};

/* Those that begin like others come first. */
static const struct {
	const char *text;
	__u8 compare;
} compares[] = {
	{ "==", TM_CMP_EQ }, { "!=", TM_CMP_NE }, { "<=", TM_CMP_LE },
	{ ">=", TM_CMP_GE }, { "<", TM_CMP_LT },  { ">", TM_CMP_GT },
};

static void skip_space(struct cursor *c)
{
	c->at += strspn(c->at, " \t");
}

/* Letters, digits and _ at the cursor; length 0 if something else is there. */
static struct word peek_word(struct cursor *c)
{
	skip_space(c);
	return (struct word){ c->at, strspn(c->at, WORD_CHARS) };
}

static int word_is(struct word word, const char *text)
{
	return word.len == strlen(text) && !memcmp(word.text, text, word.len);
}

static int fail(struct cursor *c, const char *expected)
{
	struct word word = peek_word(c);
	char found[QUOTE_MAX + 2];
	size_t len = word.len ? word.len : strspn(c->at, "&|=!<>");

	c->error->at = c->at - c->start;
	if (!*c->at) {
		snprintf(c->error->text, sizeof(c->error->text), "found the end, expected %s",
			 expected);
		return -EINVAL;
	}
	/* else one other character, which may have several bytes */
	if (!len)
		for (len = 1; (c->at[len] & 0xc0) == 0x80; len++)
			;
	if (len >= sizeof(found))
		len = sizeof(found) - 1;
	memcpy(found, c->at, len);
	found[len] = 0;
	snprintf(c->error->text, sizeof(c->error->text), "found %s, expected %s", quote(found).text,
		 expected);
	return -EINVAL;
}

static int skip(struct cursor *c, const char *text)
{
	skip_space(c);
	if (strncmp(c->at, text, strlen(text)) != 0)
		return 0;
	c->at += strlen(text);
	return 1;
}

static int expect(struct cursor *c, const char *text)
{
	return skip(c, text) ? 0 : fail(c, quote(text).text);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

size_t expr_number(const char *text, uint64_t *number)
{
	size_t len = strspn(text, WORD_CHARS);
	int hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	int base = hex ? 16 : 10;
	uint64_t n = 0;

	/* 010 is eight to a C programmer and ten to others */
	if (len == (hex ? 2 : 0) || (!hex && len > 1 && text[0] == '0'))
		return 0;
	for (size_t i = hex ? 2 : 0; i < len; i++) {
		int digit = digit_value(text[i]);

		if (digit >= base || __builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return 0;
	}
	*number = n;
	return len;
}

static int parse_number(struct cursor *c, uint64_t max, const char *expected, uint64_t *number)
{
	size_t len;

	skip_space(c);
	len = expr_number(c->at, number);
	if (!len || *number > max)
		return fail(c, expected);
	c->at += len;
	return 0;
}

static int parse_signed(struct cursor *c, __s64 *number)
{
	uint64_t magnitude = 0;
	int negative, err;

	negative = skip(c, "-");
	err = parse_number(c, (uint64_t)INT64_MAX + negative, "an integer of 64 bits with sign",
			   &magnitude);
	if (err)
		return err;
	*number = negative ? -magnitude : magnitude;
	return 0;
}

/* What means something else may not name a constant. */
static int is_reserved(struct word word)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (word_is(word, types[i].name))
			return 1;
	return word_is(word, "retval") || word_is(word, "local") || word_is(word, "stack") ||
	       (word.len > 3 && !memcmp(word.text, "arg", 3) &&
		strspn(word.text + 3, DIGITS) >= word.len - 3);
}

static int word_names_constant(struct word word)
{
	return word.len && word.len < EXPR_CONSTANT_LEN && word.text[0] >= 'a' &&
	       word.text[0] <= 'z' && !is_reserved(word) &&
	       strspn(word.text, DIGITS "abcdefghijklmnopqrstuvwxyz_") >= word.len;
}

int expr_is_constant_name(const char *text)
{
	return word_names_constant((struct word){ text, strlen(text) });
}

/* A constant's name at the cursor: 1, and *out says which. */
static int skip_constant(struct cursor *c, int negative, struct expr_constant *out)
{
	struct word word = peek_word(c);

	if (!word_names_constant(word))
		return 0;
	memcpy(out->name, word.text, word.len);
	out->negative = negative;
	out->at = c->at - c->start;
	c->at += word.len;
	return 1;
}

/* argN or retval; 0 if something else is at the cursor. */
static int skip_register(struct cursor *c, struct tm_value *value)
{
	struct word word = peek_word(c);

	if (word_is(word, "retval")) {
		value->base = TM_BASE_RETURN;
	} else if (word.len == 4 && !memcmp(word.text, "arg", 3) && word.text[3] >= '0' &&
		   word.text[3] <= '5') {
		value->base = TM_BASE_ARG;
		value->arg = word.text[3] - '0';
	} else {
		return 0;
	}
	c->at += word.len;
	return 1;
}

/* After "local": "(FUNCTION, N)". */
static int parse_local(struct cursor *c, struct expr *out)
{
	uint64_t arg = 0;
	size_t len;
	int err = expect(c, "(");

	if (err)
		return err;
	skip_space(c);
	len = strspn(c->at, SYMBOL_CHARS);
	if (!len || len >= EXPR_CALLEE_LEN || strchr(DIGITS, *c->at))
		return fail(c, "the name of a function");
	memcpy(out->callee, c->at, len);
	c->at += len;
	err = expect(c, ",");
	if (!err)
		err = parse_number(c, 5, "an argument's number, 0 to 5", &arg);
	if (err)
		return err;
	out->value.base = TM_BASE_STACK;
	out->local_arg = arg;
	return expect(c, ")");
}

/* "[+|- number] ]" */
static int parse_offset(struct cursor *c, __s32 *to, struct expr_constant *constant)
{
	uint64_t offset = 0;
	int negative = skip(c, "-"), err;

	if (!negative && !skip(c, "+"))
		return expect(c, "]");
	if (!skip_constant(c, negative, constant)) {
		err = parse_number(c, EXPR_OFFSET_MAX,
				   "an integer up to 0xffffff or the name of a constant", &offset);
		if (err)
			return err;
		*to = negative ? -(__s32)offset : (__s32)offset;
	}
	return expect(c, "]");
}

/* After "u64" where a pointer is expected: "[ register [+|- number] ]". */
static int parse_hop(struct cursor *c, struct expr *out)
{
	int err = expect(c, "[");

	if (err)
		return err;
	if (word_is(peek_word(c), "stack")) {
		c->at += strlen("stack");
		out->value.base = TM_BASE_STACK;
	} else if (!skip_register(c, &out->value)) {
		return fail(c, "arg0 to arg5, retval or stack: two steps at most lead to a value");
	}
	out->value.hops = 1;
	return parse_offset(c, &out->value.hop, &out->constants[EXPR_HOP]);
}

static int parse_pointer(struct cursor *c, struct expr *out)
{
	struct word word = peek_word(c);

	if (skip_register(c, &out->value))
		return 0;
	if (word_is(word, "stack")) {
		c->at += word.len;
		out->value.base = TM_BASE_STACK;
		return 0;
	}
	if (word_is(word, "local")) {
		c->at += word.len;
		return parse_local(c, out);
	}
	if (!word_is(word, "u64"))
		return fail(c, "a pointer: arg0 to arg5, retval, stack, u64[...] or "
			       "local(FUNCTION, N)");
	c->at += word.len;
	return parse_hop(c, out);
}

/* After "TYPE[": "pointer [+|- number] ]". */
static int parse_memory(struct cursor *c, struct expr *out)
{
	int err;

	out->value.width = out->value.bits / 8;
	err = parse_pointer(c, out);
	return err ? err : parse_offset(c, &out->value.offset, &out->constants[EXPR_OFFSET]);
}

/* They are in registers that the Linux kernel does not show to probes. */
static int is_floating(struct word word)
{
	return word_is(word, "f32") || word_is(word, "f64") || word_is(word, "float") ||
	       word_is(word, "double") || (word.len > 3 && !memcmp(word.text, "xmm", 3));
}

static int parse_term(struct cursor *c, struct expr *out)
{
	struct word word = peek_word(c);

	out->value.bits = 64;
	if (skip_register(c, &out->value))
		return 0;
	if (is_floating(word))
		return fail(c, "an integer or a pointer: floating-point values are in registers "
			       "that a probe cannot read");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!word_is(word, types[i].name))
			continue;
		c->at += word.len;
		out->value.bits = types[i].bits;
		out->value.is_signed = types[i].is_signed;
		if (skip(c, "["))
			return parse_memory(c, out);
		if (!skip(c, "("))
			return fail(c, "'[' (memory) or '(' (register)");
		if (!skip_register(c, &out->value))
			return fail(c, "arg0 to arg5 or retval");
		return expect(c, ")");
	}
	return fail(c, "arg0 to arg5, retval, a type (u8 to u64, i8 to i64) or an integer");
}

static int parse_compare(struct cursor *c, struct expr *out)
{
	for (size_t i = 0; i < sizeof(compares) / sizeof(compares[0]); i++) {
		if (!skip(c, compares[i].text))
			continue;
		out->value.compare = compares[i].compare;
		if (skip_constant(c, 0, &out->constants[EXPR_OPERAND]))
			return 0;
		return parse_signed(c, &out->value.operand);
	}
	return 0;
}

static int parse_value(struct cursor *c, struct expr *out)
{
	uint64_t mask = 0;
	int err;

	skip_space(c);
	if (*c->at == '-' || (*c->at >= '0' && *c->at <= '9')) {
		out->value.base = TM_BASE_CONST;
		return parse_signed(c, &out->value.operand);
	}
	err = parse_term(c, out);
	if (err)
		return err;
	if (skip(c, "&") && !skip_constant(c, 0, &out->constants[EXPR_MASK])) {
		err = parse_number(c, UINT64_MAX, A_NUMBER, &mask);
		if (err)
			return err;
		out->value.mask = mask;
	}
	return parse_compare(c, out);
}

int expr_parse(const char *text, struct expr *out, struct expr_error *error)
{
	struct cursor c = { .start = text, .at = text, .error = error };
	int err;

	*out = (struct expr){ .value.mask = ~0ULL };
	err = parse_value(&c, out);
	if (err)
		return err;
	skip_space(&c);
	if (!*c.at)
		return 0;
	if (out->value.compare || out->value.base == TM_BASE_CONST)
		return fail(&c, "the end");
	return fail(&c, "'&', a comparison (== != < <= > >=) or the end");
}
