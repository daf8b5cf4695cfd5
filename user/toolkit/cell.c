/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit/cell.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Divides by `base` until the number is small enough for one of the names; three digits count. */
static void scale(char out[CELL_LEN], double number, double base, const char *const *names,
		  size_t count)
{
	size_t i = 0;

	while (i + 1 < count && number >= base) {
		number /= base;
		i++;
	}
	/* 999.96 would be shown as 1000.0 */
	if (number == floor(number) || number >= 99.95)
		snprintf(out, CELL_LEN, "%.0f%s", number, names[i]);
	else if (number >= 9.995 || i)
		snprintf(out, CELL_LEN, "%.1f%s", number, names[i]);
	else
		snprintf(out, CELL_LEN, "%.2f%s", number, names[i]);
}

static void seconds(char out[CELL_LEN], double number)
{
	static const char *const whole[] = { "s" };
	static const char *const parts[] = { "us", "ms" };

	if (number > 0 && number < 0.9995)
		scale(out, number * 1e6, 1000, parts, 2);
	else if (number >= 3600)
		snprintf(out, CELL_LEN, "%.1fh", number / 3600);
	else if (number >= 600)
		snprintf(out, CELL_LEN, "%.1fm", number / 60);
	else
		scale(out, number, 1000, whole, 1);
}

void cell_number(char out[CELL_LEN], double number, enum unit unit)
{
	static const char *const counts[] = { "", "k", "M", "G", "T", "P" };
	static const char *const bytes[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	switch (unit) {
	case UNIT_COUNT:
		scale(out, number, 1000, counts, sizeof(counts) / sizeof(counts[0]));
		break;
	case UNIT_BYTES:
		scale(out, number, 1024, bytes, sizeof(bytes) / sizeof(bytes[0]));
		break;
	case UNIT_SECONDS:
		seconds(out, number);
		break;
	case UNIT_MILLISECONDS:
		seconds(out, number / 1000);
		break;
	case UNIT_CPU:
		snprintf(out, CELL_LEN, "%.1f%%", number / 10);
		break;
	case UNIT_SHARE:
		snprintf(out, CELL_LEN, "%.1f%%", number * 100);
		break;
	}
}

/* Bytes of the character that begins here; the text is valid UTF-8, as JSON's is. */
static size_t char_len(const char *text)
{
	size_t len = 1;

	while (((unsigned char)text[len] & 0xc0) == 0x80)
		len++;
	return len;
}

/* Whether a terminal would do something about it: C0, DEL, C1 (in UTF-8: C2 80 … C2 9F). */
static int is_control(const char *c)
{
	unsigned char first = (unsigned char)c[0];

	return first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)c[1] < 0xa0);
}

size_t cell_add_name(struct strbuf *out, const char *name, size_t max)
{
	size_t chars = 0, shown = 0;

	for (const char *c = name; *c; c += char_len(c))
		chars++;
	for (const char *c = name; *c; c += char_len(c)) {
		if (max && chars > max && shown == max - 1) {
			strbuf_addstr(out, "…");
			return max;
		}
		if (is_control(c))
			strbuf_addch(out, '?');
		else
			strbuf_add(out, c, char_len(c));
		shown++;
	}
	return shown;
}
