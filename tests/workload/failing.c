/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -shared -fPIC */
/*
 * A library to preload: memory runs out. $FAIL_AT is the number of the first allocation that fails, from 1; $FAIL_ON
 * set: so do all after it. At the end the number of allocations is written to the file $FAIL_COUNT.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* what we stand before: glibc's, or a sanitizer's */
static void *(*next_malloc)(size_t size);
static void *(*next_calloc)(size_t number, size_t size);
static void *(*next_realloc)(void *old, size_t size);

static atomic_ulong count;
static unsigned long fail_at;
static int fail_on;

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("FAIL_AT");

	fail_on = getenv("FAIL_ON") != NULL;
	count = 0;
	fail_at = at ? strtoul(at, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAIL_COUNT");
	char text[32];
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, text, (size_t)snprintf(text, sizeof(text), "%lu", count)) < 0)
		_exit(99);
	close(fd);
}

static int fails(void)
{
	unsigned long number = atomic_fetch_add(&count, 1) + 1;

	if (!fail_at || number < fail_at || (number > fail_at && !fail_on))
		return 0;
	errno = ENOMEM;
	return 1;
}

/* Allocations come before constructors. */
static void find_next(void)
{
	if (next_realloc)
		return;
	next_malloc = dlsym(RTLD_NEXT, "malloc");
	next_calloc = dlsym(RTLD_NEXT, "calloc");
	next_realloc = dlsym(RTLD_NEXT, "realloc");
}

void *malloc(size_t size)
{
	find_next();
	return fails() ? NULL : next_malloc(size);
}

void *calloc(size_t number, size_t size)
{
	find_next();
	return fails() ? NULL : next_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
	find_next();
	return fails() ? NULL : next_realloc(old, size);
}
