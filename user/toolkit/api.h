/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_API_H
#define TAPMETER_TOOLKIT_API_H
/* The HTTP API of an agent or gateway, from the client's side. One thread. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "toolkit/fetch.h"
#include "toolkit/secret.h"
#include "toolkit/url.h"
#include "util/options.h"

#define API_MAX_IDS 10000 /* in one request */

/* Who is asked, as a command line says it; options_free() frees it. */
struct api_server {
	char *url; /* url_trim() makes it what struct api wants */
	char *basic_auth; /* "USER:FILE"; NULL = none */
	char *ca_file; /* NULL = none */
	uint64_t timeout_ns;
};

/* The rows of an option table for the struct api_server that begins at `at` in the table's target. */
#define API_SERVER_OPTIONS(at)                                                                    \
	{                                                                                         \
		.name = "url",                                                                    \
		.type = OPTION_TEXT,                                                              \
		.offset = (at) + offsetof(struct api_server, url),                                \
		.argument = "URL",                                                                \
		.value = "http://127.0.0.1:9752",                                                 \
		.valid = url_is_base,                                                             \
		.expected = URL_EXPECTED,                                                         \
		.group = "What is asked",                                                         \
		.help = "An agent, or a gateway.",                                                \
	},                                                                                        \
		{                                                                                 \
			.name = "basic-auth",                                                     \
			.type = OPTION_TEXT,                                                      \
			.offset = (at) + offsetof(struct api_server, basic_auth),                 \
			.argument = "USER:FILE",                                                  \
			.valid = is_basic_auth,                                                   \
			.help = "Log in as USER, with the password in FILE.",                     \
		},                                                                                \
		{                                                                                 \
			.name = "ca-file",                                                        \
			.type = OPTION_TEXT,                                                      \
			.offset = (at) + offsetof(struct api_server, ca_file),                    \
			.argument = "FILE",                                                       \
			.help = "Certificates of those who may sign the server's one (PEM).",     \
		},                                                                                \
	{                                                                                         \
		.name = "timeout", .type = OPTION_DURATION,                                       \
		.offset = (at) + offsetof(struct api_server, timeout_ns), .argument = "DURATION", \
		.value = "10s", .min = 100000000ull, /* 100 ms */                                 \
			.max = 600000000000ull, /* 10 min */                                      \
			.help = "How long an answer may take.",                                   \
	}

struct api {
	struct fetcher *fetcher;
	const char *url;
	unsigned timeout_ms;
};

/*
 * Gets ready to ask; nothing is asked yet. `server` is borrowed for as long as `out` is used. Requests end when
 * `cancel_fd` becomes readable; -1 = never. -errno with one line in `err`. Whatever it returns, api_close() has to
 * follow.
 */
int api_open(const struct api_server *server, int cancel_fd, struct api *out, char *err,
	     size_t err_len);
void api_close(struct api *api);

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
