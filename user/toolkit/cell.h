/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_CELL_H
#define TAPMETER_TOOLKIT_CELL_H
/* Numbers and names as people read them. Pure. */
#include <stddef.h>
#include "util/strbuf.h"

enum unit {
	UNIT_COUNT, /* 1234567 -> 1.2M */
	UNIT_BYTES, /* 1536 -> 1.5KiB */
	UNIT_SECONDS, /* 0.0012 -> 1.2ms */
	UNIT_MILLISECONDS, /* of CPU time: 90500 -> 90.5s */
	UNIT_CPU, /* milliseconds per second: 150 -> 15.0% */
	UNIT_SHARE, /* 0.153 -> 15.3% */
};

#define CELL_LEN 24

/* Three or four digits that count, and the unit. */
void cell_number(char out[CELL_LEN], double number, enum unit unit);
/*
 * Adds a name as it can be shown on a terminal: characters that would command it become '?'. Cut to `max` characters, the
 * last one "…", if it is longer; 0 = not cut. Returns how many characters it has now.
 */
size_t cell_add_name(struct strbuf *out, const char *name, size_t max);

#endif
