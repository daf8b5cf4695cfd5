/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warnings.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void warnings_add(struct warnings *warnings, const char *fmt, ...)
{
	char text[WARNING_LEN];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (warnings->count == WARNINGS_MAX)
		return;
	for (size_t i = 0; i < warnings->count; i++)
		if (!strcmp(warnings->texts[i], text))
			return;
	warnings->texts[warnings->count] = strdup(text);
	if (warnings->texts[warnings->count])
		warnings->count++;
}

void warnings_free(struct warnings *warnings)
{
	while (warnings->count)
		free(warnings->texts[--warnings->count]);
}

void warnings_write(const struct warnings *warnings, struct strbuf *out)
{
	if (!warnings->count)
		return;
	strbuf_addstr(out, ",\"warnings\":[");
	for (size_t i = 0; i < warnings->count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_add_json(out, warnings->texts[i]);
	}
	strbuf_addch(out, ']');
}
