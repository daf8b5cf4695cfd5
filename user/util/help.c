/* SPDX-License-Identifier: Apache-2.0 */
#include "util/help.h"
#include <string.h>
#include "util/exit_code.h"

#define WIDTH 80 /* columns of a line */
#define HELP_COLUMN 26 /* where the help of a flag begins */

static const struct {
	enum exit_code code;
	const char *meaning;
} exit_codes[] = {
	{ EXIT_CODE_OK, "all right" },
	{ EXIT_CODE_FAILED, "failed at run time (port in use, ...)" },
	{ EXIT_CODE_USAGE, "wrong usage, config file or profile" },
	{ EXIT_CODE_HOST, "this host cannot do it (no privilege, no BTF, ...)" },
};

void help_wrap(FILE *out, const char *text, int column)
{
	int at = column;

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (at > column && at + 1 + len > WIDTH) {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		at += fprintf(out, "%s%.*s", at > column ? " " : "", len, text);
		text += len;
		if (*text == '\n') {
			fprintf(out, "\n%*s", column, "");
			at = column;
		}
		if (*text)
			text++;
	}
	fputc('\n', out);
}

static int is_repeatable(const struct option_spec *spec)
{
	return spec->type == OPTION_TEXTS || spec->type == OPTION_NUMBERS;
}

static void show_option(FILE *out, const struct option_spec *spec)
{
	char text[512];
	int at = 0;

	if (spec->letter)
		at = fprintf(out, "  -%c,", spec->letter);
	at += fprintf(out, "%s--%s%s%s", spec->letter ? " " : "  ", spec->name,
		      spec->argument ? "=" : "", spec->argument ? spec->argument : "");

	if (at > HELP_COLUMN - 2) {
		fputc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - at, "");
	snprintf(text, sizeof(text), "%s%s%s%s%s", spec->help,
		 is_repeatable(spec) ? " May be repeated." : "", spec->value ? " (default: " : "",
		 spec->value ? spec->value : "", spec->value ? ")" : "");
	help_wrap(out, text, HELP_COLUMN);
}

void help_print(FILE *out, const struct help *help)
{
	fprintf(out, "usage: tapmeter %s%s%s\n\n", help->name, help->arguments[0] ? " " : "",
		help->arguments);
	help_wrap(out, help->description, 0);
	for (const struct option_spec *spec = help->options; spec && spec->name; spec++) {
		if (spec->group)
			fprintf(out, "\n%s:\n", spec->group);
		show_option(out, spec);
	}
	fprintf(out, "\nExit status:\n");
	for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++)
		fprintf(out, "  %d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
}

int help_wanted(int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return 1;
	return 0;
}
