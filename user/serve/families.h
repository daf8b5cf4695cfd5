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
#define FAMILIES_VIEW_FASTDEPLOY (1u << 1)

struct families_input {
	const struct snapshot *snapshot;
	const char *version; /* of tapmeter */
	const char *revision; /* of its source */
	uint64_t scrape_ns; /* what answering the previous scrape took, 0 before the first */
	unsigned views; /* FAMILIES_VIEW_… */
};

/*
 * Adds the whole page to `out`. Families without data are left out; samples of one family stay
 * together, and no two have the same labels. -ENOMEM, -E2BIG (out->max).
 */
int families_write(const struct families_input *in, enum exposition_format format,
		   struct strbuf *out);
/* The same, but compressed, without the page ever being in memory as a whole. */
int families_write_gzip(const struct families_input *in, enum exposition_format format,
			struct strbuf *out);

#endif
