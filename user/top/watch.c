/* SPDX-License-Identifier: Apache-2.0 */
#include "top/watch.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "top/draw.h"
#include "top/screen.h"
#include "top/session.h"
#include "top/source.h"
#include "util/exit_code.h"

#define CLOCK_MS 1000 /* the screen is drawn that often, at least: it says how long ago */

struct watch {
	struct session session;
	struct ui ui;
	int signals; /* readable: a signal has come */
};

static int show(struct watch *watch, struct screen *screen)
{
	struct canvas canvas = screen__begin(screen);

	if (ui_arrange(&watch->ui, &watch->session.model, draw_width(canvas.columns),
		       draw_height(canvas.rows)))
		return -ENOMEM;
	draw(&canvas, &watch->ui, &watch->session.model, watch->session.options->server.url,
	     time(NULL));
	screen__end(screen);
	return 0;
}

/* All keys that have been pressed, each on the page that the one before has led to. */
static int take_keys(struct watch *watch, struct screen *screen, struct source *source)
{
	struct input input;

	while (!watch->ui.quit && screen__input(screen, &input)) {
		if (ui_input(&watch->ui, &input) || show(watch, screen))
			return -ENOMEM;
	}
	source__want(source, ui_wants(&watch->ui));
	return 0;
}

static int take_reading(struct watch *watch, struct source *source)
{
	struct reading *reading = source__take(source);

	if (!reading)
		return 0;
	reading->parts &= ui_takes(&watch->ui, &watch->session.model);
	return model_take(&watch->session.model, reading, time(NULL));
}

/* Whether to go on. */
static int take_signals(struct watch *watch, struct screen *screen)
{
	struct signalfd_siginfo info;

	while (read(watch->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			return 0;
		screen__resize(screen);
	}
	return 1;
}

static int loop(struct watch *watch, struct screen *screen, struct source *source)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = source__fd(source), .events = POLLIN },
		{ .fd = watch->signals, .events = POLLIN },
	};
	int err = show(watch, screen);

	while (!err && !watch->ui.quit) {
		if (poll(fds, 3, CLOCK_MS) < 0)
			fds[0].revents = fds[1].revents = fds[2].revents = 0;
		if (fds[2].revents && !take_signals(watch, screen))
			break;
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			break; /* the terminal is gone */
		if (fds[0].revents)
			err = take_keys(watch, screen, source);
		if (!err && fds[1].revents)
			err = take_reading(watch, source);
		if (!err)
			err = show(watch, screen);
	}
	return err;
}

static int run_screen(struct watch *watch, struct screen *screen)
{
	struct source *source = NULL;
	int err = source__new(&watch->session.api, watch->session.options->window,
			      watch->session.options->interval_ns, watch->session.stop_fd,
			      ui_wants(&watch->ui), &source);

	if (!err)
		err = loop(watch, screen, source);
	eventfd_write(watch->session.stop_fd, 1);
	source__free(source);
	return err;
}

/* Only now: until here a signal just ended the program. */
static int open_signals(struct watch *watch)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	watch->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return watch->signals < 0 ? -errno : 0;
}

static int open_and_run(struct watch *watch)
{
	struct screen *screen = NULL;
	int err = screen__open(watch->session.utf8, &screen);

	if (!err)
		err = open_signals(watch);
	if (!err)
		err = run_screen(watch, screen);
	screen__close(screen);
	if (err)
		fprintf(stderr, "%s\n", strerrordesc_np(-err));
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

int watch_run(const struct top_options *options)
{
	unsigned view = options->view == TOP_ALL ? TOP_KERNELS : options->view;
	struct watch watch = { .signals = -1 };
	int stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int code = session_open(&watch.session, options, stop_fd);

	ui_init(&watch.ui, (enum part)(view - TOP_KERNELS), watch.session.utf8);
	/* before the screen is taken: an error stays to be read */
	if (!code)
		code = session_read(&watch.session, ui_wants(&watch.ui), 1);
	if (code < 0)
		code = open_and_run(&watch);
	ui_free(&watch.ui);
	session_close(&watch.session);
	if (watch.signals >= 0)
		close(watch.signals);
	if (stop_fd >= 0)
		close(stop_fd);
	return code;
}
