/* SPDX-License-Identifier: Apache-2.0 */
#include "util/duration.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ms", 1000000ull },
	{ "s", 1000000000ull },
	{ "m", 60 * 1000000000ull },
	{ "h", 3600 * 1000000000ull },
};

static uint64_t unit_ns(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(name, units[i].name))
			return units[i].ns;
	}
	return 0;
}

/* Digits at *text, moved past: -EINVAL if there are none or more than `max`. */
static int parse_digits(const char **text, size_t max, uint64_t *value, size_t *count)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if ((size_t)(p - *text) == max)
			return -EINVAL;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == *text)
		return -EINVAL;
	*count = (size_t)(p - *text);
	*value = v;
	*text = p;
	return 0;
}

int duration_parse(const char *text, uint64_t *ns)
{
	/* 19 digits fit into 64 bits; nine after the point reach the nanosecond of a second */
	uint64_t whole, part = 0, unit, scale = 1;
	unsigned __int128 total, part_ns;
	size_t count = 0;

	if (parse_digits(&text, 19, &whole, &count))
		return -EINVAL;
	count = 0;
	if (*text == '.') {
		text++;
		if (parse_digits(&text, 9, &part, &count))
			return -EINVAL;
	}
	unit = unit_ns(text);
	if (!unit)
		return -EINVAL;
	while (count--)
		scale *= 10;
	part_ns = (unsigned __int128)part * unit;
	if (part_ns % scale)
		return -EINVAL;
	total = (unsigned __int128)whole * unit + part_ns / scale;
	if (total > UINT64_MAX)
		return -ERANGE;
	*ns = (uint64_t)total;
	return 0;
}
