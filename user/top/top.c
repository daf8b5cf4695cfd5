/* SPDX-License-Identifier: Apache-2.0 */
#include "top/top.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "top/batch.h"
#include "top/session.h"
#include "top/terminal.h"
#include "top/watch.h"
#include "util/exit_code.h"
#include "util/quote.h"

#define NS_PER_MS 1000000u

static unsigned batch_parts(const struct top_options *options)
{
	if (options->view == TOP_ALL)
		return PART_BIT(PART_COUNT) - 1;
	return PART_BIT(options->view - TOP_KERNELS);
}

static int print(const struct session *session, unsigned parts)
{
	struct strbuf out = STRBUF_INIT;
	int err = batch_write(&session->model, parts, session->options->server.url, session->utf8,
			      &out);

	if (!err && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout)))
		err = -EIO;
	strbuf_free(&out);
	if (err)
		fprintf(stderr,
			err == -EIO ? "standard output could not be written\n" : "no memory\n");
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

/* Errors of a reading, on stderr. A gateway has neither streams nor taps: that is none if they were not asked for by name. */
static int say_errors(const struct session *session, unsigned parts)
{
	int said = 0;

	if (session->model.link.lost) {
		fprintf(stderr, "%s\n", session->model.link.why);
		return 1;
	}
	for (enum part part = 0; part < PART_COUNT; part++) {
		const char *why = session->model.views[part].why;

		if (!(parts & PART_BIT(part)) || !*why)
			continue;
		fprintf(stderr, "%s\n", why);
		said |= session->options->view != TOP_ALL;
	}
	return said;
}

static int wait_interval(const struct session *session)
{
	struct pollfd poll_fd = { .fd = session->stop_fd, .events = POLLIN };

	return poll(&poll_fd, 1, (int)(session->options->interval_ns / NS_PER_MS)) > 0;
}

static int batch(struct session *session)
{
	const struct top_options *options = session->options;
	unsigned shown = batch_parts(options), parts = shown | PART_BIT(PART_KERNELS);
	int code = session_read(session, parts, 1);

	/* a stream's rate needs two readings */
	if (code < 0 && shown & PART_BIT(PART_STREAMS)) {
		if (wait_interval(session))
			return EXIT_CODE_OK;
		code = session_read(session, parts, 0);
	}
	for (uint64_t done = 1; code < 0; done++) {
		int failed = say_errors(session, shown);

		if (!session->model.link.lost && print(session, shown))
			return EXIT_CODE_FAILED;
		if (options->count && done >= options->count)
			return failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
		if (wait_interval(session))
			return EXIT_CODE_OK;
		code = session_read(session, parts, 0);
	}
	return code;
}

/* A signal ends the readings. */
static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run_batch(const struct top_options *options)
{
	struct session session;
	int stop_fd = open_signals();
	int code = session_open(&session, options, stop_fd);

	if (!code)
		code = batch(&session);
	session_close(&session);
	if (stop_fd >= 0)
		close(stop_fd);
	return code;
}

int top_run(const struct top_options *options)
{
	const char *term = getenv("TERM");
	int err = options->batch ? -ENODEV : terminal_check();

	if (!err)
		return watch_run(options);
	if (err == -ENOTTY) {
		fprintf(stderr,
			"standard input or output is no terminal; --batch prints plain tables\n");
		return EXIT_CODE_USAGE;
	}
	if (!options->batch)
		fprintf(stderr, "nothing can be drawn on TERM=%s: plain tables instead\n",
			quote(term ? term : "").text);
	return run_batch(options);
}
