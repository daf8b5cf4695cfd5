/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_KEPT_H
#define TAPMETER_KEPT_H
/*
 * What the agent alone knows and its successor needs, in pinned memory that lives on when it is killed: the labels of each
 * stream, and the totals of streams that have ended. A kill at any point loses nothing and counts nothing twice: a
 * journal says which slot's totals are being moved. All functions accept NULL: nothing is kept. One thread.
 */
#include <stdint.h>
#include "store/series.h"
#include "tap/pins.h"
#include "tap/probes.h"

struct kept;

/* Where totals come from. */
enum kept_source {
	KEPT_SLOT,
	KEPT_TRANSIT,
	KEPT_RPC,
	KEPT_SOURCES,
};

/* A hash of how all this lies in memory. */
uint64_t kept_layout(void);
/*
 * `probes` have these pins. Finishes what a killed agent was about to do. -ENOMEM, -errno. Takes about 1 KiB per stream
 * and 26 MiB.
 */
int kept__new(struct pins *pins, struct probes *probes, uint32_t max_streams, struct kept **out);
/* What is kept stays. */
void kept__free(struct kept *kept);

/*
 * The labels of entry `index`, whose user is `id`. Labels NULL: it has no series. Labels that are too long are not kept. `mark` is
 * given back with them.
 */
void kept__note(struct kept *kept, enum kept_source source, uint32_t index, uint64_t id,
		const struct series_labels *labels, uint8_t mark);
/* 1 and the labels, which live until the entry is used again; 0: it has no series; -ENOENT: not known. */
int kept__recall(const struct kept *kept, enum kept_source source, uint32_t index, uint64_t id,
		 struct series_labels *labels, uint8_t *mark);

/* A series' totals as a former agent left them. 0 or -errno, which ends it. */
typedef int (*kept_total_fn)(void *arg, const struct series_labels *labels,
			     const struct counters *totals);
int kept__each_total(const struct kept *kept, kept_total_fn fn, void *arg);
/*
 * The series has these totals now that entry `index` of the source has been added to them. kept__freed() follows when the
 * entry is cleared, before it is given back.
 */
void kept__retire(struct kept *kept, const struct series_labels *labels,
		  const struct counters *totals, enum kept_source source, uint32_t index);
void kept__freed(struct kept *kept);
/* The series has expired. */
void kept__forget(struct kept *kept, const struct series_labels *labels);
/* Series whose totals had no room: they begin at zero with the next agent. */
uint64_t kept__refused(const struct kept *kept);

#endif
