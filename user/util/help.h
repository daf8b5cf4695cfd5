/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_HELP_H
#define TAPMETER_UTIL_HELP_H
/* How a command is used, in words: for `tapmeter help` and for the programs that are commands. */
#include <stdio.h>
#include "util/options.h"

struct help {
	const char *name; /* of the command */
	const char *arguments; /* what may follow the name: "[FLAG...]"; "" = nothing */
	const char *description; /* paragraphs, '\n' between them */
	const struct option_spec *options; /* NULL = none */
};

/* Usage, description, options and exit statuses. */
void help_print(FILE *out, const struct help *help);
/* Whether --help or -h is among argv[1] and those after it, up to a "--". */
int help_wanted(int argc, char *const *argv);
/*
 * Prints words in lines of at most 80 columns that begin at `column`, where the cursor is; '\n'
 * ends a paragraph. A word that is longer than a line stays whole.
 */
void help_wrap(FILE *out, const char *text, int column);

#endif
