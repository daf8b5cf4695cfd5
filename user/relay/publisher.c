/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/publisher.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>
#include "relay/snapshot_pack.h"
#include "util/log.h"
#include "util/relay_settings.h"
#include "util/relay_state.h"

#define HIGH_WATER 4 /* snapshots that wait for one subscriber, as mlcommons/endpoints has it */
#define LINGER_MS 1500 /* for the last one to reach those who read: less than OUTPUT_END_NS */
#define MAX_SUBSCRIPTION 4096 /* bytes that a subscriber may send at a time */

struct publisher {
	void *context, *socket;
	struct feed_losses *losses;
	uint64_t interval_ns;
	uint64_t feed_interval_ns; /* between two pages */
	uint64_t next_ns; /* when one is to be published */
	uint32_t state; /* of the newest one that was published */
	int failing; /* and it has been said */
};

/* ---- start ----------------------------------------------------------------------------------------- */

static int set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value)) ? -zmq_errno() : 0;
}

static int set_options(void *socket, int listener)
{
	const int64_t max_message = MAX_SUBSCRIPTION;
	int err = set(socket, ZMQ_SNDHWM, HIGH_WATER);

	if (!err)
		err = set(socket, ZMQ_LINGER, LINGER_MS);
	if (!err)
		err = set(socket, ZMQ_USE_FD, listener);
	if (!err && zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_message, sizeof(max_message)))
		err = -zmq_errno();
	return err;
}

static void free_publisher(struct publisher *publisher)
{
	if (publisher->socket)
		zmq_close(publisher->socket);
	if (publisher->context)
		zmq_ctx_term(publisher->context);
	free(publisher);
}

/* Takes the listener over only if it succeeds. */
static int open_socket(struct publisher *publisher, const char *endpoint, int listener)
{
	int err;

	publisher->context = zmq_ctx_new();
	if (!publisher->context)
		return -zmq_errno();
	publisher->socket = zmq_socket(publisher->context, ZMQ_PUB);
	if (!publisher->socket)
		return -zmq_errno();
	err = set_options(publisher->socket, listener);
	if (err)
		return err;
	return zmq_bind(publisher->socket, endpoint) ? -zmq_errno() : 0;
}

/* ---- at work ------------------------------------------------------------------------------------------ */

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/*
 * Pages may come more often, for another output's sake: of these, the one closest to the time. What counts is when they
 * come, not when their snapshots were taken, which may have been for somebody else. A change of the state always goes out.
 */
static int is_due(struct publisher *publisher, const struct relay_page *page)
{
	uint64_t now_ns = clock_ns();
	uint64_t early_ns = publisher->feed_interval_ns / 2;

	if (page->state != publisher->state)
		publisher->next_ns = now_ns;
	else if (now_ns + early_ns < publisher->next_ns)
		return 0;
	publisher->next_ns += publisher->interval_ns;
	/* what was missed is not made up for */
	if (publisher->next_ns < now_ns + early_ns)
		publisher->next_ns = now_ns + publisher->interval_ns;
	return 1;
}

static int publish(struct publisher *publisher, const struct feed_page *page)
{
	char *frame;
	size_t len;
	int err = snapshot_pack(page, &frame, &len);

	if (err)
		return err;
	/* a PUB socket never waits: to a subscriber that is behind, it is not sent */
	if (zmq_send(publisher->socket, frame, len, ZMQ_DONTWAIT) < 0)
		err = -zmq_errno();
	free(frame);
	return err;
}

static void take(void *arg, struct feed_page *page)
{
	struct publisher *publisher = arg;
	int err;

	if (relay_state_is_final(publisher->state) || !is_due(publisher, &page->head))
		return;
	err = publish(publisher, page);
	if (err) {
		feed_lost(publisher->losses, RELAY_LOST_PUBLISH, 1);
		if (!publisher->failing)
			log_msg(LOG_WARN, "cannot publish a snapshot",
				LOG_STR("error", zmq_strerror(-err)));
	}
	publisher->failing = err != 0;
	publisher->state = page->head.state;
}

static void end(void *arg)
{
	free_publisher(arg); /* lingers */
}

int publisher_open(const struct relay_settings *settings, int listener, struct feed_losses *losses,
		   struct output *out)
{
	const char *endpoint = relay_settings_get(settings, "snapshot.publish");
	struct publisher *publisher;
	int err = -ENOMEM;

	if (!endpoint || listener < 0)
		return -ENOENT;
	publisher = calloc(1, sizeof(*publisher));
	if (publisher)
		err = open_socket(publisher, endpoint, listener);
	if (err) {
		log_msg(LOG_ERROR, "cannot publish snapshots", LOG_STR("endpoint", endpoint),
			LOG_STR("error", zmq_strerror(-err)));
		close(listener);
		if (publisher)
			free_publisher(publisher);
		return err;
	}
	publisher->losses = losses;
	publisher->feed_interval_ns = relay_settings_get_u64(settings, "feed.interval_ns");
	publisher->state = RELAY_STATE_COUNT; /* none */
	publisher->interval_ns = relay_settings_get_u64(settings, "snapshot.interval_ns");
	*out = (struct output){ .arg = publisher, .take = take, .end = end };
	return 0;
}
