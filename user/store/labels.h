/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_LABELS_H
#define TAPMETER_STORE_LABELS_H
/*
 * An owned copy of a set of labels: valid UTF-8, never changed, shared by reference between a
 * series and the snapshots, which outlive it. Inside store/ only; others see struct series_labels.
 */
#include "store/series.h"

/* A copy with one reference. NULL strings are copied as "". -ENOMEM. */
int labels__new(const struct series_labels *from, const struct series_labels **out);
/* Any thread, on labels that came from labels__new(). */
const struct series_labels *labels__ref(const struct series_labels *labels);
/* Any thread; accepts NULL. */
void labels__unref(const struct series_labels *labels);

/*
 * The order of series in a snapshot: kind, then the strings byte by byte, kernel_id first, so that
 * the series of one kind and kernel are neighbours. Both from labels__new(). <0, 0, >0.
 */
int labels__compare(const struct series_labels *a, const struct series_labels *b);

#endif
