/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_BOUNDS_H
#define TAPMETER_TAP_BOUNDS_H
#include <tapmeter/abi.h>

/*
 * Fills the tables that hist_bucket() needs: the bounds 2^(k/4) s, k = TM_HIST_MIN_K .. TM_HIST_MAX_K, rounded
 * down to nanoseconds, and for each eighth of an octave the bucket of its smallest value.
 */
void hist_tables_fill(__u64 bounds_ns[TM_HIST_BOUNDS], __u8 guesses[TM_HIST_GUESSES]);

#endif
