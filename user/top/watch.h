/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_WATCH_H
#define TAPMETER_TOP_WATCH_H
/* Shows it on the terminal, and does what keys say. */
#include "top/options.h"

/* Returns an enum exit_code; the cause is said on stderr. */
int watch_run(const struct top_options *options);

#endif
