/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_PACKED_H
#define TAPMETER_STORE_PACKED_H
/*
 * The histograms of a kernel at one time, packed: most of their buckets are zero. Inside store/ only.
 */
#include "store/snapshot.h"

/* All zeroes: none of the histograms has counted anything. */
struct packed {
	uint8_t *bytes; /* owned; NULL = all are empty, or there was no memory */
	int missing; /* 1: there was no memory */
};

/* Instead of what *out held before. */
void packed_fill(struct packed *out, const struct hist_view hists[HIST_KINDS]);
void packed_free(struct packed *packed);
/* 0, or -ENOENT if they are missing. */
int packed_read(const struct packed *packed, struct kernel_hists *out);

#endif
