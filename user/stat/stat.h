/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STAT_STAT_H
#define TAPMETER_STAT_STAT_H
/* Asks once, or again and again, and shows the answers on stdout. */
#include "stat/options.h"

/* Returns an enum exit_code; the cause is said on stderr. */
int stat_run(const struct stat_options *options);

#endif
