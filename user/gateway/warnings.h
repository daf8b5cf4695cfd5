/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_WARNINGS_H
#define TAPMETER_GATEWAY_WARNINGS_H
/* What went wrong with parts of an answer, each text once, and not too many of them. One thread. */
#include <stddef.h>
#include "util/strbuf.h"

#define WARNINGS_MAX 32
#define WARNING_LEN 400

struct warnings {
	size_t count;
	char *texts[WARNINGS_MAX];
};

/* A text that is there already, or one too many, is left out; so is one if there is no memory. */
void warnings_add(struct warnings *warnings, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void warnings_free(struct warnings *warnings);
/* Adds ,"warnings":["…"], or nothing if there are none. */
void warnings_write(const struct warnings *warnings, struct strbuf *out);

#endif
