/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_INVENTORY_H
#define TAPMETER_SERVE_INVENTORY_H
/*
 * What there is, in JSON: kernels, taps, streams. Functions of the snapshot; docs/api/ has the
 * schemas. Errors stay in out->err.
 */
#include <stddef.h>
#include "store/snapshot.h"
#include "util/strbuf.h"

void inventory_kernels(const struct snapshot *snapshot, struct strbuf *out);
void inventory_taps(const struct snapshot *snapshot, struct strbuf *out);
/*
 * `limit` streams from the one at `offset` on, of all streams or, with a kernel_id, of the kernel's; beyond the last one
 * there are none.
 */
void inventory_streams(const struct snapshot *snapshot, const char *kernel_id, size_t offset,
		       size_t limit, struct strbuf *out);

#endif
