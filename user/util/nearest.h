/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_NEAREST_H
#define TAPMETER_UTIL_NEAREST_H
/* "Did you mean ...?": the known word that a mistyped one was probably meant to be. */
#include <stddef.h>

/*
 * The word of the list that takes the fewest single-character changes (insert, delete, replace,
 * swap two neighbours) to become `word`; the earlier of two equally near ones. NULL if none is
 * near: more than a third of the word's letters would have to change, or it has more than 64. The
 * result is the list's own pointer.
 */
const char *nearest(const char *word, const char *const *list, size_t n);

#endif
