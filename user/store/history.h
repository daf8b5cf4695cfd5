/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_HISTORY_H
#define TAPMETER_STORE_HISTORY_H
/*
 * The short past of each kernel, for live-stat: points about one second apart over the last minute,
 * and about ten seconds apart over the last ten. A kernel takes memory for the points that it has,
 * at most about 25 KiB, and some for histograms; one that is gone from the snapshots is forgotten after ten minutes, or as
 * soon as others need its place. Not thread-safe: the store locks.
 *
 * A counter that is seen to fall (a new container, series that have expired) has begun anew: what
 * the older points say of it is from then on HISTORY_VOID, more than any counter ever is, so that
 * nobody takes a difference to it. One that has fallen and outgrown its old value between two
 * records looks like one that has only grown.
 */
#include <stdint.h>
#include "store/snapshot.h"

#define HISTORY_MAX_KERNELS 4096
#define HISTORY_MAX_POINTS 122
#define HISTORY_VOID UINT64_MAX

struct history;

int history__new(struct history **out);
void history__free(struct history *history);
/*
 * Adds the points of the snapshot's kernels. -ENOMEM: some new kernels are missing, or some points;
 * the next call tries again.
 */
int history__record(struct history *history, const struct snapshot *s);
/* How many points of kernels had no place, because HISTORY_MAX_KERNELS others were there. */
uint64_t history__refused(const struct history *history);
/* As store__before(), for one kernel. */
void history__before(const struct history *history, const struct kernel_sample *kernel,
		     uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out);
/* As store__points(). */
size_t history__points(const struct history *history, const struct kernel_sample *kernel,
		       struct kernel_point out[HISTORY_MAX_POINTS]);
/* As store__histograms(). */
int history__histograms(const struct history *history, const char *kernel_id, uint64_t mono_ns,
			struct kernel_hists *out);

#endif
