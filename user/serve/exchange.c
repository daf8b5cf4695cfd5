/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/exchange.h"
#include <stdarg.h>
#include <stdio.h>

static void drop_producer(struct http_response *response)
{
	if (response->producer.next)
		response->producer.free(response->producer.arg);
	response->producer = (struct http_producer){ 0 };
}

void http_response_free(struct http_response *response)
{
	drop_producer(response);
	strbuf_free(&response->body);
	*response = (struct http_response){ 0 };
}

void http_response_header(struct http_response *response, const char *name, const char *value)
{
	if (response->header_count < HTTP_MAX_HEADERS)
		response->headers[response->header_count++] = (struct http_header){ name, value };
}

void http_response_error(struct http_response *response, unsigned status, const char *code,
			 const char *fmt, ...)
{
	char message[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	response->status = status;
	response->content_type = "application/json";
	response->content_encoding = NULL;
	drop_producer(response);
	strbuf_clear(&response->body);
	strbuf_addstr(&response->body, "{\"error\":{\"code\":");
	strbuf_add_json(&response->body, code);
	strbuf_addstr(&response->body, ",\"message\":");
	strbuf_add_json(&response->body, message);
	strbuf_addstr(&response->body, "}}\n");
}
