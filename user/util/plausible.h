/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_PLAUSIBLE_H
#define TAPMETER_UTIL_PLAUSIBLE_H
/* Which text from outside may become somebody's name. Pure. */
#include <stddef.h>

/*
 * 1 if `text` is NUL-terminated within `size` bytes, not empty, valid UTF-8, and free of control characters
 * (C0, DEL, C1): what is not is ignored as a whole, never cut or mended, because the rest could be another's name.
 */
int plausible_name(const char *text, size_t size);

#endif
