/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_CLI_LOAD_PROFILES_H
#define TAPMETER_CLI_LOAD_PROFILES_H
/* Profiles by name or file, for all commands that need them. What is wrong is said on stderr. */
#include <stddef.h>
#include "tap/builtin.h"
#include "tap/profile.h"

struct profile_list {
	struct profile **items;
	size_t count;
};

/*
 * Loads the built-in profiles with these names and those in these files (a name with a "/" in it
 * or with ".yaml" or ".yml" at its end); all built-in ones if `count` is 0. Returns an enum
 * exit_code: if it is not EXIT_CODE_OK, the list has what could be loaded. Free it in any case.
 */
int profile_list__load(struct profile_list *list, char *const *names, size_t count);
void profile_list__free(struct profile_list *list);

/* One file; *out is NULL on error. Returns an enum exit_code. */
int profile_load_file(const char *path, struct profile **out);
/* NULL if there is none with this name. */
const struct builtin_profile *profile_find_builtin(const char *name);

#endif
