/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "util/exit_code.h"
#include "util/program.h"

int cmd_tool(int argc, char **argv)
{
	char path[PATH_MAX];
	int err = program_path(argv[0], path);

	(void)argc;
	if (!err) {
		execv(path, argv);
		err = -errno;
	}
	fprintf(stderr, "%s: %s: install tapmeter in full\n", path, strerror(-err));
	return EXIT_CODE_FAILED;
}
