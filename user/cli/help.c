/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "util/config.h"
#include "util/exit_code.h"
#include "util/help.h"
#include "util/nearest.h"
#include "util/quote.h"

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
		.name = "stat",
		.run = cmd_tool,
		.summary = "ask a running agent what kernels (compute containers) are doing",
	},
	{
		.name = "top",
		.run = cmd_tool,
		.summary = "watch a running agent on the terminal",
	},
	{
		.name = "gateway",
		.run = cmd_tool,
		.summary = "answer such questions for a whole cluster, from Prometheus",
	},
	{
		.name = "doctor",
		.run = cmd_doctor,
		.arguments = "[--fix] [DIR]...",
		.summary = "say what this host can do and what would be tapped",
		.description =
			"Says what this host can do, which processes would be tapped, and "
			"for all that cannot be: why, and the mend. Names the taps that agents with "
			"--bpf.pin-path have left in /sys/fs/bpf or DIR; with --fix it removes them, unless "
			"an agent is at work there, and does no more.",
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
		.arguments = "[COMMAND | metrics]",
		.summary = "say how a command is used",
		.description = "Says how tapmeter, or one of its commands, is used; or lists what "
			       "/metrics shows.",
	},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

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

void help_command(FILE *out, const struct command *command)
{
	help_print(out, &(struct help){ .name = command->name,
					.arguments = command->arguments,
					.description = command->description,
					.options = command->options });
}

void help_usage(FILE *out)
{
	fprintf(out, "usage: tapmeter COMMAND [ARGUMENT...]\n\n");
	help_wrap(out,
		  "Counts what running processes send and receive through ZeroMQ and caches, and "
		  "changes nothing in them.",
		  0);
	fprintf(out, "\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\n`tapmeter help COMMAND` says more about one, `tapmeter help metrics` lists\n"
		"what is counted.\n");
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
	if (!strcmp(argv[1], "metrics"))
		return help_metrics(stdout) ? EXIT_CODE_FAILED : EXIT_CODE_OK;
	command = command_find(argv[1]);
	if (!command)
		return EXIT_CODE_USAGE;
	if (command->run == cmd_tool)
		return cmd_tool(2, (char *[]){ argv[1], "--help", NULL });
	help_command(stdout, command);
	return EXIT_CODE_OK;
}
