/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_COMPRESS_H
#define TAPMETER_SERVE_COMPRESS_H
/* Answers made smaller, for clients that take them so. */
#include "serve/exchange.h"

#define COMPRESS_MIN_LEN 1400 /* bytes; less fits into a packet as it is */

/*
 * Replaces the whole body by its gzip form if the client's Accept-Encoding (NULL = none) allows it. A short one, one that
 * has an encoding already or is still being made, and any without memory to do it, stays as it is.
 */
void compress_response(struct http_response *response, const char *accept_encoding);

#endif
