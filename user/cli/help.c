/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "util/config.h"
#include "util/exit_code.h"
#include "util/nearest.h"
#include "util/quote.h"

#define WIDTH 80 /* columns of a line */
#define HELP_COLUMN 26 /* where the help of a flag begins */

static const struct command commands[] = {
	{
		.name = "run",
		.run = cmd_run,
		.arguments = "[FLAG...]",
		.summary = "the agent: find, attach, count, serve, until SIGINT or SIGTERM",
		.description = "Finds the processes of this host that use a library or server of "
			       "the profiles, attaches to them while they run, and serves what it "
			       "counts, until SIGINT or SIGTERM. Needs root.\n"
			       "When it has attached to all that is there and listens, it logs "
			       "'msg=ready' with its address and the number of taps.",
		.options = config_options,
	},
	{
		.name = "doctor",
		.run = cmd_doctor,
		.arguments = "",
		.summary = "say what this host can do and what would be tapped",
		.description = "Says what this host can do, which processes would be tapped, and "
			       "for all that cannot be: why, and the mend.",
	},
	{
		.name = "profiles",
		.run = cmd_profiles,
		.arguments = "[list | show NAME | check FILE...]",
		.summary = "list or show the built-in profiles, check your own",
		.description = "A profile is a YAML description of one library or server: which "
			       "functions to tap and how to read their arguments.\n"
			       "list, the default, lists the built-in ones. show prints the text "
			       "of one. check reads files and says all that is wrong with them, "
			       "with line and column.",
	},
	{
		.name = "version",
		.run = cmd_version,
		.arguments = "",
		.summary = "print the version",
		.description = "Prints the version, the revision of the source, and the compiler.",
	},
	{
		.name = "help",
		.run = cmd_help,
		.arguments = "[COMMAND]",
		.summary = "say how a command is used",
		.description = "Says how tapmeter, or one of its commands, is used.",
	},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct {
	enum exit_code code;
	const char *meaning;
} exit_codes[] = {
	{ EXIT_CODE_OK, "all right" },
	{ EXIT_CODE_FAILED, "failed at run time (port in use, ...)" },
	{ EXIT_CODE_USAGE, "wrong usage, config file or profile" },
	{ EXIT_CODE_HOST, "this host cannot do it (no privilege, no BTF, ...)" },
};

const struct command *command_find(const char *name)
{
	const char *names[COMMANDS], *meant;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		names[i] = commands[i].name;
	}
	meant = nearest(name, names, COMMANDS);
	if (meant)
		fprintf(stderr, "unknown command %s, did you mean %s?\n", quote(name).text, meant);
	else
		fprintf(stderr, "unknown command %s, `tapmeter help` lists all\n",
			quote(name).text);
	return NULL;
}

/*
 * Prints words in lines of at most WIDTH columns that begin at `column`, where the cursor is;
 * '\n' ends a paragraph. A word that is longer than a line stays whole.
 */
static void print_wrapped(FILE *out, const char *text, int column)
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
	int at = fprintf(out, "  --%s%s%s", spec->name, spec->argument ? "=" : "",
			 spec->argument ? spec->argument : "");

	if (at > HELP_COLUMN - 2) {
		fputc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - at, "");
	snprintf(text, sizeof(text), "%s%s%s%s%s", spec->help,
		 is_repeatable(spec) ? " May be repeated." : "", spec->value ? " (default: " : "",
		 spec->value ? spec->value : "", spec->value ? ")" : "");
	print_wrapped(out, text, HELP_COLUMN);
}

void help_command(FILE *out, const struct command *command)
{
	fprintf(out, "usage: tapmeter %s%s%s\n\n", command->name, command->arguments[0] ? " " : "",
		command->arguments);
	print_wrapped(out, command->description, 0);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++) {
		if (spec->group)
			fprintf(out, "\n%s:\n", spec->group);
		show_option(out, spec);
	}
	fprintf(out, "\nExit status:\n");
	for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++)
		fprintf(out, "  %d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
}

void help_usage(FILE *out)
{
	fprintf(out, "usage: tapmeter COMMAND [ARGUMENT...]\n\n");
	print_wrapped(
		out,
		"Counts what running processes send and receive through ZeroMQ and caches, and "
		"changes nothing in them.",
		0);
	fprintf(out, "\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`tapmeter help COMMAND` says more about one.\n");
}

int help_wanted(int argc, char *const *argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return 1;
	return 0;
}

int cmd_help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2) {
		fprintf(stderr, "unexpected argument %s, help takes one command\n",
			quote(argv[2]).text);
		return EXIT_CODE_USAGE;
	}
	if (argc < 2) {
		help_usage(stdout);
		return EXIT_CODE_OK;
	}
	command = command_find(argv[1]);
	if (!command)
		return EXIT_CODE_USAGE;
	help_command(stdout, command);
	return EXIT_CODE_OK;
}
