/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_OPTIONS_H
#define TAPMETER_GATEWAY_OPTIONS_H
/* All that `tapmeter gateway` can be told. options.c has meaning, limits and defaults. */
#include <stdint.h>
#include "util/help.h"
#include "util/options.h"

struct gateway_options {
	struct option_texts engines; /* "http://host:9090", without a slash at the end */
	unsigned source; /* enum source_kind */
	char *basic_auth; /* "USER:FILE"; NULL = none */
	char *ca_file, *cert_file, *key_file; /* NULL = none */
	struct option_texts headers; /* "Name: value" */
	char *header_file; /* NULL = none */
	uint64_t timeout_ns, min_window_ns;
	uint64_t max_query; /* bytes */
	struct option_texts listen_address;
	uint64_t max_questions;
	unsigned log_level, log_format;
};

extern const struct help gateway_help;

/*
 * Fills *out from the command line. An enum exit_code; what is wrong is said on stderr.
 * gateway_options_free() has to follow.
 */
int gateway_options_parse(int argc, char *const *argv, struct gateway_options *out);
void gateway_options_free(struct gateway_options *options);

#endif
