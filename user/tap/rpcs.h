/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_RPCS_H
#define TAPMETER_TAP_RPCS_H
/*
 * The requests that BPF counts for each method on each socket, and those without a response: finds new ones, leaves out
 * what was counted for sockets that no rule means, and takes entries back when their socket is gone. A request
 * whose socket or process ends before its response is forgotten: it is neither answered nor unanswered. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "tap/probes.h"
#include "tap/streams.h"

struct rpcs;

struct rpc_callbacks {
	/*
	 * The socket's labels are known; `stream` is its stream's user. *user is handed back with the requests; NULL: no
	 * rule means this socket. 0 or -errno: tried again.
	 */
	int (*open)(void *arg, void *stream, const struct tm_rpc *rpc, void **user);
	/* The socket has gone with these totals. 0 or -errno: tried again. */
	int (*retire)(void *arg, void *user, const struct tm_rpc *totals, uint64_t now_ns);
	void *arg;
};

int rpcs__new(struct probes *probes, struct streams *streams, const struct rpc_callbacks *callbacks,
	      struct rpcs **out);
void rpcs__free(struct rpcs *rpcs);

/* Brings everything up to now; streams__update() comes before. */
void rpcs__update(struct rpcs *rpcs, uint64_t now_ns);

struct rpc_view {
	void *user;
	const struct tm_rpc *counters; /* live memory, only grows */
	uint32_t tgid; /* of the socket's process */
	uint32_t unanswered; /* requests without response, as of the last update */
	uint64_t oldest_start_ns; /* CLOCK_MONOTONIC, 0 = none */
};
typedef int (*rpcs_each_fn)(void *arg, const struct rpc_view *view);
/* All that are open; stops at the first error, which it returns. */
int rpcs__each(const struct rpcs *rpcs, rpcs_each_fn fn, void *arg);

#endif
