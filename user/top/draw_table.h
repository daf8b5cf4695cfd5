/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_DRAW_TABLE_H
#define TAPMETER_TOP_DRAW_TABLE_H
/* The table of a view. Pure. One thread. */
#include "top/canvas.h"
#include "top/ui.h"

/* Titles in line `row`, the page's rows below. `is_old`: its numbers are no longer true. */
void draw_table(const struct canvas *canvas, const struct ui *ui, size_t row, int is_old);

#endif
