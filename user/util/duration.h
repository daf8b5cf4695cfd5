/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_DURATION_H
#define TAPMETER_UTIL_DURATION_H
/*
 * Durations as flags and requests have them: a number and its unit, "10s", "100ms", "1.5s", "10m",
 * "1h".
 */
#include <stdint.h>

/*
 * The nanoseconds that `text` means, exactly. Strict: decimal digits, optionally a point with at
 * most nine more, then ms, s, m or h; no sign, no blanks. -EINVAL otherwise, also for parts of a
 * nanosecond; -ERANGE if it does not fit. *ns is untouched on error.
 */
int duration_parse(const char *text, uint64_t *ns);

#endif
