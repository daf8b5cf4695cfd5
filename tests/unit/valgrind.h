/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VALGRIND_H
#define VALGRIND_H
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether valgrind runs this: not the program's code is executed then, but a translation of it. */
static inline bool is_translated(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload");
}

#endif
