/* SPDX-License-Identifier: Apache-2.0 */
#include "top/glyph.h"
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* One character: its code, bytes, columns; text from JSON is valid UTF-8. */
struct glyph {
	uint32_t code;
	size_t bytes;
	size_t width;
	int shown; /* as it is; else as '?' */
};

static size_t decode(const char *text, uint32_t *code)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t len = 1;

	*code = c[0];
	if (c[0] >= 0xf0)
		*code = c[0] & 0x07;
	else if (c[0] >= 0xe0)
		*code = c[0] & 0x0f;
	else if (c[0] >= 0xc0)
		*code = c[0] & 0x1f;
	while (len < 4 && (c[len] & 0xc0) == 0x80)
		*code = *code << 6 | (c[len++] & 0x3f);
	return len;
}

/*
 * Controls have no width (-1). Neither have marks that are put onto others and those that turn the direction of
 * writing (0), with which a name could look like another one.
 */
static struct glyph next(const char *text, int utf8)
{
	struct glyph glyph = { .width = 1 };
	int width;

	glyph.bytes = decode(text, &glyph.code);
	if (glyph.code < 0x80) {
		glyph.shown = glyph.code >= ' ' && glyph.code != 0x7f;
	} else if (utf8) {
		width = wcwidth((wchar_t)glyph.code);
		if (width > 0) {
			glyph.shown = 1;
			glyph.width = (size_t)width;
		}
	}
	return glyph;
}

size_t glyph_width(const char *text, int utf8)
{
	size_t width = 0;

	while (*text) {
		struct glyph glyph = next(text, utf8);

		width += glyph.width;
		text += glyph.bytes;
	}
	return width;
}

size_t glyph_text(struct strbuf *out, const char *text, size_t max, int utf8)
{
	size_t width = 0;
	int fits = glyph_width(text, utf8) <= max;

	while (*text && max) {
		struct glyph glyph = next(text, utf8);

		if (!fits && width + glyph.width > max - 1) {
			strbuf_addstr(out, utf8 ? "…" : "~");
			return width + 1;
		}
		if (glyph.shown)
			strbuf_add(out, text, glyph.bytes);
		else
			strbuf_addch(out, '?');
		width += glyph.width;
		text += glyph.bytes;
	}
	return width;
}

size_t glyph_wrap(const char *text, size_t max, int utf8)
{
	size_t width = 0, bytes = 0;

	while (text[bytes]) {
		struct glyph glyph = next(text + bytes, utf8);

		if (bytes && width + glyph.width > max)
			break;
		width += glyph.width;
		bytes += glyph.bytes;
	}
	return bytes;
}

void glyph_blanks(struct strbuf *out, size_t count)
{
	while (count--)
		strbuf_addch(out, ' ');
}

void glyph_bar(struct strbuf *out, double part, size_t width, int utf8)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	size_t steps = utf8 ? 8 : 1, full, filled;

	part = part > 0 ? part : 0; /* not a number, too */
	part = part < 1 ? part : 1;
	filled = (size_t)lround(part * (double)(width * steps));
	/* a little is not nothing */
	if (!filled && part > 0)
		filled = 1;
	full = filled / steps;
	for (size_t i = 0; i < full; i++)
		strbuf_addstr(out, utf8 ? "█" : "|");
	if (filled % steps) {
		strbuf_addstr(out, eighths[filled % steps]);
		full++;
	}
	for (size_t i = full; i < width; i++)
		strbuf_addstr(out, utf8 ? "·" : ".");
}

void glyph_spark(struct strbuf *out, const struct trend *trend, size_t width, int utf8)
{
	static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const signs[] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	double greatest = 0;

	for (size_t back = 0; back < width; back++)
		greatest = fmax(greatest, trend_at(trend, back));
	for (size_t back = width; back-- > 0;) {
		double number = trend_at(trend, back);
		size_t level = 0;

		if (!(number >= 0)) {
			strbuf_addch(out, ' ');
			continue;
		}
		if (number > 0)
			level = (size_t)fmax(1, lround(number / greatest * 7));
		strbuf_addstr(out, utf8 ? blocks[level] : signs[level]);
	}
}
