/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/metrics.h"
#include <string.h>

_Static_assert(METRIC_COUNT < 32, "metrics must fit into a set's bits");

/* It would give every word a line of its own: */
/* clang-format off */
const char *const metric_names[METRIC_COUNT] = {
	[METRIC_MEM] = "mem",
	[METRIC_CPU_USED] = "cpu_used",
	[METRIC_IO_READ] = "io_read",
	[METRIC_IO_WRITE] = "io_write",
	[METRIC_ZMQ_IN_FLIGHT] = "zmq_in_flight",
	[METRIC_ZMQ_SEND_OLDEST] = "zmq_send_oldest_seconds",
	[METRIC_ZMQ_RECV_OLDEST] = "zmq_recv_oldest_seconds",
	[METRIC_ZMQ_CALL_P50] = "zmq_call_p50",
	[METRIC_ZMQ_CALL_P99] = "zmq_call_p99",
	[METRIC_ZMQ_TRANSIT_P50] = "zmq_transit_p50",
	[METRIC_ZMQ_TRANSIT_P99] = "zmq_transit_p99",
	[METRIC_ZMQ_BACKLOG] = "zmq_backlog",
	[METRIC_CACHE_OP_P50] = "cache_op_p50",
	[METRIC_CACHE_OP_P99] = "cache_op_p99",
	[METRIC_RPC_UNANSWERED] = "rpc_unanswered",
	[METRIC_RPC_OLDEST] = "rpc_oldest_seconds",
	[METRIC_CPU_UTIL] = "cpu_util",
	[METRIC_NET_RX] = "net_rx",
	[METRIC_NET_TX] = "net_tx",
	[METRIC_ZMQ_SEND_MESSAGES] = "zmq_send_messages",
	[METRIC_ZMQ_RECV_MESSAGES] = "zmq_recv_messages",
	[METRIC_ZMQ_SEND_BYTES] = "zmq_send_bytes",
	[METRIC_ZMQ_RECV_BYTES] = "zmq_recv_bytes",
	[METRIC_ZMQ_FAILURES] = "zmq_failures",
	[METRIC_CACHE_HITS] = "cache_hits",
	[METRIC_CACHE_MISSES] = "cache_misses",
	[METRIC_CACHE_BYTES] = "cache_bytes",
	[METRIC_RPC_REQUESTS] = "rpc_requests",
};
/* clang-format on */

enum metric metric_find(const char *name)
{
	unsigned i = 0;

	while (i < METRIC_COUNT && strcmp(name, metric_names[i]) != 0)
		i++;
	return (enum metric)i;
}
