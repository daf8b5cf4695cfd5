/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAP_BUILTIN_H
#define TAP_BUILTIN_H
/*
 * The profiles that come with tapmeter: the files of profiles/, put into the executable as they
 * are when it is built (scripts/embed-profiles). Constant data, free to be read by any thread.
 */
#include <stddef.h>

struct builtin_profile {
	const char *name; /* the file's name without directory and ".yaml" */
	const char *text; /* the file's content; a NUL follows it */
	size_t size; /* bytes of text, without that NUL */
};

/* In the order of their names. */
extern const struct builtin_profile builtin_profiles[];
extern const size_t builtin_profiles_count;

#endif
