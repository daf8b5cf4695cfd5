/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_CLUSTER_H
#define TAPMETER_GATEWAY_CLUSTER_H
/*
 * A cluster, seen through engines that speak Prometheus' query API. Each question goes to all of
 * them at the same time, and their answers are merged: where several know a kernel, the first one
 * named wins. What one cannot say is a warning, as long as another one can say something.
 */
#include <stddef.h>
#include <stdint.h>
#include "gateway/source.h"
#include "gateway/values.h"
#include "gateway/warnings.h"
#include "toolkit/fetch.h"
#include "util/strbuf.h"

#define CLUSTER_MAX_ENGINES 64

struct cluster_config {
	size_t engine_count; /* at most CLUSTER_MAX_ENGINES */
	const char *const *engines; /* "http://host:9090"; must outlive the cluster */
	struct fetcher *fetcher; /* the same */
	enum source_kind source;
	uint64_t timeout_ns; /* of a question */
	uint64_t min_window_ns; /* where a window holds no two scrapes, this one is asked */
	size_t max_query; /* bytes of PromQL */
};

struct cluster;

/* -ENOMEM; -E2BIG: max_query has no place for a single id. */
int cluster__new(const struct cluster_config *config, struct cluster **out);
/* Accepts NULL. */
void cluster__free(struct cluster *cluster);

struct cluster_question {
	size_t id_count;
	const char *const *ids; /* sorted, each once */
	uint32_t metrics; /* those wanted */
	uint64_t window_ns;
	int stats; /* 1: statistics are wanted, too */
};

/*
 * Any thread: asks, and completes *values, which is made of the question's ids. -ENOMEM; if no
 * engine could say anything: -ETIMEDOUT if all were too slow, else -EIO; the warnings say why.
 */
int cluster__live_stat(const struct cluster *cluster, const struct cluster_question *question,
		       struct values *values, struct warnings *warnings);
/*
 * Any thread: adds the list of all kernels, JSON objects between commas, to `out`. Errors as above.
 */
int cluster__kernels(const struct cluster *cluster, struct strbuf *out, struct warnings *warnings);

#endif
