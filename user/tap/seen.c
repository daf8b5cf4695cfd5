/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/seen.h"
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct seen_files {
	void *tree; /* of struct seen */
	size_t count;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct file_key));
}

int seen__new(struct seen_files **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void seen__free(struct seen_files *files)
{
	if (!files)
		return;
	seen__clear(files);
	free(files);
}

struct seen *seen__find(const struct seen_files *files, const struct file_key *key)
{
	struct seen **found = tfind(key, (void *const *)&files->tree, compare_keys);

	return found ? *found : NULL;
}

int seen__add(struct seen_files *files, const struct file_key *key, struct tap_file *file)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	seen->key = *key;
	seen->file = file;
	if (!tsearch(seen, &files->tree, compare_keys)) {
		free(seen);
		return -ENOMEM;
	}
	files->count++;
	return 0;
}

void seen__remove(struct seen_files *files, const struct file_key *key)
{
	struct seen *seen = seen__find(files, key);

	if (!seen)
		return;
	tdelete(key, &files->tree, compare_keys);
	files->count--;
	free(seen);
}

void seen__clear(struct seen_files *files)
{
	tdestroy(files->tree, free);
	files->tree = NULL;
	files->count = 0;
}

size_t seen__count(const struct seen_files *files)
{
	return files->count;
}
