/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_METRICS_H
#define TAPMETER_GATEWAY_METRICS_H
/* The metrics of the live-stat API. Sets of them are bits, 1 << metric. */
#include <stdint.h>

enum metric_group { METRIC_GAUGE, METRIC_DIFF, METRIC_RATE, METRIC_GROUPS };

enum metric {
	METRIC_MEM,
	METRIC_CPU_USED,
	METRIC_IO_READ,
	METRIC_IO_WRITE,
	METRIC_ZMQ_IN_FLIGHT,
	METRIC_ZMQ_SEND_OLDEST,
	METRIC_ZMQ_RECV_OLDEST,
	METRIC_ZMQ_CALL_P50,
	METRIC_ZMQ_CALL_P99,
	METRIC_ZMQ_TRANSIT_P50,
	METRIC_ZMQ_TRANSIT_P99,
	METRIC_ZMQ_BACKLOG,
	METRIC_CACHE_OP_P50,
	METRIC_CACHE_OP_P99,
	METRIC_RPC_UNANSWERED,
	METRIC_RPC_OLDEST,
	METRIC_CPU_UTIL,
	METRIC_NET_RX,
	METRIC_NET_TX,
	METRIC_ZMQ_SEND_MESSAGES,
	METRIC_ZMQ_RECV_MESSAGES,
	METRIC_ZMQ_SEND_BYTES,
	METRIC_ZMQ_RECV_BYTES,
	METRIC_ZMQ_FAILURES,
	METRIC_CACHE_HITS,
	METRIC_CACHE_MISSES,
	METRIC_CACHE_BYTES,
	METRIC_RPC_REQUESTS,
	METRIC_COUNT,
};

#define METRIC_BIT(metric) (1u << (metric))
#define METRICS_ALL (METRIC_BIT(METRIC_COUNT) - 1)

struct metric_info {
	const char *name;
	enum metric_group group;
	int has_capacity; /* its answer has the field `capacity` */
	double capacity; /* if it is always the same; 0 = it is a value of its own */
};

extern const struct metric_info metric_infos[METRIC_COUNT];

/* METRIC_COUNT if there is none of that name. */
enum metric metric_find(const char *name);

#endif
