/* SPDX-License-Identifier: Apache-2.0 */
#include "store/arena.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "util/utf8.h"

/*
 * Chunks double, so that a small host's snapshot stays small; what is left over at the end is at
 * most MAX.
 */
#define CHUNK_MIN ((size_t)4096)
#define CHUNK_MAX ((size_t)256 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
	uint64_t data[];
};

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	chunk->next = NULL;
	chunk->size = size;
	chunk->used = 0;
	return chunk;
}

/* A big thing gets a chunk of its own, behind the first, whose free space stays in use. */
static struct arena_chunk *add_own_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = chunk_new(size);

	if (!chunk)
		return NULL;
	if (arena->chunks) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		arena->chunks = chunk;
	}
	return chunk;
}

static struct arena_chunk *add_chunk(struct arena *arena)
{
	struct arena_chunk *chunk = chunk_new(arena->next_size);

	if (!chunk)
		return NULL;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	if (arena->next_size < CHUNK_MAX)
		arena->next_size *= 2;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *p;

	if (size > SIZE_MAX - 7)
		return NULL;
	size = (size + 7) & ~(size_t)7;
	if (!arena->next_size)
		arena->next_size = CHUNK_MIN;
	if (!chunk || size > chunk->size - chunk->used) {
		chunk = size > arena->next_size / 4 ? add_own_chunk(arena, size) : add_chunk(arena);
		if (!chunk)
			return NULL;
	}
	p = (char *)chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

void *arena_array(struct arena *arena, size_t count, size_t item_size)
{
	size_t size;

	if (__builtin_mul_overflow(count, item_size, &size))
		return NULL;
	return arena_alloc(arena, size);
}

const char *arena_string(struct arena *arena, const char *s)
{
	size_t len, size;
	char *copy;

	if (!s || !*s)
		return "";
	len = strlen(s);
	size = utf8_copy(NULL, 0, s, len) + 1;
	copy = arena_alloc(arena, size);
	if (copy)
		utf8_copy(copy, size, s, len);
	return copy;
}

void arena_free(struct arena *arena)
{
	struct arena_chunk *chunk = arena->chunks;

	while (chunk) {
		struct arena_chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	*arena = (struct arena){ 0 };
}

void *array_grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *moved;

	if (count < *capacity)
		return items;
	moved = reallocarray(items, wanted, item_size);
	if (moved)
		*capacity = wanted;
	return moved;
}
