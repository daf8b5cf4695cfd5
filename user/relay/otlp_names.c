/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/otlp_names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rule {
	const char *family;
	const char *label, *value; /* only metrics with these; NULL = all */
	const char *name;
	const char *unit;
} rules[] = {
	{ "tapmeter_messages_total", "direction", "send", "messaging.client.sent.messages",
	  "{message}" },
	{ "tapmeter_messages_total", "direction", "receive", "messaging.client.consumed.messages",
	  "{message}" },
	{ "tapmeter_message_call_seconds", NULL, NULL, "messaging.client.operation.duration", "s" },
	{ "tapmeter_cache_operation_seconds", "side", "client", "db.client.operation.duration",
	  "s" },
	{ "tapmeter_rpc_seconds", "side", "client", "rpc.client.call.duration", "s" },
	{ "tapmeter_rpc_seconds", "side", "server", "rpc.server.call.duration", "s" },
	{ "process_cpu_seconds_total", NULL, NULL, "process.cpu.time", "s" },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static const char *label_of(const Prometheus__Metric *metric, const char *name)
{
	for (size_t i = 0; i < metric->n_label; i++)
		if (metric->label[i]->name && !strcmp(metric->label[i]->name, name))
			return metric->label[i]->value ? metric->label[i]->value : "";
	return "";
}

unsigned otlp_rule_of(const char *family, const Prometheus__Metric *metric)
{
	for (unsigned i = 0; i < RULES; i++)
		if (!strcmp(rules[i].family, family) &&
		    (!rules[i].label || !strcmp(label_of(metric, rules[i].label), rules[i].value)))
			return i + 1;
	return OTLP_RULE_NONE;
}

static int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

static void make_name(const char *family, char *name, size_t size)
{
	size_t len = strlen(family);

	if (ends_with(family, "_total"))
		len -= strlen("_total");
	snprintf(name, size, "%.*s", (int)(len < size ? len : size - 1), family);
	for (char *c = name; *c; c++)
		if (*c == '_')
			*c = '.';
}

/* "1" would say a ratio. */
static const char *unit_of(const char *unit)
{
	if (!strcmp(unit, "seconds"))
		return "s";
	return !strcmp(unit, "bytes") ? "By" : "{count}";
}

void otlp_name(const Prometheus__MetricFamily *family, unsigned rule, struct otlp_naming *out)
{
	const char *unit = family->unit ? family->unit : "";

	*out = (struct otlp_naming){ .unit = unit_of(unit) };
	out->integers = strcmp(unit, "seconds") != 0 && !strncmp(family->name, "tapmeter_", 9);
	/* a container's cgroup is older than that it is looked at */
	out->start_unknown = !strncmp(family->name, "tapmeter_kernel_", 16);
	if (rule == OTLP_RULE_NONE || rule > RULES) {
		make_name(family->name, out->name, sizeof(out->name));
		return;
	}
	snprintf(out->name, sizeof(out->name), "%s", rules[rule - 1].name);
	out->unit = rules[rule - 1].unit;
}

/* ---- attributes ------------------------------------------------------------------------------------ */

enum otlp_kind otlp_kind_of(const char *family)
{
	if (!strncmp(family, "tapmeter_message", 16))
		return OTLP_KIND_MESSAGING;
	if (!strncmp(family, "tapmeter_cache_", 15))
		return OTLP_KIND_DB;
	return !strncmp(family, "tapmeter_rpc_", 13) ? OTLP_KIND_RPC : OTLP_KIND_OWN;
}

static int is_container_id(const char *text)
{
	size_t len = strspn(text, "0123456789abcdef");

	return !text[len] && (len == 64 || len == 12);
}

const char *otlp_resource_attribute(const char *label, const char *value)
{
	if (!strcmp(label, "kernel_id"))
		return "tapmeter.kernel.id";
	if (!strcmp(label, "container"))
		return is_container_id(value) ? "container.id" : "container.name";
	if (!strcmp(label, "pod"))
		return "k8s.pod.name";
	return !strcmp(label, "namespace") ? "k8s.namespace.name" : NULL;
}

static const struct {
	enum otlp_kind kind;
	const char *label, *attribute;
} attributes[] = {
	{ OTLP_KIND_MESSAGING, "system", "messaging.system" },
	{ OTLP_KIND_MESSAGING, "endpoint", "messaging.destination.name" },
	{ OTLP_KIND_MESSAGING, "direction", "messaging.operation.type" },
	{ OTLP_KIND_MESSAGING, "error", "error.type" },
	{ OTLP_KIND_DB, "system", "db.system.name" },
	{ OTLP_KIND_DB, "operation", "db.operation.name" },
	{ OTLP_KIND_RPC, "system", "rpc.system.name" },
	{ OTLP_KIND_RPC, "method", "rpc.method" },
};

const char *otlp_attribute(enum otlp_kind kind, const char *label, char buffer[OTLP_NAME_SIZE])
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].kind == kind && !strcmp(attributes[i].label, label))
			return attributes[i].attribute;
	snprintf(buffer, OTLP_NAME_SIZE, "tapmeter.%.100s", label);
	return buffer;
}

const char *otlp_value(enum otlp_kind kind, const char *label, const char *value)
{
	if (kind == OTLP_KIND_MESSAGING && !strcmp(label, "system") && !strcmp(value, "zmq"))
		return "zeromq";
	return value;
}

int otlp_server(const char *endpoint, char *host, size_t host_size, unsigned *port)
{
	const char *colon = strrchr(endpoint, ':');
	const char *start = endpoint + strlen("tcp://");
	size_t len;
	char *end;

	*port = 0;
	if (strncmp(endpoint, "tcp://", 6) != 0 || colon <= start)
		return 0;
	len = (size_t)(colon - start);
	if (*start == '[' && len > 2 && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	*port = (unsigned)strtoul(colon + 1, &end, 10);
	if (*end || !*port || *port > 65535 || len >= host_size || *start == '*') {
		*port = 0;
		return 0;
	}
	snprintf(host, host_size, "%.*s", (int)len, start);
	return 1;
}
