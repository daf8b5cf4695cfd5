/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static _Thread_local bool missed;

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		missed = true;
	return memory;
}

static void watch_allocations(void)
{
	json_set_alloc_funcs(allocate, free);
}

json_t *json_read(const char *text, size_t len, size_t flags, json_error_t *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_t *root;

	pthread_once(&once, watch_allocations);
	missed = false;
	root = json_loadb(text ? text : "", len, flags, error);
	if (missed) {
		json_decref(root);
		root = NULL;
	}
	if (!root)
		errno = missed ? ENOMEM : EINVAL;
	return root;
}
