/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/source.h"
#include <string.h>
#include "gateway/promql.h"

#define BIT(name) METRIC_BIT(METRIC_##name)

/* The library's own traffic, as profiles/zmq.yaml has it: the agent leaves it out of its sums, too. */
#define NOT_INTERNAL "endpoint!~\"inproc://(zeromq\\\\.zap\\\\.01|monitor\\\\.s-|zmonitor-).*\""
#define SUM(series) "sum by (kernel_id) (" series ")"
#define MAX(series) "max by (kernel_id) (" series ")"
/*
 * rate() takes the increase that it has seen for that of the whole window, also where the series is
 * younger: so the kernel must have been there before.
 */
#define RATE(series) \
	"sum by (kernel_id) (rate(" series "[$w])) and sum by (kernel_id) (" series " offset $w)"
#define QUANTILE(q, buckets) \
	"histogram_quantile(" q ", sum by (kernel_id, le) (rate(" buckets "[$w])))"

#define OVER_TIME(function, expression) function "_over_time((" expression ")[" SOURCE_HISTORY "])"

#define ZMQ_COUNTED                                                              \
	(BIT(ZMQ_IN_FLIGHT) | BIT(ZMQ_SEND_OLDEST) | BIT(ZMQ_RECV_OLDEST) |      \
	 BIT(ZMQ_SEND_MESSAGES) | BIT(ZMQ_RECV_MESSAGES) | BIT(ZMQ_SEND_BYTES) | \
	 BIT(ZMQ_RECV_BYTES) | BIT(ZMQ_FAILURES) | BIT(ZMQ_CALL_P50) | BIT(ZMQ_CALL_P99))
#define CACHE_COUNTED                                                                 \
	(BIT(CACHE_HITS) | BIT(CACHE_MISSES) | BIT(CACHE_BYTES) | BIT(CACHE_OP_P50) | \
	 BIT(CACHE_OP_P99))

/* ---- tapmeter ------------------------------------------------------------------------------ */

/* clang-format off */
#define TERM(part, metric, text) { PART_##part, BIT(metric), text, "current" }

#define PEAK(metric, text) { PART_PEAK, BIT(metric), OVER_TIME("max", text), "max" }
#define STAT(metric, value_type, text) { PART_STATS, BIT(metric), text, value_type }

#define MEM_NOW SUM("tapmeter_kernel_memory_bytes{$k}")
#define IN_FLIGHT_NOW SUM("tapmeter_calls_in_flight{$k," NOT_INTERNAL "}")
#define SEND_OLDEST_NOW MAX("tapmeter_oldest_call_seconds{direction=\"send\",$k," NOT_INTERNAL "}")
#define RECV_OLDEST_NOW MAX("tapmeter_oldest_call_seconds{direction=\"receive\",$k," NOT_INTERNAL "}")
#define BACKLOG_NOW SUM("tapmeter_message_backlog{$k}")
#define UNANSWERED_NOW SUM("tapmeter_rpc_unanswered{$k}")
#define RPC_OLDEST_NOW MAX("tapmeter_rpc_oldest_unanswered_seconds{$k}")
#define CPU_UTIL_NOW "1000 * " RATE("tapmeter_kernel_cpu_seconds_total{$k}")

static const struct term tapmeter_terms[] = {
	{ PART_PRESENCE, METRICS_ALL,
	  "group by (kernel_id, __name__, direction, result) ({__name__=~\""
	  "tapmeter_messages_total|tapmeter_message_failures_total|tapmeter_cache_operations_total|"
	  "tapmeter_cache_bytes_total|tapmeter_rpc_requests_total|tapmeter_kernel_cpu_seconds_total|"
	  "tapmeter_kernel_memory_bytes|tapmeter_kernel_io_bytes_total|"
	  "tapmeter_kernel_network_bytes_total\",$k," NOT_INTERNAL "})", NULL },

	TERM(GAUGE, MEM, MEM_NOW),
	{ PART_GAUGE, BIT(MEM), SUM("tapmeter_kernel_memory_limit_bytes{$k}"), "capacity" },
	TERM(GAUGE, CPU_USED, "1000 * " SUM("tapmeter_kernel_cpu_seconds_total{$k}")),
	TERM(GAUGE, IO_READ, SUM("tapmeter_kernel_io_bytes_total{direction=\"read\",$k}")),
	TERM(GAUGE, IO_WRITE, SUM("tapmeter_kernel_io_bytes_total{direction=\"write\",$k}")),
	TERM(GAUGE, ZMQ_IN_FLIGHT, IN_FLIGHT_NOW),
	TERM(GAUGE, ZMQ_SEND_OLDEST, SEND_OLDEST_NOW),
	TERM(GAUGE, ZMQ_RECV_OLDEST, RECV_OLDEST_NOW),
	TERM(GAUGE, ZMQ_BACKLOG, BACKLOG_NOW),
	TERM(GAUGE, RPC_UNANSWERED, UNANSWERED_NOW),
	TERM(GAUGE, RPC_OLDEST, RPC_OLDEST_NOW),

	TERM(DIFF, CPU_UTIL, CPU_UTIL_NOW),

	TERM(RATE, NET_RX, RATE("tapmeter_kernel_network_bytes_total{direction=\"receive\",$k}")),
	TERM(RATE, NET_TX, RATE("tapmeter_kernel_network_bytes_total{direction=\"send\",$k}")),
	TERM(RATE, ZMQ_SEND_MESSAGES, RATE("tapmeter_messages_total{direction=\"send\",$k," NOT_INTERNAL "}")),
	TERM(RATE, ZMQ_RECV_MESSAGES, RATE("tapmeter_messages_total{direction=\"receive\",$k," NOT_INTERNAL "}")),
	TERM(RATE, ZMQ_SEND_BYTES, RATE("tapmeter_message_bytes_total{direction=\"send\",$k," NOT_INTERNAL "}")),
	TERM(RATE, ZMQ_RECV_BYTES, RATE("tapmeter_message_bytes_total{direction=\"receive\",$k," NOT_INTERNAL "}")),
	TERM(RATE, ZMQ_FAILURES, RATE("tapmeter_message_failures_total{$k," NOT_INTERNAL "}")),
	TERM(RATE, CACHE_HITS, RATE("tapmeter_cache_operations_total{result=\"hit\",$k}")),
	TERM(RATE, CACHE_MISSES, RATE("tapmeter_cache_operations_total{result=\"miss\",$k}")),
	TERM(RATE, CACHE_BYTES, RATE("tapmeter_cache_bytes_total{$k}")),
	TERM(RATE, RPC_REQUESTS, RATE("tapmeter_rpc_requests_total{$k}")),

	TERM(QUANTILE, ZMQ_CALL_P50, QUANTILE("0.5", "tapmeter_message_call_seconds_bucket{$k," NOT_INTERNAL "}")),
	TERM(QUANTILE, ZMQ_CALL_P99, QUANTILE("0.99", "tapmeter_message_call_seconds_bucket{$k," NOT_INTERNAL "}")),
	TERM(QUANTILE, ZMQ_TRANSIT_P50, QUANTILE("0.5", "tapmeter_message_transit_seconds_bucket{$k}")),
	TERM(QUANTILE, ZMQ_TRANSIT_P99, QUANTILE("0.99", "tapmeter_message_transit_seconds_bucket{$k}")),
	TERM(QUANTILE, CACHE_OP_P50, QUANTILE("0.5", "tapmeter_cache_operation_seconds_bucket{$k}")),
	TERM(QUANTILE, CACHE_OP_P99, QUANTILE("0.99", "tapmeter_cache_operation_seconds_bucket{$k}")),

	PEAK(MEM, MEM_NOW), PEAK(ZMQ_IN_FLIGHT, IN_FLIGHT_NOW), PEAK(ZMQ_SEND_OLDEST, SEND_OLDEST_NOW),
	PEAK(ZMQ_RECV_OLDEST, RECV_OLDEST_NOW), PEAK(ZMQ_BACKLOG, BACKLOG_NOW),
	PEAK(RPC_UNANSWERED, UNANSWERED_NOW), PEAK(RPC_OLDEST, RPC_OLDEST_NOW),
	STAT(CPU_UTIL, "max", OVER_TIME("max", CPU_UTIL_NOW)),
	STAT(CPU_UTIL, "avg", OVER_TIME("avg", CPU_UTIL_NOW)),
	STAT(IO_READ, "rate", RATE("tapmeter_kernel_io_bytes_total{direction=\"read\",$k}")),
	STAT(IO_WRITE, "rate", RATE("tapmeter_kernel_io_bytes_total{direction=\"write\",$k}")),
};

static const struct presence tapmeter_presences[] = {
	{ "tapmeter_messages_total", NULL, NULL, BIT(ZMQ_CALL_P50) | BIT(ZMQ_CALL_P99), ZMQ_COUNTED },
	{ "tapmeter_messages_total", "direction", "send",
	  BIT(ZMQ_SEND_MESSAGES) | BIT(ZMQ_SEND_BYTES) | BIT(ZMQ_SEND_OLDEST) | BIT(ZMQ_IN_FLIGHT), 0 },
	{ "tapmeter_messages_total", "direction", "receive",
	  BIT(ZMQ_RECV_MESSAGES) | BIT(ZMQ_RECV_BYTES) | BIT(ZMQ_RECV_OLDEST) | BIT(ZMQ_IN_FLIGHT), 0 },
	{ "tapmeter_message_failures_total", NULL, NULL, BIT(ZMQ_FAILURES), 0 },
	{ "tapmeter_cache_operations_total", NULL, NULL, BIT(CACHE_OP_P50) | BIT(CACHE_OP_P99), CACHE_COUNTED },
	{ "tapmeter_cache_operations_total", "result", "hit", BIT(CACHE_HITS), 0 },
	{ "tapmeter_cache_operations_total", "result", "miss", BIT(CACHE_MISSES), 0 },
	{ "tapmeter_cache_bytes_total", NULL, NULL, BIT(CACHE_BYTES), 0 },
	{ "tapmeter_rpc_requests_total", NULL, NULL, BIT(RPC_REQUESTS), BIT(RPC_REQUESTS) },
	{ "tapmeter_kernel_cpu_seconds_total", NULL, NULL,
	  BIT(CPU_USED) | BIT(CPU_UTIL), BIT(CPU_USED) | BIT(CPU_UTIL) },
	{ "tapmeter_kernel_memory_bytes", NULL, NULL, BIT(MEM), BIT(MEM) },
	{ "tapmeter_kernel_io_bytes_total", NULL, NULL, 0, BIT(IO_READ) | BIT(IO_WRITE) },
	{ "tapmeter_kernel_io_bytes_total", "direction", "read", BIT(IO_READ), 0 },
	{ "tapmeter_kernel_io_bytes_total", "direction", "write", BIT(IO_WRITE), 0 },
	{ "tapmeter_kernel_network_bytes_total", NULL, NULL, 0, BIT(NET_RX) | BIT(NET_TX) },
	{ "tapmeter_kernel_network_bytes_total", "direction", "receive", BIT(NET_RX), 0 },
	{ "tapmeter_kernel_network_bytes_total", "direction", "send", BIT(NET_TX), 0 },
};

/* ---- Backend.AI ------------------------------------------------------------------------------ */

#define BACKENDAI "backendai_container_utilization"
#define BACKENDAI_BY "sum by (kernel_id, container_metric_name, value_type) "
#define BACKENDAI_OF(metric) BACKENDAI "{container_metric_name=\"" metric "\",value_type=\"current\",$k}"
#define BACKENDAI_RATE(series) \
	BACKENDAI_BY "(rate(" series "[$w])) and " BACKENDAI_BY "(" series " offset $w)"

/*
 * The queries of Backend.AI's own manager. Its agents export raw values: cpu_util, net_rx and
 * net_tx are counters in a gauge, of which only the rate means something.
 */
static const struct term backendai_terms[] = {
	{ PART_PRESENCE, METRICS_ALL,
	  "group by (kernel_id, __name__, container_metric_name) ("
	  BACKENDAI "{value_type=\"current\",$k})", NULL },
	{ PART_GAUGE, BIT(MEM) | BIT(CPU_USED) | BIT(IO_READ) | BIT(IO_WRITE),
	  BACKENDAI_BY "(" BACKENDAI "{container_metric_name=~\"mem|cpu_used|io_read|io_write\","
	  "value_type=~\"current|capacity\",$k})", NULL },
	{ PART_GAUGE, BIT(CPU_UTIL),
	  BACKENDAI_BY "(" BACKENDAI "{container_metric_name=\"cpu_util\","
	  "value_type=\"capacity\",$k})", NULL },
	{ PART_DIFF, BIT(CPU_UTIL),
	  BACKENDAI_RATE(BACKENDAI "{container_metric_name=\"cpu_util\",value_type=\"current\",$k}"), NULL },
	{ PART_RATE, BIT(NET_RX) | BIT(NET_TX),
	  BACKENDAI_RATE(BACKENDAI "{container_metric_name=~\"net_rx|net_tx\",value_type=\"current\",$k}"), NULL },

	PEAK(MEM, SUM(BACKENDAI_OF("mem"))),
	STAT(CPU_UTIL, "max", OVER_TIME("max", RATE(BACKENDAI_OF("cpu_util")))),
	STAT(CPU_UTIL, "avg", OVER_TIME("avg", RATE(BACKENDAI_OF("cpu_util")))),
	STAT(IO_READ, "rate", RATE(BACKENDAI_OF("io_read"))),
	STAT(IO_WRITE, "rate", RATE(BACKENDAI_OF("io_write"))),
};

#define MINE(metric, name) \
	{ BACKENDAI, "container_metric_name", name, BIT(metric), BIT(metric) }

static const struct presence backendai_presences[] = {
	MINE(MEM, "mem"), MINE(CPU_USED, "cpu_used"), MINE(IO_READ, "io_read"),
	MINE(IO_WRITE, "io_write"), MINE(CPU_UTIL, "cpu_util"), MINE(NET_RX, "net_rx"),
	MINE(NET_TX, "net_tx"),
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct source sources[] = {
	[SOURCE_TAPMETER] = {
		.term_count = COUNT(tapmeter_terms),
		.terms = tapmeter_terms,
		.presence_count = COUNT(tapmeter_presences),
		.presences = tapmeter_presences,
		.never_zero = BIT(ZMQ_CALL_P50) | BIT(ZMQ_CALL_P99) | BIT(CACHE_OP_P50) |
			      BIT(CACHE_OP_P99) | BIT(ZMQ_TRANSIT_P50) | BIT(ZMQ_TRANSIT_P99),
		/* in Kubernetes Prometheus may have its own `pod` and call ours exported_pod */
		.kernels =
			"group by (kernel_id, container, pod, namespace, exported_container, exported_pod, "
			"exported_namespace, system) ({__name__=~\"tapmeter_messages_total|"
			"tapmeter_calls_in_flight|tapmeter_cache_operations_total|"
			"tapmeter_rpc_requests_total|tapmeter_kernel_cpu_seconds_total|"
			"tapmeter_kernel_memory_bytes\",kernel_id!=\"\"})",
	},
	[SOURCE_BACKENDAI] = {
		.term_count = COUNT(backendai_terms),
		.terms = backendai_terms,
		.presence_count = COUNT(backendai_presences),
		.presences = backendai_presences,
		/* "undefined" is what its agents say if there is no id */
		.kernels = "group by (kernel_id) (" BACKENDAI "{kernel_id!~\"|undefined\"})",
	},
};

const struct source *source_get(enum source_kind kind)
{
	return &sources[kind];
}

const char *part_name(enum part part)
{
	static const char *const names[PART_COUNT] = {
		[PART_PRESENCE] = "presence", [PART_GAUGE] = "gauge",	    [PART_DIFF] = "diff",
		[PART_RATE] = "rate",	      [PART_QUANTILE] = "quantile", [PART_PEAK] = "peak",
		[PART_STATS] = "stats",
	};

	return names[part];
}

int part_has_window(enum part part)
{
	return part == PART_DIFF || part == PART_RATE || part == PART_QUANTILE ||
	       part == PART_STATS;
}

static size_t count_matchers(const char *text)
{
	size_t n = 0;

	for (; (text = strstr(text, "$k")); text += 2)
		n++;
	return n;
}

/* The term's metric, if it tells of one and its series do not say which. */
static const char *metric_label(const struct term *term)
{
	if (!term->value_type)
		return NULL;
	return metric_names[__builtin_ctz(term->metrics)];
}

static void add_term(const struct term *term, const char *matcher, uint64_t window_ns,
		     struct strbuf *out)
{
	const char *metric = metric_label(term);

	if (metric)
		strbuf_addstr(out, "label_replace(label_replace(");
	promql_expand(out, term->text, matcher, window_ns);
	if (metric)
		strbuf_addf(out, ",\"metric\",\"%s\",\"\",\"\"),\"value_type\",\"%s\",\"\",\"\")",
			    metric, term->value_type);
}

size_t source_add_query(const struct source *source, enum part part, uint32_t wanted,
			const char *matcher, uint64_t window_ns, struct strbuf *out)
{
	size_t matchers = 0, terms = 0;

	for (size_t i = 0; i < source->term_count; i++) {
		const struct term *term = &source->terms[i];

		if (term->part != part || !(term->metrics & wanted))
			continue;
		if (terms++)
			strbuf_addstr(out, " or ");
		add_term(term, matcher, window_ns, out);
		matchers += count_matchers(term->text);
	}
	return matchers;
}
