/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_ENDPOINT_H
#define TAPMETER_SUBJECT_ENDPOINT_H
/*
 * The two ends of one path call it by different names: tcp://0.0.0.0:38209 here, tcp://localhost:38209 there. Pure.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

/* Where a name holds: the namespaces (inode numbers, 0 = not known) and the process. */
struct endpoint_scope {
	uint64_t net, mount;
	struct tm_process_id process;
};

#define ENDPOINT_KEY_SIZE (TM_TEXT_LEN + 64)

/*
 * A text that is equal for both ends of one path, and for no other path on this host. 0, or -ENOENT if that cannot
 * be said: no endpoint, a transport that we do not know, a namespace that could not be read.
 * An address of this host other than the loopback ones is not known to be one.
 */
int endpoint_key(const char *endpoint, const struct endpoint_scope *scope,
		 char out[ENDPOINT_KEY_SIZE]);

/* An end of a path: the endpoint as its socket has it, and the socket's type ("" = not known). */
struct endpoint_end {
	const char *endpoint;
	const char *socket_type;
};

/*
 * The endpoint of the end that is bound. By the address: a wildcard or the number where the other has a name. If
 * that does not tell (one of them has several connections), the type that usually binds; else the receiver's.
 */
const char *endpoint_bound(const struct endpoint_end *receiver, const struct endpoint_end *sender);

/* Which end of the usual pairs a socket type is: a message goes from one side to the other. */
enum endpoint_side {
	SIDE_NONE, /* no backlog can be told: several get each message, or it is not known */
	SIDE_CLIENT, /* push, req, dealer, … */
	SIDE_SERVER, /* pull, rep, router, … */
	SIDE_EQUAL, /* pair, …: both ends have the same type */
};
enum endpoint_side endpoint_side(const char *socket_type);

#endif
