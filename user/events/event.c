/* SPDX-License-Identifier: Apache-2.0 */
#include "events/event.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "util/utf8.h"

#define TEXT_MAX 256 /* bytes of a text, without NUL */

static const char *const type_names[] = {
	[EVENT_TAP_ATTACHED] = "tap.attached",
	[EVENT_TAP_FAILED] = "tap.failed",
	[EVENT_TAP_REMOVED] = "tap.removed",
	[EVENT_PROCESS_SEEN] = "process.seen",
	[EVENT_PROCESS_GONE] = "process.gone",
	[EVENT_STREAM_OPENED] = "stream.opened",
	[EVENT_STREAM_CLOSED] = "stream.closed",
	[EVENT_CALL_STUCK] = "call.stuck",
	[EVENT_CALL_SLOW] = "call.slow",
	[EVENT_REQUEST_UNANSWERED] = "request.unanswered",
	[EVENT_EVICTION_BURST] = "eviction.burst",
	[EVENT_COUNTS_LOST] = "counts.lost",
	[EVENT_OVERHEAD] = "overhead.step",
	[EVENT_SNAPSHOT] = "snapshot.taken",
	[EVENT_OUTPUT_FAILED] = "output.failed",
};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == EVENT_TYPE_COUNT, "a name for each");

/* An event with its own copies of everything. */
struct owned_event {
	atomic_uint refs;
	struct event event;
	struct event_attribute attributes[EVENT_MAX_ATTRIBUTES];
	size_t used;
	char texts[];
};

static struct owned_event *owned(struct event *event)
{
	return (struct owned_event *)((char *)event - offsetof(struct owned_event, event));
}

/* Room that a text takes, NUL included: a byte that is not UTF-8 becomes three. */
static size_t room_for(const char *text)
{
	return text ? 3 * strnlen(text, TEXT_MAX) + 1 : 0;
}

static const char *copy_text(struct owned_event *owner, size_t size, const char *text)
{
	char *to = owner->texts + owner->used;

	owner->used += utf8_copy(to, size - owner->used, text, strnlen(text, TEXT_MAX)) + 1;
	return to;
}

int event__new(const struct event *from, struct event **out)
{
	const char *kernel_id = from->kernel_id ? from->kernel_id : "";
	size_t size = room_for(kernel_id);
	struct owned_event *owner;

	if (from->attribute_count > EVENT_MAX_ATTRIBUTES)
		return -E2BIG;
	for (size_t i = 0; i < from->attribute_count; i++)
		size += room_for(from->attributes[i].text);
	owner = malloc(sizeof(*owner) + size);
	if (!owner)
		return -ENOMEM;
	atomic_init(&owner->refs, 1);
	owner->used = 0;
	owner->event = *from;
	owner->event.kernel_id = copy_text(owner, size, kernel_id);
	for (size_t i = 0; i < from->attribute_count; i++) {
		owner->attributes[i] = from->attributes[i];
		if (from->attributes[i].text)
			owner->attributes[i].text =
				copy_text(owner, size, from->attributes[i].text);
	}
	owner->event.attributes = owner->attributes;
	*out = &owner->event;
	return 0;
}

struct event *event__ref(struct event *event)
{
	atomic_fetch_add_explicit(&owned(event)->refs, 1, memory_order_relaxed);
	return event;
}

struct event *event__unref(struct event *event)
{
	if (event && atomic_fetch_sub_explicit(&owned(event)->refs, 1, memory_order_acq_rel) == 1)
		free(owned(event));
	return NULL;
}

const char *event_type_name(enum event_type type)
{
	return (unsigned)type < EVENT_TYPE_COUNT ? type_names[type] : "";
}

static void add_attributes(struct strbuf *out, const struct event *event)
{
	for (size_t i = 0; i < event->attribute_count; i++) {
		const struct event_attribute *attribute = &event->attributes[i];

		strbuf_addf(out, "%s\"%s\":", i ? "," : "", attribute->name);
		if (attribute->text)
			strbuf_add_json(out, attribute->text);
		else
			strbuf_addu64(out, attribute->number);
	}
}

void event_add_json(struct strbuf *out, const struct event *event)
{
	strbuf_addf(out,
		    "{\"number\":%llu,\"type\":\"%s\",\"time\":", (unsigned long long)event->number,
		    event_type_name(event->type));
	strbuf_add_seconds(out, event->real_ns);
	strbuf_addstr(out, ",\"kernel_id\":");
	strbuf_add_json(out, event->kernel_id);
	if (event->pid)
		strbuf_addf(out, ",\"pid\":%u", event->pid);
	strbuf_addstr(out, ",\"attributes\":{");
	add_attributes(out, event);
	strbuf_addstr(out, "}}");
}
