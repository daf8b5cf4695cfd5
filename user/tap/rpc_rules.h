/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_RPC_RULES_H
#define TAPMETER_TAP_RPC_RULES_H
/*
 * The profiles of kind `rpc` as the BPF programs know them: rules, numbered in the order of the profiles. Pure.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/profile.h"

struct rpc_rules {
	size_t count;
	struct tm_rpc_rule rules[TM_RPC_RULES];
	const struct profile *profiles[TM_RPC_RULES]; /* borrowed */
};

/* What a user says in place of the profiles' own: NULL, 0 = nothing. */
struct rpc_choice {
	const char *table;
	const uint64_t *ports; /* up to TM_RPC_PORTS */
	size_t port_count;
};

/*
 * -EINVAL with a line in err: there is no such table, or there are too many profiles of this kind or ports. A profile
 * whose `over` is not among the profiles has no sockets, which is no error.
 */
int rpc_rules_fill(const struct profile *const *profiles, size_t count,
		   const struct rpc_choice *choice, char *err, size_t err_len,
		   struct rpc_rules *out);

/* Bit n: the messages of this profile may be requests by rule n. */
uint8_t rpc_rules_over(const struct profile *const *profiles, size_t count,
		       const struct profile *over);

/* Whether a socket with these labels is one that the rule means, as the BPF programs decide it. */
int rpc_rule_matches(const struct rpc_rules *rules, size_t rule, const char *socket_type,
		     const char *endpoint);

/* The number of a name that is one, as BPF makes it. */
uint64_t rpc_name_hash(const char *name);

#endif
