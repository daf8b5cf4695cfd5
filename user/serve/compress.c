/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/compress.h"
#include "serve/gzip.h"
#include "serve/negotiate.h"

void compress_response(struct http_response *response, const char *accept_encoding)
{
	struct strbuf packed = STRBUF_INIT;
	struct gzip *gzip;

	if (response->content_encoding || response->producer.next ||
	    response->body.len < COMPRESS_MIN_LEN || !negotiate_gzip(accept_encoding) ||
	    gzip__new(&packed, &gzip))
		return;
	gzip__add(gzip, response->body.data, response->body.len);
	if (!gzip__finish(gzip)) {
		strbuf_free(&response->body);
		response->body = packed;
		packed = (struct strbuf)STRBUF_INIT;
		response->content_encoding = "gzip";
	}
	gzip__free(gzip);
	strbuf_free(&packed);
}
