/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/pattern.h"
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define MAX_MANGLED 512

int pattern_kind(const char *symbol)
{
	if (strstr(symbol, "::"))
		return 2;
	return strchr(symbol, '*') != NULL;
}

/* The length of the plain name at `s`, 0 if there is none. */
static size_t name_length(const char *s)
{
	return strchr(DIGITS, *s) ? 0 : strspn(s, LETTERS DIGITS);
}

static int is_cpp_name(const char *s)
{
	for (;;) {
		size_t len = name_length(s);

		if (!len)
			return 0;
		s += len;
		if (!*s)
			return 1;
		if (strncmp(s, "::", 2) != 0)
			return 0;
		s += 2;
	}
}

int pattern_is_valid(const char *symbol)
{
	size_t len = strspn(symbol, LETTERS DIGITS ".$*");

	if (pattern_kind(symbol) == 2)
		return is_cpp_name(symbol);
	/* "*" alone would be every function */
	return !symbol[len] && len >= 4 && strspn(symbol, "*") < len;
}

/*
 * How the mangled names of the function begin (Itanium C++ ABI 5.1.2): _ZN, K if it is const, each name
 * with its length before it, E; what it takes follows. 0, or -1 if it does not fit.
 */
static int mangle(const char *name, const char *qualifier, char *out, size_t size)
{
	int at = snprintf(out, size, "_ZN%s", qualifier);

	while (*name) {
		int len = (int)name_length(name);

		at += snprintf(out + at, size - (size_t)at, "%d%.*s", len, len, name);
		if ((size_t)at >= size)
			return -1;
		name += len + (name[len] ? 2 : 0);
	}
	return snprintf(out + at, size - (size_t)at, "E") < (int)(size - (size_t)at) ? 0 : -1;
}

static int begins_mangled(const char *symbol, const char *qualifier, const char *name)
{
	char prefix[MAX_MANGLED];

	return !mangle(symbol, qualifier, prefix, sizeof(prefix)) &&
	       !strncmp(name, prefix, strlen(prefix));
}

int pattern_matches(const char *symbol, const char *name)
{
	if (pattern_kind(symbol) == 2)
		return !strchr(name, '.') &&
		       (begins_mangled(symbol, "", name) || begins_mangled(symbol, "K", name));
	return !fnmatch(symbol, name, 0) && (strchr(symbol, '.') || !strchr(name, '.'));
}
