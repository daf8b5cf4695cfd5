/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/cgroupfs.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

/*
 * No limit in v1 is LONG_MAX rounded down to pages, whose size differs. Nobody has a quarter of that.
 */
#define V1_UNLIMITED (UINT64_C(1) << 61)

struct sums {
	uint64_t in, out;
};

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* A decimal number at p that ends with its word. Returns what follows it, or NULL. */
static const char *read_number(const char *p, uint64_t *out)
{
	uint64_t value = 0;
	size_t digits = 0;

	for (; p[digits] >= '0' && p[digits] <= '9'; digits++) {
		uint64_t digit = (uint64_t)(p[digits] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	if (!digits || (p[digits] && !strchr(" \t\n", p[digits])))
		return NULL;
	*out = value;
	return p + digits;
}

/* If p begins with the word: what follows it and its blanks; else NULL. */
static const char *after_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(p, word, len) != 0 || (p[len] && !strchr(" \t\n", p[len])))
		return NULL;
	return skip_blanks(p + len);
}

/* "254:0 " */
static const char *after_device(const char *p)
{
	size_t major = strspn(p, "0123456789"), minor;

	if (!major || p[major] != ':')
		return NULL;
	p += major + 1;
	minor = strspn(p, "0123456789");
	if (!minor || (p[minor] != ' ' && p[minor] != '\n' && p[minor]))
		return NULL;
	return skip_blanks(p + minor);
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

int cgroupfs_number(const char *text, uint64_t *out)
{
	return read_number(skip_blanks(text), out) ? 0 : -EPROTO;
}

int cgroupfs_limit(const char *text, uint64_t *out)
{
	uint64_t value = CGROUPFS_UNLIMITED;

	text = skip_blanks(text);
	if (!after_word(text, "max") && !read_number(text, &value))
		return -EPROTO;
	*out = value >= V1_UNLIMITED ? CGROUPFS_UNLIMITED : value;
	return 0;
}

const char *cgroupfs_after(const char *text, const char *key)
{
	const char *value;

	for (; *text; text = next_line(text)) {
		value = after_word(text, key);
		if (value)
			return value;
	}
	return "";
}

int cgroupfs_blkio(const char *text, uint64_t *read_bytes, uint64_t *write_bytes)
{
	struct sums sums = { 0 };
	int devices = 0;

	for (; *text; text = next_line(text)) {
		const char *operation = after_device(text), *number;
		uint64_t *sum = &sums.in, value;

		if (!operation)
			continue; /* the total of all devices, or one without a number */
		devices = 1;
		number = after_word(operation, "Read");
		if (!number) {
			sum = &sums.out;
			number = after_word(operation, "Write");
		}
		if (!number)
			continue;
		if (!read_number(number, &value))
			return -EPROTO;
		*sum = add(*sum, value);
	}
	if (!devices)
		return -ENODATA;
	*read_bytes = sums.in;
	*write_bytes = sums.out;
	return 0;
}

/* The number of key=number among the words of a line; 0 if there is none. */
static int read_pair(const char *p, const char *key, uint64_t *out)
{
	size_t len = strlen(key);

	*out = 0;
	while (*p && *p != '\n') {
		if (!strncmp(p, key, len) && p[len] == '=')
			return read_number(p + len + 1, out) ? 0 : -EPROTO;
		p += strcspn(p, " \t\n");
		p = skip_blanks(p);
	}
	return 0;
}

int cgroupfs_io_stat(const char *text, uint64_t *read_bytes, uint64_t *write_bytes)
{
	struct sums sums = { 0 };

	for (; *text; text = next_line(text)) {
		const char *pairs = after_device(text);
		uint64_t in, out;

		if (!pairs || read_pair(pairs, "rbytes", &in) || read_pair(pairs, "wbytes", &out))
			return -EPROTO;
		sums.in = add(sums.in, in);
		sums.out = add(sums.out, out);
	}
	*read_bytes = sums.in;
	*write_bytes = sums.out;
	return 0;
}

/* "  eth0: 1 2 3 …": of the 16 numbers the first is bytes received, the ninth bytes sent. */
static int read_interface(const char *numbers, struct sums *sums)
{
	uint64_t values[16];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		numbers = read_number(skip_blanks(numbers), &values[i]);
		if (!numbers)
			return -EPROTO;
	}
	sums->in = add(sums->in, values[0]);
	sums->out = add(sums->out, values[8]);
	return 0;
}

int cgroupfs_net_dev(const char *text, uint64_t *receive_bytes, uint64_t *send_bytes)
{
	struct sums sums = { 0 };

	/* two lines of headings */
	for (int i = 0; i < 2; i++) {
		if (!memchr(text, '|', strcspn(text, "\n")))
			return -EPROTO;
		text = next_line(text);
	}
	for (; *text; text = next_line(text)) {
		const char *name = skip_blanks(text), *colon;
		size_t len = strcspn(name, "\n");

		/* the last one: an alias (eth0:1) has one in its name */
		colon = memrchr(name, ':', len);
		if (!colon)
			return -EPROTO;
		if (colon - name == 2 && !memcmp(name, "lo", 2))
			continue;
		if (read_interface(colon + 1, &sums))
			return -EPROTO;
	}
	*receive_bytes = sums.in;
	*send_bytes = sums.out;
	return 0;
}
