/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/event_stream.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE_EVENTS 100
#define QUEUE_BYTES (BUS_ROOM * sizeof(void *))

struct event_stream {
	struct subscriber *subscriber;
	uint64_t life;
	uint64_t dropped; /* that the client knows of */
	/* the server's; before it has told them, nothing can wait */
	void (*wake)(void *arg);
	void *wake_arg;
};

static void wake(void *arg)
{
	struct event_stream *stream = arg;

	void (*server_wake)(void *arg) = __atomic_load_n(&stream->wake, __ATOMIC_ACQUIRE);

	if (server_wake)
		server_wake(stream->wake_arg);
}

static void start(void *arg, void (*server_wake)(void *arg), void *server_arg)
{
	struct event_stream *stream = arg;

	stream->wake_arg = server_arg;
	__atomic_store_n(&stream->wake, server_wake, __ATOMIC_RELEASE);
}

static void free_stream(void *arg)
{
	struct event_stream *stream = arg;

	subscriber__free(stream->subscriber);
	free(stream);
}

static void add_event(struct strbuf *out, uint64_t life, const struct event *event)
{
	strbuf_addf(out, "id: %" PRIx64 "-%" PRIu64 "\nevent: %s\ndata: ", life, event->number,
		    event_type_name(event->type));
	event_add_json(out, event);
	strbuf_addstr(out, "\n\n");
}

static void add_dropped(struct event_stream *stream, struct strbuf *out)
{
	uint64_t dropped = subscriber__dropped(stream->subscriber);

	if (dropped == stream->dropped)
		return;
	strbuf_addf(out, "event: events.dropped\ndata: {\"count\":%llu}\n\n",
		    (unsigned long long)(dropped - stream->dropped));
	stream->dropped = dropped;
}

static int next(void *arg, struct strbuf *out)
{
	struct event_stream *stream = arg;
	struct event *event;
	int err = 0;

	for (int i = 0; i < PIECE_EVENTS && !err; i++) {
		err = subscriber__next(stream->subscriber, 0, &event);
		if (err)
			break;
		add_event(out, stream->life, event);
		event__unref(event);
	}
	add_dropped(stream, out);
	if (out->err)
		return out->err;
	if (err == -ESHUTDOWN)
		return 0;
	return out->len ? HTTP_MORE : HTTP_LATER;
}

/* The number of the last event that the client knows of; UINT64_MAX: it wants none from before. */
static uint64_t last_seen(uint64_t life, const char *last_id)
{
	uint64_t id_life, number;
	char rest;

	if (!last_id ||
	    sscanf(last_id, "%16" SCNx64 "-%19" SCNu64 "%c", &id_life, &number, &rest) != 2)
		return UINT64_MAX;
	return id_life == life ? number : 0;
}

int event_stream_answer(struct bus *bus, uint64_t life, const char *last_id,
			struct http_response *response)
{
	struct event_stream *stream = calloc(1, sizeof(*stream));
	int err;

	if (!stream)
		return -ENOMEM;
	stream->life = life;
	err = bus__resume(bus, EVENT_STREAM_NAME, last_seen(life, last_id), wake, stream,
			  &stream->subscriber);
	if (err) {
		free(stream);
		return err;
	}
	/* at once, so that a client sees that it is connected */
	strbuf_addstr(&response->body, ": tapmeter\n\n");
	add_dropped(stream, &response->body);
	response->producer = (struct http_producer){
		.next = next,
		.start = start,
		.free = free_stream,
		.arg = stream,
		.memory = QUEUE_BYTES,
	};
	return 0;
}
