/* SPDX-License-Identifier: Apache-2.0 */
#include "top/session.h"
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include "toolkit/secret.h"
#include "top/read_api.h"
#include "util/exit_code.h"

#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000.0
#define MIN_GAP 10.0 /* seconds */

static int open_api(struct session *session, char *err_line, size_t len)
{
	const struct top_options *options = session->options;
	struct basic_auth auth = { 0 };
	int err = 0;

	if (options->basic_auth)
		err = basic_auth_read(options->basic_auth, &auth, err_line, len);
	if (!err) {
		const struct fetch_config config = {
			.user = auth.user,
			.password = auth.password,
			.ca_file = options->ca_file,
			.max_total = SIZE_MAX,
			.cancel_fd = session->stop_fd,
		};

		err = fetcher__new(&config, &session->api.fetcher);
	}
	basic_auth_free(&auth);
	return err;
}

int session_open(struct session *session, const struct top_options *options, int stop_fd)
{
	double gap = 3 * (double)options->interval_ns / NS_PER_S;
	char line[512] = "no memory";

	*session = (struct session){
		.options = options,
		.api = { .url = options->url,
			 .timeout_ms = (unsigned)(options->timeout_ns / NS_PER_MS) },
		.stop_fd = stop_fd,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.model = { .max_gap = gap > MIN_GAP ? gap : MIN_GAP },
	};
	if (!open_api(session, line, sizeof(line)))
		return EXIT_CODE_OK;
	fprintf(stderr, "%s\n", line);
	return EXIT_CODE_USAGE;
}

void session_close(struct session *session)
{
	model_free(&session->model);
	fetcher__free(session->api.fetcher);
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
