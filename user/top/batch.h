/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_BATCH_H
#define TAPMETER_TOP_BATCH_H
/* Tables as plain text. Pure. One thread. */
#include "top/model.h"
#include "util/strbuf.h"

/* Adds what the model has of these parts, each below a line that names it. -ENOMEM. */
int batch_write(const struct model *model, unsigned parts, const char *url, int utf8,
		struct strbuf *out);

#endif
