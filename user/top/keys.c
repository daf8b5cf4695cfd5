/* SPDX-License-Identifier: Apache-2.0 */
#include "top/keys.h"
#include <stddef.h>

const struct key_help key_helps[] = {
	{ "1", "the kernels" },
	{ "2", "the streams of all kernels" },
	{ "3", "the taps: what is tapped, what is not, why" },
	{ "Tab", "the next of these" },
	{ "Up Down j k", "select a row" },
	{ "PgUp PgDn", "a page up or down" },
	{ "Home End", "the first row, the last one" },
	{ "Left Right", "scroll the columns" },
	{ "Enter", "a kernel's streams; all about a row" },
	{ "i", "all about a row" },
	{ "Esc Backspace", "back; takes a filter away" },
	{ "< >", "sort by the column beside (also , .)" },
	{ "r", "sort the other way round" },
	{ "/", "filter: rows with this text; Enter keeps it" },
	{ "Space", "freeze, and go on" },
	{ "Ctrl-L", "draw the screen anew" },
	{ "h ?", "this help" },
	{ "q", "quit" },
	{ NULL, NULL },
};

const char *const help_notes[] = {
	"-    does not apply",
	"...  not known yet: a rate needs two readings",
	"TREND: messages per second, newest at the right",
	NULL,
};
