/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/rpcs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REST_NS 1000000000ull /* from closed to given back */

struct entry {
	void *user; /* NULL = not opened */
	int refused; /* no rule means its socket: never opened */
	uint64_t closed_ns; /* 0 = live */
	uint32_t unanswered;
	uint64_t oldest_start_ns;
};

struct rpcs {
	struct probes *probes;
	struct streams *streams;
	struct rpc_callbacks cb;
	struct tm_rpc *counters; /* NULL: no such profile */
	const struct tm_rpc_request *requests;
	uint32_t used; /* entries from here on were never used */
	struct entry entries[TM_RPC_SLOTS];
};

int rpcs__new(struct probes *probes, struct streams *streams, const struct rpc_callbacks *callbacks,
	      struct rpcs **out)
{
	struct rpcs *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->probes = probes;
	r->streams = streams;
	r->cb = *callbacks;
	r->counters = probes__rpcs(probes);
	r->requests = probes__rpc_requests(probes);
	*out = r;
	return 0;
}

void rpcs__free(struct rpcs *rpcs)
{
	free(rpcs);
}

static uint32_t state_of(const struct tm_rpc *counters)
{
	return __atomic_load_n(&counters->state, __ATOMIC_ACQUIRE);
}

/* ---- entries ------------------------------------------------------------------------------ */

static void entry_close(struct rpcs *r, uint32_t index, uint64_t now_ns)
{
	struct tm_rpc *counters = &r->counters[index];
	struct entry *entry = &r->entries[index];

	if (now_ns - entry->closed_ns < REST_NS)
		return;
	if (entry->user && r->cb.retire(r->cb.arg, entry->user, counters, now_ns))
		return;
	memset(entry, 0, sizeof(*entry));
	memset(counters, 0, sizeof(*counters)); /* with it, the state is free */
	probes__rpc_give_back(r->probes, index);
}

static void entry_open(struct rpcs *r, uint32_t index, void *stream)
{
	struct entry *entry = &r->entries[index];

	if (!r->cb.open(r->cb.arg, stream, &r->counters[index], &entry->user))
		entry->refused = !entry->user;
}

static void entry_update(struct rpcs *r, uint32_t index, uint64_t now_ns)
{
	struct tm_rpc *counters = &r->counters[index];
	struct entry *entry = &r->entries[index];
	void *stream = NULL;
	int gone;

	entry->unanswered = 0;
	entry->oldest_start_ns = 0;
	if (entry->closed_ns) {
		entry_close(r, index, now_ns);
		return;
	}
	gone = streams__user(r->streams, counters->stream, &stream);
	if (stream && !entry->user && !entry->refused)
		entry_open(r, index, stream);
	if (!gone)
		return;
	probes__rpc_forget(r->probes, counters);
	__atomic_store_n(&counters->state, TM_SLOT_CLOSED, __ATOMIC_RELEASE);
	entry->closed_ns = now_ns;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* The socket still is there, and one that a rule means. */
static int is_waiting(const struct rpcs *r, const struct tm_rpc_request *request)
{
	const struct tm_slot *slot;

	if (request->rpc >= TM_RPC_SLOTS || r->entries[request->rpc].refused ||
	    state_of(&r->counters[request->rpc]) != TM_SLOT_LIVE ||
	    r->counters[request->rpc].stream != request->stream)
		return 0;
	slot = &probes__slots(r->probes)[TM_STREAM_ID_SLOT(request->stream)];
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == TM_SLOT_LIVE &&
	       TM_STREAM_ID(TM_STREAM_ID_SLOT(request->stream), slot->generation) ==
		       request->stream;
}

static void request_update(struct rpcs *r, uint32_t index)
{
	uint64_t start_ns = __atomic_load_n(&r->requests[index].start_ns, __ATOMIC_ACQUIRE);
	struct tm_rpc_request request;
	struct entry *entry;

	if (!start_ns)
		return;
	request = r->requests[index]; /* it may change while we look */
	if (!is_waiting(r, &request)) {
		probes__rpc_request_drop(r->probes, index, request.stream);
		return;
	}
	entry = &r->entries[request.rpc];
	entry->unanswered++;
	if (!entry->oldest_start_ns || start_ns < entry->oldest_start_ns)
		entry->oldest_start_ns = start_ns;
}

static void update_requests(struct rpcs *r)
{
	for (uint32_t block = 0; block < TM_RPC_PENDING / TM_BLOCK; block++) {
		if (!probes__rpc_request_block_used(r->probes, block))
			continue;
		for (uint32_t i = 0; i < TM_BLOCK; i++)
			request_update(r, block * TM_BLOCK + i);
	}
}

/* ---- all ------------------------------------------------------------------------------------ */

void rpcs__update(struct rpcs *rpcs, uint64_t now_ns)
{
	if (!rpcs->counters)
		return;
	for (uint32_t i = 0; i < TM_RPC_SLOTS; i++) {
		if (!probes__rpc_block_used(rpcs->probes, i / TM_BLOCK)) {
			i |= TM_BLOCK - 1;
			continue;
		}
		if (state_of(&rpcs->counters[i]) == TM_SLOT_FREE)
			continue;
		if (i >= rpcs->used)
			rpcs->used = i + 1;
		entry_update(rpcs, i, now_ns);
	}
	update_requests(rpcs);
}

int rpcs__each(const struct rpcs *rpcs, rpcs_each_fn fn, void *arg)
{
	for (uint32_t i = 0; i < rpcs->used; i++) {
		const struct entry *entry = &rpcs->entries[i];
		uint32_t slot = TM_STREAM_ID_SLOT(rpcs->counters[i].stream);
		struct rpc_view view = {
			.user = entry->user,
			.tgid = probes__slots(rpcs->probes)[slot].key.process.tgid,
			.counters = &rpcs->counters[i],
			.unanswered = entry->unanswered,
			.oldest_start_ns = entry->oldest_start_ns,
		};
		int err;

		if (!entry->user)
			continue;
		err = fn(arg, &view);
		if (err)
			return err;
	}
	return 0;
}
