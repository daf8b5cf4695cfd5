/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_COLLECT_H
#define TAPMETER_COLLECT_H
/*
 * Brings taps, streams and subjects together into snapshots: the one place where the tapping side meets the
 * store. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "events/bus.h"
#include "store/store.h"
#include "tap/profile.h"
#include "util/config.h"

struct collector;
struct relay_link;

/*
 * Loads the BPF programs; nothing is tapped before the first sweep. On failure err says what the host lacks. `relay`
 * (NULL = none) and `bus` are borrowed.
 */
int collector__new(const struct config *config, const struct profile *const *profiles, size_t count,
		   struct relay_link *relay, struct bus *bus, char *err, size_t err_len,
		   struct collector **out);
void collector__free(struct collector *collector);

/* Readable when BPF events wait; then call collector__events(). */
int collector__events_fd(const struct collector *collector);
void collector__events(struct collector *collector, uint64_t now_ns);
/* Readable when processes have mapped files; then call collector__mapped(): 1 if collector__look() is due. */
int collector__mapped_fd(const struct collector *collector);
int collector__mapped(struct collector *collector);
/* Looks at the processes that collector__mapped() noted. */
void collector__look(struct collector *collector, uint64_t now_ns);
/* What the relay has answered: when relay_link__fd() is readable. */
void collector__relay(struct collector *collector, uint64_t now_ns);
/* Looks at all processes; lets go of files, processes and series that have gone. Every few seconds. */
void collector__sweep(struct collector *collector, uint64_t now_ns);

/* Our own child, which is never counted, as we are not; 0 = none. */
void collector__leave_out(struct collector *collector, uint32_t pid);

/* So much was lost in all beyond the collector: later snapshots say so. */
void collector__set_lost(struct collector *collector, enum tm_lost reason, uint64_t count);
/* Likewise, of what tapmeter-relay pushes. */
void collector__set_otlp(struct collector *collector, const struct otlp_counts *counts);

/*
 * Reads everything. Makes system calls only for streams that are new, and to read what containers use,
 * from files that are open.
 */
int collector__snapshot(struct collector *collector, uint64_t now_ns, struct snapshot **out);

/* Functions tapped now. */
size_t collector__taps_up(const struct collector *collector);
/* The privileges of this thread have become fewer: those that help it are to have no more. */
void collector__renew_threads(struct collector *collector);
/* Whether it taps the perf way, of older Linux kernels. */
int collector__taps_by_perf(const struct collector *collector);

#endif
