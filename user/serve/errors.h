/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_ERRORS_H
#define TAPMETER_SERVE_ERRORS_H
/* Names of error numbers, for the label `error`: the C library's and ZeroMQ's own. */
#include <stddef.h>
#include <stdint.h>

/* Room that error_name() needs at most. */
#define ERROR_NAME_LEN 32

/*
 * "EAGAIN", "ETERM", …; "errno_<n>" for a number that nobody gave a name. `text` holds that, if
 * needed.
 */
const char *error_name(uint32_t error, char text[ERROR_NAME_LEN]);

#endif
