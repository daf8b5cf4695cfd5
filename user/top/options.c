/* SPDX-License-Identifier: Apache-2.0 */
#include "top/options.h"
#include <string.h>
#include "util/exit_code.h"

#define MS 1000000ull /* nanoseconds */
#define SECOND (1000 * MS)

#define FIELD(name) .offset = offsetof(struct top_options, name)

static const struct option_spec specs[] = {
	API_SERVER_OPTIONS(offsetof(struct top_options, server)),
	{
		.name = "window",
		.type = OPTION_TEXT,
		FIELD(window),
		.argument = "DURATION",
		.value = "10s",
		.help = "What kernels' rates are computed over, 1s to 600s. Streams' are over "
			"--interval.",
	},
	{
		.name = "view",
		.type = OPTION_CHOICE,
		FIELD(view),
		.argument = "all|kernels|streams|taps", /* in the order of enum top_view */
		.value = "all",
		.group = "What is shown",
		.help = "What to begin with; with --batch, the only table.",
	},
	{
		.name = "interval",
		.type = OPTION_DURATION,
		FIELD(interval_ns),
		.argument = "DURATION",
		.value = "1s",
		.min = 100 * MS,
		.max = 3600 * SECOND,
		.help = "How often it is read.",
	},
	{
		.name = "batch",
		.letter = 'b',
		.type = OPTION_BOOL,
		FIELD(batch),
		.help = "Plain tables on standard output, again and again.",
	},
	{
		.name = "count",
		.letter = 'n',
		.type = OPTION_NUMBER,
		FIELD(count),
		.argument = "COUNT",
		.value = "0",
		.max = 1000000000,
		.help = "With --batch: end after so many times; 0 = never.",
	},
	{ .name = NULL },
};

const struct help top_help = {
	.name = "top",
	.arguments = "[FLAG...]",
	.description = "Shows on the terminal what kernels (compute containers) and streams are "
		       "doing, and what is tapped, as a running agent or gateway says. 'h' shows "
		       "the keys, 'q' quits.\n"
		       "In the tables, '-' is what does not apply, '...' what is not known yet.",
	.options = specs,
};

int top_options_parse(int argc, char *const *argv, struct top_options *out)
{
	struct options options;
	char line[512] = "no memory";
	int err;

	memset(out, 0, sizeof(*out));
	err = options_init(&options, specs, out);
	if (!err)
		err = options_parse_args(&options, argc, argv, line, sizeof(line));
	if (err) {
		fprintf(stderr, "%s\n", line);
		return EXIT_CODE_USAGE;
	}
	url_trim(out->server.url);
	return EXIT_CODE_OK;
}

void top_options_free(struct top_options *options)
{
	options_free(&(struct options){ .specs = specs, .target = options });
}
