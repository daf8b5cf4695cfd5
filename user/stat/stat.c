/* SPDX-License-Identifier: Apache-2.0 */
#include "stat/stat.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "stat/table.h"
#include "toolkit/api.h"
#include "toolkit/cell.h"
#include "util/exit_code.h"

#define NS_PER_MS 1000000u
#define DEFAULT_WIDTH 80

struct asker {
	const struct stat_options *options;
	struct api api;
	int signals; /* readable: we are to end */
	int is_tty;
	char err[512];
};

/* What was asked in one go: the answers, which the table's texts lie in. */
struct reading {
	struct api_answer kernels; /* if all of them were asked for */
	struct api_answer *answers;
	size_t count;
	struct table *table;
};

static void reading_free(struct reading *reading)
{
	table__free(reading->table);
	for (size_t i = 0; i < reading->count; i++)
		api_answer_free(&reading->answers[i]);
	free(reading->answers);
	api_answer_free(&reading->kernels);
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* The ids of all kernels, in a list for free(). -EIO: the answer has no such list. */
static int ids_of_all(struct asker *asker, struct reading *reading, const char ***ids,
		      size_t *count)
{
	const json_t *kernels;
	int err = api_kernels(&asker->api, &reading->kernels, asker->err, sizeof(asker->err));

	if (err)
		return err;
	kernels = json_object_get(reading->kernels.root, "kernels");
	*ids = calloc(json_array_size(kernels) + 1, sizeof(**ids));
	if (!*ids)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(kernels); i++) {
		const char *id =
			json_string_value(json_object_get(json_array_get(kernels, i), "id"));

		if (id)
			(*ids)[(*count)++] = id;
	}
	return 0;
}

static int ask_batches(struct asker *asker, const char *const *ids, size_t count,
		       struct reading *reading)
{
	const struct stat_options *options = asker->options;
	int err = 0;

	reading->answers = calloc(count / API_MAX_IDS + 1, sizeof(*reading->answers));
	if (!reading->answers)
		return -ENOMEM;
	for (size_t at = 0; at < count && !err; at += API_MAX_IDS) {
		struct api_answer *answer = &reading->answers[reading->count++];
		size_t n = count - at < API_MAX_IDS ? count - at : API_MAX_IDS;

		err = api_live_stat(&asker->api, ids + at, n, &options->metrics, options->window,
				    answer, asker->err, sizeof(asker->err));
		if (!err)
			err = table__add(reading->table, answer->root);
	}
	return err;
}

static int ask(struct asker *asker, struct reading *reading)
{
	const struct option_texts *asked = &asker->options->ids;
	const char **all = NULL;
	size_t count = asked->count;
	int err = table__new(&reading->table);

	strcpy(asker->err, "no memory");
	if (!err && !count)
		err = ids_of_all(asker, reading, &all, &count);
	if (!err)
		err = ask_batches(asker, all ? all : (const char *const *)asked->items, count,
				  reading);
	free(all);
	return err;
}

/* ---- showing ----------------------------------------------------------------------------------- */

static size_t terminal_width(const struct asker *asker)
{
	struct winsize size;

	if (!asker->is_tty)
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return DEFAULT_WIDTH;
	return size.ws_col;
}

/* Each answer as it came. About no kernels there is none to be had: this one says the same. */
static void add_json(const struct reading *reading, struct strbuf *out)
{
	const json_t *when = json_object_get(reading->kernels.root, "sampled_at");

	for (size_t i = 0; i < reading->count; i++) {
		strbuf_add(out, reading->answers[i].text.data, reading->answers[i].text.len);
		if (out->len && out->data[out->len - 1] != '\n')
			strbuf_addch(out, '\n');
	}
	if (!reading->count)
		strbuf_addf(out, "{\"sampled_at\":%.6f,\"by_kernel\":{},\"window_seconds\":0.0}\n",
			    json_number_value(when));
}

/* What a gateway could not find out. */
static void say_warnings(const json_t *root)
{
	const json_t *warnings = json_object_get(root, "warnings");

	for (size_t i = 0; i < json_array_size(warnings); i++) {
		const char *text = json_string_value(json_array_get(warnings, i));
		struct strbuf line = STRBUF_INIT;

		if (!text)
			continue;
		cell_add_name(&line, text, 0);
		fprintf(stderr, "warning: %s\n", line.data ? line.data : "");
		strbuf_free(&line);
	}
}

static void add_reading(const struct asker *asker, const struct reading *reading,
			struct strbuf *out)
{
	if (asker->options->output == OUTPUT_JSON) {
		add_json(reading, out);
		return;
	}
	/* on a terminal, over the table before it */
	if (asker->options->watch && asker->is_tty)
		strbuf_addstr(out, "\033[H\033[2J");
	table__write(reading->table, terminal_width(asker), out);
	if (asker->options->watch && !asker->is_tty)
		strbuf_addch(out, '\n');
}

static int show(const struct asker *asker, const struct reading *reading)
{
	struct strbuf out = STRBUF_INIT;
	int err;

	add_reading(asker, reading, &out);
	err = out.err;
	if (!err && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout)))
		err = -EIO;
	strbuf_free(&out);
	if (err)
		fprintf(stderr, "standard output could not be written\n");
	else if (asker->options->output == OUTPUT_TABLE)
		for (size_t i = 0; i < reading->count; i++)
			say_warnings(reading->answers[i].root);
	return err ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

/* ---- once, or again and again -------------------------------------------------------------------- */

/* `first`: an agent that was there and is gone for a while is no reason to stop watching. */
static int ask_and_show(struct asker *asker, int first)
{
	struct reading reading = { 0 };
	int err = ask(asker, &reading), code;

	if (err == -ECANCELED) {
		code = EXIT_CODE_OK;
	} else if (err) {
		fprintf(stderr, "%s\n", asker->err);
		code = err == -EINVAL ? EXIT_CODE_USAGE : first ? EXIT_CODE_FAILED : EXIT_CODE_OK;
	} else {
		code = show(asker, &reading);
		if (!code && !asker->options->watch && table__unknown(reading.table))
			code = EXIT_CODE_FAILED;
	}
	reading_free(&reading);
	return code;
}

/* Whether we are to end, after waiting for that long. */
static int ends_within(const struct asker *asker, uint64_t ns)
{
	struct pollfd poll_fd = { .fd = asker->signals, .events = POLLIN };

	return poll(&poll_fd, 1, (int)(ns / NS_PER_MS)) > 0;
}

static int watch(struct asker *asker)
{
	int code = ask_and_show(asker, 1);

	while (!code && asker->options->watch && !ends_within(asker, asker->options->interval_ns))
		code = ask_and_show(asker, 0);
	return code;
}

/* Only when watching the signals are ours to wait for. */
static int open_signals(int watching)
{
	sigset_t signals;

	if (!watching)
		return -1;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int stat_run(const struct stat_options *options)
{
	struct asker asker = {
		.options = options,
		.signals = open_signals(options->watch),
		.is_tty = isatty(STDOUT_FILENO),
	};
	int code = EXIT_CODE_USAGE;

	if (api_open(&options->server, asker.signals, &asker.api, asker.err, sizeof(asker.err)))
		fprintf(stderr, "%s\n", asker.err);
	else
		code = watch(&asker);
	api_close(&asker.api);
	if (asker.signals >= 0)
		close(asker.signals);
	return code;
}
