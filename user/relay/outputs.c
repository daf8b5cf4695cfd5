/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/outputs.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/otlp.h"
#include "relay/publisher.h"
#include "util/log.h"

#define MAX_OUTPUTS 2

struct outputs {
	pthread_t thread;
	int feed, link;
	size_t count;
	struct output list[MAX_OUTPUTS];
	struct feed_losses losses;
};

static void take(void *arg, struct feed_page *page)
{
	struct outputs *outputs = arg;

	for (size_t i = 0; i < outputs->count; i++)
		outputs->list[i].take(outputs->list[i].arg, page);
}

static void end_all(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->count; i++)
		outputs->list[i].end(outputs->list[i].arg);
	outputs->count = 0;
}

static void *serve(void *arg)
{
	struct outputs *outputs = arg;
	int err = feed_serve(outputs->feed, take, outputs, &outputs->losses);

	if (err)
		log_msg(LOG_ERROR, "relay: the feed has broken off",
			LOG_STR("error", strerror(-err)));
	end_all(outputs);
	shutdown(outputs->link, SHUT_RDWR);
	return NULL;
}

/* No memory, or none for a thread. */
static int is_for_now(int err)
{
	return err == -ENOMEM || err == -EAGAIN;
}

/*
 * One that is not asked for, or cannot be, is not there. One that only cannot be now is an error: the agent starts us again
 * later, without it pages would be lost uncounted.
 */
static int open_all(struct outputs *outputs, const struct relay_settings *settings, int listener)
{
	int err = publisher_open(settings, listener, &outputs->losses,
				 &outputs->list[outputs->count]);

	outputs->count += !err;
	if (is_for_now(err))
		return err;
	err = otlp_open(settings, &outputs->losses, &outputs->list[outputs->count]);
	outputs->count += !err;
	return is_for_now(err) ? err : 0;
}

int outputs__start(const struct relay_settings *settings, int feed, int listener, int link,
		   struct outputs **out)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));
	int err;

	if (!outputs)
		return -ENOMEM;
	outputs->feed = feed;
	outputs->link = link;
	err = open_all(outputs, settings, listener);
	if (!err)
		err = -pthread_create(&outputs->thread, NULL, serve, outputs);
	if (err) {
		end_all(outputs);
		free(outputs);
		return err;
	}
	*out = outputs;
	return 0;
}

void outputs__join(struct outputs *outputs)
{
	if (!outputs)
		return;
	/* if it is not what ended first */
	shutdown(outputs->feed, SHUT_RDWR);
	pthread_join(outputs->thread, NULL);
	close(outputs->feed);
	free(outputs);
}
