/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "util/exit_code.h"
#include "util/help.h"

/* A flag in the place of the command means one. */
static const char *command_name(const char *arg)
{
	if (!strcmp(arg, "--version"))
		return "version";
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return "help";
	return arg;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int code = EXIT_CODE_OK;

	if (argc < 2) {
		help_usage(stderr);
		return EXIT_CODE_USAGE;
	}
	command = command_find(command_name(argv[1]));
	if (!command)
		return EXIT_CODE_USAGE;
	if (command->run != cmd_tool && help_wanted(argc - 1, argv + 1))
		help_command(stdout, command);
	else
		code = command->run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "standard output could not be written\n");
		return code ? code : EXIT_CODE_FAILED;
	}
	return code;
}
