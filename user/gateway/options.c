/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/options.h"
#include <string.h>
#include "gateway/cluster.h"
#include "toolkit/secret.h"
#include "toolkit/url.h"
#include "util/exit_code.h"

#define MS 1000000ull /* nanoseconds */
#define SECOND (1000 * MS)

/* "Name: value", and no line break that would begin another one. */
static int is_header(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && colon > text && !strpbrk(text, "\r\n") && colon[1];
}

#define FIELD(name) .offset = offsetof(struct gateway_options, name)

static const struct option_spec specs[] = {
	{
		.name = "prometheus.url",
		.type = OPTION_TEXTS,
		FIELD(engines),
		.argument = "URL",
		.valid = url_is_base,
		.expected = URL_EXPECTED,
		.group = "Engines",
		.help = "Where an engine speaks Prometheus' query API, such as "
			"http://prometheus:9090. All are asked; where several know a kernel, the "
			"one named first wins.",
	},
	{
		.name = "source",
		.type = OPTION_CHOICE,
		FIELD(source),
		.argument = "tapmeter|backendai", /* in the order of enum source_kind */
		.value = "tapmeter",
		.help = "Whose series are asked: those of tapmeter's agents, or "
			"backendai_container_utilization as Backend.AI's agents have it.",
	},
	{
		.name = "prometheus.timeout",
		.type = OPTION_DURATION,
		FIELD(timeout_ns),
		.argument = "DURATION",
		.value = "5s",
		.min = 100 * MS,
		.max = 60 * SECOND,
		.help = "An answer takes no longer; an engine that does is left out of it, with a "
			"warning.",
	},
	{
		.name = "prometheus.min-window",
		.type = OPTION_DURATION,
		FIELD(min_window_ns),
		.argument = "DURATION",
		.value = "1m",
		.min = 1 * SECOND,
		.max = 600 * SECOND,
		.help = "A rate needs two scrapes. Where the window asked for does not hold two, "
			"the rate is over this one; best is four times the scrape interval.",
	},
	{
		.name = "prometheus.max-query-bytes",
		.type = OPTION_NUMBER,
		FIELD(max_query),
		.argument = "N",
		.value = "262144",
		.min = 8192,
		.max = 4194304,
		.help = "No query is longer: a question about many kernels becomes several ones. "
			"(VictoriaMetrics takes 16384.)",
	},
	{
		.name = "prometheus.basic-auth",
		.type = OPTION_TEXT,
		FIELD(basic_auth),
		.argument = "USER:FILE",
		.valid = is_basic_auth,
		.group = "How they are asked",
		.help = "Log in as USER, with the password in FILE.",
	},
	{
		.name = "prometheus.ca-file",
		.type = OPTION_TEXT,
		FIELD(ca_file),
		.argument = "FILE",
		.help = "Certificates of those who may sign the engines' ones (PEM). Without it: "
			"the system's.",
	},
	{
		.name = "prometheus.cert-file",
		.type = OPTION_TEXT,
		FIELD(cert_file),
		.argument = "FILE",
		.help = "A certificate to show to the engines (PEM).",
	},
	{
		.name = "prometheus.key-file",
		.type = OPTION_TEXT,
		FIELD(key_file),
		.argument = "FILE",
		.help = "Its key (PEM).",
	},
	{
		.name = "prometheus.header",
		.type = OPTION_TEXTS,
		FIELD(headers),
		.argument = "HEADER",
		.valid = is_header,
		.expected = "'Name: value'",
		.help = "A header to send along, 'X-Scope-OrgID: team'. Not for secrets: "
			"everybody on this host can read a command line.",
	},
	{
		.name = "prometheus.header-file",
		.type = OPTION_TEXT,
		FIELD(header_file),
		.argument = "FILE",
		.help = "More headers, one on each line: for an 'Authorization: Bearer ...'.",
	},
	{
		.name = "web.listen-address",
		.type = OPTION_TEXTS,
		FIELD(listen_address),
		.argument = "HOST:PORT",
		.value = "127.0.0.1:9753",
		.group = "Serving",
		.help = "Where to answer HTTP requests. No HOST means all addresses, port 0 any "
			"free one.",
	},
	{
		.name = "web.max-questions",
		.type = OPTION_NUMBER,
		FIELD(max_questions),
		.argument = "N",
		.value = "16",
		.min = 1,
		.max = 256,
		.help = "Requests for which the engines are asked at a time; more get 503.",
	},
	{
		.name = "log.level",
		.type = OPTION_CHOICE,
		FIELD(log_level),
		.argument = "debug|info|warn|error", /* in the order of enum log_level */
		.value = "info",
		.group = "General",
		.help = "What is logged: this and worse.",
	},
	{
		.name = "log.format",
		.type = OPTION_CHOICE,
		FIELD(log_format),
		.argument = "logfmt|json", /* in the order of enum log_format */
		.value = "logfmt",
		.help = "How it is written.",
	},
	{ .name = NULL },
};

const struct help gateway_help = {
	.name = "gateway",
	.arguments = "--prometheus.url=URL [FLAG...]",
	.description = "Answers /api/v1/kernels and /api/v1/live-stat for a whole cluster, from "
		       "engines that speak Prometheus' query API (Prometheus, Thanos, Mimir, "
		       "VictoriaMetrics), until SIGINT or SIGTERM. Needs no privileges.\n"
		       "What an engine cannot answer in time is left out, and the field `warnings` "
		       "of the answer says so.",
	.options = specs,
};

/* What no single option can say. */
static const char *check(struct gateway_options *options)
{
	if (!options->engines.count)
		return "--prometheus.url: found nothing, expected the URL of at least one engine";
	if (options->engines.count > CLUSTER_MAX_ENGINES)
		return "--prometheus.url: too many engines, expected at most 64";
	if (!options->cert_file != !options->key_file)
		return "--prometheus.cert-file and --prometheus.key-file need each other";
	for (size_t i = 0; i < options->engines.count; i++)
		url_trim(options->engines.items[i]);
	return NULL;
}

int gateway_options_parse(int argc, char *const *argv, struct gateway_options *out)
{
	struct options options;
	const char *wrong = NULL;
	char line[512] = "no memory";
	int err;

	memset(out, 0, sizeof(*out));
	err = options_init(&options, specs, out);
	if (!err)
		err = options_parse_args(&options, argc, argv, line, sizeof(line));
	if (!err)
		wrong = check(out);
	if (err || wrong)
		fprintf(stderr, "%s\n", wrong ? wrong : line);
	return err || wrong ? EXIT_CODE_USAGE : EXIT_CODE_OK;
}

void gateway_options_free(struct gateway_options *options)
{
	options_free(&(struct options){ .specs = specs, .target = options });
}
