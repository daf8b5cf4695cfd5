/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OTLP_NAMES_H
#define TAPMETER_RELAY_OTLP_NAMES_H
/*
 * What families and labels are called in OpenTelemetry: by its semantic conventions where there is one that means the
 * same, else the Prometheus name with dots. docs/otlp.md lists them. Functions of their arguments only; any thread.
 */
#include <stddef.h>
#include "metrics.pb-c.h"

#define OTLP_NAME_SIZE 128
#define OTLP_RULE_NONE 0

/* The number of the rule for this metric of the family, OTLP_RULE_NONE = none. Metrics with one number have one name. */
unsigned otlp_rule_of(const char *family, const Prometheus__Metric *metric);

struct otlp_naming {
	char name[OTLP_NAME_SIZE];
	const char *unit; /* UCUM; lives as long as the program */
	int integers; /* values are whole numbers */
	int start_unknown; /* counted since before the agent began, nobody knows when */
};
void otlp_name(const Prometheus__MetricFamily *family, unsigned rule, struct otlp_naming *out);

/* The conventions a family keeps to, which say what its labels are called. */
enum otlp_kind {
	OTLP_KIND_OWN,
	OTLP_KIND_MESSAGING,
	OTLP_KIND_DB,
	OTLP_KIND_RPC,
	OTLP_KIND_COUNT,
};
enum otlp_kind otlp_kind_of(const char *family);

/* A label that says whose the metric is goes to the resource: its attribute's name there, or NULL. */
const char *otlp_resource_attribute(const char *label, const char *value);
/* The attribute's name: a constant, or written to `buffer`. */
const char *otlp_attribute(enum otlp_kind kind, const char *label, char buffer[OTLP_NAME_SIZE]);
/* What stands for the label's value. */
const char *otlp_value(enum otlp_kind kind, const char *label, const char *value);
/*
 * The parts of tcp://HOST:PORT, IPv6 without its brackets. 0 and *port = 0 if it is another transport, or of no one host.
 */
int otlp_server(const char *endpoint, char *host, size_t host_size, unsigned *port);

#endif
