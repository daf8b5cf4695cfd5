/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "relay/otlp_names.h"

static void assert_named(const char *family, const char *unit, const char *label, const char *value,
			 const char *name, const char *ucum)
{
	Prometheus__LabelPair pair = PROMETHEUS__LABEL_PAIR__INIT;
	Prometheus__LabelPair *pairs[] = { &pair };
	Prometheus__Metric metric = PROMETHEUS__METRIC__INIT;
	Prometheus__MetricFamily head = PROMETHEUS__METRIC_FAMILY__INIT;
	struct otlp_naming naming;

	pair.name = (char *)(uintptr_t)label;
	pair.value = (char *)(uintptr_t)value;
	metric.n_label = 1;
	metric.label = pairs;
	head.name = (char *)(uintptr_t)family;
	head.unit = (char *)(uintptr_t)unit;
	otlp_name(&head, otlp_rule_of(family, &metric), &naming);
	assert_string_equal(naming.name, name);
	assert_string_equal(naming.unit, ucum);
}

static void families_have_the_conventions_names_or_their_own_with_dots(void **state)
{
	(void)state;
	assert_named("tapmeter_messages_total", "", "direction", "send",
		     "messaging.client.sent.messages", "{message}");
	assert_named("tapmeter_messages_total", "", "direction", "receive",
		     "messaging.client.consumed.messages", "{message}");
	assert_named("tapmeter_rpc_seconds", "seconds", "side", "server",
		     "rpc.server.call.duration", "s");
	assert_named("tapmeter_cache_operation_seconds", "seconds", "side", "client",
		     "db.client.operation.duration", "s");
	assert_named("tapmeter_cache_operation_seconds", "seconds", "side", "server",
		     "tapmeter.cache.operation.seconds", "s");
	assert_named("tapmeter_message_bytes_total", "bytes", "a", "b", "tapmeter.message.bytes",
		     "By");
	assert_named("tapmeter_streams", NULL, "a", "b", "tapmeter.streams", "{count}");
}

static void labels_go_to_the_resource_or_to_attributes(void **state)
{
	char buffer[OTLP_NAME_SIZE];

	(void)state;
	assert_string_equal(otlp_resource_attribute("kernel_id", "k"), "tapmeter.kernel.id");
	assert_string_equal(otlp_resource_attribute("container", "web"), "container.name");
	assert_string_equal(otlp_resource_attribute("container", "0123456789ab"), "container.id");
	assert_null(otlp_resource_attribute("direction", "send"));
	assert_string_equal(otlp_attribute(OTLP_KIND_MESSAGING, "system", buffer),
			    "messaging.system");
	assert_string_equal(otlp_attribute(OTLP_KIND_OWN, "system", buffer), "tapmeter.system");
	assert_string_equal(otlp_value(OTLP_KIND_MESSAGING, "system", "zmq"), "zeromq");
	assert_string_equal(otlp_value(OTLP_KIND_OWN, "system", "zmq"), "zmq");
}

static void the_server_is_a_tcp_endpoints_one_host(void **state)
{
	static const char *const others[] = { "",	   "ipc:///tmp/a:1", "tcp://*:5555",
					      "tcp://",	   "tcp://h",	     "tcp://h:0",
					      "tcp://h:x", "tcp://h:65536",  "tcp://:5" };
	char host[64];
	unsigned port;

	(void)state;
	assert_true(otlp_server("tcp://10.0.0.1:5555", host, sizeof(host), &port));
	assert_string_equal(host, "10.0.0.1");
	assert_int_equal(port, 5555);
	assert_true(otlp_server("tcp://[::1]:80", host, sizeof(host), &port));
	assert_string_equal(host, "::1");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(otlp_server(others[i], host, sizeof(host), &port));
		assert_int_equal(port, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_have_the_conventions_names_or_their_own_with_dots),
		cmocka_unit_test(labels_go_to_the_resource_or_to_attributes),
		cmocka_unit_test(the_server_is_a_tcp_endpoints_one_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
