/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_ARENA_H
#define TAPMETER_STORE_ARENA_H
/*
 * Memory for many small things that live and die together (a snapshot's parts). Nothing is freed
 * alone. Also the growing array that the builders use. Not thread-safe.
 */
#include <stddef.h>

struct arena_chunk;

/* All zero = empty. */
struct arena {
	struct arena_chunk *chunks; /* the first one has the free space */
	size_t next_size;
};

/* `size` bytes, aligned to 8, not zeroed; NULL when out of memory. Lives until arena_free(). */
void *arena_alloc(struct arena *arena, size_t size);
/* The same for an array, with the multiplication checked. */
void *arena_array(struct arena *arena, size_t count, size_t item_size);
/*
 * A copy of the string as valid UTF-8 (util/utf8.h); NULL is copied as "". NULL when out of memory.
 */
const char *arena_string(struct arena *arena, const char *s);
/* Frees everything; the arena is empty and usable again. */
void arena_free(struct arena *arena);

/*
 * Makes place for one more item after `count` in a malloc'ed array: returns the array, perhaps
 * moved, or NULL when out of memory (the old one is then still there).
 */
void *array_grow(void *items, size_t count, size_t *capacity, size_t item_size);

#endif
