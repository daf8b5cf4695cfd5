/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "util/quote.h"
#include "util/utf8.h"

/* Terminals obey the C1 control characters too (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f). */
static void disarm(char *s)
{
	for (unsigned char *p = (unsigned char *)s; *p; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			*p = '?';
		} else if (*p == 0xc2 && p[1] < 0xa0) {
			p[0] = '?';
			p[1] = '?';
		}
	}
}

struct quoted quote(const char *s)
{
	char shown[QUOTE_MAX + 1];
	size_t len = utf8_copy(shown, sizeof(shown), s, strnlen(s, 4ul * QUOTE_MAX));
	struct quoted q;

	disarm(shown);
	snprintf(q.text, sizeof(q.text), "'%s%s'", shown, len > QUOTE_MAX ? "..." : "");
	return q;
}
