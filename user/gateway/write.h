/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_WRITE_H
#define TAPMETER_GATEWAY_WRITE_H
/* The table of values as the live-stat API's JSON. Pure. Errors stay in out->err. */
#include <stdint.h>
#include "gateway/values.h"
#include "gateway/warnings.h"
#include "util/strbuf.h"

/* A number as JSON has it, with a point even if it is whole: 0.5, 3.0. */
void write_seconds(struct strbuf *out, uint64_t ns);
/* The answer of shape "native": docs/api/live-stat.schema.json. */
void write_native(const struct values *values, uint32_t wanted, uint64_t real_ns,
		  const struct warnings *warnings, struct strbuf *out);

#endif
