/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "gateway/cluster.h"
#include "gateway/service.h"
#include "serve/http.h"
#include "toolkit/fetch.h"
#include "toolkit/secret.h"
#include "util/exit_code.h"
#include "util/log.h"
#include "util/notify.h"

#define MAX_HEADERS 64
#define MAX_CONNECTIONS 256
#define CONNECTION_TIMEOUT_S 60
#define MAX_BODY ((size_t)1 << 20)
#define MAX_TOTAL ((size_t)64 << 20) /* bytes of all engines' answers to one question */

struct gateway {
	int stop_fd; /* readable: no more waiting for engines */
	struct fetcher *fetcher;
	struct cluster *cluster;
	struct service *service;
	struct http_server *server;
};

static uint64_t now_real_ns(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- how engines are asked ----------------------------------------------------------------- */

static int check_readable(const char *path, char *err, size_t err_len)
{
	if (!path || !access(path, R_OK))
		return 0;
	snprintf(err, err_len, "%s: %s", path, strerror(errno));
	return -EINVAL;
}

static int check_files(const struct gateway_options *options, char *err, size_t err_len)
{
	int ret = check_readable(options->ca_file, err, err_len);

	if (!ret)
		ret = check_readable(options->cert_file, err, err_len);
	return ret ? ret : check_readable(options->key_file, err, err_len);
}

/* The lines of the file, and those of the command line. Returns how many, or an error. */
static int read_headers(const struct gateway_options *options, char **text,
			const char *headers[MAX_HEADERS], char *err, size_t err_len)
{
	int count = 0;

	*text = NULL;
	if (options->header_file)
		count = secret_read_lines(options->header_file, text, headers, MAX_HEADERS, err,
					  err_len);
	for (int i = 0; i < count; i++) {
		if (strchr(headers[i], ':') > headers[i])
			continue;
		snprintf(err, err_len, "%s: line %d: expected 'Name: value'", options->header_file,
			 i + 1);
		return -EINVAL;
	}
	for (size_t i = 0; i < options->headers.count && count >= 0; i++) {
		if (count == MAX_HEADERS) {
			snprintf(err, err_len, "too many headers, expected at most %d",
				 MAX_HEADERS);
			return -EINVAL;
		}
		headers[count++] = options->headers.items[i];
	}
	return count;
}

static int make_fetcher(const struct gateway_options *options, int stop_fd, struct fetcher **out,
			char *err, size_t err_len)
{
	const char *headers[MAX_HEADERS];
	struct basic_auth auth = { 0 };
	char *text = NULL;
	int count = 0, ret = check_files(options, err, err_len);

	if (!ret && options->basic_auth)
		ret = basic_auth_read(options->basic_auth, &auth, err, err_len);
	if (!ret) {
		count = read_headers(options, &text, headers, err, err_len);
		ret = count < 0 ? count : 0;
	}
	if (!ret) {
		const struct fetch_config config = {
			.user = auth.user,
			.password = auth.password,
			.ca_file = options->ca_file,
			.cert_file = options->cert_file,
			.key_file = options->key_file,
			.header_count = (size_t)count,
			.headers = headers,
			.max_total = MAX_TOTAL,
			.cancel_fd = stop_fd,
		};

		ret = fetcher__new(&config, out);
	}
	basic_auth_free(&auth);
	free(text);
	return ret;
}

/* ---- start, serve, stop ------------------------------------------------------------------------- */

static int start_serving(struct gateway *gateway, const struct gateway_options *options, char *err,
			 size_t err_len)
{
	const struct cluster_config cluster = {
		.engine_count = options->engines.count,
		.engines = (const char *const *)options->engines.items,
		.fetcher = gateway->fetcher,
		.source = (enum source_kind)options->source,
		.timeout_ns = options->timeout_ns,
		.min_window_ns = options->min_window_ns,
		.max_query = options->max_query,
	};
	int ret = cluster__new(&cluster, &gateway->cluster);

	if (!ret) {
		const struct service_config service = {
			.cluster = gateway->cluster,
			.max_questions = (unsigned)options->max_questions,
			.now_real_ns = now_real_ns,
		};

		ret = service__new(&service, &gateway->service);
	}
	if (!ret) {
		const struct http_config http = {
			.address_count = options->listen_address.count,
			.addresses = (const char *const *)options->listen_address.items,
			.handle = service__handle,
			.arg = gateway->service,
			.max_connections = MAX_CONNECTIONS,
			.timeout_s = CONNECTION_TIMEOUT_S,
			.max_body = MAX_BODY,
			.handler_waits = true,
		};

		ret = http_server__new(&http, err, err_len, &gateway->server);
	}
	return ret;
}

static void stop(struct gateway *gateway)
{
	const uint64_t one = 1;

	if (gateway->stop_fd >= 0 && write(gateway->stop_fd, &one, sizeof(one)) < 0)
		log_msg(LOG_WARN, "the engines' answers are waited for");
	http_server__free(gateway->server);
	service__free(gateway->service);
	cluster__free(gateway->cluster);
	fetcher__free(gateway->fetcher);
	if (gateway->stop_fd >= 0)
		close(gateway->stop_fd);
}

/* The signals that end us, blocked in all threads, so that they wait for sigwait(). */
static sigset_t block_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

static void say_ready(const struct gateway *gateway, size_t engines)
{
	int err = notify_ready(getenv("NOTIFY_SOCKET"));

	if (err)
		log_msg(LOG_WARN, "the service manager could not be told",
			LOG_STR("error", strerror(-err)));
	log_msg(LOG_INFO, "ready", LOG_STR("address", http_server__address(gateway->server, 0)),
		LOG_U64("engines", engines));
}

int gateway_run(const struct gateway_options *options)
{
	struct gateway gateway = { .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	char err[512] = "out of memory";
	sigset_t signals = block_signals();
	int signal, ret;

	ret = make_fetcher(options, gateway.stop_fd, &gateway.fetcher, err, sizeof(err));
	if (ret) {
		log_msg(LOG_ERROR, "cannot ask the engines", LOG_STR("error", err));
		stop(&gateway);
		return ret == -ENOMEM ? EXIT_CODE_FAILED : EXIT_CODE_USAGE;
	}
	ret = start_serving(&gateway, options, err, sizeof(err));
	if (ret) {
		log_msg(LOG_ERROR, "cannot serve", LOG_STR("error", err));
	} else {
		say_ready(&gateway, options->engines.count);
		sigwait(&signals, &signal);
		log_msg(LOG_INFO, "stopping");
	}
	stop(&gateway);
	return ret ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}
