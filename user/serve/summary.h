/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_SUMMARY_H
#define TAPMETER_SERVE_SUMMARY_H
/*
 * A snapshot in one or two KiB of JSON, over all kernels: what was counted, the histograms, requests by method, what was
 * lost, what the agent uses. Counters are cumulative, so that whoever missed one summary still has the right rates.
 * docs/api/event.schema.json has its form. A function of the snapshot; errors stay in out->err.
 */
#include "store/snapshot.h"
#include "util/strbuf.h"

void summary_add_json(struct strbuf *out, const struct snapshot *snapshot);

#endif
