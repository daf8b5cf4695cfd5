/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PATTERN_H
#define TAPMETER_TAP_PATTERN_H
/*
 * Symbols of profiles that stand for several: with wildcards (`cache_get_*`, of which `*` is any
 * characters), and C++ functions by their names in the source (`Cache::Get`: all its overloads, const or
 * not). Names of a file are never demangled: the profile's name is mangled instead, so that nothing has
 * to understand what a hostile file holds. Pure.
 */

/* 1 if the symbol of a profile is a pattern, 2 if it is a C++ name, 0 if it is a symbol as it is. */
int pattern_kind(const char *symbol);
/*
 * 1 if the text is a pattern or a C++ name that can be matched: of C++ names, those that consist of
 * plain names with `::` between them (no templates, operators, constructors).
 */
int pattern_is_valid(const char *symbol);
/* Whether a name of a file is meant by the pattern. Parts that compilers split off (`.cold`) are not. */
int pattern_matches(const char *symbol, const char *name);

#endif
