/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_GROUPING_H
#define TAPMETER_SERVE_GROUPING_H
/*
 * Things (series, taps) brought together by equal label text. A family may show fewer labels than
 * its series have: what looks the same then must become one sample. The text is made once and used
 * for many families.
 */
#include <stddef.h>
#include "util/strbuf.h"

struct grouping_entry {
	size_t start; /* of its labels in `text` */
	size_t len;
	const void *item;
};

/* All zeroes is an empty one. */
struct grouping {
	struct strbuf text; /* a="1",b="2" of one entry after the other */
	struct grouping_entry *entries; /* once finished: equal labels are neighbours */
	size_t count;
	size_t room;
	size_t used; /* of `text`, by entries */
};

void grouping_free(struct grouping *g);
/* Adds name="value" to the labels of the next entry; nothing if the value is "". */
void grouping_label(struct grouping *g, const char *name, const char *value);
/* Adds an entry with the labels given since the last one. -ENOMEM. */
int grouping_add(struct grouping *g, const void *item);
/* Ends adding: puts equal labels together. -ENOMEM. */
int grouping_finish(struct grouping *g);
/* The group that starts at entry `first` ends before this one. */
size_t grouping_end(const struct grouping *g, size_t first);

#endif
