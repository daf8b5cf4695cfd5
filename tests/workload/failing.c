/* SPDX-License-Identifier: Apache-2.0 */
/* LDFLAGS: -shared -fPIC */
/*
 * A library to preload: memory runs out. The file $FAIL_CONTROL, a struct control, says when; whoever has it mapped may
 * change its mind while the program runs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
	atomic_ulong count; /* of allocations so far */
	atomic_ulong at; /* the number of the one that fails, from 1; 0 = none */
	atomic_ulong on; /* so do all after it */
};

/* what we stand before: glibc's, or a sanitizer's */
static void *(*next_malloc)(size_t size);
static void *(*next_calloc)(size_t number, size_t size);
static void *(*next_realloc)(void *old, size_t size);

/* The thread's allocations succeed. To find the variable of any other model may need one. */
static _Thread_local int spared __attribute__((tls_model("initial-exec")));

static struct control unused;
static struct control *control = &unused;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAIL_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped;

	if (!path)
		return;
	mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		_exit(99);
	close(fd);
	control = mapped;
	control->count = 0;
}

static int fails(void)
{
	unsigned long number = atomic_fetch_add(&control->count, 1) + 1, at = control->at;

	if (!at || number < at || (number > at && !control->on) || spared)
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

/* A sanitizer asks for each thread's stack, and ends the program if it is not told. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	int (*next)(pthread_t, pthread_attr_t *) = dlsym(RTLD_NEXT, "pthread_getattr_np");
	int ret;

	spared = 1;
	ret = next(thread, attr);
	spared = 0;
	return ret;
}
