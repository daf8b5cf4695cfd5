/* SPDX-License-Identifier: Apache-2.0 */
#include "top/screen.h"
#include <errno.h>
#include <limits.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define ESC_DELAY 25 /* ms after which an Esc is a key of its own */

struct screen {
	SCREEN *terminal;
	int utf8;
	attr_t attributes[STYLE_COUNT];
	short pairs[STYLE_COUNT];
};

/* ---- colours ----------------------------------------------------------------------------------- */

/* Without colours everything can still be told apart. */
static void set_attributes(struct screen *screen)
{
	screen->attributes[STYLE_STRONG] = A_BOLD;
	screen->attributes[STYLE_HEAD] = A_REVERSE;
	screen->attributes[STYLE_SORTED] = A_REVERSE | A_BOLD | A_UNDERLINE;
	screen->attributes[STYLE_SELECTED] = A_REVERSE;
	screen->attributes[STYLE_FAINT] = A_DIM;
	screen->attributes[STYLE_BAD] = A_BOLD;
}

static void set_colours(struct screen *screen)
{
	static const struct {
		enum style style;
		short colour, ground;
	} colours[] = {
		{ STYLE_HEAD, COLOR_BLACK, COLOR_GREEN },
		{ STYLE_SORTED, COLOR_BLACK, COLOR_CYAN },
		{ STYLE_SELECTED, COLOR_BLACK, COLOR_CYAN },
		{ STYLE_GOOD, COLOR_GREEN, -1 },
		{ STYLE_BAD, COLOR_RED, -1 },
	};
	const char *no_color = getenv("NO_COLOR");

	if ((no_color && *no_color) || !has_colors() || start_color() == ERR ||
	    use_default_colors() == ERR)
		return;
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		short pair = (short)(i + 1);

		if (init_pair(pair, colours[i].colour, colours[i].ground) == ERR)
			continue;
		screen->pairs[colours[i].style] = pair;
		screen->attributes[colours[i].style] = 0;
	}
}

/* ---- open and close ---------------------------------------------------------------------------- */

static void set_up(struct screen *screen)
{
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESC_DELAY);
	curs_set(0);
	set_attributes(screen);
	set_colours(screen);
}

int screen__open(int utf8, struct screen **out)
{
	struct screen *screen;

	screen = calloc(1, sizeof(*screen));
	if (!screen)
		return -ENOMEM;
	screen->utf8 = utf8;
	screen->terminal = newterm(NULL, stdout, stdin);
	if (!screen->terminal) {
		free(screen);
		return -ENODEV;
	}
	set_up(screen);
	*out = screen;
	return 0;
}

void screen__close(struct screen *screen)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen->terminal);
	free(screen);
}

void screen__resize(struct screen *screen)
{
	struct winsize size;

	(void)screen;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

/* ---- drawing ----------------------------------------------------------------------------------- */

static void put(void *to, size_t row, size_t column, enum style style, const char *text)
{
	const struct screen *screen = to;

	attr_set(screen->attributes[style], screen->pairs[style], NULL);
	mvaddstr((int)row, (int)column, text);
}

struct canvas screen__begin(struct screen *screen)
{
	int rows, columns;

	attr_set(A_NORMAL, 0, NULL);
	erase();
	getmaxyx(stdscr, rows, columns);
	return (struct canvas){
		.rows = (size_t)rows,
		.columns = (size_t)columns,
		.utf8 = screen->utf8,
		.to = screen,
		.put = put,
	};
}

void screen__end(struct screen *screen)
{
	(void)screen;
	refresh();
}

void screen__redraw(struct screen *screen)
{
	(void)screen;
	clearok(curscr, TRUE);
}

/* ---- keys -------------------------------------------------------------------------------------- */

static enum input_kind key_kind(wint_t key)
{
	static const struct {
		wint_t key;
		enum input_kind kind;
	} keys[] = {
		{ KEY_UP, INPUT_UP },	      { KEY_DOWN, INPUT_DOWN },
		{ KEY_LEFT, INPUT_LEFT },     { KEY_RIGHT, INPUT_RIGHT },
		{ KEY_PPAGE, INPUT_PAGE_UP }, { KEY_NPAGE, INPUT_PAGE_DOWN },
		{ KEY_HOME, INPUT_HOME },     { KEY_END, INPUT_END },
		{ KEY_ENTER, INPUT_ENTER },   { KEY_BACKSPACE, INPUT_BACKSPACE },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key)
			return keys[i].kind;
	return INPUT_NONE;
}

static void from_char(wchar_t wide, struct input *out)
{
	char bytes[MB_LEN_MAX];
	mbstate_t state = { 0 };
	size_t len = wcrtomb(bytes, wide, &state);

	switch (wide) {
	case '\r':
	case '\n':
		out->kind = INPUT_ENTER;
		return;
	case '\t':
		out->kind = INPUT_TAB;
		return;
	case 0x1b:
		out->kind = INPUT_ESCAPE;
		return;
	case 0x7f:
	case '\b':
		out->kind = INPUT_BACKSPACE;
		return;
	default:
		break;
	}
	if (wide < ' ' || len > sizeof(out->text) - 1)
		return;
	out->kind = INPUT_CHAR;
	memcpy(out->text, bytes, len);
}

int screen__input(struct screen *screen, struct input *out)
{
	wint_t wide;
	int result;

	*out = (struct input){ 0 };
	result = get_wch(&wide);
	if (result == ERR)
		return 0;
	if (result == KEY_CODE_YES)
		out->kind = key_kind(wide);
	else if (wide == 'L' - '@')
		screen__redraw(screen);
	else
		from_char((wchar_t)wide, out);
	return 1;
}
