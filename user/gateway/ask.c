/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ask.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/promql.h"

#define NS_PER_MS 1000000u
#define URL_LEN 2048

/* ---- the queries --------------------------------------------------------------------------- */

int query_list_add(struct query_list *list, const struct query *query, const struct strbuf *promql,
		   uint64_t timeout_ns)
{
	struct query *added;

	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		void *items = reallocarray(list->items, room, sizeof(list->items[0]));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	added = &list->items[list->count++];
	*added = *query;
	added->form = (struct strbuf)STRBUF_INIT;
	/* so that an engine does not work on when nobody waits any more */
	strbuf_addf(&added->form, "timeout=%" PRIu64 "ms&query=", timeout_ns / NS_PER_MS);
	promql_add_form(&added->form, promql->data ? promql->data : "", promql->len);
	return promql->err ? promql->err : added->form.err;
}

void query_list_free(struct query_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		strbuf_free(&list->items[i].form);
	free(list->items);
	*list = (struct query_list){ 0 };
}

/* ---- the answers --------------------------------------------------------------------------- */

/* What one engine's answers are read into. */
struct reader {
	struct ask *ask;
	const struct query *query;
	size_t engine;
	struct warnings *warnings;
};

static void on_sample(void *arg, const struct sample *sample)
{
	struct reader *reader = arg;

	reader->ask->sample(reader->ask->arg, reader->query, reader->engine, sample);
}

static void on_warning(void *arg, const char *text)
{
	struct reader *reader = arg;

	warnings_add(reader->warnings, "%.200s: %.150s", reader->ask->engines[reader->engine],
		     text);
}

/* 0, or the error, with its reason. */
static int read_answer(struct reader *reader, const struct fetch *fetch, char *why, size_t why_len)
{
	const struct samples_callbacks callbacks = { on_sample, on_warning, reader };
	size_t bad = 0;
	int err;

	if (fetch->err) {
		snprintf(why, why_len, "%s", fetch->why);
		return fetch->err;
	}
	err = samples_read(fetch->answer.data, fetch->answer.len, &callbacks, &bad, why, why_len);
	if (fetch->status != 200 && (err == -EINVAL || !err)) {
		/* an error of the engine has a text; that of a proxy before it, a number */
		if (err && strncmp(why, "the answer", strlen("the answer")) != 0)
			return err;
		snprintf(why, why_len, "HTTP status %ld", fetch->status);
		return -EIO;
	}
	if (bad)
		warnings_add(reader->warnings, "%.200s: %s: %zu results make no sense",
			     reader->ask->engines[reader->engine], reader->query->name, bad);
	return err;
}

/*
 * One warning for all parts that failed for the same reason: of a dead engine, one says enough.
 */
struct failures {
	char why[256];
	char parts[160];
	size_t count;
};

#define REASONS 4 /* told of one engine */

static void note(struct failures *failures, const char *name, const char *why)
{
	for (size_t i = 0; i < REASONS; i++) {
		struct failures *f = &failures[i];
		size_t len = strlen(f->parts);

		if (f->count && strncmp(f->why, why, sizeof(f->why) - 1) != 0)
			continue;
		if (!f->count++)
			snprintf(f->why, sizeof(f->why), "%s", why);
		if (!strstr(f->parts, name))
			snprintf(f->parts + len, sizeof(f->parts) - len, "%s%s", len ? ", " : "",
				 name);
		return;
	}
}

/* Counts of a question's answers. */
struct tally {
	size_t good, slow;
};

/* All answers of one engine. -ENOMEM, else 0. */
static int read_engine(struct ask *ask, size_t engine, struct fetch *fetches, struct tally *tally,
		       struct warnings *warnings)
{
	struct failures failures[REASONS] = { 0 };
	int ret = 0;

	for (size_t i = 0; i < ask->queries->count; i++) {
		const struct query *query = &ask->queries->items[i];
		struct reader reader = { ask, query, engine, warnings };
		char why[256] = "";
		int err = read_answer(&reader, &fetches[i], why, sizeof(why));

		fetch_free(&fetches[i]);
		if (err == -ENOMEM)
			ret = err;
		if (!err) {
			tally->good++;
			continue;
		}
		tally->slow += err == -ETIMEDOUT;
		ask->failed |= 1u << query->kind;
		note(failures, query->name, why);
	}
	for (size_t i = 0; i < REASONS && failures[i].count; i++)
		warnings_add(warnings, "%.120s: %s: %s", ask->engines[engine], failures[i].parts,
			     failures[i].why);
	return ret;
}

/* ---- asking -------------------------------------------------------------------------------- */

static void prepare(const struct ask *ask, const char *url, struct fetch *fetches)
{
	for (size_t i = 0; i < ask->queries->count; i++) {
		const struct strbuf *form = &ask->queries->items[i].form;

		fetches[i] = (struct fetch){
			.url = url,
			.body = form->data,
			.body_len = form->len,
			.body_type = "Content-Type: application/x-www-form-urlencoded",
			.max_answer = ask->max_answer,
		};
	}
}

int ask_all(struct ask *ask, struct warnings *warnings)
{
	size_t count = ask->queries->count, total = count * ask->engine_count;
	struct fetch *fetches = calloc(total + 1, sizeof(*fetches));
	char(*urls)[URL_LEN] = calloc(ask->engine_count + 1, sizeof(*urls));
	struct tally tally = { 0 };
	int err = fetches && urls ? 0 : -ENOMEM;

	for (size_t i = 0; i < ask->engine_count && !err; i++) {
		snprintf(urls[i], URL_LEN, "%s/api/v1/query", ask->engines[i]);
		prepare(ask, urls[i], &fetches[i * count]);
	}
	if (!err)
		fetcher__run(ask->fetcher, fetches, total, (unsigned)(ask->timeout_ns / NS_PER_MS));
	/* to the end also if there is no memory, so that all of them are freed */
	for (size_t i = 0; i < ask->engine_count && fetches && urls; i++) {
		int ret = read_engine(ask, i, &fetches[i * count], &tally, warnings);

		err = err ? err : ret;
	}
	free(fetches);
	free(urls);
	if (err || tally.good || !total)
		return err;
	return tally.slow == total ? -ETIMEDOUT : -EIO;
}
