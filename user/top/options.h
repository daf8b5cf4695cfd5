/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_OPTIONS_H
#define TAPMETER_TOP_OPTIONS_H
/* All that `tapmeter top` can be told. options.c has meaning, limits and defaults. */
#include <stdint.h>
#include "toolkit/api.h"
#include "util/help.h"

/* The last three in the order of enum part. */
enum top_view { TOP_ALL, TOP_KERNELS, TOP_STREAMS, TOP_TAPS };

struct top_options {
	struct api_server server;
	int batch;
	uint64_t interval_ns;
	uint64_t count; /* of batches; 0 = no end */
	unsigned view; /* enum top_view */
	char *window; /* as the API takes it */
};

extern const struct help top_help;

/*
 * Fills *out from the command line. An enum exit_code; what is wrong is said on stderr.
 * top_options_free() has to follow.
 */
int top_options_parse(int argc, char *const *argv, struct top_options *out);
void top_options_free(struct top_options *options);

#endif
