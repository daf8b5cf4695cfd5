/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_ASK_H
#define TAPMETER_GATEWAY_ASK_H
/* Puts queries to all engines at once, has the answers read, and says what could not be had. */
#include <stddef.h>
#include <stdint.h>
#include "gateway/samples.h"
#include "gateway/warnings.h"
#include "toolkit/fetch.h"
#include "util/strbuf.h"

/* One query, to be put to each engine. */
struct query {
	const char *name; /* for warnings, "rate"; static */
	unsigned kind; /* for the caller */
	uint32_t window_ms; /* the same */
	struct strbuf form; /* the body of the request */
};

struct query_list {
	struct query *items;
	size_t count;
	size_t room;
};

/* Adds a query of this PromQL. -ENOMEM. */
int query_list_add(struct query_list *list, const struct query *query, const struct strbuf *promql,
		   uint64_t timeout_ns);
void query_list_free(struct query_list *list);

struct ask {
	const struct query_list *queries;
	size_t engine_count;
	const char *const *engines;
	struct fetcher *fetcher;
	uint64_t timeout_ns;
	size_t max_answer; /* bytes, of each */
	void (*sample)(void *arg, const struct query *query, size_t engine,
		       const struct sample *sample);
	void *arg;
	uint32_t failed; /* set by ask_all(): bits of the kinds of which an answer is missing */
};

/*
 * Asks, and calls back for each sample, engine by engine. -ENOMEM; -ETIMEDOUT or -EIO if there was not one answer.
 */
int ask_all(struct ask *ask, struct warnings *warnings);

#endif
