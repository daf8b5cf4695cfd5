/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_LAYOUT_H
#define TAPMETER_TAP_LAYOUT_H
/*
 * What two builds must have in common so that one can go on with the other's maps: every map's definition but its length, and every
 * type in them member by member, from the BPF object's own type information. So nobody need raise a number when
 * a layout changes; TM_ABI_VERSION is raised when a meaning does. Pure.
 */
#include <stddef.h>
#include <stdint.h>

struct bpf_object;

#define LAYOUT_START 0xcbf29ce484222325ull

/* Goes on with the hash (FNV-1a) over `size` bytes. */
uint64_t layout_add(uint64_t hash, const void *data, size_t size);
/* The text and its NUL; NULL as "". */
uint64_t layout_add_text(uint64_t hash, const char *text);
/* Of an object that is open, loaded or not. */
uint64_t layout_of(const struct bpf_object *object);

#endif
