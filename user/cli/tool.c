/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "util/exit_code.h"

/* Where the running executable lies, without a slash at the end; "" if that cannot be told. */
static void own_directory(char directory[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", directory, PATH_MAX - 1);
	char *slash;

	directory[len > 0 ? len : 0] = '\0';
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	else
		directory[0] = '\0';
}

static void try_exec(const char *directory, char **argv)
{
	char path[PATH_MAX];

	if (!*directory ||
	    snprintf(path, sizeof(path), "%s/tapmeter-%s", directory, argv[0]) >= (int)sizeof(path))
		return;
	execv(path, argv);
	if (errno != ENOENT)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
}

int cmd_tool(int argc, char **argv)
{
	char directory[PATH_MAX];

	(void)argc;
	own_directory(directory);
	try_exec(directory, argv);
	try_exec(TAPMETER_LIBEXECDIR, argv);
	fprintf(stderr,
		"no program tapmeter-%s in %s or " TAPMETER_LIBEXECDIR
		": install tapmeter in full\n",
		argv[0], directory);
	return EXIT_CODE_FAILED;
}
