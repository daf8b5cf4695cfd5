/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_UTF8_H
#define TAPMETER_UTIL_UTF8_H
/*
 * Names come from other people's processes and may hold any bytes; JSON, OpenMetrics and protobuf
 * want UTF-8. Here one is made into the other.
 */
#include <stddef.h>

/*
 * Copies `len` bytes to `dst`, with U+FFFD for every byte that is not part of well-formed UTF-8
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). Like snprintf: writes at
 * most dst_size bytes, NUL included (dst may be NULL if dst_size is 0), never a part of a
 * character, and returns the length that the whole text has without the NUL (at most 3 * len). A
 * NUL byte in `src` is copied as it is.
 */
size_t utf8_copy(char *dst, size_t dst_size, const char *src, size_t len);

#endif
