/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_STRBUF_H
#define TAPMETER_UTIL_STRBUF_H
/*
 * A growing byte buffer for text output. An allocation that fails is remembered and later additions
 * do nothing, so that callers check once, at the end. `max` bounds it (0 = no bound); beyond it is
 * an error too.
 */
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *data; /* NUL-terminated once anything was added; NULL before */
	size_t len;
	size_t cap;
	size_t max;
	int err; /* 0, -ENOMEM or -E2BIG, sticky */
};

#define STRBUF_INIT \
	{           \
		0   \
	}

void strbuf_free(struct strbuf *b);
/* Empties it and clears the error; keeps the memory. */
void strbuf_clear(struct strbuf *b);
/* Makes room for `extra` more bytes. */
int strbuf_reserve(struct strbuf *b, size_t extra);
void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_addstr(struct strbuf *b, const char *s);
void strbuf_addch(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Decimal, faster than addf. */
void strbuf_addu64(struct strbuf *b, uint64_t v);
/*
 * A nanosecond count as seconds: the shortest exact decimal ("0.000000119", "1.5", "128"; "0" for
 * 0).
 */
void strbuf_add_seconds(struct strbuf *b, uint64_t ns);
/* `s` with every byte that is not part of valid UTF-8 replaced by U+FFFD. */
void strbuf_add_utf8(struct strbuf *b, const char *s, size_t len);
/* As a label value of Prometheus' text formats, made valid UTF-8; without the quotes around it. */
void strbuf_add_label(struct strbuf *b, const char *s);
/* As a JSON string (RFC 8259), made valid UTF-8; with the quotes around it. */
void strbuf_add_json(struct strbuf *b, const char *s);

/* Longest decimal of 64 bits, without a NUL. */
#define STRBUF_U64_MAX 20
/*
 * Writes the decimal to `text` (no NUL) and returns its length: for loops that add to a buffer by
 * themselves.
 */
size_t strbuf_format_u64(char text[STRBUF_U64_MAX], uint64_t v);

#endif
