/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/scrape.h"
#include <errno.h>
#include <stdlib.h>
#include "serve/gzip.h"

/*
 * What the parts of a snapshot and of a page take, about: a stream's row and the labels' text of
 * one family are there at a time.
 */
#define MEMORY_PER_SERIES 600
#define MEMORY_PER_STREAM 150
#define MEMORY_AT_LEAST 400000 /* a piece, zlib's state */

struct scrape {
	struct scrape_config config;
	struct page *page;
	uint64_t spent_ns;
	struct gzip *gzip; /* NULL = not compressed */
	struct strbuf text; /* what is going to be compressed, and */
	struct strbuf packed; /* what has come out and was not asked for yet */
};

int scrape__new(const struct scrape_config *config, struct scrape **out)
{
	struct families_input input = {
		.snapshot = config->snapshot,
		.version = config->version,
		.revision = config->revision,
		.views = config->views,
		.scrape_ns = config->scrape_ns,
	};
	struct scrape *scrape = calloc(1, sizeof(*scrape));
	int err;

	if (!scrape)
		return -ENOMEM;
	err = page__new(&input, config->format, &scrape->page);
	if (!err && config->gzip)
		err = gzip__new(&scrape->packed, &scrape->gzip);
	if (err) {
		scrape__free(scrape);
		return err;
	}
	scrape->config = *config;
	scrape->spent_ns = config->waited_ns;
	*out = scrape;
	return 0;
}

void scrape__free(struct scrape *scrape)
{
	if (!scrape)
		return;
	gzip__free(scrape->gzip);
	strbuf_free(&scrape->text);
	strbuf_free(&scrape->packed);
	page__free(scrape->page);
	snapshot__unref(scrape->config.snapshot);
	free(scrape);
}

/* A piece of the page goes into zlib; something comes out now and then. */
static int compress_next(struct scrape *scrape)
{
	int ret = page__next(scrape->page, &scrape->text);

	if (ret < 0)
		return ret;
	gzip__add(scrape->gzip, scrape->text.data, scrape->text.len);
	strbuf_clear(&scrape->text);
	if (!ret)
		gzip__finish(scrape->gzip);
	return scrape->packed.err ? scrape->packed.err : ret;
}

static int next(struct scrape *scrape, struct strbuf *out)
{
	int ret;

	if (!scrape->gzip)
		return page__next(scrape->page, out);
	do
		ret = compress_next(scrape);
	while (ret > 0 && !scrape->packed.len);
	if (ret < 0)
		return ret;
	strbuf_add(out, scrape->packed.data, scrape->packed.len);
	strbuf_clear(&scrape->packed);
	return out->err ? out->err : ret;
}

int scrape__next(struct scrape *scrape, struct strbuf *out)
{
	uint64_t start_ns = scrape->config.now_ns();
	int ret = next(scrape, out);

	scrape->spent_ns += scrape->config.now_ns() - start_ns;
	if (!ret)
		scrape->config.done(scrape->config.arg, scrape->spent_ns);
	return ret;
}

size_t scrape__memory(const struct scrape *scrape)
{
	const struct snapshot *snapshot = scrape->config.snapshot;

	return snapshot->series_count * MEMORY_PER_SERIES +
	       snapshot->stream_count * MEMORY_PER_STREAM + MEMORY_AT_LEAST;
}
