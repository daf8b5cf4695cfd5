/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_GZIP_H
#define TAPMETER_SERVE_GZIP_H
/*
 * Text into gzip format (RFC 1952), piece by piece, so that a big page never lies in memory as it
 * is.
 */
#include <stddef.h>
#include "util/strbuf.h"

struct gzip;

/* What comes out is added to `out`, which must outlive it. -ENOMEM. */
int gzip__new(struct strbuf *out, struct gzip **gzip);
/* Accepts NULL. */
void gzip__free(struct gzip *gzip);
/* Errors stay in out->err. */
void gzip__add(struct gzip *gzip, const void *data, size_t len);
/* Ends the data; nothing can be added any more. Returns out->err. */
int gzip__finish(struct gzip *gzip);

#endif
