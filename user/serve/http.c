/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "serve/auth.h"
#include "serve/listen.h"
#include "serve/slow.h"
#include "util/privileges.h"

#define THREADS 2u /* per listener */
#define CONNECTION_MEMORY (64 * 1024) /* holds the request's line and headers */
#define PER_ADDRESS_CONNECTIONS 128u
#define REQUEST_TIMEOUT_S 30u /* for a request to arrive */
#define IDLE_GRACE_S 2u /* slow.h is to end a connection before the library does */
#define MAX_HELD_BYTES ((size_t)512 << 20)
#define BLOCK ((size_t)32 * 1024) /* of a body that is sent in pieces */
/* A body that is too large is read on for a while, so that its sender gets to see the 413. */
#define DISCARD_FACTOR 64

#define RETIRED_S 10 /* connections of before a reload may go on for so long */

/* One address as it is served by one generation. */
struct door {
	struct generation *generation;
	const struct listen_socket *socket;
	struct MHD_Daemon *daemon;
};

/* The server as one web configuration has it; a reload makes another. */
struct generation {
	struct http_server *server;
	struct web_config *web; /* NULL = none */
	struct auth *auth; /* NULL = everybody may read */
	struct generation *next; /* among the retired */
	time_t retired; /* CLOCK_MONOTONIC, seconds */
	pthread_mutex_t lock; /* of what follows, and of their members that say so */
	struct held_body *waiters; /* bodies whose producers may say HTTP_LATER */
	bool closing;
	struct door doors[];
};

struct http_server {
	struct http_config config;
	atomic_size_t held_bytes; /* of answers being sent */
	struct slow_clients *slow;
	struct generation *current;
	struct generation *retired; /* their last connections may still be open */
	size_t socket_count;
	struct listen_socket sockets[];
};

/* ---- answers ---- */

/* NULL: it is not watched. */
static struct slow_client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* A body on its way out. */
struct held_body {
	struct generation *generation;
	struct MHD_Connection *connection;
	struct strbuf text; /* all of it, or the piece that is being sent */
	size_t sent; /* of the piece */
	struct http_producer producer;
	size_t counted;
	/* of those whose producers may say HTTP_LATER; under the generation's lock */
	struct held_body *next_waiter;
	bool suspended; /* nobody looks at the connection until it is woken */
	bool woken; /* since the producer was last asked */
};

static void wake(void *arg)
{
	struct held_body *held = arg;

	pthread_mutex_lock(&held->generation->lock);
	held->woken = true;
	if (held->suspended)
		MHD_resume_connection(held->connection);
	held->suspended = false;
	pthread_mutex_unlock(&held->generation->lock);
}

static void add_waiter(struct held_body *held)
{
	pthread_mutex_lock(&held->generation->lock);
	held->next_waiter = held->generation->waiters;
	held->generation->waiters = held;
	pthread_mutex_unlock(&held->generation->lock);
	held->producer.start(held->producer.arg, wake, held);
}

static void remove_waiter(struct held_body *held)
{
	struct held_body **place = &held->generation->waiters;

	pthread_mutex_lock(&held->generation->lock);
	while (*place && *place != held)
		place = &(*place)->next_waiter;
	if (*place)
		*place = held->next_waiter;
	pthread_mutex_unlock(&held->generation->lock);
}

/* The producer has nothing now. Returns whether to ask it again at once. */
static bool wait_for_wake(struct held_body *held)
{
	bool again;

	pthread_mutex_lock(&held->generation->lock);
	again = held->woken || held->generation->closing;
	held->woken = false;
	if (!again) {
		held->suspended = true;
		MHD_suspend_connection(held->connection);
	}
	pthread_mutex_unlock(&held->generation->lock);
	return again;
}

/* From now on nobody waits: MHD_stop_daemon() must not find connections that do. */
static void wake_all(struct generation *generation)
{
	pthread_mutex_lock(&generation->lock);
	generation->closing = true;
	for (struct held_body *held = generation->waiters; held; held = held->next_waiter) {
		if (held->suspended)
			MHD_resume_connection(held->connection);
		held->suspended = false;
	}
	pthread_mutex_unlock(&generation->lock);
}

static void free_held(void *arg)
{
	struct held_body *held = arg;

	atomic_fetch_sub(&held->generation->server->held_bytes, held->counted);
	if (held->producer.free)
		held->producer.free(held->producer.arg);
	if (held->producer.start)
		remove_waiter(held);
	strbuf_free(&held->text);
	free(held);
}

/* The next piece of the body. Returns as struct http_producer's next(). */
static int next_piece(struct held_body *held)
{
	int ret;

	do {
		strbuf_clear(&held->text);
		held->sent = 0;
		ret = held->producer.next(held->producer.arg, &held->text);
		if (ret == HTTP_LATER && held->generation->closing)
			return -ESHUTDOWN;
	} while (ret == HTTP_LATER && wait_for_wake(held));
	return ret;
}

/* libmicrohttpd has place for `max` bytes of the body; it never asks for the same ones again. */
static ssize_t read_held(void *arg, uint64_t position, char *buffer, size_t max)
{
	struct held_body *held = arg;
	size_t len;
	int ret;

	(void)position;
	while (held->sent == held->text.len) {
		if (!held->producer.next)
			return MHD_CONTENT_READER_END_OF_STREAM;
		ret = next_piece(held);
		if (ret < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (ret == HTTP_LATER)
			return 0;
		if (!ret)
			held->producer.next = NULL;
	}
	len = held->text.len - held->sent;
	len = len < max ? len : max;
	memcpy(buffer, held->text.data + held->sent, len);
	held->sent += len;
	return (ssize_t)len;
}

/* Takes the answer's body and its producer over. NULL if there is no memory. */
static struct MHD_Response *wrap_body(struct generation *generation,
				      struct MHD_Connection *connection,
				      struct http_response *response)
{
	struct held_body *held = malloc(sizeof(*held));
	struct MHD_Response *reply;

	if (!held)
		return NULL;
	*held = (struct held_body){
		.generation = generation,
		.connection = connection,
		.text = response->body,
		.producer = response->producer,
		.counted = response->body.cap + response->producer.memory,
	};
	response->body = (struct strbuf)STRBUF_INIT;
	response->producer = (struct http_producer){ 0 };
	atomic_fetch_add(&generation->server->held_bytes, held->counted);
	if (held->producer.start)
		add_waiter(held);
	if (held->producer.next)
		reply = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_held, held,
							  free_held);
	else
		reply = MHD_create_response_from_buffer_with_free_callback_cls(
			held->text.len, held->text.data, free_held, held);
	if (!reply)
		free_held(held);
	return reply;
}

static bool add_headers(struct MHD_Response *reply, const struct web_config *web,
			const struct http_response *response)
{
	bool ok = MHD_add_response_header(reply, "Content-Type", response->content_type) &&
		  MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");

	if (response->content_encoding)
		ok = ok &&
		     MHD_add_response_header(reply, "Content-Encoding", response->content_encoding);
	for (size_t i = 0; i < response->header_count && ok; i++)
		ok = MHD_add_response_header(reply, response->headers[i].name,
					     response->headers[i].value);
	if (ok && !MHD_get_response_header(reply, "Cache-Control"))
		ok = MHD_add_response_header(reply, "Cache-Control", "no-store");
	for (size_t i = 0; web && i < web->header_count && ok; i++) {
		/* what the answer says itself, a page's own policy say, is the stricter one */
		if (!MHD_get_response_header(reply, web->headers[i].name))
			ok = MHD_add_response_header(reply, web->headers[i].name,
						     web->headers[i].value);
	}
	return ok;
}

/*
 * Sends and empties the answer. MHD_NO closes the connection. libmicrohttpd ends a chunked body
 * also where there is none; so what answers HEAD must not be chunked.
 */
static enum MHD_Result send_response(struct generation *generation,
				     struct MHD_Connection *connection,
				     struct http_response *response, bool head)
{
	struct MHD_Response *reply = wrap_body(generation, connection, response);
	enum MHD_Result result = MHD_NO;

	if (reply && head)
		MHD_set_response_options(reply, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	if (reply && add_headers(reply, generation->web, response))
		result = MHD_queue_response(connection, response->status, reply);
	if (reply)
		MHD_destroy_response(reply);
	http_response_free(response);
	return result;
}

static enum MHD_Result refuse(struct generation *generation, struct MHD_Connection *connection,
			      unsigned status, const char *code, const char *message)
{
	struct http_response response = { 0 };

	if (!slow_client__complete(client_of(connection)))
		return MHD_NO;
	http_response_error(&response, status, code, "%s", message);
	if (status == 401)
		http_response_header(&response, "WWW-Authenticate", "Basic realm=\"tapmeter\"");
	return send_response(generation, connection, &response, false);
}

static enum MHD_Result refuse_large(struct generation *generation,
				    struct MHD_Connection *connection)
{
	return refuse(generation, connection, 413, "too_large", "the body is too large");
}

/* ---- requests ---- */

/* A request being received. */
struct incoming {
	struct strbuf body; /* bounded: beyond, it is marked */
	size_t received;
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

/*
 * Whether to answer before the body has come. Who waits for a "100 Continue" sees the answer; who just
 * sends would see his connection break instead, and is heard out, unless it were without end.
 */
static bool is_refused_unread(const struct http_server *server, struct MHD_Connection *connection)
{
	const char *length = header(connection, "Content-Length");
	size_t max = server->config.max_body;

	if (header(connection, "Expect"))
		return says_larger(length, max);
	return says_larger(length, max * DISCARD_FACTOR);
}

/* Whether the client's certificate is as the configuration wants it. */
static bool certificate_ok(const struct web_config *web, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	unsigned status = 0, count = 0;

	if (!web || web->client_auth <= WEB_REQUEST_CLIENT_CERT)
		return true;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (!info || !info->tls_session)
		return false;
	if (!gnutls_certificate_get_peers(info->tls_session, &count))
		return web->client_auth == WEB_VERIFY_CLIENT_CERT_IF_GIVEN;
	if (web->client_auth == WEB_REQUIRE_ANY_CLIENT_CERT)
		return true;
	return !gnutls_certificate_verify_peers2(info->tls_session, &status) && !status;
}

/* With the headers there and the body not yet: whether it is worth reading. */
static enum MHD_Result begin_request(const struct door *door, struct MHD_Connection *connection,
				     void **request_arg)
{
	struct generation *generation = door->generation;
	struct http_server *server = generation->server;

	if (!certificate_ok(generation->web, connection))
		return refuse(generation, connection, 403, "forbidden",
			      "a valid client certificate is needed");
	if (door->socket->loopback && !is_local_host(header(connection, "Host")))
		return refuse(generation, connection, 403, "forbidden",
			      "the Host must be localhost, 127.0.0.1 or [::1]");
	if (generation->auth && !auth__check(generation->auth, header(connection, "Authorization")))
		return refuse(generation, connection, 401, "unauthorized",
			      "a user and his password are needed");
	if (is_refused_unread(server, connection))
		return refuse_large(generation, connection);
	*request_arg = incoming_new(server);
	return *request_arg ? MHD_YES : MHD_NO;
}

static enum MHD_Result receive_body(const struct http_server *server, struct incoming *incoming,
				    const char *data, size_t *len)
{
	strbuf_add(&incoming->body, data, *len);
	incoming->received += *len;
	*len = 0;
	return incoming->received / DISCARD_FACTOR > server->config.max_body ? MHD_NO : MHD_YES;
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

static enum MHD_Result answer(struct generation *generation, struct MHD_Connection *connection,
			      const char *path, const char *method, const struct incoming *incoming)
{
	const struct http_server *server = generation->server;
	struct http_request request = {
		.method = method,
		.path = path,
		.accept = header(connection, "Accept"),
		.accept_encoding = header(connection, "Accept-Encoding"),
		.content_type = header(connection, "Content-Type"),
		.if_none_match = header(connection, "If-None-Match"),
		.last_event_id = header(connection, "Last-Event-ID"),
		.body = incoming->body.data,
		.body_len = incoming->body.len,
	};
	struct http_response response = { 0 };
	struct query query = { 0 };
	bool head;

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
	head = response.producer.next && !strcmp(method, "HEAD");
	return send_response(generation, connection, &response, head);
}

/*
 * libmicrohttpd calls this once with the headers, then for each part of the body, then once more.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *data_len, void **request_arg)
{
	const struct door *door = arg;
	struct generation *generation = door->generation;
	struct http_server *server = generation->server;
	struct incoming *incoming = *request_arg;

	(void)version;
	if (!incoming)
		return begin_request(door, connection, request_arg);
	if (*data_len) {
		slow_client__progress(client_of(connection));
		return receive_body(server, incoming, data, data_len);
	}
	if (!slow_client__complete(client_of(connection)))
		return MHD_NO;
	if (incoming->body.err == -E2BIG)
		return refuse_large(generation, connection);
	if (incoming->body.err)
		return MHD_NO;
	if (atomic_load(&server->held_bytes) > MAX_HELD_BYTES)
		return refuse(generation, connection, 503, "overloaded",
			      "too many answers are waiting for their clients");
	return answer(generation, connection, path, method, incoming);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request_arg,
			 enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)code;
	slow_client__end(client_of(connection));
	incoming_free(*request_arg);
	*request_arg = NULL;
}

/* A request's line has come, headers have not. What is returned is the request's argument at first. */
static void *on_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
	(void)arg;
	(void)uri;
	slow_client__begin(client_of(connection));
	return NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **client,
			  enum MHD_ConnectionNotificationCode code)
{
	const struct door *door = arg;
	const struct web_config *web = door->generation->web;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		slow_client__remove(*client);
		*client = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*client = slow_clients__add(door->generation->server->slow, info->connect_fd,
					    web && web->tls);
}

/* ---- generations ---- */

/* At most 6 options and their end. */
static void tls_options(const struct web_config *web, struct MHD_OptionItem options[7])
{
	size_t n = 0;

	if (web && web->tls) {
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, web->cert };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, web->key };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
							(void *)(uintptr_t)web->priorities };
		if (web->client_ca)
			options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
								web->client_ca };
	}
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

/* The library closes `fd` in any case. */
static int start_daemon(struct door *door, int fd)
{
	const struct http_config *config = &door->generation->server->config;
	const struct web_config *web = door->generation->web;
	unsigned connections = config->max_connections / (unsigned)config->address_count;
	unsigned kind = config->handler_waits ?
				MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION :
				MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	unsigned tls_flag = web && web->tls ? MHD_USE_TLS : 0;
	struct MHD_OptionItem tls[7];
	int err;

	tls_options(web, tls);
	errno = 0;
	door->daemon = MHD_start_daemon(
		kind | tls_flag | MHD_USE_ITC, 0, NULL, NULL, on_request, door,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, door, MHD_OPTION_URI_LOG_CALLBACK,
		on_line, NULL, MHD_OPTION_THREAD_POOL_SIZE, config->handler_waits ? 0 : THREADS,
		MHD_OPTION_CONNECTION_LIMIT, connections > THREADS ? connections : THREADS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		door->socket->loopback ? 0 : PER_ADDRESS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		config->timeout_s + IDLE_GRACE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	err = errno;
	if (!door->daemon)
		return err ? -err : -EIO;
	return 0;
}

struct opening {
	struct door *door;
	int fd;
};

static int open_it(void *arg)
{
	struct opening *opening = arg;
	int fd = opening->fd;

	opening->fd = -1;
	return start_daemon(opening->door, fd);
}

/* Who answers to strangers needs none of the agent's privileges. */
static int open_door(struct door *door, int fd)
{
	struct opening opening = { door, fd };
	int err = privileges_without(open_it, &opening);

	if (opening.fd >= 0)
		close(opening.fd);
	return err;
}

static void generation_free(struct generation *generation)
{
	if (!generation)
		return;
	wake_all(generation);
	for (size_t i = 0; i < generation->server->socket_count; i++)
		if (generation->doors[i].daemon)
			MHD_stop_daemon(generation->doors[i].daemon);
	auth__free(generation->auth);
	web_config__free(generation->web);
	pthread_mutex_destroy(&generation->lock);
	free(generation);
}

/* Takes `web` over, also when there is no memory. */
static struct generation *generation_allocate(struct http_server *server, struct web_config *web)
{
	struct generation *generation =
		calloc(1, sizeof(*generation) + server->socket_count * sizeof(struct door));

	if (!generation) {
		web_config__free(web);
		return NULL;
	}
	generation->server = server;
	generation->web = web;
	pthread_mutex_init(&generation->lock, NULL);
	for (size_t i = 0; i < server->socket_count; i++)
		generation->doors[i] =
			(struct door){ .generation = generation, .socket = &server->sockets[i] };
	return generation;
}

/* Opens all doors of a new generation, beside those that may be open already. */
static int generation_new(struct http_server *server, struct web_config *web, char *err,
			  size_t err_len, struct generation **out)
{
	struct generation *generation = generation_allocate(server, web);
	int ret = generation ? 0 : -ENOMEM;

	if (!ret && web && web->user_count)
		ret = auth__new(web->users, web->user_count, &generation->auth);
	if (ret)
		snprintf(err, err_len, "%s", strerrordesc_np(-ret));
	for (size_t i = 0; i < server->socket_count && !ret; i++) {
		int fd = fcntl(server->sockets[i].fd, F_DUPFD_CLOEXEC, 0);

		ret = fd < 0 ? -errno : open_door(&generation->doors[i], fd);
		if (ret)
			snprintf(err, err_len, "cannot serve %s: %s", server->sockets[i].address,
				 strerrordesc_np(-ret));
	}
	if (ret) {
		generation_free(generation);
		return ret;
	}
	*out = generation;
	return 0;
}

/* No new connections; those that are open go on. */
static void generation_retire(struct http_server *server, struct generation *generation)
{
	for (size_t i = 0; i < server->socket_count; i++) {
		int fd = MHD_quiesce_daemon(generation->doors[i].daemon);

		if (fd >= 0)
			close(fd);
	}
	generation->retired = monotonic_s();
	generation->next = server->retired;
	server->retired = generation;
}

static bool has_connections(const struct generation *generation)
{
	for (size_t i = 0; i < generation->server->socket_count; i++) {
		const union MHD_DaemonInfo *info = MHD_get_daemon_info(
			generation->doors[i].daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

		if (info && info->num_connections)
			return true;
	}
	return false;
}

void http_server__tend(struct http_server *server)
{
	struct generation **place = &server->retired;
	time_t now = monotonic_s();

	while (*place) {
		struct generation *generation = *place;

		if (has_connections(generation) && now - generation->retired < RETIRED_S) {
			place = &generation->next;
			continue;
		}
		*place = generation->next;
		generation_free(generation);
	}
}

int http_server__reload(struct http_server *server, struct web_config *web, char *err,
			size_t err_len)
{
	struct generation *generation;
	int ret = generation_new(server, web, err, err_len, &generation);

	if (ret)
		return ret;
	generation_retire(server, server->current);
	server->current = generation;
	return 0;
}

/* ---- start and stop ---- */

static struct http_server *allocate(const struct http_config *config)
{
	struct http_server *server =
		calloc(1, sizeof(*server) + config->address_count * sizeof(server->sockets[0]));

	if (!server)
		return NULL;
	server->config = *config;
	server->socket_count = config->address_count;
	for (size_t i = 0; i < server->socket_count; i++)
		server->sockets[i].fd = -1;
	return server;
}

static int open_all(struct http_server *server, const struct http_config *config, char *err,
		    size_t err_len)
{
	struct web_config *web = config->web;
	int ret = 0;

	ret = slow_clients__new(config->timeout_s, REQUEST_TIMEOUT_S, config->max_connections / 2,
				&server->slow);
	if (ret)
		snprintf(err, err_len, "%s", strerrordesc_np(-ret));
	for (size_t i = 0; i < server->socket_count && !ret; i++)
		ret = listen_open(config->addresses[i], &server->sockets[i], err, err_len);
	if (ret) {
		web_config__free(web);
		return ret;
	}
	return generation_new(server, web, err, err_len, &server->current);
}

int http_server__new(const struct http_config *config, char *err, size_t err_len,
		     struct http_server **out)
{
	struct http_server *server = allocate(config);
	int ret;

	if (!server) {
		web_config__free(config->web);
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
	generation_free(server->current);
	while (server->retired) {
		struct generation *generation = server->retired;

		server->retired = generation->next;
		generation_free(generation);
	}
	for (size_t i = 0; i < server->socket_count; i++)
		if (server->sockets[i].fd >= 0)
			close(server->sockets[i].fd);
	slow_clients__free(server->slow);
	free(server);
}

const char *http_server__address(const struct http_server *server, size_t i)
{
	return i < server->socket_count ? server->sockets[i].address : NULL;
}

int http_server__is_open(const struct http_server *server)
{
	const struct web_config *web = server->current->web;

	if (web && (web->user_count || web->client_auth >= WEB_REQUIRE_AND_VERIFY_CLIENT_CERT))
		return 0;
	for (size_t i = 0; i < server->socket_count; i++)
		if (!server->sockets[i].loopback)
			return 1;
	return 0;
}
