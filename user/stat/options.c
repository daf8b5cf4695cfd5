/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/options.h"
#include <string.h>
#include "util/exit_code.h"

#define MS 1000000ull /* nanoseconds */
#define SECOND (1000 * MS)

#define FIELD(name) .offset = offsetof(struct stat_options, name)

static const struct option_spec specs[] = {
	API_SERVER_OPTIONS(offsetof(struct stat_options, server)),
	{
		.name = "metric",
		.type = OPTION_TEXTS,
		FIELD(metrics),
		.argument = "NAME",
		.help = "Only this metric: cpu_util, mem, zmq_send_messages, ...",
	},
	{
		.name = "window",
		.type = OPTION_TEXT,
		FIELD(window),
		.argument = "DURATION",
		.value = "10s",
		.help = "What rates are computed over, 1s to 600s.",
	},
	{
		.name = "output",
		.letter = 'o',
		.type = OPTION_CHOICE,
		FIELD(output),
		.argument = "table|json", /* in the order of enum stat_output */
		.value = "table",
		.group = "What is shown",
		.help = "A table for people, or the answer as it is.",
	},
	{
		.name = "watch",
		.type = OPTION_BOOL,
		FIELD(watch),
		.help = "Again and again, until SIGINT or SIGTERM.",
	},
	{
		.name = "interval",
		.type = OPTION_DURATION,
		FIELD(interval_ns),
		.argument = "DURATION",
		.value = "2s",
		.min = 100 * MS,
		.max = 3600 * SECOND,
		.help = "How often, with --watch.",
	},
	{ .name = NULL },
};

const struct help stat_help = {
	.name = "stat",
	.arguments = "[FLAG...] [KERNEL_ID...]",
	.description = "Shows what kernels (compute containers) are doing now, as a running agent "
		       "or gateway says; without a KERNEL_ID, all that it knows.\n"
		       "In the table, '-' is what does not apply to a kernel, '...' what is not "
		       "known yet. If a KERNEL_ID is not known, the exit status is 1.",
	.options = specs,
};

int stat_options_parse(int argc, char *const *argv, struct stat_options *out)
{
	struct options options;
	char line[512] = "no memory";
	int err;

	memset(out, 0, sizeof(*out));
	err = options_init(&options, specs, out);
	options.arguments = &out->ids;
	if (!err)
		err = options_parse_args(&options, argc, argv, line, sizeof(line));
	if (err) {
		fprintf(stderr, "%s\n", line);
		return EXIT_CODE_USAGE;
	}
	url_trim(out->server.url);
	return EXIT_CODE_OK;
}

void stat_options_free(struct stat_options *options)
{
	option_texts_free(&options->ids);
	options_free(&(struct options){ .specs = specs, .target = options });
}
