/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_TAPS_H
#define TAPMETER_TOP_TAPS_H
/* The view of the taps: what is tapped, and what is not and why. Pure. One thread. */
#include "top/sheet.h"

/* From the array with the answer of /api/v1/taps. -ENOMEM. */
int taps_sheet(json_t *answers, struct sheet **out);

#endif
