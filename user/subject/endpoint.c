/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/endpoint.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) ? NULL : text + len;
}

static int is_unknown(const char *endpoint)
{
	return !*endpoint || !strcmp(endpoint, "none") || !strcmp(endpoint, "unknown");
}

/* ---- addresses of tcp ------------------------------------------------------------------- */

struct address {
	const char *host;
	size_t host_len;
	const char *port;
};

/* "HOST:PORT", or "SOURCE;HOST:PORT" as connecting sockets may give it. */
static int split(const char *text, struct address *out)
{
	const char *source = strchr(text, ';'), *colon;

	out->host = source ? source + 1 : text;
	colon = strrchr(out->host, ':');
	if (!colon || !colon[1])
		return -EINVAL;
	out->host_len = (size_t)(colon - out->host);
	out->port = colon + 1;
	return 0;
}

static int host_is(const struct address *a, const char *host)
{
	return a->host_len == strlen(host) && !strncmp(a->host, host, a->host_len);
}

static int is_wildcard(const struct address *a)
{
	return host_is(a, "0.0.0.0") || host_is(a, "[::]") || host_is(a, "*") || host_is(a, "::");
}

static int is_loopback(const struct address *a)
{
	return host_is(a, "localhost") || host_is(a, "[::1]") || host_is(a, "::1") ||
	       (a->host_len > 4 && !strncmp(a->host, "127.", 4)) ||
	       host_is(a, "[::ffff:127.0.0.1]");
}

static int is_number(const struct address *a)
{
	return a->host_len && (*a->host == '[' || strspn(a->host, "0123456789.") >= a->host_len);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int tcp_key(const char *text, const struct endpoint_scope *scope,
		   char out[ENDPOINT_KEY_SIZE])
{
	struct address address;

	if (split(text, &address))
		return -ENOENT;
	if (!is_wildcard(&address) && !is_loopback(&address)) {
		snprintf(out, ENDPOINT_KEY_SIZE, "tcp %.*s %s", (int)address.host_len, address.host,
			 address.port);
		return 0;
	}
	if (!scope->net)
		return -ENOENT;
	snprintf(out, ENDPOINT_KEY_SIZE, "tcp %" PRIu64 " %s", scope->net, address.port);
	return 0;
}

static int ipc_key(const char *path, const struct endpoint_scope *scope,
		   char out[ENDPOINT_KEY_SIZE])
{
	/* "@" is the abstract namespace, which goes with the network's; a file's path with the mounts */
	uint64_t space = *path == '@' ? scope->net : scope->mount;

	/* relative to a directory that we do not know */
	if (!space || (*path != '@' && *path != '/'))
		return -ENOENT;
	snprintf(out, ENDPOINT_KEY_SIZE, "ipc %" PRIu64 " %s", space, path);
	return 0;
}

int endpoint_key(const char *endpoint, const struct endpoint_scope *scope,
		 char out[ENDPOINT_KEY_SIZE])
{
	const char *rest;

	rest = after(endpoint, "tcp://");
	if (rest)
		return tcp_key(rest, scope, out);
	rest = after(endpoint, "ipc://");
	if (rest)
		return ipc_key(rest, scope, out);
	rest = after(endpoint, "inproc://");
	if (!rest)
		return -ENOENT;
	snprintf(out, ENDPOINT_KEY_SIZE, "inproc %" PRIu32 " %" PRIu64 " %s", scope->process.tgid,
		 (uint64_t)scope->process.start_ns, rest);
	return 0;
}

/* ---- who is bound ------------------------------------------------------------------------------ */

enum endpoint_side endpoint_side(const char *socket_type)
{
	static const char *const clients[] = { "push", "req", "dealer", "client", "scatter" };
	static const char *const servers[] = { "pull", "rep", "router", "server", "gather" };
	static const char *const equals[] = { "pair", "channel", "peer" };
	size_t i;

	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (!strcmp(socket_type, clients[i]))
			return SIDE_CLIENT;
	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (!strcmp(socket_type, servers[i]))
			return SIDE_SERVER;
	for (i = 0; i < sizeof(equals) / sizeof(equals[0]); i++)
		if (!strcmp(socket_type, equals[i]))
			return SIDE_EQUAL;
	return SIDE_NONE;
}

static int usually_binds(const char *socket_type)
{
	return endpoint_side(socket_type) == SIDE_SERVER || !strcmp(socket_type, "pub") ||
	       !strcmp(socket_type, "xpub");
}

const char *endpoint_bound(const struct endpoint_end *receiver, const struct endpoint_end *sender)
{
	const char *mine = after(receiver->endpoint, "tcp://");
	const char *other = after(sender->endpoint, "tcp://");
	struct address a, b;

	if (is_unknown(sender->endpoint))
		return receiver->endpoint;
	if (is_unknown(receiver->endpoint))
		return sender->endpoint;
	if (mine && other && !split(mine, &a) && !split(other, &b)) {
		if (is_wildcard(&a) != is_wildcard(&b))
			return is_wildcard(&a) ? receiver->endpoint : sender->endpoint;
		if (is_number(&a) != is_number(&b))
			return is_number(&a) ? receiver->endpoint : sender->endpoint;
	}
	if (usually_binds(sender->socket_type) && !usually_binds(receiver->socket_type))
		return sender->endpoint;
	return receiver->endpoint;
}
