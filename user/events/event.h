/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_EVENTS_EVENT_H
#define TAPMETER_EVENTS_EVENT_H
/*
 * Something that happened: a type, a time, whose it is, and some named values. It never changes once it is made, and is
 * shared by reference between the bus and its subscribers. Any thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

enum event_type {
	EVENT_TAP_ATTACHED, /* path, functions */
	EVENT_TAP_FAILED, /* path, reason */
	EVENT_TAP_REMOVED, /* path, reason */
	EVENT_PROCESS_SEEN, /* comm */
	EVENT_PROCESS_GONE, /* comm */
	EVENT_STREAM_OPENED, /* system, comm, direction or operation, endpoint, socket_type */
	EVENT_STREAM_CLOSED, /* the same, and calls, bytes */
	EVENT_CALL_STUCK, /* the stream's, and age_ms */
	EVENT_CALL_SLOW, /* the stream's, duration_us, and calls: slow ones since the last event */
	EVENT_REQUEST_UNANSWERED, /* system, comm, method, side, unanswered, age_ms */
	EVENT_EVICTION_BURST, /* system, comm, evictions: since the sample before */
	EVENT_COUNTS_LOST, /* reason, count */
	EVENT_OVERHEAD, /* path, reason: a file was given up for --overhead.budget */
	EVENT_SNAPSHOT, /* snapshot, kernels, streams, taps: once per --sample.interval */
	EVENT_OUTPUT_FAILED, /* output, path, reason: the last snapshot was not put out there */
	EVENT_TYPE_COUNT,
};

#define EVENT_MAX_ATTRIBUTES 8

struct event_attribute {
	const char *name; /* fixed text: letters, digits, '_' */
	const char *text; /* NULL = `number` is the value */
	uint64_t number;
};

#define EVENT_TEXT(key, value) ((struct event_attribute){ .name = (key), .text = (value) })
#define EVENT_NUMBER(key, value) ((struct event_attribute){ .name = (key), .number = (value) })

struct event {
	enum event_type type;
	uint32_t pid; /* 0 = none */
	uint64_t mono_ns, real_ns; /* when it was noticed */
	uint64_t number; /* 1, 2, … in the order of publishing; given by the bus */
	const char *kernel_id; /* "" = none */
	size_t attribute_count;
	const struct event_attribute *attributes;
};

/* Copies everything; texts become valid UTF-8, at most 256 bytes long. One reference. -ENOMEM, -E2BIG. */
int event__new(const struct event *from, struct event **out);
struct event *event__ref(struct event *event);
/* Accepts NULL; returns NULL. */
struct event *event__unref(struct event *event);

/* "tap.attached", "process.gone", … */
const char *event_type_name(enum event_type type);
/* {"number":…,"type":"…","time":…,"kernel_id":"…","pid":…,"attributes":{…}}, no newline. */
void event_add_json(struct strbuf *out, const struct event *event);

#endif
