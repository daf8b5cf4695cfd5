/* SPDX-License-Identifier: Apache-2.0 */
#include "top/source.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "top/read_api.h"

#define NS_PER_MS 1000000u

struct source {
	const struct api *api;
	const char *window;
	int wait_ms;
	int stop_fd; /* borrowed */
	int ready_fd; /* there is a reading */
	int wake_fd; /* something else is wanted */
	pthread_t thread;
	int has_thread;
	pthread_mutex_t lock; /* for what follows */
	unsigned parts;
	struct reading *reading;
};

static void notify(int fd)
{
	/* it fails only when it has been notified 2^64 times */
	(void)!write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* A reading nobody has taken is of no use any more. */
static void hand_over(struct source *source, struct reading *reading)
{
	struct reading *old;

	pthread_mutex_lock(&source->lock);
	old = source->reading;
	source->reading = reading;
	pthread_mutex_unlock(&source->lock);
	reading__free(old);
	notify(source->ready_fd);
}

static unsigned wanted(struct source *source)
{
	unsigned parts;

	pthread_mutex_lock(&source->lock);
	parts = source->parts;
	pthread_mutex_unlock(&source->lock);
	return parts;
}

static void *run(void *argument)
{
	struct source *source = argument;
	struct pollfd fds[] = {
		{ .fd = source->stop_fd, .events = POLLIN },
		{ .fd = source->wake_fd, .events = POLLIN },
	};

	do {
		struct reading *reading;

		drain(source->wake_fd);
		reading = read_api(source->api, wanted(source), source->window);
		/* one for which there is no memory is made up for by the next */
		if (reading)
			hand_over(source, reading);
		poll(fds, 2, source->wait_ms);
	} while (!fds[0].revents);
	return NULL;
}

/* Signals are for the thread that draws. */
static int start(struct source *source)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&source->thread, NULL, run, source);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	source->has_thread = !err;
	return -err;
}

int source__new(const struct api *api, const char *window, uint64_t interval_ns, int stop_fd,
		unsigned parts, struct source **out)
{
	struct source *source = calloc(1, sizeof(*source));
	int err;

	if (!source)
		return -ENOMEM;
	source->api = api;
	source->window = window;
	source->wait_ms = (int)(interval_ns / NS_PER_MS);
	source->stop_fd = stop_fd;
	source->parts = parts;
	pthread_mutex_init(&source->lock, NULL);
	source->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	source->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = source->ready_fd < 0 || source->wake_fd < 0 ? -EMFILE : start(source);
	if (err) {
		source__free(source);
		return err;
	}
	*out = source;
	return 0;
}

void source__free(struct source *source)
{
	if (!source)
		return;
	if (source->has_thread)
		pthread_join(source->thread, NULL);
	if (source->ready_fd >= 0)
		close(source->ready_fd);
	if (source->wake_fd >= 0)
		close(source->wake_fd);
	pthread_mutex_destroy(&source->lock);
	reading__free(source->reading);
	free(source);
}

void source__want(struct source *source, unsigned parts)
{
	int is_new;

	pthread_mutex_lock(&source->lock);
	is_new = source->parts != parts;
	source->parts = parts;
	pthread_mutex_unlock(&source->lock);
	if (is_new)
		notify(source->wake_fd);
}

int source__fd(const struct source *source)
{
	return source->ready_fd;
}

struct reading *source__take(struct source *source)
{
	struct reading *reading;

	drain(source->ready_fd);
	pthread_mutex_lock(&source->lock);
	reading = source->reading;
	source->reading = NULL;
	pthread_mutex_unlock(&source->lock);
	return reading;
}
