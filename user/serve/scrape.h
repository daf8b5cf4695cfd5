/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_SCRAPE_H
#define TAPMETER_SERVE_SCRAPE_H
/*
 * One answer to /metrics on its way: a page of a snapshot, written and compressed piece by piece
 * while its client takes it. One thread at a time.
 */
#include <stddef.h>
#include <stdint.h>
#include "serve/families.h"
#include "store/snapshot.h"

struct scrape_config {
	struct snapshot *snapshot; /* the scrape takes this reference over, if it is made */
	const char *version; /* both must outlive the scrape */
	const char *revision;
	unsigned views; /* see struct families_input */
	uint64_t scrape_ns; /* see struct families_input */
	enum exposition_format format;
	int gzip;
	uint64_t waited_ns; /* for the snapshot */
	uint64_t (*now_ns)(void);
	/* called once, if the page was made to its end: what that took, without its sending */
	void (*done)(void *arg, uint64_t spent_ns);
	void *arg;
};

struct scrape;

/* -ENOMEM. */
int scrape__new(const struct scrape_config *config, struct scrape **out);
/* Accepts NULL. */
void scrape__free(struct scrape *scrape);
/* As struct http_producer's next(). */
int scrape__next(struct scrape *scrape, struct strbuf *out);
/* Bytes that it holds on to, about: the snapshot that it keeps alive included. */
size_t scrape__memory(const struct scrape *scrape);

#endif
