/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_JSON_H
#define TAPMETER_UTIL_JSON_H
/*
 * Reading JSON, when memory runs out: jansson leaves out the byte of a text for which there is no room and goes on, so that a
 * number lacks a digit, a name its end. Any thread.
 */
#include <jansson.h>
#include <stddef.h>

/*
 * As json_loadb(), but NULL if any memory was missing: errno is then ENOMEM, and EINVAL if the text is no JSON. `text` may be
 * NULL if `len` is 0, `error` as well. The caller gives the reference back.
 */
json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *error);

#endif
