/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_SNAPSHOT_INTERNAL_H
#define TAPMETER_STORE_SNAPSHOT_INTERNAL_H
/* What builder.c and kernels.c need to know of a snapshot's memory. Inside store/ only. */
#include <stdatomic.h>
#include "store/arena.h"
#include "store/snapshot.h"

/*
 * A snapshot and what it owns. One reference to the labels of each of s.series; streams and kernels
 * borrow these.
 */
struct sealed {
	struct snapshot s;
	atomic_uint refs;
	struct arena arena; /* all but the rows */
	struct stream_sample *rows; /* s.streams */
};

/* Frees it, however much of it has been filled; accepts NULL. */
void sealed_free(struct sealed *sealed);

/* The buckets that are not zero, in the arena. -ENOMEM. */
int compact_histogram(struct arena *arena, const uint64_t *from, struct hist_view *to);

/*
 * Makes s->kernels, points and systems included, from s->series (already there) and from the
 * kernels that have processes (any order; strings in the arena). -ENOMEM.
 */
int kernels_make(struct snapshot *s, struct arena *arena, const struct kernel_sample *added,
		 size_t added_count);

#endif
