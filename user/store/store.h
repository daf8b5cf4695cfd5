/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_STORE_H
#define TAPMETER_STORE_STORE_H
/*
 * The store holds the newest snapshot and the short history of each kernel. The agent's thread puts
 * snapshots in; any thread takes them out. Two rings per kernel: 61 samples about one second apart,
 * and 61 about ten seconds apart (so that a window of up to 600 s can be answered), see history.h.
 * All times are CLOCK_MONOTONIC in nanoseconds.
 */
#include <stdint.h>
#include "store/history.h"
#include "store/snapshot.h"

struct store;

/* Asks the owner of the snapshots for a new one; called from any thread, must not block. */
typedef void (*store_request_fn)(void *arg);

/*
 * max_age_ns: no answer is older (--max-age). request/arg: how a reader that finds an older
 * snapshot asks for a new one. -ENOMEM.
 */
int store__new(uint64_t max_age_ns, store_request_fn request, void *arg, struct store **out);
/* No reader may be inside; see store__stop(). Accepts NULL. */
void store__free(struct store *store);

/*
 * The agent's thread: makes `s` the newest (takes its own reference) and wakes the waiting readers. Taking it has cost
 * cost_ns: it is given to readers for ten times as long, at most for max_age_ns. So answers are
 * as fresh as can be without spending more than a tenth of a CPU on snapshots.
 */
void store__publish(struct store *store, struct snapshot *s, uint64_t cost_ns);
/*
 * The agent's thread, once per --sample.interval: `s` also goes into the history. A kernel that was
 * in no recorded snapshot for 600 s is forgotten. -ENOMEM: kernels that are new in `s` may be
 * missing, the next call tries again.
 */
int store__record(struct store *store, const struct snapshot *s);
/* Wakes all waiting readers with -ESHUTDOWN; later readers get it too. */
void store__stop(struct store *store);

/*
 * Any thread: a snapshot not older than max_age at now_ns, with a reference for the caller. If
 * there is none, asks for one and waits up to timeout_ns; readers that come meanwhile share it.
 * -ETIMEDOUT, -ESHUTDOWN.
 */
int store__fresh(struct store *store, uint64_t now_ns, uint64_t timeout_ns, struct snapshot **out);
/*
 * The same for those who ask often and rather have their answer soon than younger than max_age: they
 * only have a new snapshot taken if there is none of that age.
 */
int store__recent(struct store *store, uint64_t now_ns, uint64_t timeout_ns, struct snapshot **out);

/*
 * Any thread: for each kernel of a snapshot the recorded point that is older by closest to window_ns,
 * but by at least min_age_ns; mono_ns 0 if there is none. `usage` is that of another point: of the
 * one whose usage was read closest to window_ns before the kernel's, with the same limit. A counter
 * that has begun anew since is HISTORY_VOID. The lock is taken once for many kernels.
 */
void store__before(struct store *store, const struct kernel_sample *const *kernels, size_t count,
		   uint64_t window_ns, uint64_t min_age_ns, struct kernel_point *out);
/*
 * Any thread: all points of the kernel that are older than its own in the snapshot, the oldest
 * first: about ten seconds apart, in the last minute about one. Returns how many there are.
 */
size_t store__points(struct store *store, const struct kernel_sample *kernel,
		     struct kernel_point out[HISTORY_MAX_POINTS]);
/* Any thread: how many points have not been recorded, as HISTORY_MAX_KERNELS other kernels were. */
uint64_t store__refused(struct store *store);

/*
 * Any thread: the histograms that were recorded with the point of that time (kernel_point.mono_ns). -ENOENT if they
 * are not in the history (any more).
 */
int store__histograms(struct store *store, const char *kernel_id, uint64_t mono_ns,
		      struct kernel_hists *out);

#endif
