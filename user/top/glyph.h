/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_GLYPH_H
#define TAPMETER_TOP_GLYPH_H
/*
 * Text and small pictures for a terminal: of Unicode where it understands UTF-8 (`utf8`), else of
 * ASCII. Widths are columns of the terminal. Pure, but for what the locale's wcwidth() says.
 */
#include <stddef.h>
#include "top/trend.h"
#include "util/strbuf.h"

/* Columns that the text takes. */
size_t glyph_width(const char *text, int utf8);
/*
 * Adds text that is valid UTF-8, as much as fits into `max` columns; what is cut ends in "…" or "~". What
 * would command the terminal or has no width of its own becomes '?'. Returns the columns it takes.
 */
size_t glyph_text(struct strbuf *out, const char *text, size_t max, int utf8);
/* The next line of a text that is to be wrapped: bytes that fit into `max` columns; 0 at the end. */
size_t glyph_wrap(const char *text, size_t max, int utf8);
/* A bar of `width` columns, `part` of it full: 0 to 1, what is more is full. */
void glyph_bar(struct strbuf *out, double part, size_t width, int utf8);
/*
 * The last `width` points, the newest at the right end, relative to the greatest of them; 0 is the
 * lowest line, a blank is not known.
 */
void glyph_spark(struct strbuf *out, const struct trend *trend, size_t width, int utf8);
void glyph_blanks(struct strbuf *out, size_t count);

#endif
