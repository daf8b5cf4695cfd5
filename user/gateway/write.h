/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_WRITE_H
#define TAPMETER_GATEWAY_WRITE_H
/* The table of values as the live-stat API's JSON. Pure. Errors stay in out->err. */
#include <stdint.h>
#include "gateway/values.h"
#include "gateway/warnings.h"
#include "serve/livestat_request.h"
#include "util/strbuf.h"

/* A number as JSON has it, with a point even if it is whole: 0.5, 3.0. */
void write_seconds(struct strbuf *out, uint64_t ns);
/* The answer, in the native shape or in Backend.AI's manager's: docs/api/live-stat.schema.json. */
void write_live_stat(const struct values *values, uint32_t wanted, enum livestat_shape shape,
		     uint64_t real_ns, const struct warnings *warnings, struct strbuf *out);

#endif
