/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_READ_API_H
#define TAPMETER_TOP_READ_API_H
/* Asks the API. Any thread. */
#include "toolkit/api.h"
#include "top/reading.h"

/*
 * Asks for `parts`. After PART_KERNELS has failed nothing else is asked for. NULL: no memory, everything else is
 * in the reading.
 */
struct reading *read_api(const struct api *api, unsigned parts, const char *window);

#endif
