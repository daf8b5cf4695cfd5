/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/*
 * Length of the well-formed character at `s`, 0 if there is none. Only the second byte's range
 * depends on the first (Unicode standard, table 3-7): that alone rules out overlong forms,
 * surrogates and what lies above U+10FFFF.
 */
static size_t character(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t i, n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] < 0xe0) {
		n = 2;
	} else if (s[0] < 0xf0) {
		n = 3;
		if (s[0] == 0xe0)
			low = 0xa0;
		if (s[0] == 0xed)
			high = 0x9f;
	} else {
		n = 4;
		if (s[0] == 0xf0)
			low = 0x90;
		if (s[0] == 0xf4)
			high = 0x8f;
	}
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

size_t utf8_copy(char *dst, size_t dst_size, const char *src, size_t len)
{
	size_t room = dst_size ? dst_size - 1 : 0, used = 0, total = 0, i = 0;

	while (i < len) {
		size_t in = character((const unsigned char *)src + i, len - i);
		const char *from = in ? src + i : replacement;
		size_t out = in ? in : sizeof(replacement) - 1;

		/* used == total: what did not fit before must not be followed by what does */
		if (used == total && out <= room - used) {
			memcpy(dst + used, from, out);
			used += out;
		}
		total += out;
		i += in ? in : 1;
	}
	if (dst_size)
		dst[used] = '\0';
	return total;
}
