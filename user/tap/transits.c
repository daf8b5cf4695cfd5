/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/transits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REST_NS 1000000000ull /* from closed to given back */
#define SENDER_GONE_NS 60000000000ull /* what it has sent may still wait to be received */
#define LOOK_AHEAD 64 /* free entries behind the last one in use that are looked at */

struct entry {
	void *user; /* NULL = not opened */
	uint64_t sender_gone_ns; /* since when, 0 = it is there */
	uint64_t closed_ns; /* 0 = live */
};

struct transits {
	struct probes *probes;
	struct streams *streams;
	struct transit_callbacks cb;
	struct tm_transit *counters;
	uint32_t used; /* entries from here on were never used */
	struct entry entries[TM_TRANSIT_PAIRS];
};

int transits__new(struct probes *probes, struct streams *streams,
		  const struct transit_callbacks *callbacks, struct transits **out)
{
	struct transits *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->probes = probes;
	t->streams = streams;
	t->cb = *callbacks;
	t->counters = probes__transits(probes);
	/* those of a former agent need not lie close together */
	for (uint32_t i = 0; t->counters && i < TM_TRANSIT_PAIRS; i++)
		if (t->counters[i].state != TM_SLOT_FREE)
			t->used = i + 1;
	*out = t;
	return 0;
}

void transits__free(struct transits *transits)
{
	free(transits);
}

static void entry_open(struct transits *t, uint32_t index)
{
	const struct tm_transit *counters = &t->counters[index];
	void *receiver, *sender = NULL, *user;

	if (t->cb.recall && !t->cb.recall(t->cb.arg, counters, &user)) {
		t->entries[index].user = user;
		return;
	}
	if (streams__user(t->streams, counters->receiver, &receiver) || !receiver)
		return;
	if (!streams__user(t->streams, counters->sender, &sender) && !sender)
		return; /* its labels come soon */
	if (!t->cb.open(t->cb.arg, counters, receiver, sender, &user))
		t->entries[index].user = user;
}

static int is_over(struct transits *t, uint32_t index, uint64_t now_ns)
{
	struct entry *entry = &t->entries[index];
	void *user;

	if (streams__user(t->streams, t->counters[index].receiver, &user))
		return 1;
	if (!streams__user(t->streams, t->counters[index].sender, &user))
		entry->sender_gone_ns = 0;
	else if (!entry->sender_gone_ns)
		entry->sender_gone_ns = now_ns;
	return entry->sender_gone_ns && now_ns - entry->sender_gone_ns >= SENDER_GONE_NS;
}

static void entry_close(struct transits *t, uint32_t index, uint64_t now_ns)
{
	struct tm_transit *counters = &t->counters[index];
	struct entry *entry = &t->entries[index];

	if (now_ns - entry->closed_ns < REST_NS)
		return;
	if (entry->user && t->cb.retire(t->cb.arg, entry->user, counters, now_ns))
		return;
	memset(entry, 0, sizeof(*entry));
	memset(counters, 0, sizeof(*counters)); /* with it, the state is free */
	if (t->cb.freed)
		t->cb.freed(t->cb.arg);
	probes__transit_give_back(t->probes, index);
}

static void entry_update(struct transits *t, uint32_t index, uint64_t now_ns)
{
	struct tm_transit *counters = &t->counters[index];
	struct entry *entry = &t->entries[index];

	if (entry->closed_ns) {
		entry_close(t, index, now_ns);
		return;
	}
	if (!entry->user)
		entry_open(t, index);
	if (!is_over(t, index, now_ns))
		return;
	probes__transit_forget(t->probes, counters);
	__atomic_store_n(&counters->state, TM_SLOT_CLOSED, __ATOMIC_RELEASE);
	entry->closed_ns = now_ns;
}

void transits__update(struct transits *transits, uint64_t now_ns)
{
	if (!transits->counters)
		return;
	/* free numbers are handed out from the lowest on */
	for (uint32_t i = 0; i < transits->used + LOOK_AHEAD && i < TM_TRANSIT_PAIRS; i++) {
		if (__atomic_load_n(&transits->counters[i].state, __ATOMIC_ACQUIRE) == TM_SLOT_FREE)
			continue;
		if (i >= transits->used)
			transits->used = i + 1;
		entry_update(transits, i, now_ns);
	}
}

int transits__each(const struct transits *transits, transits_each_fn fn, void *arg)
{
	for (uint32_t i = 0; i < transits->used; i++) {
		const struct entry *entry = &transits->entries[i];
		int err;

		if (!entry->user)
			continue;
		err = fn(arg, entry->user, &transits->counters[i]);
		if (err)
			return err;
	}
	return 0;
}
