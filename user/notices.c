/* SPDX-License-Identifier: Apache-2.0 */
#include "notices.h"
#include <string.h>
#include <time.h>
#include "util/log.h"

#define NS_PER_MS 1000000u
#define NS_PER_US 1000u

static void publish(struct bus *bus, struct event event, const struct event_attribute *attributes,
		    size_t count)
{
	struct timespec real = { 0 };

	clock_gettime(CLOCK_REALTIME, &real);
	event.real_ns = (uint64_t)real.tv_sec * 1000000000ull + (uint64_t)real.tv_nsec;
	event.attributes = attributes;
	event.attribute_count = count;
	bus__publish(bus, &event);
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void notice_tapped(struct bus *bus, uint64_t now_ns, const char *path, size_t functions)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("path", path),
		EVENT_NUMBER("functions", functions),
	};

	publish(bus, (struct event){ .type = EVENT_TAP_ATTACHED, .mono_ns = now_ns }, attributes,
		COUNT_OF(attributes));
}

void notice_untapped(struct bus *bus, uint64_t now_ns, enum event_type type, const char *path,
		     const char *reason)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("path", path),
		EVENT_TEXT("reason", reason),
	};

	publish(bus, (struct event){ .type = type, .mono_ns = now_ns }, attributes,
		COUNT_OF(attributes));
}

void notice_process(struct bus *bus, uint64_t now_ns, enum event_type type,
		    const struct process *process)
{
	const struct event_attribute comm = EVENT_TEXT("comm", process->comm);
	const struct event event = {
		.type = type,
		.mono_ns = now_ns,
		.pid = process->id.tgid,
		.kernel_id = process->subject.kernel_id,
	};

	publish(bus, event, &comm, 1);
}

/* What a stream is known by; empty labels are left out. Returns how many. */
static size_t add_labels(const struct series_labels *labels, struct event_attribute *out)
{
	static const char *const directions[] = {
		[DIRECTION_NONE] = "",
		[DIRECTION_SEND] = "send",
		[DIRECTION_RECEIVE] = "receive",
	};
	const struct event_attribute all[] = {
		EVENT_TEXT("system", labels->system),
		EVENT_TEXT("comm", labels->comm),
		EVENT_TEXT("direction", directions[labels->direction]),
		EVENT_TEXT("operation", labels->operation),
		EVENT_TEXT("endpoint", labels->endpoint),
		EVENT_TEXT("socket_type", labels->socket_type),
	};
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i].text[0])
			out[count++] = all[i];
	return count;
}

static struct event stream_event(enum event_type type, uint64_t now_ns, uint32_t tgid,
				 const struct series_labels *labels)
{
	return (struct event){
		.type = type,
		.mono_ns = now_ns,
		.pid = tgid,
		.kernel_id = labels->kernel_id,
	};
}

void notice_stream(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		   const struct series_labels *labels)
{
	struct event_attribute attributes[EVENT_MAX_ATTRIBUTES];
	size_t count = add_labels(labels, attributes);

	publish(bus, stream_event(EVENT_STREAM_OPENED, now_ns, tgid, labels), attributes, count);
}

void notice_stream_end(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		       const struct series_labels *labels, const struct counters *totals)
{
	struct event_attribute attributes[EVENT_MAX_ATTRIBUTES];
	size_t count = add_labels(labels, attributes);

	attributes[count++] = EVENT_NUMBER("calls", totals->frames);
	attributes[count++] = EVENT_NUMBER("bytes", totals->bytes);
	publish(bus, stream_event(EVENT_STREAM_CLOSED, now_ns, tgid, labels), attributes, count);
}

void notice_stuck(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		  const struct series_labels *labels, uint64_t age_ns)
{
	struct event_attribute attributes[EVENT_MAX_ATTRIBUTES];
	size_t count = add_labels(labels, attributes);

	attributes[count++] = EVENT_NUMBER("age_ms", age_ns / NS_PER_MS);
	publish(bus, stream_event(EVENT_CALL_STUCK, now_ns, tgid, labels), attributes, count);
}

void notice_slow(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		 const struct series_labels *labels, uint64_t duration_ns, uint64_t calls)
{
	struct event_attribute attributes[EVENT_MAX_ATTRIBUTES];
	size_t count = add_labels(labels, attributes);

	attributes[count++] = EVENT_NUMBER("duration_us", duration_ns / NS_PER_US);
	attributes[count++] = EVENT_NUMBER("calls", calls);
	publish(bus, stream_event(EVENT_CALL_SLOW, now_ns, tgid, labels), attributes, count);
}

void notice_unanswered(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		       const struct series_labels *labels, uint32_t unanswered, uint64_t age_ns)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("system", labels->system),	 EVENT_TEXT("comm", labels->comm),
		EVENT_TEXT("method", labels->operation), EVENT_TEXT("side", labels->side),
		EVENT_NUMBER("unanswered", unanswered),	 EVENT_NUMBER("age_ms", age_ns / NS_PER_MS),
	};

	publish(bus, stream_event(EVENT_REQUEST_UNANSWERED, now_ns, tgid, labels), attributes,
		COUNT_OF(attributes));
}

void notice_evictions(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		      const struct series_labels *labels, uint64_t evictions)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("system", labels->system),
		EVENT_TEXT("comm", labels->comm),
		EVENT_NUMBER("evictions", evictions),
	};

	publish(bus, stream_event(EVENT_EVICTION_BURST, now_ns, tgid, labels), attributes,
		COUNT_OF(attributes));
}

void notice_lost(struct bus *bus, uint64_t now_ns, enum tm_lost reason, uint64_t count)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("reason", lost_name(reason)),
		EVENT_NUMBER("count", count),
	};

	publish(bus, (struct event){ .type = EVENT_COUNTS_LOST, .mono_ns = now_ns }, attributes,
		COUNT_OF(attributes));
}

void notice_snapshot(struct bus *bus, const struct snapshot *snapshot)
{
	const struct event_attribute attributes[] = {
		EVENT_NUMBER("snapshot", snapshot->number),
		EVENT_NUMBER("kernels", snapshot->kernel_count),
		EVENT_NUMBER("streams", snapshot->stream_count),
		EVENT_NUMBER("taps", snapshot->tap_count),
	};

	publish(bus, (struct event){ .type = EVENT_SNAPSHOT, .mono_ns = snapshot->mono_ns },
		attributes, COUNT_OF(attributes));
}

void notice_output(struct bus *bus, uint64_t now_ns, const char *output, const char *path,
		   const char *reason)
{
	const struct event_attribute attributes[] = {
		EVENT_TEXT("output", output),
		EVENT_TEXT("path", path),
		EVENT_TEXT("reason", reason),
	};

	publish(bus, (struct event){ .type = EVENT_OUTPUT_FAILED, .mono_ns = now_ns }, attributes,
		COUNT_OF(attributes));
}

/* ---- the log ---------------------------------------------------------------------------------- */

static const struct log_entry {
	enum log_level level;
	const char *msg;
} entries[] = {
	[EVENT_TAP_ATTACHED] = { LOG_INFO, "tapped" },
	[EVENT_TAP_FAILED] = { LOG_WARN, "tap failed" },
	[EVENT_TAP_REMOVED] = { LOG_INFO, "tap removed" },
	[EVENT_PROCESS_SEEN] = { LOG_DEBUG, "process seen" },
	[EVENT_PROCESS_GONE] = { LOG_DEBUG, "process gone" },
	[EVENT_STREAM_OPENED] = { LOG_DEBUG, "stream opened" },
	[EVENT_STREAM_CLOSED] = { LOG_DEBUG, "stream closed" },
	[EVENT_CALL_STUCK] = { LOG_WARN, "call stuck" },
	[EVENT_CALL_SLOW] = { LOG_WARN, "call slow" },
	[EVENT_REQUEST_UNANSWERED] = { LOG_WARN, "request unanswered" },
	[EVENT_EVICTION_BURST] = { LOG_WARN, "eviction burst" },
	[EVENT_COUNTS_LOST] = { LOG_WARN, "counts lost" },
	[EVENT_OVERHEAD] = { LOG_WARN, "tap given up: over the budget" },
	[EVENT_SNAPSHOT] = { LOG_DEBUG, "snapshot taken" },
	[EVENT_OUTPUT_FAILED] = { LOG_ERROR, "the last snapshot is not there" },
};
_Static_assert(COUNT_OF(entries) == EVENT_TYPE_COUNT, "an entry for each type");

int notices_log(void *arg, const struct event *event)
{
	const struct log_entry *entry = &entries[event->type];
	struct log_field fields[EVENT_MAX_ATTRIBUTES + 4];
	size_t count = 0;

	(void)arg;
	fields[count++] = LOG_STR("msg", entry->msg);
	if (event->kernel_id[0])
		fields[count++] = LOG_STR("kernel_id", event->kernel_id);
	if (event->pid)
		fields[count++] = LOG_U64("pid", event->pid);
	for (size_t i = 0; i < event->attribute_count; i++) {
		const struct event_attribute *from = &event->attributes[i];

		fields[count++] = from->text ? LOG_STR(from->name, from->text) :
					       LOG_U64(from->name, from->number);
	}
	fields[count] = (struct log_field){ .key = NULL };
	log_write(entry->level, fields);
	return 0;
}
