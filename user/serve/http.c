/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "serve/listen.h"

#define THREADS 2u /* per listener */
#define CONNECTION_MEMORY (64 * 1024) /* holds the request's line and headers */
#define PER_ADDRESS_CONNECTIONS 128u
#define BODY_TIMEOUT_S 30
#define MAX_HELD_BYTES ((size_t)512 << 20)
/* A body that is too large is read on for a while, so that its sender gets to see the 413. */
#define DISCARD_FACTOR 8

struct listener {
	struct http_server *server;
	struct listen_socket socket;
	struct MHD_Daemon *daemon;
};

struct http_server {
	struct http_config config;
	atomic_size_t held_bytes; /* of answers being sent */
	size_t listener_count;
	struct listener listeners[];
};

/* ---- answers ---- */

/* A body on its way out. */
struct held_body {
	struct http_server *server;
	struct strbuf text;
	size_t counted;
};

static void free_held(void *arg)
{
	struct held_body *held = arg;

	atomic_fetch_sub(&held->server->held_bytes, held->counted);
	strbuf_free(&held->text);
	free(held);
}

/* Takes the answer's body over. NULL if there is no memory. */
static struct MHD_Response *wrap_body(struct http_server *server, struct http_response *response)
{
	struct held_body *held = malloc(sizeof(*held));
	struct MHD_Response *reply;

	if (!held)
		return NULL;
	*held = (struct held_body){ server, response->body, response->body.cap };
	response->body = (struct strbuf)STRBUF_INIT;
	atomic_fetch_add(&server->held_bytes, held->counted);
	reply = MHD_create_response_from_buffer_with_free_callback_cls(
		held->text.len, held->text.data, free_held, held);
	if (!reply)
		free_held(held);
	return reply;
}

static bool add_headers(struct MHD_Response *reply, const struct http_response *response)
{
	bool ok = MHD_add_response_header(reply, "Content-Type", response->content_type) &&
		  MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff") &&
		  MHD_add_response_header(reply, "Cache-Control", "no-store");

	if (response->content_encoding)
		ok = ok &&
		     MHD_add_response_header(reply, "Content-Encoding", response->content_encoding);
	for (size_t i = 0; i < response->header_count && ok; i++)
		ok = MHD_add_response_header(reply, response->headers[i].name,
					     response->headers[i].value);
	return ok;
}

/* Sends and empties the answer. MHD_NO closes the connection. */
static enum MHD_Result send_response(struct http_server *server, struct MHD_Connection *connection,
				     struct http_response *response)
{
	struct MHD_Response *reply = wrap_body(server, response);
	enum MHD_Result result = MHD_NO;

	if (reply && add_headers(reply, response))
		result = MHD_queue_response(connection, response->status, reply);
	if (reply)
		MHD_destroy_response(reply);
	http_response_free(response);
	return result;
}

static enum MHD_Result refuse(struct http_server *server, struct MHD_Connection *connection,
			      unsigned status, const char *code, const char *message)
{
	struct http_response response = { 0 };

	http_response_error(&response, status, code, "%s", message);
	return send_response(server, connection, &response);
}

static enum MHD_Result refuse_large(struct http_server *server, struct MHD_Connection *connection)
{
	return refuse(server, connection, 413, "too_large", "the body is too large");
}

/* ---- requests ---- */

/* A request being received. */
struct incoming {
	struct strbuf body; /* bounded: beyond, it is marked */
	size_t received;
	time_t deadline; /* CLOCK_MONOTONIC, seconds */
};

static time_t monotonic_s(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static struct incoming *incoming_new(const struct http_server *server)
{
	struct incoming *incoming = calloc(1, sizeof(*incoming));

	if (!incoming)
		return NULL;
	incoming->body.max = server->config.max_body;
	incoming->deadline = monotonic_s() + BODY_TIMEOUT_S;
	return incoming;
}

static void incoming_free(struct incoming *incoming)
{
	if (!incoming)
		return;
	strbuf_free(&incoming->body);
	free(incoming);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/*
 * The Host header of whoever really meant this machine: no name that somebody else may point here.
 */
static bool is_local_host(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; host && i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);
		const char *port = host + len;

		if (strncasecmp(host, names[i], len) != 0)
			continue;
		if (!*port)
			return true;
		if (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1))
			return true;
	}
	return false;
}

/* Whether Content-Length, digits that the library has checked, says more than `max`. */
static bool says_larger(const char *content_length, size_t max)
{
	size_t length = 0;

	for (const char *p = content_length ? content_length : ""; *p >= '0' && *p <= '9'; p++) {
		length = length * 10 + (size_t)(*p - '0');
		if (length > max)
			return true;
	}
	return false;
}

/* With the headers there and the body not yet: whether it is worth reading. */
static enum MHD_Result begin_request(const struct listener *listener,
				     struct MHD_Connection *connection, void **request_arg)
{
	struct http_server *server = listener->server;

	if (listener->socket.loopback && !is_local_host(header(connection, "Host")))
		return refuse(server, connection, 403, "forbidden",
			      "the Host must be localhost, 127.0.0.1 or [::1]");
	if (says_larger(header(connection, "Content-Length"), server->config.max_body))
		return refuse_large(server, connection);
	*request_arg = incoming_new(server);
	return *request_arg ? MHD_YES : MHD_NO;
}

static enum MHD_Result receive_body(const struct http_server *server, struct incoming *incoming,
				    const char *data, size_t *len)
{
	strbuf_add(&incoming->body, data, *len);
	incoming->received += *len;
	*len = 0;
	if (incoming->received / DISCARD_FACTOR > server->config.max_body ||
	    monotonic_s() > incoming->deadline)
		return MHD_NO;
	return MHD_YES;
}

/* ---- the query ---- */

struct query {
	struct http_parameter *parameters;
	size_t count;
	size_t room;
	int err; /* -ENOMEM, -EINVAL: a NUL byte inside */
};

static enum MHD_Result add_parameter(void *arg, enum MHD_ValueKind kind, const char *key,
				     size_t key_len, const char *value, size_t value_len)
{
	struct query *query = arg;

	(void)kind;
	if (strlen(key) != key_len || (value && strlen(value) != value_len)) {
		query->err = -EINVAL;
		return MHD_NO;
	}
	if (query->count == query->room) {
		size_t room = query->room ? query->room * 2 : 16;
		void *parameters =
			reallocarray(query->parameters, room, sizeof(query->parameters[0]));

		if (!parameters) {
			query->err = -ENOMEM;
			return MHD_NO;
		}
		query->parameters = parameters;
		query->room = room;
	}
	query->parameters[query->count++] = (struct http_parameter){ key, value ? value : "" };
	return MHD_YES;
}

/* ---- everything is there ---- */

static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection,
			      const char *path, const char *method, const struct incoming *incoming)
{
	struct http_request request = {
		.method = method,
		.path = path,
		.accept = header(connection, "Accept"),
		.accept_encoding = header(connection, "Accept-Encoding"),
		.content_type = header(connection, "Content-Type"),
		.body = incoming->body.data,
		.body_len = incoming->body.len,
	};
	struct http_response response = { 0 };
	struct query query = { 0 };

	MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_parameter, &query);
	request.parameters = query.parameters;
	request.parameter_count = query.count;
	if (query.err == -EINVAL)
		http_response_error(&response, 400, "bad_request", "a NUL byte in the query");
	else if (query.err)
		http_response_error(&response, 500, "internal", "out of memory");
	else
		server->config.handle(server->config.arg, &request, &response);
	free(query.parameters);
	return send_response(server, connection, &response);
}

/*
 * libmicrohttpd calls this once with the headers, then for each part of the body, then once more.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_len, void **request_arg)
{
	const struct listener *listener = arg;
	struct http_server *server = listener->server;
	struct incoming *incoming = *request_arg;

	(void)version;
	if (!incoming)
		return begin_request(listener, connection, request_arg);
	if (*data_len)
		return receive_body(server, incoming, data, data_len);
	if (incoming->body.err == -E2BIG)
		return refuse_large(server, connection);
	if (incoming->body.err)
		return MHD_NO;
	if (atomic_load(&server->held_bytes) > MAX_HELD_BYTES)
		return refuse(server, connection, 503, "overloaded",
			      "too many answers are waiting for their clients");
	return answer(server, connection, path, method, incoming);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request_arg,
			 enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	incoming_free(*request_arg);
	*request_arg = NULL;
}

/* ---- start and stop ---- */

static int start_listener(struct listener *listener)
{
	const struct http_config *config = &listener->server->config;
	unsigned connections = config->max_connections / (unsigned)config->address_count;
	unsigned kind = config->handler_waits ?
				MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION :
				MHD_USE_EPOLL_INTERNAL_THREAD;
	int err;

	errno = 0;
	listener->daemon = MHD_start_daemon(
		kind | MHD_USE_ITC, 0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET,
		listener->socket.fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_THREAD_POOL_SIZE, config->handler_waits ? 0 : THREADS,
		MHD_OPTION_CONNECTION_LIMIT, connections > THREADS ? connections : THREADS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		listener->socket.loopback ? 0 : PER_ADDRESS_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, config->timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	err = errno;
	listener->socket.fd = -1; /* the library closes it, also when the start fails */
	if (!listener->daemon)
		return err ? -err : -EIO;
	return 0;
}

static struct http_server *allocate(const struct http_config *config)
{
	struct http_server *server =
		calloc(1, sizeof(*server) + config->address_count * sizeof(server->listeners[0]));

	if (!server)
		return NULL;
	server->config = *config;
	server->listener_count = config->address_count;
	for (size_t i = 0; i < server->listener_count; i++) {
		server->listeners[i].server = server;
		server->listeners[i].socket.fd = -1;
	}
	return server;
}

static int open_all(struct http_server *server, const struct http_config *config, char *err,
		    size_t err_len)
{
	int ret = 0;

	for (size_t i = 0; i < server->listener_count && !ret; i++)
		ret = listen_open(config->addresses[i], &server->listeners[i].socket, err, err_len);
	for (size_t i = 0; i < server->listener_count && !ret; i++) {
		ret = start_listener(&server->listeners[i]);
		if (ret)
			snprintf(err, err_len, "cannot serve %s: %s",
				 server->listeners[i].socket.address, strerrordesc_np(-ret));
	}
	return ret;
}

int http_server__new(const struct http_config *config, char *err, size_t err_len,
		     struct http_server **out)
{
	struct http_server *server = allocate(config);
	int ret;

	if (!server) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	ret = open_all(server, config, err, err_len);
	if (ret) {
		http_server__free(server);
		return ret;
	}
	*out = server;
	return 0;
}

void http_server__free(struct http_server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->listener_count; i++) {
		struct listener *listener = &server->listeners[i];

		if (listener->daemon)
			MHD_stop_daemon(listener->daemon);
		if (listener->socket.fd >= 0)
			close(listener->socket.fd);
	}
	free(server);
}

const char *http_server__address(const struct http_server *server, size_t i)
{
	return i < server->listener_count ? server->listeners[i].socket.address : NULL;
}
