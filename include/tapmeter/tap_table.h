/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_TABLE_H
#define TAPMETER_TAP_TABLE_H
/*
 * The gauges that a program has registered (tapmeter/tap.h), as they lie in its memory for tapmeter to read: so one that is
 * started later finds them. The layout never changes; another one would have another symbol.
 */
#include <stdint.h>

#define TAP_TABLE_SYMBOL "tapmeter_tap_table"
#define TAP_TABLE_GAUGES 256
#define TAP_TABLE_NAME 64 /* bytes, NUL included */
#define TAP_TABLE_MAGIC 0x3167617472657074ull /* "tpertag1" */

struct tap_table_gauge {
	uint64_t address; /* of an int64_t; 0 = free */
	char name[TAP_TABLE_NAME];
};

struct tap_table {
	uint64_t magic;
	uint32_t sequence; /* odd while it is being changed; grows with each change */
	uint32_t count; /* gauges behind this one have never been used */
	struct tap_table_gauge gauges[TAP_TABLE_GAUGES];
};
#ifdef __cplusplus
static_assert(sizeof(struct tap_table) == 16 + 72 * TAP_TABLE_GAUGES, "tap_table layout");
#else
_Static_assert(sizeof(struct tap_table) == 16 + 72 * TAP_TABLE_GAUGES, "tap_table layout");
#endif

#endif
