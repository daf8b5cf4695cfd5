/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_EVENT_BPF_H
#define TAPMETER_EVENT_BPF_H
/*
 * Events that a program tells us of (tapmeter/tap.h): a name and a value. The stream's object is a hash of the name, not its
 * address, which may hold another name at the next call; under a secret seed, so that nobody can make two names
 * one. The name itself is put into the slot by the first call.
 */
#include "stream.bpf.h"
#include "value.bpf.h"

extern const volatile __u64 transit_seed;

#define EVENT_WORDS (TM_EVENT_NAME / 8)

struct event_name {
	union {
		char text[TM_EVENT_NAME];
		__u64 words[EVENT_WORDS];
	};
};

/* Never 0, which is that of an event whose name is not known. */
static __always_inline __u64 event_hash(const struct event_name *name)
{
	__u64 hash = transit_seed;
	int i;

	for (i = 0; i < EVENT_WORDS; i++) {
		hash = (hash ^ name->words[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash ? hash : 1;
}

static __noinline int event_count(struct tm_thread *thread, const struct tm_frame *frame,
				  const struct tm_spec *spec)
{
	struct event_name name = {};
	struct stream_ref ref = {};
	struct tm_slot *slot;
	__u64 address = 0;
	__s64 value = 0;

	if (value_read(&spec->object, frame, 0, (__s64 *)&address) ||
	    value_read(&spec->bytes, frame, 0, &value) ||
	    bpf_probe_read_user_str(name.text, sizeof(name.text), (const void *)address) < 0) {
		lost(TM_LOST_UNREADABLE);
		name.text[0] = 0;
	}
	if (stream_get(thread, spec, spec->op, name.text[0] ? event_hash(&name) : 0, &ref))
		return 0;
	slot = slot_at(ref.slot);
	if (!slot)
		return 0;
	if (!slot->named) {
		__builtin_memcpy(slot->name, name.text, sizeof(name.text));
		*(volatile __u64 *)&slot->named = 1;
	}
	__sync_fetch_and_add(&slot->messages, 1);
	if (value >= 0)
		__sync_fetch_and_add(&slot->bytes, value);
	else
		__sync_fetch_and_add(&slot->received, -(__u64)value);
	return 0;
}

#endif
