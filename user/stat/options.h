/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STAT_OPTIONS_H
#define TAPMETER_STAT_OPTIONS_H
/* All that `tapmeter stat` can be told. options.c has meaning, limits and defaults. */
#include <stdint.h>
#include "toolkit/api.h"
#include "util/help.h"

enum stat_output { OUTPUT_TABLE, OUTPUT_JSON };

struct stat_options {
	struct api_server server;
	struct option_texts ids; /* empty = all kernels there are */
	unsigned output; /* enum stat_output */
	int watch;
	uint64_t interval_ns;
	char *window; /* as the API takes it */
	struct option_texts metrics; /* empty = all */
};

extern const struct help stat_help;

/*
 * Fills *out from the command line. An enum exit_code; what is wrong is said on stderr.
 * stat_options_free() has to follow.
 */
int stat_options_parse(int argc, char *const *argv, struct stat_options *out);
void stat_options_free(struct stat_options *options);

#endif
