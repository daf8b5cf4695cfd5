/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_SENT_BPF_H
#define TAPMETER_SENT_BPF_H
/*
 * Records of messages under way.
 *
 * The same bytes are one message only if nothing equal is under way as well. So a record counts how often its message was
 * sent and received, and a receive is matched only when exactly one is under way and it was sent when none was:
 * then it is this one, whoever sends and receives. Otherwise the receive is skipped and counted as ambiguous. A
 * message received more often than it was sent (by somebody we do not see) is never matched again, nor is one whose
 * record had to be overwritten while it was under way. What a fan-out socket sends is matched once by each
 * receiver, and never again once it has been sent twice.
 */
#include "maps.bpf.h"

#define LOCK_TRIES 512

enum sent_state {
	SENT_SINGLE, /* at most one is under way, since sent_ns */
	SENT_UNCLEAR, /* several are under way; single again when all have been received */
	SENT_FAN_OUT, /* sent once, to many */
	SENT_MIXED, /* never to be matched */
};

struct sent {
	__u64 sent_ns;
	__u64 receivers; /* FAN_OUT: the first four that have it, 16 bits each; 0 = none */
	__u32 sender; /* TM_STREAM_ID */
	__u32 sent, received; /* how often */
	__u32 state;
};

struct sent_set {
	__u32 lock;
	__u32 pad;
	__u64 keys[TM_TRANSIT_WAYS]; /* 0 = free */
	struct sent sent[TM_TRANSIT_WAYS];
};

/* What is known of a stream between its calls; valid for one generation of the slot. */
struct transit_stream {
	__u64 hash; /* of the frames of a message so far */
	__u64 first_ns; /* when its first frame was sent */
	__u32 generation;
	__u32 frames;
	__u8 ready; /* the three below are known */
	__u8 addressed;
	__u8 fan_out;
	__u8 spoilt; /* a frame of this message could not be read */
	__u32 sender; /* receiver: of the last match, and its index in `transits` */
	__u32 transit;
	__u32 matched; /* sender: some message of it was received here */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TM_TRANSIT_SETS);
	__type(key, __u32);
	__type(value, struct sent_set);
} sent_sets SEC(".maps") __weak;

/* Messages whose record was overwritten while they were under way, each until another takes its place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TM_TRANSIT_FORGOTTEN);
	__type(key, __u32);
	__type(value, __u64);
} forgotten SEC(".maps") __weak;

/* By slot; sized like the slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct transit_stream);
} transit_streams SEC(".maps") __weak;

/* Nobody waits for long: whoever holds the lock may have been put to sleep with it. */
static __always_inline bool set_lock(struct sent_set *set)
{
	int i;

	for (i = 0; i < LOCK_TRIES; i++)
		if (!__sync_val_compare_and_swap(&set->lock, 0, 1))
			return true;
	return false;
}

static __always_inline void set_unlock(struct sent_set *set)
{
	__sync_lock_test_and_set(&set->lock, 0);
}

static __always_inline struct sent_set *set_of(__u64 key)
{
	__u32 index = key >> (64 - TM_TRANSIT_SETS_LOG2);

	return bpf_map_lookup_elem(&sent_sets, &index);
}

static __always_inline struct sent *set_find(struct sent_set *set, __u64 key)
{
	int i;

	for (i = 0; i < TM_TRANSIT_WAYS; i++)
		if (set->keys[i] == key)
			return &set->sent[i];
	return 0;
}

static __always_inline __u64 *forgotten_place(__u64 key)
{
	__u32 index = key >> (64 - TM_TRANSIT_FORGOTTEN_LOG2);

	return bpf_map_lookup_elem(&forgotten, &index);
}

static __always_inline void forget(__u64 key)
{
	__u64 *place = forgotten_place(key);

	if (place)
		*(volatile __u64 *)place = key;
}

static __always_inline bool is_forgotten(__u64 key)
{
	__u64 *place = forgotten_place(key);

	return !place || *(volatile __u64 *)place == key;
}

static __always_inline struct transit_stream *transit_stream_at(__u32 slot)
{
	return bpf_map_lookup_elem(&transit_streams, &slot);
}

static __always_inline bool nothing_under_way(const struct sent *sent)
{
	return sent->state == SENT_FAN_OUT ? sent->received > 0 : sent->sent == sent->received;
}

/* A record that must make room while its message may still be under way. */
static __always_inline void overwrite(const struct sent *sent, __u64 key)
{
	const struct transit_stream *sender;

	if (nothing_under_way(sent) && sent->state != SENT_MIXED)
		return;
	forget(key);
	if (sent->state == SENT_MIXED)
		return;
	/* what goes to other hosts is no loss */
	sender = transit_stream_at(TM_STREAM_ID_SLOT(sent->sender));
	if (sender && sender->matched == sent->sender)
		lost(TM_LOST_TRANSIT_OVERWRITTEN);
}

/* A place for a new record: a free one, else the oldest that has been received, else the oldest. */
static __always_inline struct sent *set_make(struct sent_set *set, __u64 key)
{
	__u64 best = ~0ull;
	__u32 way = 0, i;
	struct sent *sent;

	for (i = 0; i < TM_TRANSIT_WAYS; i++) {
		__u64 age = set->sent[i].sent_ns;

		if (!set->keys[i])
			age = 0;
		else if (!nothing_under_way(&set->sent[i]))
			age |= 1ull << 63;
		if (age < best) {
			best = age;
			way = i;
		}
	}
	way &= TM_TRANSIT_WAYS - 1;
	sent = &set->sent[way];
	if (set->keys[way])
		overwrite(sent, set->keys[way]);
	set->keys[way] = key;
	sent->sent = 0;
	sent->received = 0;
	sent->receivers = 0;
	sent->state = is_forgotten(key) ? SENT_MIXED : SENT_SINGLE;
	return sent;
}

static __always_inline void sent_again(struct sent *sent, const struct transit_stream *stream,
				       __u32 sender)
{
	if (sent->state != SENT_MIXED) {
		if (!sent->sent)
			sent->state = stream->fan_out ? SENT_FAN_OUT : SENT_SINGLE;
		else if (stream->fan_out || sent->state == SENT_FAN_OUT)
			sent->state = SENT_MIXED;
		else if (sent->sent == sent->received)
			sent->state = SENT_SINGLE;
		else
			sent->state = SENT_UNCLEAR;
	}
	sent->sent_ns = stream->first_ns;
	sent->sender = sender;
	sent->sent++;
}

static __noinline void sent_add(__u64 key, const struct transit_stream *stream, __u32 sender)
{
	struct sent_set *set = set_of(key);
	struct sent *sent;

	if (!set)
		return;
	if (!set_lock(set)) {
		forget(key);
		lost(TM_LOST_TRANSIT_BUSY);
		return;
	}
	sent = set_find(set, key);
	if (!sent)
		sent = set_make(set, key);
	sent_again(sent, stream, sender);
	set_unlock(set);
}

/* The call failed: as if it had not been made. */
static __noinline void sent_undo(__u64 key)
{
	struct sent_set *set = set_of(key);
	int i;

	/* without the lock it stays as one more under way: skipped, never mistaken */
	if (!set || !set_lock(set))
		return;
	for (i = 0; i < TM_TRANSIT_WAYS; i++) {
		struct sent *sent = &set->sent[i];

		if (set->keys[i] != key || !sent->sent)
			continue;
		sent->sent--;
		if (!sent->sent && !sent->received && sent->state != SENT_MIXED)
			set->keys[i] = 0;
	}
	set_unlock(set);
}

/*
 * Whether this receiver has not had it yet; notes that it has. Only the first four are known: beyond them, a message
 * from somebody we do not see may be taken for this one.
 */
static __always_inline bool receiver_first(struct sent *sent, __u32 receiver)
{
	__u64 mark = TM_STREAM_ID_SLOT(receiver) % 0xffff + 1;
	int i;

	for (i = 0; i < 64; i += 16) {
		__u64 known = sent->receivers >> i & 0xffff;

		if (known == mark)
			return false;
		if (!known) {
			sent->receivers |= mark << i;
			return true;
		}
	}
	return true;
}

/* Whether a receive now is the one message under way; keeps the books either way. */
static __always_inline bool sent_matches(struct sent *sent, __u32 receiver)
{
	bool single;

	if (sent->state == SENT_MIXED)
		return false;
	if (sent->state == SENT_FAN_OUT ? !receiver_first(sent, receiver) :
					  sent->received >= sent->sent) {
		sent->state = SENT_MIXED; /* somebody we do not see sends it too */
		return false;
	}
	single = sent->state != SENT_UNCLEAR;
	sent->received++;
	return single;
}

/* 0 and *out, if it is certain which send it was; -1 if no send, or no certain one, is known. */
static __noinline int sent_take(__u64 key, __u32 receiver, struct sent *out)
{
	struct sent_set *set = set_of(key);
	struct sent *sent;
	bool matches;

	if (!set)
		return -1;
	if (!set_lock(set)) {
		lost(TM_LOST_TRANSIT_BUSY);
		return -1;
	}
	sent = set_find(set, key);
	if (!sent) {
		set_unlock(set);
		return -1;
	}
	matches = sent_matches(sent, receiver);
	out->sent_ns = sent->sent_ns;
	out->sender = sent->sender;
	set_unlock(set);
	if (!matches)
		lost(TM_LOST_TRANSIT_AMBIGUOUS);
	return matches ? 0 : -1;
}

#endif
