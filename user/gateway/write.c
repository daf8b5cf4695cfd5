/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/write.h"
#include "serve/livestat_write.h"

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u
#define WHOLE_MAX 1e18
#define SECONDS_MAX 1e9 /* in nanoseconds they fit into 64 bits */

void write_seconds(struct strbuf *out, uint64_t ns)
{
	strbuf_add_seconds(out, ns);
	if (ns % NS_PER_S == 0)
		strbuf_add(out, ".0", 2);
}

/* As exact as the metric is in an agent's answer. */
static struct livestat_number to_number(const struct livestat_metric *metric, double number,
					unsigned state)
{
	if (state == VALUE_ABSENT)
		return (struct livestat_number){ 0 };
	if (state != VALUE_NUMBER)
		return LIVESTAT_IS_NULL;
	if (number >= WHOLE_MAX)
		return livestat_whole(UINT64_MAX);
	if (metric->source == LIVESTAT_COUNT || metric->source == LIVESTAT_AMOUNT)
		return livestat_whole((uint64_t)(number + 0.5));
	if (number < SECONDS_MAX && metric->group == LIVESTAT_GAUGE)
		return livestat_scaled((uint64_t)(number * NS_PER_S + 0.5), NS_PER_S);
	return livestat_real(number);
}

static struct livestat_number to_capacity(const struct livestat_metric *metric,
					  const struct value *value)
{
	switch (metric->capacity) {
	case LIVESTAT_ONE_CPU:
		return livestat_whole(1000);
	case LIVESTAT_MEMORY_LIMIT:
		if (value->capacity_state == VALUE_NUMBER)
			return to_number(metric, value->capacity, VALUE_NUMBER);
		return LIVESTAT_IS_NULL;
	case LIVESTAT_NO_CAPACITY:
		break;
	}
	return (struct livestat_number){ 0 };
}

static struct livestat_number to_stat(const struct livestat_metric *metric, struct stat_value stat,
				      struct livestat_number otherwise)
{
	return stat.known ? to_number(metric, stat.number, VALUE_NUMBER) : otherwise;
}

/* As livestat_stats() has them: what is now is part of the history, and all of it if there is no other. */
static void to_stats(const struct livestat_metric *metric, const struct value *value,
		     struct livestat_value *out)
{
	const struct stat_value *stats = value->stats;

	out->max = livestat_max(out->current, to_stat(metric, stats[STAT_MAX], out->current));
	out->avg = to_stat(metric, stats[STAT_AVG], out->current);
	out->rate = metric->group == LIVESTAT_RATE ? out->current :
		    stats[STAT_RATE].known	   ? livestat_real(stats[STAT_RATE].number) :
						     LIVESTAT_IS_NULL;
}

/* Metrics that are not wanted, and such as no agent knows, are absent. */
static void to_livestat(const struct kernel_values *kernel, uint32_t wanted,
			struct livestat_value out[LIVESTAT_METRICS])
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		const struct livestat_metric *metric = &livestat_metrics[i];
		enum metric own = metric_find(metric->name);
		const struct value *value = &kernel->values[own];

		out[i] = (struct livestat_value){ 0 };
		if (own == METRIC_COUNT || !(wanted & METRIC_BIT(own)) ||
		    value->current_state == VALUE_ABSENT)
			continue;
		out[i].current = to_number(metric, value->current, value->current_state);
		out[i].capacity = to_capacity(metric, value);
		to_stats(metric, value, &out[i]);
	}
}

static void add_kernel(struct strbuf *out, const struct kernel_values *kernel, uint32_t wanted,
		       enum livestat_shape shape)
{
	struct livestat_value values[LIVESTAT_METRICS];

	to_livestat(kernel, wanted, values);
	if (shape == LIVESTAT_BACKENDAI)
		livestat_write_backendai(out, values);
	else if (shape == LIVESTAT_BACKENDAI_AGENT)
		livestat_write_agent(out, values);
	else
		livestat_write_native(out, values);
}

/* The widest window that a value of the answer was computed over. */
static uint64_t widest_ns(const struct values *values)
{
	uint32_t widest_ms = 0;

	for (size_t i = 0; i < values->count; i++)
		for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
			if (values->kernels[i].values[metric].window_ms > widest_ms)
				widest_ms = values->kernels[i].values[metric].window_ms;
	return (uint64_t)widest_ms * NS_PER_MS;
}

void write_live_stat(const struct values *values, uint32_t wanted, enum livestat_shape shape,
		     uint64_t real_ns, const struct warnings *warnings, struct strbuf *out)
{
	strbuf_addstr(out, "{\"sampled_at\":");
	write_seconds(out, real_ns);
	strbuf_addstr(out, ",\"by_kernel\":{");
	for (size_t i = 0; i < values->count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_add_json(out, values->ids[i]);
		strbuf_addch(out, ':');
		if (values->kernels[i].known)
			add_kernel(out, &values->kernels[i], wanted, shape);
		else
			strbuf_addstr(out, "null");
	}
	strbuf_addstr(out, "},\"window_seconds\":");
	write_seconds(out, widest_ns(values));
	warnings_write(warnings, out);
	strbuf_addstr(out, "}\n");
}
