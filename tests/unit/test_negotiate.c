/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "serve/negotiate.h"

#define TEXT EXPOSITION_TEXT
#define OPEN EXPOSITION_OPENMETRICS
#define PROTO EXPOSITION_PROTOBUF
#define OPEN_TYPE "application/openmetrics-text"
#define PROTO_TYPE "application/vnd.google.protobuf"
#define PROTO_FULL PROTO_TYPE ";proto=io.prometheus.client.MetricFamily;encoding=delimited"

static void picks_what_the_client_wants_most_of_what_there_is(void **state)
{
	static const struct {
		const char *accept;
		enum exposition_format format;
	} table[] = {
		{ NULL, TEXT },
		{ "", TEXT },
		{ "*/*", TEXT },
		{ "text/plain", TEXT },
		{ "text/*", TEXT },
		{ "text/plain;version=0.0.4", TEXT },
		{ OPEN_TYPE, OPEN },
		{ "application/*", OPEN },
		{ OPEN_TYPE ";version=1.0.0", OPEN },
		{ OPEN_TYPE " ; version=\"1.0.0\" ; charset=utf-8", OPEN },
		{ "APPLICATION/OpenMetrics-Text;VERSION=1.0.0;Q=0.5", OPEN },
		/* versions that we do not have */
		{ OPEN_TYPE ";version=0.0.1", TEXT },
		{ OPEN_TYPE ";version=2.0.0", TEXT },
		{ OPEN_TYPE ";version=0.0.1,text/plain;version=1.0.0;q=0.1", TEXT },
		/* weights */
		{ OPEN_TYPE ";q=0.5,text/plain;q=0.6", TEXT },
		{ OPEN_TYPE ";q=0.6,text/plain;q=0.5", OPEN },
		{ "text/plain;q=0.001, " OPEN_TYPE ";q=0.002", OPEN },
		{ "text/plain;q=0," OPEN_TYPE, OPEN },
		{ "text/plain;q=0,*/*", OPEN },
		{ OPEN_TYPE ";q=0,*/*;q=0.1", TEXT },
		{ "text/plain;q=0," OPEN_TYPE ";q=0", TEXT },
		/* the closest range counts, not the best one */
		{ "*/*;q=1," OPEN_TYPE ";q=0.1", TEXT },
		{ OPEN_TYPE ";q=0.9," OPEN_TYPE ";version=1.0.0;q=0.1,text/plain;q=0.5", TEXT },
		{ "text/plain;q=0.1,*/*;q=0.9", OPEN },
		{ "text/*;q=0.1,*/*;q=0.9", OPEN },
		/* wanted equally: the first */
		{ OPEN_TYPE ",text/plain", OPEN },
		{ "text/plain," OPEN_TYPE, TEXT },
		/* malformed parts are skipped */
		{ ",,;,=,;q=,", TEXT },
		{ OPEN_TYPE ";q=2", TEXT },
		{ OPEN_TYPE ";q=-1", TEXT },
		{ OPEN_TYPE ";q=0.1234", TEXT },
		{ OPEN_TYPE ";q=", TEXT },
		{ OPEN_TYPE ";q=0.9;;", OPEN },
		{ "nonsense," OPEN_TYPE, OPEN },
		{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
		  TEXT },
		/* Prometheus 2.42 and 3, with and without protobuf */
		{ OPEN_TYPE ";version=1.0.0," OPEN_TYPE ";version=0.0.1;q=0.75,"
			    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  OPEN },
		{ OPEN_TYPE ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN_TYPE
			    ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;"
			    "q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		  OPEN },
		{ PROTO_FULL "," OPEN_TYPE ";version=1.0.0;q=0.8," OPEN_TYPE
			     ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  PROTO },
		{ PROTO_FULL ";q=0.6," OPEN_TYPE
			     ";version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;"
			     "escaping=allow-utf-8;q=0.4,*/*;q=0.1",
		  PROTO },
		{ OPEN_TYPE ";version=1.0.0;q=0.6," PROTO_FULL ";q=0.5,*/*;q=0.1", OPEN },
		/* protobuf in forms that we do not have */
		{ PROTO_TYPE, PROTO },
		{ PROTO_TYPE ";encoding=text," OPEN_TYPE ";q=0.1", OPEN },
		{ PROTO_TYPE ";proto=io.prometheus.client.MetricFamily;encoding=compact-text",
		  TEXT },
		{ PROTO_TYPE ";proto=io.prometheus.write.v2.Request;encoding=delimited", TEXT },
		{ PROTO_FULL ";q=0,*/*", TEXT },
		{ OPEN_TYPE ";q=0,application/*", PROTO },
		{ "text/plain;q=0.5," PROTO_FULL ";q=0.5", TEXT },
		{ "*/*;q=0.1," PROTO_FULL ";q=0.2", PROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (negotiate_format(table[i].accept).format != table[i].format)
			fail_msg("Accept: %s", table[i].accept ? table[i].accept : "(none)");
	}
}

static void names_format_version_and_charset(void **state)
{
	(void)state;
	assert_string_equal(negotiate_format(NULL).content_type,
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(negotiate_format(OPEN_TYPE).content_type,
			    OPEN_TYPE "; version=1.0.0; charset=utf-8");
}

static void returns_the_escaping_scheme_that_was_asked_for(void **state)
{
	static const struct {
		const char *accept;
		const char *content_type;
	} table[] = {
		{ OPEN_TYPE ";version=1.0.0;escaping=allow-utf-8",
		  OPEN_TYPE "; version=1.0.0; charset=utf-8; escaping=allow-utf-8" },
		{ OPEN_TYPE ";version=1.0.0;escaping=underscores;q=0.3",
		  OPEN_TYPE "; version=1.0.0; charset=utf-8; escaping=underscores" },
		{ PROTO_FULL ";escaping=allow-utf-8;q=0.6", PROTO_TYPE
		  "; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8" },
		{ PROTO_FULL,
		  PROTO_TYPE "; proto=io.prometheus.client.MetricFamily; encoding=delimited" },
		{ OPEN_TYPE ";version=1.0.0;escaping=evil\"",
		  OPEN_TYPE "; version=1.0.0; charset=utf-8" },
		{ "text/plain;version=0.0.4;escaping=dots",
		  "text/plain; version=0.0.4; charset=utf-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(negotiate_format(table[i].accept).content_type,
				    table[i].content_type);
}

static void compresses_only_for_those_who_accept_it(void **state)
{
	static const struct {
		const char *accept_encoding;
		int gzip;
	} table[] = {
		{ NULL, 0 },	     { "", 0 },
		{ "gzip", 1 },	     { "GZIP", 1 },
		{ "x-gzip", 1 },     { "deflate, gzip;q=0.5, br", 1 },
		{ "gzip;q=0", 0 },   { "gzip;q=0.000", 0 },
		{ "*", 1 },	     { "*;q=0", 0 },
		{ "gzip;q=0,*", 0 }, { "*;q=0,gzip", 1 },
		{ "identity", 0 },   { "gzipped", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (negotiate_gzip(table[i].accept_encoding) != table[i].gzip)
			fail_msg("Accept-Encoding: %s", table[i].accept_encoding);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_what_the_client_wants_most_of_what_there_is),
		cmocka_unit_test(names_format_version_and_charset),
		cmocka_unit_test(returns_the_escaping_scheme_that_was_asked_for),
		cmocka_unit_test(compresses_only_for_those_who_accept_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
