/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -Wl,--wrap=pins__map -Wl,--wrap=pins__unmap */
/*
 * What a former agent has left in pinned memory, damaged, and names of pinned links. The input is patches to what a real
 * one leaves: where, at which byte, how many bytes, the bytes. The last one may be a name.
 */
#include <errno.h>
#include "fuzz.h"
#include "kept.h"
#include "tap/streams.h"

#define STREAMS 256 /* their entries fill whole pages: what lies behind cannot be read */
#define TOTALS 4096 /* as in kept.c */
#define PATCHED 16384 /* bytes of each area */
#define AREAS 5

static const char *const names[AREAS] = {
	"agent_streams", "agent_transits", "agent_rpcs", "agent_totals", "agent_journal",
};
static struct area {
	uint8_t *memory;
	size_t size;
} areas[AREAS];

/* ---- the pinned memory, and the maps of BPF -------------------------------------------------------- */

static struct tm_slot slots[STREAMS];
static struct tm_transit transits[TM_TRANSIT_PAIRS];
static struct tm_rpc rpcs[TM_RPC_SLOTS];

int __wrap_pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made);
void __wrap_pins__unmap(void *memory, size_t size);

int __wrap_pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made)
{
	struct area *area = areas;

	(void)pins;
	while (strcmp(names[area - areas], name) != 0)
		area++;
	if (!area->memory) {
		area->size = (size + 4095) / 4096 * 4096;
		area->memory = mmap(NULL, area->size + 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		fuzz_expect(area->memory != MAP_FAILED &&
			    !mprotect(area->memory + area->size, 4096, PROT_NONE));
		madvise(area->memory, area->size, MADV_HUGEPAGE); /* faster */
	}
	*made = 0;
	*out = area->memory;
	return 0;
}

void __wrap_pins__unmap(void *memory, size_t size)
{
	(void)memory;
	(void)size;
}

struct tm_slot *probes__slots(const struct probes *probes)
{
	(void)probes;
	return slots;
}

struct tm_transit *probes__transits(const struct probes *probes)
{
	(void)probes;
	return transits;
}

struct tm_rpc *probes__rpcs(const struct probes *probes)
{
	(void)probes;
	return rpcs;
}

void slot_clear(struct probes *probes, uint32_t slot, uint32_t generation)
{
	(void)probes;
	(void)generation;
	fuzz_expect(slot < STREAMS);
}

int probes__give_back(struct probes *probes, uint32_t slot)
{
	(void)probes;
	fuzz_expect(slot < STREAMS);
	return 0;
}

int probes__transit_give_back(struct probes *probes, uint32_t index)
{
	(void)probes;
	fuzz_expect(index < TM_TRANSIT_PAIRS);
	return 0;
}

int probes__rpc_give_back(struct probes *probes, uint32_t index)
{
	(void)probes;
	fuzz_expect(index < TM_RPC_SLOTS);
	return 0;
}

/* ---- agents ------------------------------------------------------------------------------------------ */

static const struct series_labels labels[] = {
	{ SERIES_MESSAGE, DIRECTION_SEND, "kernel", "container", "pod", "namespace", "comm", "zmq",
	  "tcp://*:1", "router", "", "", 0, 0 },
	{ SERIES_RPC, DIRECTION_NONE, "kernel", "", "", "", "comm", "lmcache", "", "", "server",
	  "lookup", 0, 1 },
};

/* A real one, killed while it moved a stream's totals. */
static void run_agent(void)
{
	const struct counters totals = { .frames = 3, .messages = 2, .bytes = 1 };
	struct kept *kept;

	fuzz_expect(!kept__new(NULL, NULL, STREAMS, &kept));
	for (uint32_t i = 0; i < 2; i++) {
		kept__note(kept, KEPT_SLOT, i, 1, &labels[i], 7);
		kept__note(kept, KEPT_TRANSIT, i, 1, &labels[i], 0);
		kept__note(kept, KEPT_RPC, i, 1, i ? NULL : &labels[1], 0);
		kept__retire(kept, &labels[i], &totals, KEPT_SLOT, i);
	}
	kept__free(kept);
}

static size_t patched(const struct area *area)
{
	return area->size < PATCHED ? area->size : PATCHED;
}

/* What it has left, which is all at the areas' beginnings; no totals behind them. */
static void leave_all(void)
{
	static uint8_t left[AREAS][PATCHED];
	const struct area *totals = &areas[3];
	const int first = !totals->memory;

	if (first)
		run_agent();
	for (int i = 0; i < AREAS; i++)
		memcpy(first ? left[i] : areas[i].memory, first ? areas[i].memory : left[i],
		       patched(&areas[i]));
	for (size_t size = totals->size / TOTALS, at = PATCHED / size; at < TOTALS; at++)
		*(uint64_t *)(void *)(totals->memory + at * size) =
			0; /* each begins with its hash */
}

static int restore(void *arg, const struct series_labels *found, const struct counters *totals)
{
	struct series_table *table = arg;
	struct series *series;

	fuzz_expect(found->kind <= SERIES_EVENT && found->direction <= DIRECTION_RECEIVE);
	fuzz_expect(!series_table__open(table, found, &series));
	return series_table__retire(table, series, totals, 1);
}

static void recall_all(const struct kept *kept, struct series_table *table)
{
	const struct counters none = { 0 };

	for (int source = 0; source < KEPT_SOURCES; source++)
		for (uint32_t i = 0; i < 3; i++) {
			struct series_labels found;
			uint8_t mark;

			if (kept__recall(kept, (enum kept_source)source, i, 1, &found, &mark) > 0)
				restore(table, &found, &none);
		}
}

static void go_on(void)
{
	const struct counters totals = { .frames = 4 };
	struct series_table *table;
	struct kept *kept;

	fuzz_expect(!series_table__new(64, &table));
	fuzz_expect(!kept__new(NULL, NULL, STREAMS, &kept));
	fuzz_expect(!kept__each_total(kept, restore, table));
	recall_all(kept, table);
	kept__retire(kept, &labels[0], &totals, KEPT_RPC, 1);
	kept__freed(kept);
	kept__forget(kept, &labels[1]);
	kept__free(kept);
	series_table__free(table);
}

static void read_name(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), again[PINS_NAME_SIZE];
	struct pinned_link link;
	uint32_t part;

	if (!pinned_link_parse(text, &link, &part)) {
		pinned_link_name(&link, part, again);
		fuzz_expect(!strcmp(text, again) && part < link.parts &&
			    link.parts <= 2 * TM_MAX_SPECS);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	leave_all();
	while (size > 4 && data[0] < AREAS) {
		struct area *area = &areas[data[0]];
		size_t at = (data[1] | (size_t)data[2] << 8) % patched(area);
		size_t len = data[3] < size - 4 ? data[3] : size - 4;

		memcpy(area->memory + at, data + 4,
		       len < patched(area) - at ? len : patched(area) - at);
		data += 4 + len;
		size -= 4 + len;
	}
	go_on();
	read_name(data, size);
	return 0;
}
