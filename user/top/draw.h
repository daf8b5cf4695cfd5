/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_DRAW_H
#define TAPMETER_TOP_DRAW_H
/* The whole screen, drawn onto an empty canvas. Pure. One thread. */
#include <time.h>
#include "top/canvas.h"
#include "top/ui.h"

#define DRAW_MIN_COLUMNS 20
#define DRAW_MIN_ROWS 4

/* Rows of a sheet that find room on a screen with so many lines. */
size_t draw_height(size_t rows);
/* Columns of it: the last one shows that there are more. */
size_t draw_width(size_t columns);
/* After ui_arrange() for draw_width() and draw_height(). */
void draw(const struct canvas *canvas, struct ui *ui, const struct model *model, const char *url,
	  time_t now);

#endif
