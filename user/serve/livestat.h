/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_H
#define TAPMETER_SERVE_LIVESTAT_H
/*
 * The live-stat query: what are these kernels (compute containers) doing now? Counters are
 * cumulative everywhere else; here two points of the same kernel are subtracted.
 */
#include "serve/livestat_request.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "util/strbuf.h"

/*
 * Adds the answer, JSON, to `out`: the snapshot against the history in `store`. Errors stay in
 * out->err.
 */
void livestat_answer(const struct livestat_request *request, const struct snapshot *snapshot,
		     struct store *store, struct strbuf *out);

#endif
