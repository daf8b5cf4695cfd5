/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/mappers.h"
#include <errno.h>
#include <stdlib.h>

/* There are many of these: not the whole identity, but what two processes of one number in two sweeps do not share. */
struct mapper {
	uint32_t tgid;
	uint32_t check;
};

static struct mapper of(const struct tm_process_id *process)
{
	const struct mapper mapper = {
		.tgid = process->tgid,
		.check = (uint32_t)(process->start_ns / 1000000) + (uint32_t)process->exec_id,
	};

	return mapper;
}

void mappers__begin(struct mappers *mappers)
{
	const struct mappers old = *mappers;

	*mappers = (struct mappers){
		.now = old.before,
		.now_capacity = old.before_capacity,
		.before = old.now,
		.before_count = old.now_count,
		.before_capacity = old.now_capacity,
	};
}

static int has(const struct mapper *list, size_t count, struct mapper wanted)
{
	/* the last one first: most are asked for where they were added */
	for (size_t i = count; i; i--)
		if (list[i - 1].tgid == wanted.tgid && list[i - 1].check == wanted.check)
			return 1;
	return 0;
}

int mappers__add(struct mappers *mappers, const struct tm_process_id *process)
{
	size_t capacity = mappers->now_capacity ? 2 * mappers->now_capacity : 4;
	struct mapper mapper = of(process), *grown;

	if (mapper.tgid <= mappers->highest && has(mappers->now, mappers->now_count, mapper))
		return -EEXIST;
	if (mappers->now_count == mappers->now_capacity) {
		grown = realloc(mappers->now, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		mappers->now = grown;
		mappers->now_capacity = capacity;
	}
	mappers->now[mappers->now_count++] = mapper;
	if (mapper.tgid > mappers->highest)
		mappers->highest = mapper.tgid;
	return 0;
}

int mappers__had(const struct mappers *mappers, const struct tm_process_id *process)
{
	return has(mappers->before, mappers->before_count, of(process));
}

void mappers__clear(struct mappers *mappers)
{
	free(mappers->now);
	free(mappers->before);
	*mappers = (struct mappers){ 0 };
}
