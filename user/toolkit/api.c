/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit/api.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "util/json.h"
#include "util/quote.h"

#define MAX_ANSWER ((size_t)256 << 20)
#define NS_PER_MS 1000000u

int api_open(const struct api_server *server, int cancel_fd, struct api *out, char *err,
	     size_t err_len)
{
	struct basic_auth auth = { 0 };
	int error = 0;

	*out = (struct api){
		.url = server->url,
		.timeout_ms = (unsigned)(server->timeout_ns / NS_PER_MS),
	};
	snprintf(err, err_len, "no memory");
	if (server->basic_auth)
		error = basic_auth_read(server->basic_auth, &auth, err, err_len);
	if (!error) {
		const struct fetch_config config = {
			.user = auth.user,
			.password = auth.password,
			.ca_file = server->ca_file,
			.max_total = SIZE_MAX,
			.cancel_fd = cancel_fd,
		};

		error = fetcher__new(&config, &out->fetcher);
	}
	basic_auth_free(&auth);
	return error;
}

void api_close(struct api *api)
{
	fetcher__free(api->fetcher);
	api->fetcher = NULL;
}

void api_answer_free(struct api_answer *answer)
{
	strbuf_free(&answer->text);
	json_decref(answer->root);
	answer->root = NULL;
}

/* No answer at all: is there anybody? */
static void say_unreachable(const struct api *api, const struct fetch *fetch, char *err,
			    size_t err_len)
{
	const char *mend = "";

	if (fetch->err == -ECONNREFUSED)
		mend = "; is `tapmeter run` running there? --url says where to ask";
	else if (fetch->err == -ETIMEDOUT)
		mend = "; --timeout says how long to wait";
	snprintf(err, err_len, "cannot reach %s: %s%s", api->url, fetch->why, mend);
}

/* {"error": {"code": …, "message": …}}, or whatever stands between us and the agent says. */
static int say_refused(const struct api *api, const struct fetch *fetch, char *err, size_t err_len)
{
	json_t *root = json_read(fetch->answer.data, fetch->answer.len, 0, NULL);
	const char *text =
		json_string_value(json_object_get(json_object_get(root, "error"), "message"));

	if (text)
		snprintf(err, err_len, "%s: %ld, %s", api->url, fetch->status, quote(text).text);
	else
		snprintf(err, err_len, "%s: HTTP status %ld; is it an agent or a gateway?",
			 api->url, fetch->status);
	json_decref(root);
	return fetch->status == 400 ? -EINVAL : -EIO;
}

static int understand(const struct api *api, struct fetch *fetch, struct api_answer *out, char *err,
		      size_t err_len)
{
	if (fetch->err) {
		say_unreachable(api, fetch, err, err_len);
		return fetch->err;
	}
	if (fetch->status != 200)
		return say_refused(api, fetch, err, err_len);
	out->root = json_read(fetch->answer.data, fetch->answer.len, 0, NULL);
	if (!out->root && errno == ENOMEM) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	if (!json_is_object(out->root)) {
		json_decref(out->root);
		out->root = NULL;
		snprintf(err, err_len, "%s: the answer is no JSON object; is it an agent?",
			 api->url);
		return -EIO;
	}
	out->text = fetch->answer;
	fetch->answer = (struct strbuf)STRBUF_INIT;
	return 0;
}

static int request(const struct api *api, const char *path, const struct strbuf *body,
		   struct api_answer *out, char *err, size_t err_len)
{
	char url[2048];
	struct fetch fetch = {
		.url = url,
		.body = body ? body->data : NULL,
		.body_len = body ? body->len : 0,
		.body_type = body ? "Content-Type: application/json" : NULL,
		.max_answer = MAX_ANSWER,
	};
	int ret;

	snprintf(url, sizeof(url), "%s%s", api->url, path);
	*out = (struct api_answer){ 0 };
	fetcher__run(api->fetcher, &fetch, 1, api->timeout_ms);
	ret = understand(api, &fetch, out, err, err_len);
	fetch_free(&fetch);
	return ret;
}

int api_get(const struct api *api, const char *path, struct api_answer *out, char *err,
	    size_t err_len)
{
	return request(api, path, NULL, out, err, err_len);
}

int api_kernels(const struct api *api, struct api_answer *out, char *err, size_t err_len)
{
	return api_get(api, "/api/v1/kernels", out, err, err_len);
}

static void add_list(struct strbuf *body, const char *key, const char *const *texts, size_t count)
{
	strbuf_addstr(body, key);
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_addch(body, ',');
		strbuf_add_json(body, texts[i]);
	}
	strbuf_addch(body, ']');
}

int api_live_stat(const struct api *api, const char *const *ids, size_t count,
		  const struct option_texts *metrics, const char *window, struct api_answer *out,
		  char *err, size_t err_len)
{
	struct strbuf body = STRBUF_INIT;
	int ret;

	*out = (struct api_answer){ 0 };
	add_list(&body, "{\"kernel_ids\":[", ids, count);
	if (metrics->count)
		add_list(&body, ",\"metrics\":[", (const char *const *)metrics->items,
			 metrics->count);
	strbuf_addstr(&body, ",\"window\":");
	strbuf_add_json(&body, window);
	strbuf_addch(&body, '}');
	ret = body.err;
	if (ret)
		snprintf(err, err_len, "no memory");
	else
		ret = request(api, "/api/v1/live-stat", &body, out, err, err_len);
	strbuf_free(&body);
	return ret;
}
