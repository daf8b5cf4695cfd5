/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_HIST_BPF_H
#define TAPMETER_HIST_BPF_H
#include "maps.bpf.h"
#include <tapmeter/hist.h>

static __always_inline void hist_add(struct tm_slot *slot, __u64 ns)
{
	__u32 bucket = hist_bucket(hist_bounds_ns, hist_guesses, ns);

	if (bucket < TM_HIST_BUCKETS)
		__sync_fetch_and_add(&slot->hist[bucket], 1);
}

#endif
