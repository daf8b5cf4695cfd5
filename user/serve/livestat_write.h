/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_WRITE_H
#define TAPMETER_SERVE_LIVESTAT_WRITE_H
/*
 * The shapes: how the values of one kernel are written as JSON. Each function adds what stands
 * behind the kernel's id.
 */
#include "serve/livestat_values.h"
#include "util/strbuf.h"

typedef void (*livestat_write_fn)(struct strbuf *out,
				  const struct livestat_value values[LIVESTAT_METRICS]);

/* {"gauge":{…},"diff":{…},"rate":{…}} of JSON numbers. */
void livestat_write_native(struct strbuf *out,
			   const struct livestat_value values[LIVESTAT_METRICS]);

/*
 * The two legacy shapes: metric -> {"current", "capacity", "pct", …} of strings; null if no metric
 * applies. Backend.AI's rules hold for our own metrics, too.
 */

/* As Backend.AI's manager makes it of Prometheus' answers: what is not known is "0". */
void livestat_write_backendai(struct strbuf *out,
			      const struct livestat_value values[LIVESTAT_METRICS]);
/*
 * As Backend.AI's agent puts it into Valkey: rounded, only the metric's own statistics. Needs
 * livestat_stats().
 */
void livestat_write_agent(struct strbuf *out, const struct livestat_value values[LIVESTAT_METRICS]);

/* What both have in common: the unit hint of a metric, and the map around the metrics. */
const char *livestat_unit_hint(const char *metric);
typedef void (*livestat_write_value_fn)(struct strbuf *out, const struct livestat_metric *metric,
					const struct livestat_value *value);
void livestat_write_map(struct strbuf *out, const struct livestat_value values[LIVESTAT_METRICS],
			livestat_write_value_fn write_one);

#endif
