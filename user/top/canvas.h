/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_CANVAS_H
#define TAPMETER_TOP_CANVAS_H
/* Where it is drawn: a terminal, or whatever a test has instead. */
#include <stddef.h>

enum style {
	STYLE_PLAIN,
	STYLE_STRONG, /* titles, what is chosen */
	STYLE_HEAD, /* the line of column titles */
	STYLE_SORTED, /* in it, the one that it is sorted by */
	STYLE_SELECTED, /* the selected row */
	STYLE_FAINT, /* hints, what is old */
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_COUNT,
};

struct canvas {
	size_t rows, columns;
	int utf8;
	void *to;
	/* Text that fits there and commands nothing. */
	void (*put)(void *to, size_t row, size_t column, enum style style, const char *text);
};

#endif
