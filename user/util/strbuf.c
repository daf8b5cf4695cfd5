/* SPDX-License-Identifier: Apache-2.0 */
#include "util/strbuf.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/utf8.h"

#define NS_PER_S 1000000000ull

void strbuf_free(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){ .max = b->max };
}

void strbuf_clear(struct strbuf *b)
{
	b->len = 0;
	b->err = 0;
	if (b->data)
		b->data[0] = '\0';
}

int strbuf_reserve(struct strbuf *b, size_t extra)
{
	size_t need, cap;
	char *data;

	if (b->err)
		return b->err;
	if (b->max && extra > b->max - b->len)
		return b->err = -E2BIG;
	if (extra > SIZE_MAX / 2 - b->len - 1)
		return b->err = -ENOMEM;
	need = b->len + extra + 1; /* the NUL */
	if (need <= b->cap)
		return 0;
	/* twice as much each time: the number of copies stays small */
	cap = b->cap * 2 > need ? b->cap * 2 : need;
	if (cap < 64)
		cap = 64;
	data = realloc(b->data, cap);
	if (!data)
		return b->err = -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
	if (strbuf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void strbuf_addstr(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addch(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0) {
		b->err = b->err ? b->err : -ENOMEM;
		return;
	}
	if (strbuf_reserve(b, (size_t)len))
		return;
	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
}

size_t strbuf_format_u64(char text[STRBUF_U64_MAX], uint64_t v)
{
	char digits[STRBUF_U64_MAX];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	memcpy(text, digits + i, sizeof(digits) - i);
	return sizeof(digits) - i;
}

void strbuf_addu64(struct strbuf *b, uint64_t v)
{
	char text[STRBUF_U64_MAX];

	strbuf_add(b, text, strbuf_format_u64(text, v));
}

void strbuf_add_seconds(struct strbuf *b, uint64_t ns)
{
	uint64_t fraction = ns % NS_PER_S;
	char text[10] = ".";
	size_t len;

	strbuf_addu64(b, ns / NS_PER_S);
	if (!fraction)
		return;
	for (len = 9; len > 0; len--) {
		text[len] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	for (len = sizeof(text); text[len - 1] == '0'; len--)
		;
	strbuf_add(b, text, len);
}

/* Most text is: eight bytes at a time, as every label of every series comes through here. */
static int is_ascii(const char *s, size_t len)
{
	uint64_t word = 0, high = 0;

	for (; len >= sizeof(word); len -= sizeof(word), s += sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		high |= word;
	}
	word = 0;
	if (len)
		memcpy(&word, s, len);
	return !((high | word) & UINT64_C(0x8080808080808080));
}

void strbuf_add_utf8(struct strbuf *b, const char *s, size_t len)
{
	size_t need;

	if (is_ascii(s, len)) {
		strbuf_add(b, s, len);
		return;
	}
	need = utf8_copy(NULL, 0, s, len);
	if (strbuf_reserve(b, need))
		return;
	utf8_copy(b->data + b->len, need + 1, s, len);
	b->len += need;
}

/* Adds `s`, with each ASCII character that `escape` has a text for replaced by that. */
static void add_escaped(struct strbuf *b, const char *s, const char *(*escape)(char c))
{
	const char *from = s;

	/* cutting at an ASCII character never cuts a well-formed longer one */
	for (; *s; s++) {
		const char *text = escape(*s);

		if (!text)
			continue;
		strbuf_add_utf8(b, from, (size_t)(s - from));
		strbuf_addstr(b, text);
		from = s + 1;
	}
	strbuf_add_utf8(b, from, (size_t)(s - from));
}

static const char *label_escape(char c)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '"':
		return "\\\"";
	case '\n':
		return "\\n";
	default:
		return NULL;
	}
}

void strbuf_add_label(struct strbuf *b, const char *s)
{
	add_escaped(b, s, label_escape);
}

static const char *json_escape(char c)
{
	static const char control[32][7] = {
		"\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006",
		"\\u0007", "\\b",     "\\t",	 "\\n",	    "\\u000b", "\\f",	  "\\r",
		"\\u000e", "\\u000f", "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014",
		"\\u0015", "\\u0016", "\\u0017", "\\u0018", "\\u0019", "\\u001a", "\\u001b",
		"\\u001c", "\\u001d", "\\u001e", "\\u001f",
	};

	if (c == '\\')
		return "\\\\";
	if (c == '"')
		return "\\\"";
	return (unsigned char)c < 32 ? control[(unsigned char)c] : NULL;
}

void strbuf_add_json(struct strbuf *b, const char *s)
{
	strbuf_addch(b, '"');
	add_escaped(b, s, json_escape);
	strbuf_addch(b, '"');
}
