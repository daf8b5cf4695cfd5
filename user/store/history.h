/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_HISTORY_H
#define TAPMETER_STORE_HISTORY_H
/*
 * The short past of each kernel, for live-stat: points about one second apart over the last minute,
 * and about ten seconds apart over the last ten. A kernel takes the same memory from its first
 * point on, but for the histograms: these are packed, usually into 50 to 300 bytes a point (at most 3.7 kB). One that is gone from the snapshots is forgotten after ten minutes. Not thread-safe:
 * the store locks.
 */
#include <stdint.h>
#include "store/snapshot.h"

struct history;

int history__new(struct history **out);
void history__free(struct history *history);
/*
 * Adds the points of the snapshot's kernels. -ENOMEM: some new kernels are missing, the next call
 * tries again.
 */
int history__record(struct history *history, const struct snapshot *s);
/* As store__histograms(), see store.h. */
int history__histograms(const struct history *history, const char *kernel_id, uint64_t mono_ns,
			struct kernel_hists *out);
/* As store__point(), see store.h. */
int history__point(const struct history *history, const char *kernel_id, uint64_t now_ns,
		   uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out);

#endif
