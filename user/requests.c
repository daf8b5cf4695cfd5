/* SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "notices.h"
#include "tap/rpcs.h"

/* The requests of one method on one socket: rpcs.h hands it back as `user`. */
struct method {
	struct series *series;
	int stuck; /* the bus has been told of the oldest one */
};

struct requests {
	struct requests_config config;
	struct series_table *series;
	struct rpcs *rpcs;
	/* while a snapshot is filled: */
	struct snapshot_builder *builder;
	uint64_t now_ns;
};

int requests_rules(const struct config *config, const struct profile *const *profiles, size_t count,
		   char *err, size_t err_len, struct rpc_rules *out)
{
	const struct rpc_choice choice = {
		.table = config->rpc_table,
		.ports = config->rpc_ports.items,
		.port_count = config->rpc_ports.count,
	};

	return rpc_rules_fill(profiles, count, &choice, err, err_len, out);
}

static int on_open(void *arg, void *stream, const struct tm_rpc *rpc, void **user)
{
	struct requests *r = arg;
	const struct rpc_rules *rules = r->config.rules;
	const struct series_labels *socket;
	const struct profile *profile;
	struct series_labels labels;
	struct method *method;
	int err;

	*user = NULL;
	if (rpc->rule >= rules->count ||
	    !(r->config.stream_rules(stream, &socket) >> rpc->rule & 1))
		return 0;
	profile = rules->profiles[rpc->rule];
	if (rpc->method >= profile->rpc->method_count)
		return 0;
	labels = *socket;
	labels.kind = SERIES_RPC;
	labels.direction = DIRECTION_NONE;
	labels.system = profile->system;
	labels.endpoint = labels.socket_type = "";
	labels.side = rpc->side == TM_RPC_SERVER ? "server" : "client";
	labels.operation = profile->rpc->methods[rpc->method];
	method = calloc(1, sizeof(*method));
	if (!method)
		return -ENOMEM;
	err = series_table__open(r->series, &labels, &method->series);
	if (err) {
		free(method);
		return err;
	}
	*user = method;
	return 0;
}

static void read_counters(const struct tm_rpc *rpc, struct counters *out)
{
	memset(out, 0, sizeof(*out));
	out->sum_ns = rpc->sum_ns;
	/* before the histogram: never more results than answers */
	out->results = __atomic_load_n(&rpc->results, __ATOMIC_ACQUIRE);
	for (size_t i = 0; i < TM_HIST_BUCKETS; i++) {
		out->hist[i] = rpc->hist[i];
		out->frames += out->hist[i];
	}
	/* after the histogram: never fewer requests than answers */
	out->messages = __atomic_load_n(&rpc->requests, __ATOMIC_ACQUIRE);
}

static int on_retire(void *arg, void *user, const struct tm_rpc *totals, uint64_t now_ns)
{
	struct requests *r = arg;
	struct method *method = user;
	struct counters counters;
	int err;

	read_counters(totals, &counters);
	err = series_table__retire(r->series, method->series, &counters, now_ns);
	if (!err)
		free(method);
	return err;
}

/* The operations that have names, for BPF. */
static int set_names(const struct rpc_rules *rules, struct probes *probes)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct profile_rpc *rpc = rules->profiles[i]->rpc;

		for (size_t k = 1; k < rpc->method_count; k++) {
			int err = probes__set_rpc_name(probes, (uint32_t)i,
						       rpc_name_hash(rpc->methods[k]), (uint32_t)k);

			if (err)
				return err;
		}
	}
	return 0;
}

int requests__new(const struct requests_config *config, struct probes *probes,
		  struct streams *streams, struct series_table *series, struct requests **out)
{
	struct requests *r = calloc(1, sizeof(*r));
	const struct rpc_callbacks callbacks = {
		.open = on_open,
		.retire = on_retire,
		.arg = r,
	};
	int err;

	if (!r)
		return -ENOMEM;
	r->config = *config;
	r->series = series;
	err = rpcs__new(probes, streams, &callbacks, &r->rpcs);
	if (!err)
		err = set_names(config->rules, probes);
	if (err) {
		requests__free(r);
		return err;
	}
	*out = r;
	return 0;
}

static int free_method(void *arg, const struct rpc_view *view)
{
	(void)arg;
	free(view->user);
	return 0;
}

void requests__free(struct requests *requests)
{
	if (!requests)
		return;
	if (requests->rpcs)
		rpcs__each(requests->rpcs, free_method, NULL);
	rpcs__free(requests->rpcs);
	free(requests);
}

void requests__update(struct requests *requests, uint64_t now_ns)
{
	rpcs__update(requests->rpcs, now_ns);
}

/* Once for each time that it becomes so. */
static void check_stuck(struct requests *r, struct method *method, const struct rpc_view *view,
			uint64_t oldest_ns)
{
	int stuck = oldest_ns >= r->config.stuck_after_ns;

	if (stuck && !method->stuck)
		notice_unanswered(r->config.bus, r->now_ns, view->tgid,
				  series__labels(method->series), view->unanswered, oldest_ns);
	method->stuck = stuck;
}

static int add(void *arg, const struct rpc_view *view)
{
	struct requests *r = arg;
	struct method *method = view->user;
	struct counters counters;
	uint64_t oldest_ns = 0;

	if (view->oldest_start_ns && r->now_ns > view->oldest_start_ns)
		oldest_ns = r->now_ns - view->oldest_start_ns;
	read_counters(view->counters, &counters);
	check_stuck(r, method, view, oldest_ns);
	return snapshot_builder__add_requests(r->builder, method->series, &counters,
					      view->unanswered, oldest_ns);
}

int requests__fill(struct requests *requests, struct snapshot_builder *builder, uint64_t now_ns)
{
	requests->builder = builder;
	requests->now_ns = now_ns;
	return rpcs__each(requests->rpcs, add, requests);
}
