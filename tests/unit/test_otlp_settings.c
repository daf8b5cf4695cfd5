/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/otlp_settings.h"

static const char *const *environment; /* name, value, …, NULL */
static struct relay_settings settings;
static uint64_t interval_ns;
static char why[256];

static const char *variable(const char *name)
{
	for (const char *const *pair = environment; *pair; pair += 2)
		if (!strcmp(pair[0], name))
			return pair[1];
	return NULL;
}

static int read_all(const char *endpoint, const char *const *pairs)
{
	static const struct otlp_host host = { .name = "h", .id = "", .instance = "i" };

	environment = pairs;
	why[0] = '\0';
	relay_settings_init(&settings);
	return otlp_settings_add(endpoint, variable, &host, &settings, &interval_ns, why,
				 sizeof(why));
}

#define READ(endpoint, ...) read_all(endpoint, (const char *const[]){ __VA_ARGS__, NULL, NULL })
#define assert_setting(name, value) assert_string_equal(relay_settings_get(&settings, name), value)

static void nothing_is_pushed_unless_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(READ(NULL, "HOME", "/"), -ENOENT);
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", ""), -ENOENT);
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://a", "OTEL_SDK_DISABLED",
			      "true"),
			 -ENOENT);
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://a",
			      "OTEL_METRICS_EXPORTER", "none"),
			 -ENOENT);
	assert_int_equal(READ("http://a", "OTEL_METRICS_EXPORTER", "none"), 0);
}

static void the_more_special_one_says_where_to(void **state)
{
	(void)state;
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/b/"), 0);
	assert_setting("otlp.url", "http://a/b/v1/metrics");
	assert_setting("otlp.gzip", "1");
	assert_int_equal(interval_ns, 60000000000ull);
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://a",
			      "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://b/m"),
			 0);
	assert_setting("otlp.url", "https://b/m");
	assert_int_equal(READ("http://c", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://b"), 0);
	assert_setting("otlp.url", "http://c/v1/metrics");
}

static void headers_and_resources_are_decoded(void **state)
{
	const char *name, *value;
	size_t len;

	(void)state;
	assert_int_equal(READ("http://a", "OTEL_EXPORTER_OTLP_HEADERS", "a=b%20c, d = e",
			      "OTEL_RESOURCE_ATTRIBUTES", "host.name=mine,x=y", "OTEL_SERVICE_NAME",
			      "s"),
			 0);
	assert_string_equal(otlp_settings_header(&settings, 0), "a: b c");
	assert_string_equal(otlp_settings_header(&settings, 1), "d: e");
	assert_null(otlp_settings_header(&settings, 2));
	assert_setting("otlp.resource.0", "service.name=s");
	assert_setting("otlp.resource.1", "service.instance.id=i");
	assert_setting("otlp.resource.2", "host.name=mine");
	assert_true(otlp_settings_resource(&settings, 3, &name, &len, &value));
	assert_int_equal(len, 1);
	assert_string_equal(value, "y");
	assert_false(otlp_settings_resource(&settings, 4, &name, &len, &value));
}

static void what_makes_no_sense_is_one_line_with_the_name_and_no_secret(void **state)
{
	static const char *const cases[][2] = {
		{ "OTEL_EXPORTER_OTLP_HEADERS", "secret" },
		{ "OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0d%0ab: c" },
		{ "OTEL_EXPORTER_OTLP_HEADERS", "a=secret%4" },
		{ "OTEL_EXPORTER_OTLP_HEADERS", "a b=secret" },
		{ "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc" },
		{ "OTEL_EXPORTER_OTLP_TIMEOUT", "0" },
		{ "OTEL_EXPORTER_OTLP_TIMEOUT", "-1" },
		{ "OTEL_EXPORTER_OTLP_COMPRESSION", "zstd" },
		{ "OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem" },
		{ "OTEL_METRIC_EXPORT_INTERVAL", "99" },
		{ "OTEL_METRIC_EXPORT_INTERVAL", "1s" },
		{ "OTEL_RESOURCE_ATTRIBUTES", "x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(READ("http://a", cases[i][0], cases[i][1]), -EINVAL);
		assert_int_equal(strncmp(why, cases[i][0], strlen(cases[i][0])), 0);
		assert_null(strstr(why, "secret"));
		assert_null(strchr(why, '\n'));
	}
	assert_int_equal(READ(NULL, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:secret@a"), -EINVAL);
	assert_null(strstr(why, "secret"));
}

static void a_url_is_of_http_and_has_a_host(void **state)
{
	static const char *const good[] = { "http://a", "https://a:1/b", "http://[::1]:4318" };
	static const char *const bad[] = { "",		 "a:4318",     "http://",    "http:///x",
					   "http://:1",	 "ftp://a",    "http://u@a", "http://a?b",
					   "http://a b", "http://a#b", "http://a\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(otlp_is_url(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(otlp_is_url(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_pushed_unless_it_is_asked_for),
		cmocka_unit_test(the_more_special_one_says_where_to),
		cmocka_unit_test(headers_and_resources_are_decoded),
		cmocka_unit_test(what_makes_no_sense_is_one_line_with_the_name_and_no_secret),
		cmocka_unit_test(a_url_is_of_http_and_has_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
