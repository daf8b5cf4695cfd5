/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_COLLECT_PARTS_H
#define TAPMETER_COLLECT_PARTS_H
/*
 * What the files of the collector (collect*.c) share, and nobody else. collect.c: processes, taps, start and stop.
 * collect_series.c: streams to series. collect_snapshot.c: all of it to a snapshot. The agent's thread.
 */
#include "backlog.h"
#include "kept.h"
#include "evictions.h"
#include "requests.h"
#include "subject/process.h"
#include "tap/calibrate.h"
#include "tap/rpc_rules.h"
#include "tap/streams.h"
#include "tap/transits.h"
#include "util/config.h"

#define MAX_NOTED 256 /* processes noted between two looks; more, and all are looked at */

struct collector {
	const struct config *config;
	int filtered; /* only processes that the user names are tapped */
	struct pins *pins; /* NULL: nothing outlives the agent */
	struct kept *kept;
	uint64_t pin_settings; /* struct probes_config.settings */
	int gap_told;
	struct aside *aside;
	uint64_t silent_ns; /* when the log was last told of who does not let his memory be read, */
	uint32_t silent; /* and who that was */
	struct probes *probes;
	struct taps *taps;
	struct streams *streams;
	struct transits *transits;
	struct rpc_rules rpc_rules;
	struct requests *requests;
	struct backlog *backlog;
	struct bus *bus;
	uint64_t lost_seen[TM_LOST_COUNT]; /* that the bus has been told of */
	struct processes *processes;
	struct whose *whose;
	struct series_table *series;
	struct shares *shares;
	struct usages *usages;
	struct gauges *gauges;
	struct variables *variables;
	struct mmap_watch *watch;
	struct self *self;
	struct probe_cost cost;
	int transit; /* delivery times are measured */
	uint64_t spent_ns, spent_at_ns; /* cost of all probes at the last look, and when that was */
	uint64_t over_since_ns; /* over the budget since then, 0 = within it */
	int giving_up; /* a file is being given up for the budget */
	uint64_t progress_ns; /* when the log was last told how far a look is */
	uint64_t mapped_lost;
	unsigned unsure; /* VARIABLES_MAPPED: anyone may have mapped anything since the last sweep */
	uint64_t lost_elsewhere[TM_LOST_COUNT];
	struct otlp_counts otlp;
	uint64_t snapshots;
	uint64_t now_ns;
	uint32_t noted[MAX_NOTED];
	size_t noted_count;
	uint32_t left_out; /* process of the relay, 0 = none */
};

/* What belongs to a stream: streams.h hands it back as `user`. */
struct owner {
	struct series *series;
	struct flow *flow; /* NULL = no backlog can be told */
	uint64_t messages; /* received, read before the calls in flight */
	int noted; /* it was: the stream is not new */
	int stuck; /* the bus has been told of the call in flight */
	struct evictions evictions;
	uint8_t rpc; /* bit n: requests by rule n may be on it */
};

/* The process as the table knows it, entered at first sight. NULL if it has gone. */
struct process *collect_process(struct collector *c, const struct tm_process_id *id);

/* What makes series of streams and of delivery times. */
struct stream_callbacks collect_stream_callbacks(struct collector *c);
struct transit_callbacks collect_transit_callbacks(struct collector *c);
/* requests.h: the rules that hold for a stream, and its labels; `stream` is its owner. */
uint8_t collect_stream_rules(void *stream, const struct series_labels **labels);
/* For streams__each(): frees the stream's owner. Returns 0. */
int collect_free_owner(void *arg, const struct stream_view *view);

/*
 * collect_pins.c, for --bpf.pin-path; without it they do nothing. In this order: open before the probes are; adopt before
 * anything opens a series; the gap ends when the first sweep has.
 */
int collect_open_pins(struct collector *c, const struct profile *const *profiles, size_t count,
		      char *err, size_t err_len);
int collect_adopt(struct collector *c, uint64_t now_ns, char *err, size_t err_len);
/* Whether messages are recognised: as a former agent has decided, else `transit`. */
int collect_kept_transit(struct collector *c, int transit);
void collect_end_gap(struct collector *c, uint64_t now_ns);
/* Says that the agent lives. Returns how long nothing was counted, in all. */
uint64_t collect_gap(const struct collector *c, uint64_t now_ns);

/* Reads what BPF counts, once; times are nanoseconds. `events`: the slot is of kind event. */
void collect_counters(const struct tm_slot *slot, int events, struct counters *out);
void collect_transit(const struct tm_transit *transit, struct counters *out);

#endif
