/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_TOP_H
#define TAPMETER_TOP_TOP_H
/* Reads from an agent and shows it, until the user has seen enough. */
#include "top/options.h"

/* Returns an enum exit_code; the cause is said on stderr. */
int top_run(const struct top_options *options);

#endif
