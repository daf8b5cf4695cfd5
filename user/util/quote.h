/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_QUOTE_H
#define TAPMETER_UTIL_QUOTE_H
/* Text from outside, made fit to be shown in an error message on somebody's terminal. */

#define QUOTE_MAX 60 /* bytes of the text that are shown */

struct quoted {
	char text[QUOTE_MAX + 6]; /* two quotes, "...", NUL */
};

/*
 * The text in single quotes; control characters become '?', bytes that are not UTF-8 U+FFFD, and
 * what is longer than QUOTE_MAX is cut and ends in "...". A value, to be used where it is needed:
 * quote(s).text.
 */
struct quoted quote(const char *s);

#endif
