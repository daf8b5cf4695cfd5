/* SPDX-License-Identifier: Apache-2.0 */
#include "util/plausible.h"
#include <string.h>
#include "util/utf8.h"

static int is_control(const unsigned char *s)
{
	/* U+0080 to U+009F are written C2 80 to C2 9F */
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f);
}

int plausible_name(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (!len || len == size)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (is_control((const unsigned char *)text + i))
			return 0;
	/* every wrong byte would become three */
	return utf8_copy(NULL, 0, text, len) == len;
}
