/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "util/nearest.h"

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Optimal string alignment distance: row[i % 3][j] is the distance of a's first i letters from b's
 * first j; swapping neighbours looks two rows back.
 */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = row[i % 3], *before = row[(i + 2) % 3];
		const size_t *two_before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(least(now[j - 1], before[j]) + 1,
				       before[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], two_before[j - 2] + 1);
		}
	}
	return row[a_len % 3][b_len];
}

const char *nearest(const char *word, const char *const *list, size_t n)
{
	size_t len = strlen(word), best = (len + 2) / 3 + 1;
	const char *found = NULL;

	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t known_len = strlen(list[i]), d;

		if (known_len > WORD_MAX)
			continue;
		d = distance(word, len, list[i], known_len);
		if (d < best) {
			best = d;
			found = list[i];
		}
	}
	return found;
}
