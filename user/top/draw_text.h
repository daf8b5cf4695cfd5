/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_DRAW_TEXT_H
#define TAPMETER_TOP_DRAW_TEXT_H
/* What is read line by line: help, and all about one row. Pure. One thread. */
#include "top/canvas.h"
#include "top/ui.h"

/* In lines `row` up to `end`; ui->scroll is put right if it is beyond what there is. */
void draw_help(const struct canvas *canvas, struct ui *ui, size_t row, size_t end);
void draw_detail(const struct canvas *canvas, struct ui *ui, size_t row, size_t end);

#endif
