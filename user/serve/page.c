/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/page.h"
#include <string.h>
#include "serve/page_files.h"

/*
 * Names, endpoints and the like come from tapped processes. The page only ever shows them as text; should it fail to once,
 * this keeps them from becoming a program.
 */
#define POLICY                                                                          \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct page_file *find(const char *path)
{
	for (size_t i = 0; i < page_files_count; i++) {
		if (!strcmp(path, page_files[i].path))
			return &page_files[i];
	}
	return NULL;
}

bool page_has(const char *path)
{
	return find(path) != NULL;
}

/* The tag as it stands in a weak or in a strong one: `"…"`. */
static const char *opaque(const char *etag)
{
	return strchr(etag, '"');
}

/* `*`, or a list in which the tag is. An opaque tag of ours occurs in no other. */
static bool has_it(const char *if_none_match, const char *etag)
{
	return if_none_match &&
	       (!strcmp(if_none_match, "*") || strstr(if_none_match, opaque(etag)));
}

void page_answer(const struct http_request *request, struct http_response *response)
{
	const struct page_file *file = find(request->path);

	response->content_type = file->content_type;
	http_response_header(response, "ETag", file->etag);
	/* kept, but asked for each time: another version of tapmeter has other files */
	http_response_header(response, "Cache-Control", "no-cache");
	http_response_header(response, "Vary", "Accept-Encoding");
	http_response_header(response, "Content-Security-Policy", POLICY);
	http_response_header(response, "Referrer-Policy", "no-referrer");
	http_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	if (has_it(request->if_none_match, file->etag)) {
		response->status = 304;
		return;
	}
	response->status = 200;
	strbuf_add(&response->body, file->text, file->len);
}
