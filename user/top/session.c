/* SPDX-License-Identifier: Apache-2.0 */
#include "top/session.h"
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include "top/read_api.h"
#include "util/exit_code.h"

#define NS_PER_S 1000000000.0
#define MIN_GAP 10.0 /* seconds */

int session_open(struct session *session, const struct top_options *options, int stop_fd)
{
	double gap = 3 * (double)options->interval_ns / NS_PER_S;
	char line[512];

	*session = (struct session){
		.options = options,
		.stop_fd = stop_fd,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.model = { .max_gap = gap > MIN_GAP ? gap : MIN_GAP },
	};
	if (!api_open(&options->server, stop_fd, &session->api, line, sizeof(line)))
		return EXIT_CODE_OK;
	fprintf(stderr, "%s\n", line);
	return EXIT_CODE_USAGE;
}

void session_close(struct session *session)
{
	model_free(&session->model);
	api_close(&session->api);
}

static int take(struct session *session, struct reading *reading, int first)
{
	int err = reading->err[PART_KERNELS];

	if (err == -ECANCELED) {
		reading__free(reading);
		return EXIT_CODE_OK;
	}
	if (err && first) {
		fprintf(stderr, "%s\n", reading->why[PART_KERNELS]);
		reading__free(reading);
		return err == -EINVAL ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;
	}
	if (model_take(&session->model, reading, time(NULL))) {
		fprintf(stderr, "no memory\n");
		return EXIT_CODE_FAILED;
	}
	return -1;
}

int session_read(struct session *session, unsigned parts, int first)
{
	struct reading *reading = read_api(&session->api, parts, session->options->window);

	if (!reading) {
		fprintf(stderr, "no memory\n");
		return EXIT_CODE_FAILED;
	}
	return take(session, reading, first);
}
