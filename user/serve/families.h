/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_FAMILIES_H
#define TAPMETER_SERVE_FAMILIES_H
/*
 * What /metrics shows: one table of all families, and the page made of it. A function of its
 * arguments only.
 */
#include <stdint.h>
#include "serve/exposition.h"
#include "store/snapshot.h"
#include "util/strbuf.h"

/* What is added for those who read another system's names (--view). */
#define FAMILIES_VIEW_BACKENDAI (1u << 0)
#define FAMILIES_VIEW_FASTDEPLOY (1u << 1)
#define FAMILIES_VIEW_LMCACHE (1u << 2)

struct families_input {
	const struct snapshot *snapshot;
	const char *version; /* of tapmeter */
	const char *revision; /* of its source */
	uint64_t scrape_ns; /* what answering the previous scrape took, 0 before the first */
	unsigned views; /* FAMILIES_VIEW_… */
};

/* A page that is being written. One thread at a time. */
struct page;

/* What `in` points to must live until the page is freed; `in` itself is copied. -ENOMEM. */
int page__new(const struct families_input *in, enum exposition_format format, struct page **out);
/* Accepts NULL. */
void page__free(struct page *page);
/*
 * Adds the next piece, some 64 KiB, to `out`: 1 = there is more, 0 = that was the last one, or
 * -ENOMEM, -E2BIG (out->max). Families without data are left out; samples of one family stay
 * together, and no two have the same labels.
 */
int page__next(struct page *page, struct strbuf *out);

/* Adds the whole page to `out`. As page__next(). */
int families_write(const struct families_input *in, enum exposition_format format,
		   struct strbuf *out);

/*
 * Describes the family with this number, from 0, in the order of the page: *head lives for ever, the
 * names of the labels that its samples can have, with ", " between them, are added to `labels`.
 * -ENOENT if there is none; -ENOMEM. What --view adds is not among them.
 */
int families_describe(size_t number, const struct family_head **head, struct strbuf *labels);

#endif
