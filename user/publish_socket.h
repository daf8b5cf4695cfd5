/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_PUBLISH_SOCKET_H
#define TAPMETER_PUBLISH_SOCKET_H
/*
 * Where the relay publishes: the agent opens it, as it may where nobody may not, and each relay gets the same one. One thread.
 */
#include <stddef.h>

struct publish_socket {
	int fd; /* -1 = none */
	char path[108]; /* of ipc, to be removed at the end; "" = none */
};

#define PUBLISH_SOCKET_NONE \
	{                   \
		.fd = -1    \
	}

/*
 * `endpoint`: "ipc://PATH", "ipc://@NAME" (abstract), "tcp://HOST:PORT"; a host "*" is all addresses. A
 * socket that nobody listens on any more is replaced. -errno with a message in `err` that names the endpoint.
 */
int publish_socket_open(const char *endpoint, struct publish_socket *out, char *err,
			size_t err_len);
/* Closes and removes it. Accepts one that is none. */
void publish_socket_close(struct publish_socket *socket);

#endif
