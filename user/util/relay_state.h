/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_RELAY_STATE_H
#define TAPMETER_UTIL_RELAY_STATE_H
/* The names of enum relay_state: "initialize", "live", "draining", "complete", "interrupted". */
#include <stdint.h>
#include "util/relay_proto.h"

/* "" when out of range. */
const char *relay_state_name(uint32_t state);
/* 1: no page follows one with this state. */
int relay_state_is_final(uint32_t state);

#endif
