/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_RELAY_SETTINGS_H
#define TAPMETER_UTIL_RELAY_SETTINGS_H
/* The text of a struct relay_settings: names and values. One thread at a time. */
#include <stdint.h>
#include "util/relay_proto.h"

/* No settings: nothing is to be put out. */
void relay_settings_init(struct relay_settings *settings);
/* -E2BIG: there is no room for it. */
int relay_settings_add(struct relay_settings *settings, const char *name, const char *value);
int relay_settings_add_u64(struct relay_settings *settings, const char *name, uint64_t value);
/* The value, which lives as long as *settings; NULL if it was not given. */
const char *relay_settings_get(const struct relay_settings *settings, const char *name);
/* 0 if it was not given or is no number. */
uint64_t relay_settings_get_u64(const struct relay_settings *settings, const char *name);
/* For what has come from elsewhere: -EPROTO if it is not as these functions make it. */
int relay_settings_check(const struct relay_settings *settings);

#endif
