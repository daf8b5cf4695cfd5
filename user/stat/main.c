/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcurl -lm */
/* tapmeter-stat, as `tapmeter stat` starts it. */
#include "stat/stat.h"
#include "toolkit/secret.h"
#include "util/exit_code.h"

int main(int argc, char **argv)
{
	struct stat_options options;
	int code;

	if (help_wanted(argc, argv)) {
		help_print(stdout, &stat_help);
		return fflush(stdout) ? EXIT_CODE_FAILED : EXIT_CODE_OK;
	}
	secret_keep();
	code = stat_options_parse(argc, argv, &options);
	if (!code)
		code = stat_run(&options);
	stat_options_free(&options);
	return code;
}
