/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_REQUESTS_H
#define TAPMETER_REQUESTS_H
/*
 * Requests and responses (docs/rpc.md), from what BPF counts to the series of a snapshot. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "events/bus.h"
#include "store/snapshot.h"
#include "tap/rpc_rules.h"
#include "tap/streams.h"
#include "util/config.h"

struct requests;

/* The rules of the profiles as the flags change them; errors as rpc_rules_fill(). */
int requests_rules(const struct config *config, const struct profile *const *profiles, size_t count,
		   char *err, size_t err_len, struct rpc_rules *out);

struct requests_config {
	const struct rpc_rules *rules; /* borrowed */
	struct bus *bus; /* borrowed; is told of requests without response */
	uint64_t stuck_after_ns; /* for so long */
	/* Of a stream's user: its series' labels, and (bit n) whether rule n means its socket. */
	uint8_t (*stream_rules)(void *stream, const struct series_labels **labels);
};

/* Borrows everything it is given. */
int requests__new(const struct requests_config *config, struct probes *probes,
		  struct streams *streams, struct series_table *series, struct requests **out);
void requests__free(struct requests *requests);

/* After streams__update(). */
void requests__update(struct requests *requests, uint64_t now_ns);
int requests__fill(struct requests *requests, struct snapshot_builder *builder, uint64_t now_ns);

#endif
