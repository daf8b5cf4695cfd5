/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/identify.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tap/object.h"
#include "util/aside.h"
#include "util/plausible.h"

_Static_assert(OBJECT_TEXT_SIZE == TM_TEXT_LEN, "object texts and labels are equally long");

/* A tapped process. */
struct memory {
	struct aside *aside;
	uint32_t tgid;
	int unanswered; /* what it holds could not be told now */
};

static long read_memory(void *arg, uint64_t address, void *buf, size_t size)
{
	struct memory *memory = arg;
	long got = aside__read_memory(memory->aside, memory->tgid, address, buf, size);

	if (got != -ETIMEDOUT && got != -EBUSY && got != -EAGAIN && got != -ENOMEM)
		return got;
	memory->unanswered = 1;
	return -EBUSY;
}

/* The mangled name of the object's class, as bpf/label.bpf.h reads it. */
static int read_class_name(struct memory *memory, uint64_t object, char *name, size_t size)
{
	uint64_t vtable, info, text;
	long got;

	if (read_memory(memory, object, &vtable, sizeof(vtable)) != sizeof(vtable) ||
	    read_memory(memory, vtable - 8, &info, sizeof(info)) != sizeof(info) ||
	    read_memory(memory, info + 8, &text, sizeof(text)) != sizeof(text))
		return -EFAULT;
	got = read_memory(memory, text, name, size - 1);
	if (got < 0)
		return (int)got;
	name[got] = 0;
	return 0;
}

static void read_comm(uint32_t tgid, char comm[TM_COMM_LEN])
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	got = read(fd, comm, TM_COMM_LEN - 1);
	close(fd);
	if (got > 0 && comm[got - 1] == '\n') /* the last one: the name itself may hold some */
		got--;
	comm[got > 0 ? got : 0] = 0;
}

static const char *class_label(const struct profile_object *object, const char *class_name)
{
	for (size_t i = 0; i < object->class_count; i++)
		if (!strcmp(object->classes[i].from, class_name))
			return object->classes[i].to;
	return "unknown";
}

void object_class_fill(const struct profile_object *object, const struct profile_message *message,
		       struct tm_object_class *out)
{
	memset(out, 0, sizeof(*out));
	out->tag = object->tag;
	snprintf(out->class_prefix, sizeof(out->class_prefix), "%s", object->class_prefix);
	memcpy(out->addressed, message->addressed, sizeof(out->addressed));
	memcpy(out->fan_out, message->fan_out, sizeof(out->fan_out));
}

/* Scans one object for the places of tag and text, reads its text, and tells BPF the places. */
static int scan_object(struct probes *probes, struct memory *memory, const struct profile *profile,
		       const struct tm_slot *slot, const struct tm_stream_event *event,
		       char text[TM_TEXT_LEN])
{
	char head[TM_OBJECT_HEAD];
	struct tm_object_class class;
	struct object_layout layout;
	struct object_scan scan = {
		.address = slot->key.object,
		.head = event && event->head_len ? event->head : head,
		.size = event ? event->head_len : 0,
		.tag = profile->object.tag,
		.prefix_count = profile->object.prefix_count,
		.prefixes = profile->object.prefixes,
		.read = read_memory,
		.arg = memory,
	};
	long got;
	int err;

	if (!scan.size) {
		got = read_memory(memory, slot->key.object, head, profile->object.within);
		if (got <= 0)
			return -EFAULT;
		scan.size = (size_t)got;
	}
	if (scan.size > profile->object.within)
		scan.size = profile->object.within;
	err = object_layout_find(&scan, &layout);
	if (err)
		return err;
	err = object_text_read(&scan, &layout, text);
	if (err < 0)
		return err;
	object_class_fill(&profile->object, &profile->message, &class);
	class.known = 1;
	class.tag_offset = layout.tag_offset;
	class.text_offset = layout.text_offset;
	/* if it fails, the next object is scanned like this one */
	probes__set_class(probes, slot->object_class, &class);
	return 0;
}

/* As identify_stream(). */
static int identify_object(struct probes *probes, struct memory *memory,
			   const struct profile *profile, const struct tm_slot *slot,
			   const struct tm_stream_event *event, struct stream_labels_text *out)
{
	char class_name[TM_CLASS_LEN] = "";
	int err;

	if (event)
		memcpy(class_name, event->class_name, sizeof(class_name));
	class_name[sizeof(class_name) - 1] = 0;
	if (!class_name[0])
		read_class_name(memory, slot->key.object, class_name, sizeof(class_name));
	out->socket_type = class_label(&profile->object, class_name);
	if (event && event->text_ok) {
		snprintf(out->endpoint, sizeof(out->endpoint), "%s",
			 event->text[0] ? event->text : "none");
		return memory->unanswered ? -EAGAIN : 1;
	}
	err = scan_object(probes, memory, profile, slot, event, out->endpoint);
	/* readable, but no text in it: a socket that is neither bound nor connected */
	if (err == -EAGAIN || (!err && !out->endpoint[0])) {
		snprintf(out->endpoint, sizeof(out->endpoint), "none");
		err = 0;
	}
	if (err)
		snprintf(out->endpoint, sizeof(out->endpoint), "unknown");
	return memory->unanswered ? -EAGAIN : !err;
}

/* What is no name, or was cut, is not told apart. */
static void read_event_name(const struct tm_slot *slot, char *out, size_t size)
{
	char name[TM_EVENT_NAME];

	memcpy(name, slot->name, sizeof(name));
	name[sizeof(name) - 1] = 0;
	if (!name[0])
		snprintf(out, size, "unknown");
	else if (strlen(name) == sizeof(name) - 1 || !plausible_name(name, sizeof(name)))
		snprintf(out, size, "other");
	else
		snprintf(out, size, "%s", name);
}

int identify_stream(struct probes *probes, struct aside *aside, const struct profile *profile,
		    const struct tm_slot *slot, const struct tm_stream_event *event,
		    struct stream_labels_text *out)
{
	struct memory memory = { .aside = aside, .tgid = slot->key.process.tgid };
	int known;

	memset(out, 0, sizeof(*out));
	out->socket_type = "";
	if (event)
		memcpy(out->comm, event->comm, sizeof(out->comm));
	else
		read_comm(slot->key.process.tgid, out->comm);
	out->comm[TM_COMM_LEN - 1] = 0;
	if (profile->kind == PROFILE_EVENT)
		read_event_name(slot, out->endpoint, sizeof(out->endpoint));
	if (!profile->object.given)
		return out->comm[0] != 0;
	if (!slot->key.object) {
		/* calls with a pointer that is no object of the library */
		out->socket_type = "unknown";
		snprintf(out->endpoint, sizeof(out->endpoint), "unknown");
		return out->comm[0] != 0;
	}
	known = identify_object(probes, &memory, profile, slot, event, out);
	return known < 0 ? known : known && out->comm[0] != 0;
}
