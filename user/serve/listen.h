/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LISTEN_H
#define TAPMETER_SERVE_LISTEN_H
/* Listening sockets from addresses as people write them. */
#include <stdbool.h>
#include <stddef.h>

struct listen_socket {
	int fd; /* -1 = none */
	bool loopback;
	char address[80]; /* numeric, with the real port; [] around IPv6 */
};

/*
 * Listens on "host:port", "[ipv6]:port" or ":port" (all addresses, IPv6 and IPv4). Port 0 takes a
 * free one. Returns 0 and a non-blocking socket that the caller closes; -errno with a message in
 * `err` that names the address.
 */
int listen_open(const char *address, struct listen_socket *out, char *err, size_t err_len);

#endif
