/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_MESSAGE_BPF_H
#define TAPMETER_MESSAGE_BPF_H
/* A number for the bytes of a message: its length, its head and its tail, wherever a profile says that they are. */
#include "value.bpf.h"

#define HASH_PART 64 /* bytes of head and of tail that count */
#define HASH_K 0x9e3779b97f4a7c15ull

static __always_inline __u64 hash_word(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * HASH_K;
	return hash ^ hash >> 32;
}

/* Hashes length, head and tail of `size` bytes at `data` on top of `hash`. 0 = not readable. */
static __noinline __u64 hash_bytes(__u64 hash, __u64 data, __u64 size)
{
	__u64 words[2 * HASH_PART / 8] = {};
	__u32 count = 2 * HASH_PART, i;

	hash = hash_word(hash, size);
	if (size <= 2 * HASH_PART) {
		count = size;
		/* the mask is for the verifier */
		if (count && bpf_probe_read_user(words, (count - 1 & 127) + 1, (void *)data))
			return 0;
	} else if (bpf_probe_read_user(words, HASH_PART, (void *)data) ||
		   bpf_probe_read_user((char *)words + HASH_PART, HASH_PART,
				       (void *)(data + size - HASH_PART))) {
		return 0;
	}
	for (i = 0; i < 2 * HASH_PART / 8; i++) {
		if (i * 8 >= count)
			break;
		hash = hash_word(hash, words[i]);
	}
	return hash ? hash : 1;
}

struct payload {
	__u64 data;
	__u64 size;
};

/* A field of a copy of a message object; fields do not cross words. */
static __always_inline __u64 field_at(const __u64 words[TM_FORM_BYTES / 8], __u8 at, __u8 width)
{
	__u64 word = words[(at >> 3) & (TM_FORM_BYTES / 8 - 1)] >> 8 * (at & 7);

	return width >= 8 ? word : word & ((1ull << 8 * width) - 1);
}

static __always_inline int words_read(__u64 words[TM_FORM_BYTES / 8], __u32 bytes, __u64 address)
{
	/* 1..TM_FORM_BYTES; the mask is for the verifier */
	return bpf_probe_read_user(words, ((bytes - 1) & (TM_FORM_BYTES - 1)) + 1, (void *)address);
}

static __always_inline int form_read(const struct tm_form *form, __u64 words[TM_FORM_BYTES / 8],
				     __u64 object, struct payload *out)
{
	if (form->behind) {
		object = field_at(words, form->behind_at, 8);
		if (words_read(words, form->behind_bytes, object))
			return -1;
	}
	out->size = field_at(words, form->size_at, form->size_width);
	out->data = form->embedded ? object + form->data_at : field_at(words, form->data_at, 8);
	return 0;
}

static __always_inline int message_read(const struct tm_payload *payload, __u64 object,
					struct payload *out)
{
	__u64 words[TM_FORM_BYTES / 8] = {};
	__u8 type;
	int i;

	if (words_read(words, payload->object_bytes, object))
		return -1;
	type = field_at(words, payload->type_at, 1);
	for (i = 0; i < TM_FORMS; i++)
		if (i < payload->form_count && payload->forms[i].type == type)
			return form_read(&payload->forms[i], words, object, out);
	return -1;
}

/* Where the bytes of this call's frame are. `ret`: what a receive has returned. */
static __noinline int payload_read(const struct tm_spec *spec, const struct tm_frame *frame,
				   __u64 ret, struct payload *out)
{
	__s64 data, size;

	if (value_read(&spec->payload.data, frame, ret, &data))
		return -1;
	if (spec->payload.kind == TM_PAYLOAD_MESSAGE)
		return message_read(&spec->payload, data, out);
	value_read(&spec->payload.size, frame, ret, &size);
	out->data = data;
	out->size = size;
	if (!spec->payload.receive)
		return 0;
	/* the room there was; a message that did not fit in is not there as a whole */
	value_read(&spec->bytes, frame, ret, &size);
	if (size < 0 || (__u64)size > out->size)
		return -1;
	out->size = size;
	return 0;
}

#endif
