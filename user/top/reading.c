/* SPDX-License-Identifier: Apache-2.0 */
#include "top/reading.h"
#include <stdlib.h>

void reading__free(struct reading *reading)
{
	if (!reading)
		return;
	for (enum part part = 0; part < PART_COUNT; part++)
		json_decref(reading->answers[part]);
	free(reading);
}
