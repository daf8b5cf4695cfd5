/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_SCREEN_H
#define TAPMETER_TOP_SCREEN_H
/* The terminal, by way of ncurses. One at a time, one thread. */
#include "top/canvas.h"
#include "top/ui.h"

struct screen;

/* After terminal_check(). -ENOMEM, -ENODEV. */
int screen__open(int utf8, struct screen **out);
/* Leaves the terminal as it was. Accepts NULL. */
void screen__close(struct screen *screen);
/* After the terminal's size may have changed. */
void screen__resize(struct screen *screen);
/* An empty canvas of the screen's size, and then what was put onto it. */
struct canvas screen__begin(struct screen *screen);
void screen__end(struct screen *screen);
/* Draws anew what something else has written over. */
void screen__redraw(struct screen *screen);
/* The next key that was pressed; 0: there is none. -EIO: the terminal is gone. */
int screen__input(struct screen *screen, struct input *out);

#endif
