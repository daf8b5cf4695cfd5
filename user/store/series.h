/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_SERIES_H
#define TAPMETER_STORE_SERIES_H
/*
 * A series is one set of label values, interned: two streams with equal labels share one. It holds
 * the totals of the streams that have ended ("retired"), so that a counter never goes backwards.
 * Owned by one thread (the agent's); the labels themselves never change and are shared with
 * snapshots by reference, so that any thread may read them there.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

enum series_kind {
	SERIES_MESSAGE, /* tapmeter_message_* */
	SERIES_CACHE, /* tapmeter_cache_* */
	SERIES_TRANSIT, /* tapmeter_message_transit_seconds: only the histogram counts */
	SERIES_BACKLOG, /* tapmeter_message_backlog: nothing counts */
	/* tapmeter_rpc_*: messages = requests; hist and frames of those answered; operation = method */
	SERIES_RPC,
};

enum series_direction {
	DIRECTION_NONE,
	DIRECTION_SEND,
	DIRECTION_RECEIVE,
};

/*
 * Strings are never NULL; "" = the label is left out. What is put in may hold any bytes; what a
 * series or a snapshot shows is valid UTF-8.
 */
struct series_labels {
	enum series_kind kind;
	enum series_direction direction;
	const char *kernel_id;
	const char *container;
	const char *pod;
	const char *namespace;
	const char *comm;
	const char *system; /* zmq, redis, … */
	const char *endpoint;
	const char *socket_type;
	const char *side; /* cache, rpc: client, server */
	const char *operation; /* cache, rpc */
	int removals; /* 1: evictions and expirations are counted, so that 0 of them is a fact */
	int internal; /* 1: the library's own traffic (socket monitors), left out of live-stat sums */
};

/* What only caches have. */
struct cache_counts {
	uint64_t received; /* bytes; counters.bytes are those sent */
	uint64_t hits, misses; /* keys */
	uint64_t ok; /* operations that did not fail and have neither hits nor misses */
	uint64_t evictions, expirations;
};

/* Everything that is counted about a stream. Only grows. */
struct counters {
	uint64_t frames;
	uint64_t messages;
	uint64_t bytes;
	uint64_t would_block;
	uint64_t timeouts;
	uint64_t sum_ns;
	uint64_t other_errors; /* failures beyond the table */
	uint64_t unknown_errors; /* failures whose errno could not be read */
	struct cache_counts cache;
	uint64_t results; /* SERIES_RPC: responses that had one, of live sockets */
	struct tm_errno_count errors[TM_MAX_ERRNOS]; /* error 0 ends the table */
	uint64_t view[TM_VIEW_BOUNDS + 1]; /* SERIES_TRANSIT, with a view: the same at its bounds */
	uint64_t hist[TM_HIST_BUCKETS]; /* per bucket, not cumulative; their sum is _count */
};

/*
 * Adds `from` to `to`. An errno that finds no place goes to other_errors: which one that is depends
 * on the order of additions, so sums over the streams of a series are made by the series and the
 * snapshot builder, which keep the same errnos apart every time.
 */
void counters_add(struct counters *to, const struct counters *from);

struct series;
struct series_table;

/*
 * `max_endpoints`: endpoints kept apart per kernel, then "other" (--max-endpoints-per-kernel).
 * "none", "unknown", "other" and "" are not counted. All functions on a table and its series: one
 * thread, the agent's.
 */
int series_table__new(size_t max_endpoints, struct series_table **out);
void series_table__free(struct series_table *table);

/*
 * The series with these labels, made if there is none; counts one more live stream in it. The
 * strings are copied and made valid UTF-8. *out stays valid until the series expires (see below).
 * -ENOMEM: nothing has changed.
 */
int series_table__open(struct series_table *table, const struct series_labels *labels,
		       struct series **out);
/*
 * A live stream of the series has ended with these totals: they stay in the series' retired totals.
 * Not while a snapshot is being filled, which would count the stream twice. -ENOMEM: the stream
 * still counts as live; call again later.
 */
int series_table__retire(struct series_table *table, struct series *series,
			 const struct counters *totals, uint64_t now_ns);
/*
 * Drops series without live streams for expiry_ns (--series.expiry); frees their place under the
 * cap. The labels live on in snapshots. If the same labels come back later, they are a new series
 * that starts from zero, which to Prometheus is the reset of a counter. Not while a snapshot is
 * being filled.
 */
void series_table__expire(struct series_table *table, uint64_t now_ns, uint64_t expiry_ns);
/* Streams whose endpoint was replaced by "other" because of the cap, since start. */
uint64_t series_table__capped(const struct series_table *table);

/* Valid as long as the series. */
const struct series_labels *series__labels(const struct series *series);
/* Unique for the table's life; never reused. */
uint64_t series__id(const struct series *series);

#endif
