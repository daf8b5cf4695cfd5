/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 512

/* An address taken apart. */
struct parts {
	char host[NI_MAXHOST]; /* "" = all addresses */
	char port[6];
	bool bracketed;
};

/* The part from `start` to `end` if it fits into `text`. */
static int cut(const char *start, const char *end, char *text, size_t size)
{
	if (end < start || (size_t)(end - start) >= size)
		return -EINVAL;
	memcpy(text, start, (size_t)(end - start));
	text[end - start] = '\0';
	return 0;
}

static int is_port(const char *text)
{
	unsigned port = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++)
		port = port * 10 + (unsigned)(*p - '0');
	return p > text && !*p && port <= 65535;
}

static int split(const char *address, struct parts *parts)
{
	const char *colon = strrchr(address, ':'), *host = address, *host_end = colon;

	parts->bracketed = address[0] == '[';
	if (!colon)
		return -EINVAL;
	if (parts->bracketed) {
		host++;
		host_end--;
		if (host_end <= host || *host_end != ']')
			return -EINVAL;
	} else if (memchr(host, ':', (size_t)(colon - host))) {
		return -EINVAL; /* IPv6 without brackets: where would the port begin? */
	}
	/* a port has at most five digits: counting them keeps it from overflowing */
	if (cut(host, host_end, parts->host, sizeof(parts->host)) ||
	    cut(colon + 1, colon + 1 + strlen(colon + 1), parts->port, sizeof(parts->port)))
		return -EINVAL;
	return is_port(parts->port) ? 0 : -EINVAL;
}

union socket_address {
	struct sockaddr_storage room;
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool is_loopback(const union socket_address *address)
{
	const struct in6_addr *v6 = &address->v6.sin6_addr;

	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

static int describe(struct listen_socket *s)
{
	union socket_address address = { .room = { 0 } };
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN + 16], port[6];

	if (getsockname(s->fd, &address.any, &len))
		return -errno;
	if (getnameinfo(&address.any, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -EINVAL;
	s->loopback = is_loopback(&address);
	snprintf(s->address, sizeof(s->address),
		 address.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

/* `v6only` keeps an IPv6 address from taking the IPv4 port of the same number, too. */
static int bind_and_listen(int fd, const struct addrinfo *info, int v6only)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	if (info->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)))
		return -errno;
	if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

static int open_socket(const struct addrinfo *info, int v6only, struct listen_socket *out)
{
	struct listen_socket s = { .fd = socket(info->ai_family,
						SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	int err;

	if (s.fd < 0)
		return -errno;
	err = bind_and_listen(s.fd, info, v6only);
	if (!err)
		err = describe(&s);
	if (err) {
		close(s.fd);
		return err;
	}
	*out = s;
	return 0;
}

/* -errno for getaddrinfo()'s own numbers; the text goes to *why. */
static int resolve_error(int error, const char **why)
{
	*why = gai_strerror(error);
	if (error == EAI_MEMORY)
		return -ENOMEM;
	return error == EAI_AGAIN ? -EAGAIN : -EINVAL;
}

static int open_host(const struct parts *parts, const char *host, int v6only,
		     struct listen_socket *out, const char **why)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (parts->bracketed ? AI_NUMERICHOST : 0),
		.ai_family = parts->bracketed ? AF_INET6 : AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *info;
	int err = getaddrinfo(host, parts->port, &hints, &info);

	if (err)
		return resolve_error(err, why);
	err = open_socket(info, v6only, out);
	freeaddrinfo(info);
	if (err)
		*why = strerrordesc_np(-err);
	return err;
}

int listen_open(const char *address, struct listen_socket *out, char *err, size_t err_len)
{
	const char *why = "expected host:port or [ipv6]:port";
	struct parts parts;
	int ret = split(address, &parts);

	if (!ret && *parts.host) {
		ret = open_host(&parts, parts.host, 1, out, &why);
	} else if (!ret) {
		ret = open_host(&parts, "::", 0, out, &why);
		if (ret == -EAFNOSUPPORT || ret == -EADDRNOTAVAIL) /* no IPv6 here */
			ret = open_host(&parts, "0.0.0.0", 0, out, &why);
	}
	if (ret)
		snprintf(err, err_len, "cannot listen on %.200s: %s", address, why);
	return ret;
}
