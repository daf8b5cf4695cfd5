/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_CLI_CLI_H
#define TAPMETER_CLI_CLI_H
/* The commands of tapmeter: one file each, and help.c, which describes them all. */
#include <stdio.h>

struct option_spec;

struct command {
	const char *name;
	/* argv[0] is the command's name. Returns an enum exit_code (util/exit_code.h). */
	int (*run)(int argc, char **argv);
	/* The rest is for the command's help; a tool (run == cmd_tool) shows its own. */
	const char *arguments; /* what may follow the name: "[FLAG...]"; "" = nothing */
	const char *summary; /* for the list of commands: a line without a full stop */
	const char *description; /* paragraphs, '\n' between them */
	const struct option_spec *options; /* NULL = none */
};

int cmd_run(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_profiles(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_help(int argc, char **argv);
/*
 * Becomes the program tapmeter-NAME, NAME being argv[0]: the one beside the running executable, else the
 * installed one. Returns only if there is none. What such a program needs never enters the agent.
 */
int cmd_tool(int argc, char **argv);

/* NULL if there is no such command; stderr then says so, and which one was perhaps meant. */
const struct command *command_find(const char *name);
/* How tapmeter is used, and its commands. */
void help_usage(FILE *out);
/* All about one command. */
void help_command(FILE *out, const struct command *command);
/* All that /metrics can show: names, types, labels. -ENOMEM. */
int help_metrics(FILE *out);

#endif
