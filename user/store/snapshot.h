/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_SNAPSHOT_H
#define TAPMETER_STORE_SNAPSHOT_H
/*
 * A snapshot is one reading of everything, taken at one moment. It is filled by one thread (the
 * agent's), sealed, and from then on never changes, so any number of threads may read it. Counters
 * in it are cumulative; nothing here subtracts. All outputs are functions of snapshots.
 */
#include <stddef.h>
#include <stdint.h>
#include "events/bus.h"
#include "store/series.h"
#include "util/self.h"

/* Histogram in compact form: only the buckets from the first to the last that are not zero. */
struct hist_view {
	uint16_t first;
	uint16_t count; /* 0 = empty */
	const uint64_t *buckets; /* per bucket, not cumulative */
};

/*
 * Totals of one series: live streams plus retired ones. Sorted by kind, then labels: kernel_id
 * first.
 */
struct series_sample {
	const struct series_labels *labels;
	uint64_t frames, messages, bytes, would_block, timeouts, sum_ns;
	uint64_t other_errors, unknown_errors;
	struct cache_counts cache;
	uint16_t error_count;
	const struct tm_errno_count *errors; /* sorted by errno */
	struct hist_view hist;
	const uint64_t
		*view; /* TM_VIEW_BOUNDS + 1 buckets at the bounds of a view; NULL = all are 0 */
	uint32_t in_flight; /* calls under way now; SERIES_RPC: requests without response */
	uint64_t oldest_ns; /* age of the oldest of these, 0 = none */
	uint32_t live_streams;
	/* SERIES_RPC: responses, and those of them that had a result, on sockets that are still there */
	uint64_t live_answers, live_results;
	uint64_t backlog; /* SERIES_BACKLOG: messages sent and not received yet */
};

/* One stream as /api/v1/streams shows it. Sorted by slot. */
struct stream_sample {
	const struct series_labels *labels; /* NULL while they are not known yet */
	const char *profile;
	const char *operation; /* the profile's name of the operation, e.g. "send" */
	uint32_t slot;
	uint32_t tgid;
	uint64_t object; /* address in the tapped process, 0 = none */
	uint64_t age_ns;
	uint64_t frames, messages, bytes, would_block, timeouts, failures, sum_ns;
	uint32_t in_flight;
	uint64_t oldest_ns;
};

struct tap_sample {
	const char *profile;
	const char *path; /* as the first process that mapped it sees it */
	const char *function;
	const char *attach; /* session, multi, perf; "" while down */
	uint64_t offset; /* of the probe in the file */
	uint64_t function_offset; /* of the function in the file */
	const char *instruction; /* text of the probed instruction, "" = not known */
	const char *placement; /* why the probe stands there */
	int up;
	int adopted; /* 1: its programs are those of a former agent */
	const char *reason; /* why it is down; "" when up */
	uint32_t processes; /* that map the file */
};

/* What the probes of one function cost the tapped processes, over all files, since start. */
struct function_sample {
	const char *profile;
	const char *function;
	uint64_t runs;
	uint64_t cost_ns; /* runs x the cost of one, as measured on this host at start */
};

struct gauge_label {
	const char *name; /* valid in Prometheus */
	const char *value;
};

struct gauge_sample {
	size_t label_count;
	const struct gauge_label *labels; /* sorted by name, none twice, none empty */
	double value;
};

/* A family tapmeter_gauge_NAME, see store/gauges.h. */
struct gauge_family {
	const char *name; /* without the "tapmeter_gauge_" */
	const char *help;
	size_t count;
	const struct gauge_sample *samples; /* no two with the same labels */
};

/* What of a kernel_usage was readable. */
enum usage_has {
	USAGE_CPU = 1 << 0,
	USAGE_MEMORY = 1 << 1,
	USAGE_IO = 1 << 2,
	USAGE_NETWORK = 1 << 3,
};

#define USAGE_UNLIMITED UINT64_MAX

/*
 * What a kernel's containers have used, from their cgroups and network namespace. All but memory are
 * cumulative; they begin anew with a new container.
 */
struct kernel_usage {
	uint64_t mono_ns; /* when it was read, which is before the snapshot was taken; 0 = never */
	uint32_t has; /* enum usage_has */
	/* which container it is of: from readings with different ones no difference can be taken */
	uint32_t instance;
	uint64_t cpu_ns;
	uint64_t memory_bytes; /* without inactive file pages */
	uint64_t memory_limit_bytes; /* USAGE_UNLIMITED = none */
	uint64_t io_read_bytes, io_write_bytes;
	uint64_t net_rx_bytes, net_tx_bytes;
};

/*
 * What live-stat needs of one kernel at one time. Counters are cumulative; internal series are left
 * out.
 */
struct kernel_point {
	uint64_t mono_ns; /* 0 = no such point */
	uint64_t send_messages, recv_messages, send_bytes, recv_bytes, failures;
	uint64_t cache_operations; /* failed ones included */
	uint64_t cache_hits, cache_misses, cache_bytes; /* keys; bytes of both directions */
	uint32_t has_messages, has_cache; /* 1: the kernel has series of the kind */
	uint32_t in_flight;
	uint32_t has_transit, has_backlog, has_rpc;
	uint64_t send_oldest_ns, recv_oldest_ns;
	uint64_t backlog;
	uint64_t rpc_requests; /* of clients and of servers, cumulative */
	uint64_t rpc_unanswered, rpc_oldest_ns;
	struct kernel_usage usage;
};

/* What live-stat shows quantiles of. Internal series are left out. */
enum kernel_hist {
	HIST_CALLS, /* tapmeter_message_call_seconds */
	HIST_TRANSIT, /* tapmeter_message_transit_seconds */
	HIST_CACHE, /* tapmeter_cache_operation_seconds */
	HIST_KINDS,
};

struct kernel_hists {
	uint64_t buckets[HIST_KINDS][TM_HIST_BUCKETS];
};

/* A kernel (compute container) with at least one tapped process, or series not yet expired. */
struct kernel_sample {
	const char *kernel_id;
	const char *container;
	const char *name; /* the engine's name of the container; NULL for add_kernel() is "" */
	const char *pod;
	const char *namespace;
	uint32_t processes; /* tapped processes alive */
	uint32_t system_count;
	const char *const *systems; /* sorted; made from the series at seal time */
	/* made from the series at seal time, but for `usage`; mono_ns = the snapshot's */
	struct kernel_point point;
	struct hist_view hists[HIST_KINDS]; /* made from the series at seal time */
};

/* Of requests that push data points to an OpenTelemetry receiver: how they ended. */
struct otlp_counts {
	uint64_t sent, failed, dropped;
	uint64_t rejected; /* data points of those sent */
};

struct snapshot {
	uint64_t mono_ns; /* CLOCK_MONOTONIC when the counters were read */
	uint64_t real_ns; /* CLOCK_REALTIME at the same time */
	uint64_t number; /* 1, 2, … */
	size_t series_count;
	const struct series_sample *series;
	size_t stream_count;
	const struct stream_sample *streams;
	size_t tap_count;
	const struct tap_sample *taps;
	size_t function_count;
	const struct function_sample *functions;
	size_t kernel_count;
	const struct kernel_sample *kernels; /* sorted by kernel_id */
	size_t gauge_count;
	const struct gauge_family *gauges; /* sorted by name */
	uint64_t lost[TM_LOST_COUNT];
	uint64_t gap_ns; /* how long nothing was counted because taps were replaced */
	uint64_t series_capped; /* label values replaced by "other" */
	uint32_t streams_used, streams_limit;
	struct self_sample self; /* our own process */
	struct bus_stats bus; /* events */
	struct otlp_counts otlp; /* what was pushed */
};

/* Name of a loss, as in tapmeter_lost_total{reason}; "" when out of range. */
const char *lost_name(enum tm_lost reason);

/* ---- filling: one thread, before sealing ---- */

struct snapshot_builder;

/* Starts a snapshot. -ENOMEM. */
int snapshot_builder__new(uint64_t mono_ns, uint64_t real_ns, uint64_t number,
			  struct snapshot_builder **out);
/* Throws an unsealed snapshot away; accepts NULL. */
void snapshot_builder__free(struct snapshot_builder *b);
/* The part that is filled in directly: lost[], series_capped, streams_*, self. */
struct snapshot *snapshot_builder__raw(struct snapshot_builder *b);
/*
 * Adds a live stream's counters to its series (labels may be pending: series NULL, only the row is
 * kept). `row->labels` is set by this function; strings in `row` must outlive the agent's profiles
 * (not copied). Rows in the order of slots spare a sort. -ENOMEM; -EINVAL after add_retired.
 */
int snapshot_builder__add_stream(struct snapshot_builder *b, struct series *series,
				 const struct counters *counters, const struct stream_sample *row);
/* Adds counters of a series that no stream's row shows (SERIES_TRANSIT). As add_stream. */
int snapshot_builder__add_counters(struct snapshot_builder *b, struct series *series,
				   const struct counters *counters);
/* Adds the requests of a method on a socket (SERIES_RPC), of which so many have no response. As add_stream. */
int snapshot_builder__add_requests(struct snapshot_builder *b, struct series *series,
				   const struct counters *counters, uint32_t unanswered,
				   uint64_t oldest_ns);
/* Adds to the backlog of a series. As add_stream. */
int snapshot_builder__add_backlog(struct snapshot_builder *b, struct series *series,
				  uint64_t messages);
/*
 * Adds the retired totals of all series of the table (call once, after the streams). Each series of
 * the table is in the snapshot from then on, with zeros if need be. A table's series are filled
 * into one snapshot at a time. -ENOMEM; -EINVAL if a stream's series is not of this table, or at
 * the second call.
 */
int snapshot_builder__add_retired(struct snapshot_builder *b, struct series_table *table);
/* Strings are copied, and made valid UTF-8. -ENOMEM. */
int snapshot_builder__add_tap(struct snapshot_builder *b, const struct tap_sample *tap);
/* Strings are copied. -ENOMEM. */
int snapshot_builder__add_function(struct snapshot_builder *b,
				   const struct function_sample *function);
/* Families come in the order of their names; everything is copied, and made valid UTF-8. -ENOMEM. */
int snapshot_builder__add_gauge(struct snapshot_builder *b, const struct gauge_family *family);
/*
 * A kernel with live tapped processes; systems and point are ignored, but for point.usage; strings are
 * copied and made valid UTF-8. A kernel that is added twice is one kernel with the processes of both;
 * usage and labels are of the container with the most processes. Kernels that only series name are
 * added at seal time; series without a kernel_id name none. -ENOMEM.
 */
int snapshot_builder__add_kernel(struct snapshot_builder *b, const struct kernel_sample *kernel);
/*
 * Ends filling: sorts, compacts, gives a snapshot with one reference; frees the builder in any
 * case. -ENOMEM, or what an earlier call failed with.
 */
int snapshot_builder__seal(struct snapshot_builder *b, struct snapshot **out);

/* ---- reading: any thread ---- */

/* The kernel of that id (binary search), NULL if unknown. Lives as long as the snapshot. */
const struct kernel_sample *snapshot__kernel(const struct snapshot *s, const char *kernel_id);

/* All buckets of the kernel's histograms. */
void kernel_hists_expand(const struct kernel_sample *kernel, struct kernel_hists *out);

struct snapshot *snapshot__ref(struct snapshot *s);
/* Accepts NULL; always returns NULL. */
struct snapshot *snapshot__unref(struct snapshot *s);

#endif
