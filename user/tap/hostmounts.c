/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/hostmounts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINOR_BITS 20 /* include/linux/kdev_t.h */

struct host_mounts {
	const char *mountinfo;
	uint32_t *devices; /* sorted */
	size_t count, capacity;
	int is_read;
};

int host_mounts__new(const char *mountinfo, struct host_mounts **out)
{
	struct host_mounts *mounts = calloc(1, sizeof(*mounts));

	if (!mounts)
		return -ENOMEM;
	mounts->mountinfo = mountinfo;
	*out = mounts;
	return 0;
}

void host_mounts__free(struct host_mounts *mounts)
{
	if (!mounts)
		return;
	free(mounts->devices);
	free(mounts);
}

void host_mounts__outdate(struct host_mounts *mounts)
{
	mounts->is_read = 0;
}

static int add(struct host_mounts *mounts, uint32_t device)
{
	size_t capacity = mounts->capacity ? 2 * mounts->capacity : 64;
	uint32_t *grown;

	if (mounts->count == HOST_MOUNTS_MAX)
		return -E2BIG;
	if (mounts->count == mounts->capacity) {
		grown = reallocarray(mounts->devices, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		mounts->devices = grown;
		mounts->capacity = capacity;
	}
	mounts->devices[mounts->count++] = device;
	return 0;
}

/* "31 23 0:28 root point ...": of what follows the device, much is in others' hands. */
static int take_line(struct host_mounts *mounts, const char *line)
{
	unsigned major, minor;
	char next;

	if (sscanf(line, "%*9u %*9u %9u:%9u%c", &major, &minor, &next) != 3 || next != ' ' ||
	    major >> (32 - MINOR_BITS) || minor >> MINOR_BITS)
		return 0;
	return add(mounts, major << MINOR_BITS | minor);
}

static int compare(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

/* A line may be longer than all that is wanted of it. */
static void read_lines(struct host_mounts *mounts, FILE *file)
{
	char piece[128];
	int begins = 1, err = 0;

	while (!err && fgets(piece, sizeof(piece), file)) {
		if (begins)
			err = take_line(mounts, piece);
		begins = strchr(piece, '\n') != NULL;
	}
}

static void read_mountinfo(struct host_mounts *mounts)
{
	FILE *file = mounts->mountinfo ? fopen(mounts->mountinfo, "re") : NULL;

	mounts->is_read = 1;
	mounts->count = 0;
	if (!file)
		return;
	read_lines(mounts, file);
	fclose(file);
	if (mounts->count)
		qsort(mounts->devices, mounts->count, sizeof(*mounts->devices), compare);
}

int host_mounts__have(struct host_mounts *mounts, uint32_t device)
{
	if (!mounts->is_read)
		read_mountinfo(mounts);
	return mounts->count && bsearch(&device, mounts->devices, mounts->count,
					sizeof(*mounts->devices), compare) != NULL;
}
