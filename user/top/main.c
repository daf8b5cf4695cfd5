/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcurl -lm -lncursesw -ltinfo */
/* tapmeter-top, as `tapmeter top` starts it. */
#include <locale.h>
#include "toolkit/secret.h"
#include "top/options.h"
#include "top/top.h"
#include "util/exit_code.h"

int main(int argc, char **argv)
{
	struct top_options options;
	int code;

	if (help_wanted(argc, argv)) {
		help_print(stdout, &top_help);
		return fflush(stdout) ? EXIT_CODE_FAILED : EXIT_CODE_OK;
	}
	secret_keep();
	setlocale(LC_CTYPE, "");
	code = top_options_parse(argc, argv, &options);
	if (!code)
		code = top_run(&options);
	top_options_free(&options);
	return code;
}
