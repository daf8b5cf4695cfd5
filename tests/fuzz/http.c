/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send: bodies and queries of live-stat, headers. */
#include <errno.h>
#include "fuzz.h"
#include "serve/livestat_request.h"
#include "serve/negotiate.h"

#define PARAMETERS 32

static void check(int err, const struct livestat_request *request, const char *message)
{
	fuzz_expect(memchr(message, 0, 256) != NULL);
	fuzz_expect(err != -EINVAL || message[0]);
	if (err)
		return;
	fuzz_expect(request->id_count && request->id_count <= LIVESTAT_MAX_IDS);
	fuzz_expect(request->window_ns >= LIVESTAT_MIN_WINDOW_NS &&
		    request->window_ns <= LIVESTAT_MAX_WINDOW_NS);
	for (size_t i = 1; i < request->id_count; i++)
		fuzz_expect(strcmp(request->ids[i - 1], request->ids[i]) < 0);
}

static void read_body(const uint8_t *data, size_t size)
{
	struct livestat_request request;
	char err[256] = "";
	char *body = malloc(size ? size : 1); /* no NUL behind it */

	fuzz_expect(body != NULL);
	memcpy(body, data, size);
	check(livestat_parse_body(body, size, &request, err, sizeof(err)), &request, err);
	livestat_request_free(&request);
	free(body);
}

/* The text as name=value&name=value. */
static void read_query(char *text)
{
	struct http_parameter parameters[PARAMETERS];
	struct livestat_request request;
	char err[256] = "", *save = NULL;
	size_t count = 0;

	for (char *part = strtok_r(text, "&", &save); part && count < PARAMETERS;
	     part = strtok_r(NULL, "&", &save)) {
		char *value = strchr(part, '=');

		if (value)
			*value++ = 0;
		parameters[count++] = (struct http_parameter){ part, value ? value : "" };
	}
	check(livestat_parse_query(parameters, count, &request, err, sizeof(err)), &request, err);
	livestat_request_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	read_body(data, size);
	fuzz_expect(negotiate_format(text).content_type != NULL);
	negotiate_gzip(text);
	read_query(text);
	free(text);
	return 0;
}
