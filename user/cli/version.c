/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "cli/cli.h"
#include "util/exit_code.h"
#include "util/quote.h"
#include "version.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

int cmd_version(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr, "unexpected argument %s, version takes none\n",
			quote(argv[1]).text);
		return EXIT_CODE_USAGE;
	}
	printf("tapmeter %s\n", TAPMETER_VERSION);
	printf("revision %s\n", TAPMETER_REVISION);
	printf("compiler %s\n", COMPILER);
	return EXIT_CODE_OK;
}
