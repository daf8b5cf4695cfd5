/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit/url.h"
#include <string.h>
#include <strings.h>

int url_is_base(const char *text)
{
	static const char *const schemes[] = { "http://", "https://" };

	if (strlen(text) > URL_MAX)
		return 0;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return 0;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);

		if (!strncasecmp(text, schemes[i], len))
			return text[len] && text[len] != '/' && !strpbrk(text + len, "@?#");
	}
	return 0;
}

void url_trim(char *url)
{
	size_t len = strlen(url);

	while (len && url[len - 1] == '/')
		url[--len] = '\0';
}
