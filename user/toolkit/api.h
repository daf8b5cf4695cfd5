/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_API_H
#define TAPMETER_TOOLKIT_API_H
/* The HTTP API of an agent or gateway, from the client's side. One thread. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "toolkit/fetch.h"
#include "util/options.h"

#define API_MAX_IDS 10000 /* in one request */

struct api {
	struct fetcher *fetcher;
	const char *url;
	unsigned timeout_ms;
};

/* An answer: its text as it came, and what it means. */
struct api_answer {
	struct strbuf text;
	json_t *root;
};

void api_answer_free(struct api_answer *answer);

/* GET of a route, with its query. -errno, with one line in `err` that says cause and mend. */
int api_get(const struct api *api, const char *path, struct api_answer *out, char *err,
	    size_t err_len);
/* GET /api/v1/kernels. -errno, with one line in `err` that says cause and mend. */
int api_kernels(const struct api *api, struct api_answer *out, char *err, size_t err_len);
/*
 * POST /api/v1/live-stat, about 1 to API_MAX_IDS ids; no metrics = all. The same errors; -EINVAL:
 * it did not understand what was asked.
 */
int api_live_stat(const struct api *api, const char *const *ids, size_t count,
		  const struct option_texts *metrics, const char *window, struct api_answer *out,
		  char *err, size_t err_len);

#endif
