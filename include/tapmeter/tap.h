/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_H
#define TAPMETER_TAP_H
/*
 * For programs that want to be counted: libtapmeter-tap. An event costs a call to a function that does nothing, a gauge
 * costs nothing; tapmeter, if it runs, reads both from outside (docs/cooperate.md). All functions: any thread.
 */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An event has happened: counts in tapmeter_tap_events_total{name}, and its value in tapmeter_tap_event_value_total{name}.
 * `name` has at most 62 bytes of UTF-8 without control characters (others count as "other"), is only read, and may
 * be gone when the call returns. There should be few names: each is a time series.
 */
void tap_event(const char *name, int64_t value);

/*
 * tapmeter_gauge_NAME is what *value is, whenever somebody asks; the variable is read from outside, without a lock. It must
 * live until tap_gauge_remove(). The same name may be given to several variables, which are added up; the same
 * pair again changes nothing. `name`: letters, digits and _, at most 63, no ending that means another type (_total,
 * _count, _sum, _bucket, _info, _created); copied. 0; -EINVAL: no such name, or value is NULL; -ENOSPC: 256 are registered.
 */
int tap_gauge(const char *name, const int64_t *value);
/* Takes back all gauges of this variable: before its memory is given back. */
void tap_gauge_remove(const int64_t *value);

#ifdef __cplusplus
}
#endif
#endif
