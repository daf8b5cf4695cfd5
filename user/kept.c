/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tap/layout.h"
#include "tap/streams.h"

#define MAX_TOTALS 4096
#define KEPT_VERSION 1 /* of the meaning of what is below; its sizes are looked at anyway */

/* Texts one behind the other, each with its NUL. */
#define TEXTS 10
#define TEXTS_SIZE 976

struct kept_labels {
	uint32_t kind, direction;
	uint8_t removals, internal, mark, pad;
	uint32_t pad2;
	char texts[TEXTS_SIZE];
};

enum entry_state {
	ENTRY_UNKNOWN = 0,
	ENTRY_LABELS,
	ENTRY_NO_SERIES,
};

/* Beside a slot, or an entry of delivery times or requests. */
struct kept_entry {
	uint64_t id; /* of whose it is */
	uint32_t state; /* enum entry_state; written last */
	uint32_t pad;
	struct kept_labels labels;
};
_Static_assert(sizeof(struct kept_entry) == 1008, "labels are kept in 1 KiB each");

struct kept_total {
	uint64_t hash; /* of the labels; 0 = free; written last */
	struct kept_labels labels;
	struct counters totals;
};

/* What is being done. All is there before `busy` is set. */
struct journal {
	uint32_t busy;
	uint32_t source; /* enum kept_source */
	uint32_t index, generation; /* of the entry; generation of slots only */
	uint32_t total; /* MAX_TOTALS: none, the entry only has to go */
	uint32_t pad;
	uint64_t hash;
	struct kept_labels labels;
	struct counters totals;
};

struct kept {
	struct probes *probes;
	struct {
		struct kept_entry *entries;
		uint32_t count; /* 0: there are none of this source */
	} of[KEPT_SOURCES];
	struct kept_total *totals;
	struct journal *journal;
	uint64_t hashes[MAX_TOTALS]; /* those of totals, side by side */
	uint64_t refused;
};

#define TOTALS_SIZE (MAX_TOTALS * sizeof(struct kept_total))

/* Nothing of it may be moved behind what follows. What a killed process has written is there for all. */
static void set(uint32_t *place, uint32_t value)
{
	__atomic_store_n(place, value, __ATOMIC_SEQ_CST);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

uint64_t kept_layout(void)
{
	const uint64_t parts[] = {
		KEPT_VERSION,
		sizeof(struct kept_entry),
		sizeof(struct kept_total),
		MAX_TOTALS,
		sizeof(struct journal),
		offsetof(struct counters, cache),
		TM_HIST_BUCKETS,
		offsetof(struct counters, errors),
		TM_MAX_ERRNOS,
		offsetof(struct counters, hist),
	};

	return layout_add(LAYOUT_START, parts, sizeof(parts));
}

/* ---- labels --------------------------------------------------------------------------------- */

/* The order in memory. */
static void list_texts(struct series_labels *labels, const char **list[TEXTS])
{
	list[0] = &labels->kernel_id;
	list[1] = &labels->container;
	list[2] = &labels->pod;
	list[3] = &labels->namespace;
	list[4] = &labels->comm;
	list[5] = &labels->system;
	list[6] = &labels->endpoint;
	list[7] = &labels->socket_type;
	list[8] = &labels->side;
	list[9] = &labels->operation;
}

/* -E2BIG: there is no room for them. */
static int labels_keep(const struct series_labels *from, struct kept_labels *to)
{
	struct series_labels labels = *from;
	const char **list[TEXTS];
	size_t at = 0;

	memset(to, 0, sizeof(*to));
	to->kind = from->kind;
	to->direction = from->direction;
	to->removals = from->removals != 0;
	to->internal = from->internal != 0;
	list_texts(&labels, list);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t size = strlen(*list[i]) + 1;

		if (size > TEXTS_SIZE - at)
			return -E2BIG;
		memcpy(to->texts + at, *list[i], size);
		at += size;
	}
	return 0;
}

/* The texts lie in `from`. -EINVAL: no agent has kept this. */
static int labels_recall(const struct kept_labels *from, struct series_labels *to)
{
	const char **list[TEXTS];
	size_t at = 0;

	if (from->kind > SERIES_EVENT || from->direction > DIRECTION_RECEIVE)
		return -EINVAL;
	*to = (struct series_labels){
		.kind = (enum series_kind)from->kind,
		.direction = (enum series_direction)from->direction,
		.removals = from->removals,
		.internal = from->internal,
	};
	list_texts(to, list);
	for (size_t i = 0; i < TEXTS; i++) {
		size_t length = strnlen(from->texts + at, TEXTS_SIZE - at);

		if (length == TEXTS_SIZE - at)
			return -EINVAL;
		*list[i] = from->texts + at;
		at += length + 1;
	}
	return 0;
}

static uint64_t labels_hash(const struct kept_labels *labels)
{
	uint64_t hash = layout_add(LAYOUT_START, labels, sizeof(*labels));

	return hash ? hash : 1;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* A source that comes from the journal may be any number. */
static struct kept_entry *entry_of(const struct kept *kept, uint32_t source, uint32_t index)
{
	return kept && source < KEPT_SOURCES && index < kept->of[source].count ?
		       &kept->of[source].entries[index] :
		       NULL;
}

void kept__note(struct kept *kept, enum kept_source source, uint32_t index, uint64_t id,
		const struct series_labels *labels, uint8_t mark)
{
	struct kept_entry *entry = entry_of(kept, source, index);

	if (!entry)
		return;
	set(&entry->state, ENTRY_UNKNOWN);
	if (labels && labels_keep(labels, &entry->labels))
		return; /* found out anew by the next agent */
	entry->labels.mark = mark;
	entry->id = id;
	set(&entry->state, labels ? ENTRY_LABELS : ENTRY_NO_SERIES);
}

int kept__recall(const struct kept *kept, enum kept_source source, uint32_t index, uint64_t id,
		 struct series_labels *labels, uint8_t *mark)
{
	const struct kept_entry *entry = entry_of(kept, source, index);

	if (!entry || entry->state == ENTRY_UNKNOWN || entry->id != id)
		return -ENOENT;
	if (entry->state == ENTRY_NO_SERIES)
		return 0;
	*mark = entry->labels.mark;
	return labels_recall(&entry->labels, labels) ? -ENOENT : 1;
}

/* ---- totals --------------------------------------------------------------------------------- */

int kept__each_total(const struct kept *kept, kept_total_fn fn, void *arg)
{
	struct series_labels labels;
	int err = 0;

	for (size_t i = 0; kept && i < MAX_TOTALS && !err; i++)
		if (kept->hashes[i] && !labels_recall(&kept->totals[i].labels, &labels))
			err = fn(arg, &labels, &kept->totals[i].totals);
	return err;
}

/* 0, as for a free one, if its labels are not those that were written. */
static uint64_t sound_hash(const struct kept_total *total)
{
	return total->hash == labels_hash(&total->labels) ? total->hash : 0;
}

/* Where these labels are, else a free place, else MAX_TOTALS. */
static uint32_t find_total(const struct kept *kept, const struct kept_labels *labels, uint64_t hash)
{
	uint32_t empty = MAX_TOTALS;

	for (uint32_t i = 0; i < MAX_TOTALS; i++) {
		if (kept->hashes[i] == hash &&
		    !memcmp(&kept->totals[i].labels, labels, sizeof(*labels)))
			return i;
		if (!kept->hashes[i] && empty == MAX_TOTALS)
			empty = i;
	}
	return empty;
}

/* May be done again from the start. */
static void write_total(struct kept *kept, const struct journal *journal)
{
	struct kept_total *total;

	if (journal->total >= MAX_TOTALS)
		return;
	total = &kept->totals[journal->total];
	total->labels = journal->labels;
	total->totals = journal->totals;
	total->hash = kept->hashes[journal->total] = journal->hash;
}

void kept__retire(struct kept *kept, const struct series_labels *labels,
		  const struct counters *totals, enum kept_source source, uint32_t index)
{
	struct journal *journal;

	if (!kept)
		return;
	journal = kept->journal;
	journal->source = source;
	journal->index = index;
	journal->generation = source == KEPT_SLOT ? probes__slots(kept->probes)[index].generation :
						    0;
	journal->total = MAX_TOTALS;
	if (!labels_keep(labels, &journal->labels)) {
		journal->hash = labels_hash(&journal->labels);
		journal->totals = *totals;
		journal->total = find_total(kept, &journal->labels, journal->hash);
	}
	kept->refused += journal->total == MAX_TOTALS;
	set(&journal->busy, 1);
	write_total(kept, journal);
}

void kept__freed(struct kept *kept)
{
	if (kept)
		set(&kept->journal->busy, 0);
}

void kept__forget(struct kept *kept, const struct series_labels *labels)
{
	struct kept_labels wanted;
	uint32_t at;

	if (!kept || labels_keep(labels, &wanted))
		return;
	at = find_total(kept, &wanted, labels_hash(&wanted));
	if (at < MAX_TOTALS)
		kept->totals[at].hash = kept->hashes[at] = 0;
}

uint64_t kept__refused(const struct kept *kept)
{
	return kept ? kept->refused : 0;
}

/* ---- start and stop --------------------------------------------------------------------------- */

/* An entry that is lost at its very end is never used again; given back twice, it would be two streams'. */
static void finish(struct kept *kept, struct journal *journal)
{
	uint32_t index = journal->index;

	if (journal->source == KEPT_SLOT) {
		slot_clear(kept->probes, index, journal->generation);
		set(&journal->busy, 0);
		probes__give_back(kept->probes, index);
	} else if (journal->source == KEPT_TRANSIT) {
		memset(&probes__transits(kept->probes)[index], 0, sizeof(struct tm_transit));
		set(&journal->busy, 0);
		probes__transit_give_back(kept->probes, index);
	} else {
		memset(&probes__rpcs(kept->probes)[index], 0, sizeof(struct tm_rpc));
		set(&journal->busy, 0);
		probes__rpc_give_back(kept->probes, index);
	}
}

/* The agent was killed between adding the totals and giving the entry back. */
static void recover(struct kept *kept)
{
	struct journal *journal = kept->journal;

	if (!journal->busy)
		return;
	write_total(kept, journal);
	if (entry_of(kept, journal->source, journal->index))
		finish(kept, journal);
	set(&journal->busy, 0);
}

static int map_entries(struct kept *kept, struct pins *pins, enum kept_source source,
		       const char *name, uint32_t count)
{
	void *memory;
	int made, err;

	if (!count)
		return 0;
	err = pins__map(pins, name, count * sizeof(struct kept_entry), &memory, &made);
	if (err)
		return err;
	kept->of[source].entries = memory;
	kept->of[source].count = count;
	return 0;
}

int kept__new(struct pins *pins, struct probes *probes, uint32_t max_streams, struct kept **out)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	void *memory;
	int made, err;

	if (!kept)
		return -ENOMEM;
	kept->probes = probes;
	err = map_entries(kept, pins, KEPT_SLOT, "agent_streams", max_streams);
	if (!err)
		err = map_entries(kept, pins, KEPT_TRANSIT, "agent_transits",
				  probes__transits(probes) ? TM_TRANSIT_PAIRS : 0);
	if (!err)
		err = map_entries(kept, pins, KEPT_RPC, "agent_rpcs",
				  probes__rpcs(probes) ? TM_RPC_SLOTS : 0);
	if (!err)
		err = pins__map(pins, "agent_totals", TOTALS_SIZE, &memory, &made);
	if (!err) {
		kept->totals = memory;
		err = pins__map(pins, "agent_journal", sizeof(struct journal), &memory, &made);
	}
	if (err) {
		kept__free(kept);
		return err;
	}
	kept->journal = memory;
	for (size_t i = 0; i < MAX_TOTALS; i++)
		kept->hashes[i] = sound_hash(&kept->totals[i]);
	recover(kept);
	*out = kept;
	return 0;
}

void kept__free(struct kept *kept)
{
	if (!kept)
		return;
	for (int i = 0; i < KEPT_SOURCES; i++)
		pins__unmap(kept->of[i].entries, kept->of[i].count * sizeof(struct kept_entry));
	pins__unmap(kept->totals, TOTALS_SIZE);
	pins__unmap(kept->journal, sizeof(struct journal));
	free(kept);
}
