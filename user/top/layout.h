/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_LAYOUT_H
#define TAPMETER_TOP_LAYOUT_H
/* Where a sheet's columns stand in so many columns of a terminal, and what stands in a cell. Pure. */
#include <stddef.h>
#include "top/sheet.h"
#include "util/strbuf.h"

#define LAYOUT_GAP 2 /* blanks between columns */

struct layout_wish {
	size_t width; /* of the terminal; 0 = as wide as it takes */
	size_t skip; /* columns after the first that are scrolled away */
	int utf8;
	int plain; /* neither bars nor trends */
};

struct layout {
	size_t count;
	struct layout_place {
		size_t column; /* of the sheet */
		size_t x, width;
	} places[SHEET_COLUMNS];
	size_t left, right; /* columns that do not fit on either side */
};

/* For these rows of the sheet. The first column always stands at the left. */
void layout_make(const struct sheet *sheet, const size_t *rows, size_t count,
		 const struct layout_wish *wish, struct layout *out);
/* Adds the cell's text, exactly `width` columns wide: numbers at the right, text at the left. */
void layout_cell(struct strbuf *out, const struct column *column, const struct value *value,
		 size_t width, const struct layout_wish *wish);
void layout_title(struct strbuf *out, const struct column *column, size_t width,
		  const struct layout_wish *wish);
/* The value as text, not cut and not padded, without a bar. */
void layout_value(struct strbuf *out, const struct column *column, const struct value *value);

#endif
