/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_GATEWAY_H
#define TAPMETER_GATEWAY_GATEWAY_H
/* The running gateway: owns everything, from the start to the end. */
#include "gateway/options.h"

/* Serves until SIGINT or SIGTERM. Returns an enum exit_code; the cause is logged. */
int gateway_run(const struct gateway_options *options);

#endif
