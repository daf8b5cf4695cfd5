/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat_values.h"
#include <string.h>
#include "store/history.h"
#include "store/quantile.h"

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u
#define MS_PER_S 1000u

#define AT(member) offsetof(struct kernel_point, member)
#define GAUGE LIVESTAT_GAUGE
#define DIFF LIVESTAT_DIFF
#define RATE LIVESTAT_RATE
#define NOTHING LIVESTAT_NOTHING, 0, 0, 0, 0
#define MESSAGES LIVESTAT_NEEDS_MESSAGES, LIVESTAT_NO_CAPACITY
#define QUANTILE(hist, percent, needs)                                                  \
	LIVESTAT_QUANTILE, LIVESTAT_QUANTILE_OF(hist, percent), LIVESTAT_NEEDS_##needs, \
		LIVESTAT_NO_CAPACITY, 0
#define STAT(what) LIVESTAT_STAT_##what

/* It would give every word a line of its own: */
/* clang-format off */
const struct livestat_metric livestat_metrics[LIVESTAT_METRICS] = {
	{ "cache_bytes", RATE, NOTHING },
	{ "cache_hits", RATE, NOTHING },
	{ "cache_misses", RATE, NOTHING },
	{ "cache_op_p50", GAUGE, QUANTILE(HIST_CACHE, 50, CACHE) },
	{ "cache_op_p99", GAUGE, QUANTILE(HIST_CACHE, 99, CACHE) },
	{ "cpu_used", GAUGE, LIVESTAT_MILLISECONDS, AT(usage.cpu_ns),
	  USAGE_CPU, LIVESTAT_NO_CAPACITY, 0 },
	{ "cpu_util", DIFF, LIVESTAT_CPU_PER_SECOND, AT(usage.cpu_ns),
	  USAGE_CPU, LIVESTAT_ONE_CPU, STAT(AVG) | STAT(MAX) },
	{ "io_read", GAUGE, LIVESTAT_AMOUNT, AT(usage.io_read_bytes),
	  USAGE_IO, LIVESTAT_NO_CAPACITY, STAT(RATE) },
	{ "io_write", GAUGE, LIVESTAT_AMOUNT, AT(usage.io_write_bytes),
	  USAGE_IO, LIVESTAT_NO_CAPACITY, STAT(RATE) },
	{ "mem", GAUGE, LIVESTAT_AMOUNT, AT(usage.memory_bytes),
	  USAGE_MEMORY, LIVESTAT_MEMORY_LIMIT, STAT(MAX) },
	{ "net_rx", RATE, LIVESTAT_USED_PER_SECOND, AT(usage.net_rx_bytes),
	  USAGE_NETWORK, LIVESTAT_NO_CAPACITY, STAT(RATE) },
	{ "net_tx", RATE, LIVESTAT_USED_PER_SECOND, AT(usage.net_tx_bytes),
	  USAGE_NETWORK, LIVESTAT_NO_CAPACITY, STAT(RATE) },
	{ "rpc_oldest_seconds", GAUGE, NOTHING },
	{ "rpc_requests", RATE, NOTHING },
	{ "rpc_unanswered", GAUGE, NOTHING },
	{ "zmq_backlog", GAUGE, LIVESTAT_AMOUNT, AT(backlog),
	  LIVESTAT_NEEDS_BACKLOG, LIVESTAT_NO_CAPACITY, STAT(MAX) },
	{ "zmq_call_p50", GAUGE, QUANTILE(HIST_CALLS, 50, MESSAGES) },
	{ "zmq_call_p99", GAUGE, QUANTILE(HIST_CALLS, 99, MESSAGES) },
	{ "zmq_failures", RATE, LIVESTAT_PER_SECOND, AT(failures), MESSAGES, STAT(RATE) },
	{ "zmq_in_flight", GAUGE, LIVESTAT_COUNT, AT(in_flight), MESSAGES, STAT(MAX) },
	{ "zmq_recv_bytes", RATE, LIVESTAT_PER_SECOND, AT(recv_bytes), MESSAGES, STAT(RATE) },
	{ "zmq_recv_messages", RATE, LIVESTAT_PER_SECOND, AT(recv_messages), MESSAGES, STAT(RATE) },
	{ "zmq_recv_oldest_seconds", GAUGE, LIVESTAT_SECONDS, AT(recv_oldest_ns),
	  MESSAGES, STAT(MAX) },
	{ "zmq_send_bytes", RATE, LIVESTAT_PER_SECOND, AT(send_bytes), MESSAGES, STAT(RATE) },
	{ "zmq_send_messages", RATE, LIVESTAT_PER_SECOND, AT(send_messages), MESSAGES, STAT(RATE) },
	{ "zmq_send_oldest_seconds", GAUGE, LIVESTAT_SECONDS, AT(send_oldest_ns),
	  MESSAGES, STAT(MAX) },
	{ "zmq_transit_p50", GAUGE, QUANTILE(HIST_TRANSIT, 50, TRANSIT) },
	{ "zmq_transit_p99", GAUGE, QUANTILE(HIST_TRANSIT, 99, TRANSIT) },
};
/* clang-format on */

_Static_assert(LIVESTAT_METRICS < 32, "metrics must fit into the request's bits");

static uint64_t number_at(const struct kernel_point *point, const struct livestat_metric *metric)
{
	uint64_t wide;
	uint32_t narrow;

	if (metric->source == LIVESTAT_COUNT) {
		memcpy(&narrow, (const char *)point + metric->offset, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, (const char *)point + metric->offset, sizeof(wide));
	return wide;
}

static int has_what_it_needs(const struct livestat_metric *metric, const struct kernel_point *point)
{
	switch (metric->needs) {
	case LIVESTAT_NEEDS_MESSAGES:
		return point->has_messages != 0;
	case LIVESTAT_NEEDS_CACHE:
		return point->has_cache != 0;
	case LIVESTAT_NEEDS_TRANSIT:
		return point->has_transit != 0;
	case LIVESTAT_NEEDS_BACKLOG:
		return point->has_backlog != 0;
	default:
		return (point->usage.has & metric->needs) != 0;
	}
}

/* ---- one value ---- */

static uint64_t time_between(uint64_t now_ns, uint64_t before_ns)
{
	return before_ns && now_ns > before_ns ? now_ns - before_ns : 0;
}

/* Less than before: a counter has begun anew, and what it has counted since is not known. */
static struct livestat_number increase(const struct livestat_metric *metric,
				       const struct kernel_point *now,
				       const struct kernel_point *before, uint32_t times,
				       uint64_t ns)
{
	uint64_t now_count = number_at(now, metric), before_count = number_at(before, metric);

	if (ns < LIVESTAT_MIN_SPAN_NS || now_count < before_count || before_count == HISTORY_VOID)
		return LIVESTAT_IS_NULL;
	return livestat_ratio(now_count - before_count, times, ns);
}

static struct livestat_number usage_increase(const struct livestat_metric *metric,
					     const struct kernel_point *now,
					     const struct kernel_point *before, uint32_t times)
{
	uint64_t ns = time_between(now->usage.mono_ns, before->usage.mono_ns);

	if (!(before->usage.has & metric->needs) || before->usage.instance != now->usage.instance)
		return LIVESTAT_IS_NULL;
	return increase(metric, now, before, times, ns);
}

struct livestat_number livestat_current(const struct livestat_metric *metric,
					const struct kernel_point *now,
					const struct kernel_point *before)
{
	switch (metric->source) {
	case LIVESTAT_COUNT:
	case LIVESTAT_AMOUNT:
		return livestat_whole(number_at(now, metric));
	case LIVESTAT_SECONDS:
		return livestat_scaled(number_at(now, metric), NS_PER_S);
	case LIVESTAT_MILLISECONDS:
		return livestat_scaled(number_at(now, metric), NS_PER_MS);
	case LIVESTAT_PER_SECOND:
		return increase(metric, now, before, NS_PER_S,
				time_between(now->mono_ns, before->mono_ns));
	case LIVESTAT_USED_PER_SECOND:
		return usage_increase(metric, now, before, NS_PER_S);
	case LIVESTAT_CPU_PER_SECOND:
		return usage_increase(metric, now, before, MS_PER_S);
	case LIVESTAT_QUANTILE:
		return LIVESTAT_IS_NULL;
	case LIVESTAT_NOTHING:
		break;
	}
	return (struct livestat_number){ 0 };
}

static struct livestat_number capacity_of(const struct livestat_metric *metric,
					  const struct kernel_point *now)
{
	switch (metric->capacity) {
	case LIVESTAT_ONE_CPU:
		return livestat_whole(MS_PER_S);
	case LIVESTAT_MEMORY_LIMIT:
		if (now->usage.memory_limit_bytes == USAGE_UNLIMITED)
			return LIVESTAT_IS_NULL;
		return livestat_whole(now->usage.memory_limit_bytes);
	case LIVESTAT_NO_CAPACITY:
		break;
	}
	return (struct livestat_number){ 0 };
}

static int applies(const struct livestat_metric *metric, const struct kernel_point *now)
{
	return metric->source != LIVESTAT_NOTHING && has_what_it_needs(metric, now);
}

void livestat_values(const struct kernel_point *now, const struct kernel_point *before,
		     uint32_t wanted, struct livestat_value values[LIVESTAT_METRICS])
{
	memset(values, 0, LIVESTAT_METRICS * sizeof(values[0]));
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		const struct livestat_metric *metric = &livestat_metrics[i];
		struct livestat_value *value = &values[i];

		if (!(wanted & 1u << i) || !applies(metric, now))
			continue;
		value->current = livestat_current(metric, now, before);
		value->capacity = capacity_of(metric, now);
		if (!(metric->stats & LIVESTAT_STAT_RATE))
			continue;
		value->rate = metric->group == LIVESTAT_RATE ?
				      value->current :
				      usage_increase(metric, now, before, NS_PER_S);
	}
}

int livestat_wants_quantiles(uint32_t wanted)
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (wanted & 1u << i && livestat_metrics[i].source == LIVESTAT_QUANTILE)
			return 1;
	}
	return 0;
}

void livestat_quantiles(const struct kernel_hists *now, const struct kernel_hists *before,
			struct livestat_value values[LIVESTAT_METRICS])
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		const struct livestat_metric *metric = &livestat_metrics[i];
		size_t hist = metric->offset / 100;
		double seconds;

		if (metric->source != LIVESTAT_QUANTILE ||
		    values[i].current.kind == LIVESTAT_ABSENT)
			continue;
		seconds = quantile_between(before->buckets[hist], now->buckets[hist],
					   (double)(metric->offset % 100) / 100);
		/* negative: nothing has happened, or a counter has begun anew */
		if (seconds >= 0)
			values[i].current =
				livestat_scaled((uint64_t)(seconds * NS_PER_S + 0.5), NS_PER_S);
	}
}

uint64_t livestat_span(const struct kernel_point *now, const struct kernel_point *before,
		       uint32_t wanted)
{
	uint64_t usage_ns = 0;

	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		const struct livestat_metric *metric = &livestat_metrics[i];

		if (!(wanted & 1u << i) || !applies(metric, now))
			continue;
		if (metric->source == LIVESTAT_PER_SECOND)
			return time_between(now->mono_ns, before->mono_ns);
		if (metric->source == LIVESTAT_USED_PER_SECOND ||
		    metric->source == LIVESTAT_CPU_PER_SECOND)
			usage_ns = time_between(now->usage.mono_ns, before->usage.mono_ns);
	}
	return usage_ns;
}

/* ---- over the history ---- */

static void add_stats(const struct livestat_metric *metric, const struct kernel_point *history,
		      size_t count, const struct kernel_point *now, struct livestat_value *value)
{
	static const struct kernel_point none;
	struct livestat_number max = value->current;
	double sum = 0, seconds = 0;

	for (size_t i = 0; i <= count; i++) {
		const struct kernel_point *before = i ? &history[i - 1] : &none;
		const struct kernel_point *point = i < count ? &history[i] : now;
		double span = (double)time_between(point->mono_ns, before->mono_ns);
		struct livestat_number n;

		if (!applies(metric, point))
			continue;
		n = livestat_current(metric, point, before);
		if (!livestat_is_number(n))
			continue;
		max = livestat_max(max, n);
		sum += span * livestat_double(n);
		seconds += span;
	}
	value->max = max;
	value->avg = seconds > 0 ? livestat_real(sum / seconds) : value->current;
}

void livestat_stats(const struct kernel_point *history, size_t count,
		    const struct kernel_point *now, struct livestat_value values[LIVESTAT_METRICS])
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (livestat_metrics[i].stats & (LIVESTAT_STAT_MAX | LIVESTAT_STAT_AVG) &&
		    values[i].current.kind != LIVESTAT_ABSENT)
			add_stats(&livestat_metrics[i], history, count, now, &values[i]);
	}
}
