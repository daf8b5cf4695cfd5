/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcurl */
/* tapmeter-gateway, as `tapmeter gateway` starts it. */
#include "gateway/gateway.h"
#include "toolkit/secret.h"
#include "util/exit_code.h"
#include "util/log.h"

int main(int argc, char **argv)
{
	struct gateway_options options;
	int code;

	if (help_wanted(argc, argv)) {
		help_print(stdout, &gateway_help);
		return fflush(stdout) ? EXIT_CODE_FAILED : EXIT_CODE_OK;
	}
	secret_keep();
	code = gateway_options_parse(argc, argv, &options);
	if (!code) {
		log_setup((enum log_level)options.log_level, (enum log_format)options.log_format);
		code = gateway_run(&options);
	}
	gateway_options_free(&options);
	return code;
}
