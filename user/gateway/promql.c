/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/promql.h"
#include <inttypes.h>
#include <string.h>

#define NS_PER_MS 1000000u

/*
 * Two layers: RE2 wants a backslash before what means something to it, the string wants each
 * backslash twice. Control characters are written as the string's escapes.
 */
static size_t escape(unsigned char c, char out[4])
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	if (c < ' ' || c == 0x7f) {
		memcpy(out, (char[]){ '\\', 'x', hex[c >> 4], hex[c & 15] }, 4);
		return 4;
	}
	if (strchr("\\.+*?()|[]{}^$", c)) {
		out[len++] = '\\';
		out[len++] = '\\';
	}
	if (c == '\\' || c == '"')
		out[len++] = '\\';
	out[len++] = (char)c;
	return len;
}

void promql_add_id(struct strbuf *out, const char *id)
{
	char text[4];

	for (; *id; id++)
		strbuf_add(out, text, escape((unsigned char)*id, text));
}

size_t promql_id_len(const char *id)
{
	char text[4];
	size_t len = 0;

	for (; *id; id++)
		len += escape((unsigned char)*id, text);
	return len;
}

void promql_add_matcher(struct strbuf *out, const char *const *ids, size_t count)
{
	strbuf_addstr(out, "kernel_id=~\"");
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_addch(out, '|');
		promql_add_id(out, ids[i]);
	}
	strbuf_addch(out, '"');
}

size_t promql_batch(const char *const *ids, size_t count, size_t max_len)
{
	size_t n = 0, len = 0;

	while (n < count && n < PROMQL_MAX_IDS) {
		len += promql_id_len(ids[n]) + (n > 0);
		if (len > max_len)
			break;
		n++;
	}
	return n;
}

void promql_expand(struct strbuf *out, const char *text, const char *matcher, uint64_t window_ns)
{
	for (; *text; text++) {
		if (text[0] == '$' && text[1] == 'k') {
			strbuf_addstr(out, matcher);
			text++;
		} else if (text[0] == '$' && text[1] == 'w') {
			strbuf_addf(out, "%" PRIu64 "ms", window_ns / NS_PER_MS);
			text++;
		} else {
			strbuf_addch(out, *text);
		}
	}
}

void promql_add_form(struct strbuf *out, const char *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~", c)))
			strbuf_addch(out, (char)c);
		else
			strbuf_add(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}
