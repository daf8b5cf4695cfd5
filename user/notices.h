/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_NOTICES_H
#define TAPMETER_NOTICES_H
/* What the collector tells the event bus, and the log that listens to it. */
#include <stddef.h>
#include <stdint.h>
#include "events/bus.h"
#include "store/series.h"
#include "store/snapshot.h"
#include "subject/process.h"

/* All of these are called with the time now, CLOCK_MONOTONIC. */
void notice_tapped(struct bus *bus, uint64_t now_ns, const char *path, size_t functions);
/* `type` is one of TAP_FAILED, TAP_REMOVED, OVERHEAD. */
void notice_untapped(struct bus *bus, uint64_t now_ns, enum event_type type, const char *path,
		     const char *reason);
/* PROCESS_SEEN, PROCESS_GONE. */
void notice_process(struct bus *bus, uint64_t now_ns, enum event_type type,
		    const struct process *process);
/* STREAM_OPENED. */
void notice_stream(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		   const struct series_labels *labels);
/* STREAM_CLOSED. */
void notice_stream_end(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		       const struct series_labels *labels, const struct counters *totals);
void notice_stuck(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		  const struct series_labels *labels, uint64_t age_ns);
/* `calls` slow ones since the event before, the last of which took duration_ns. */
void notice_slow(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		 const struct series_labels *labels, uint64_t duration_ns, uint64_t calls);
/* So many requests on a socket are without response, the oldest for age_ns. */
void notice_unanswered(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		       const struct series_labels *labels, uint32_t unanswered, uint64_t age_ns);
void notice_evictions(struct bus *bus, uint64_t now_ns, uint32_t tgid,
		      const struct series_labels *labels, uint64_t evictions);
void notice_lost(struct bus *bus, uint64_t now_ns, enum tm_lost reason, uint64_t count);
/* OUTPUT_FAILED. */
void notice_output(struct bus *bus, uint64_t now_ns, const char *output, const char *path,
		   const char *reason);
void notice_snapshot(struct bus *bus, const struct snapshot *snapshot);

/* A subscriber_fn: writes the log. `arg` is not used. */
int notices_log(void *arg, const struct event *event);

#endif
