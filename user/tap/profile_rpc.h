/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PROFILE_RPC_H
#define TAPMETER_TAP_PROFILE_RPC_H
/*
 * Profiles of kind `rpc`: requests and responses in the messages of another profile. docs/rpc.md describes them.
 * Constant once read.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "util/yaml.h"

#define PROFILE_RPC_TABLES 8
#define PROFILE_RPC_NAME 32 /* of tables, profiles and socket types; NUL included */

struct profile_rpc_type {
	char name[PROFILE_RPC_NAME]; /* socket type, as the other profile names it */
	enum tm_rpc_side side;
};

struct profile_rpc_table {
	char name[PROFILE_RPC_NAME];
	uint8_t methods[128]; /* of an operation's number: index into `methods`, 0 = unknown */
};

struct profile_rpc {
	char over[PROFILE_RPC_NAME]; /* name of the profile whose messages these are */
	size_t type_count;
	struct profile_rpc_type types[TM_RPC_CLASSES];
	uint16_t ports[TM_RPC_PORTS]; /* 0 = none */
	char prefixes[TM_RPC_PREFIXES][TM_RPC_PREFIX_LEN]; /* "" = none */
	size_t table_count, table; /* how many, and the one that holds unless told otherwise */
	struct profile_rpc_table tables[PROFILE_RPC_TABLES];
	size_t method_count; /* methods[0], "unknown", included */
	char methods[TM_RPC_METHODS][TM_RPC_NAME];
};

/*
 * Reads what is in such a profile beside its name, description and system; what is wrong goes to *errors. NULL if there
 * is no memory, which *errors then says. Free it with free().
 */
struct profile_rpc *profile_rpc__read(const struct yaml_node *root, struct yaml_errors *errors);

/* The table of that name; -1 = there is none. */
int profile_rpc_table(const struct profile_rpc *rpc, const char *name);

#endif
