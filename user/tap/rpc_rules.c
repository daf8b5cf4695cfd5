/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/rpc_rules.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <tapmeter/rpc.h>
#include "util/quote.h"

static const struct profile *find_profile(const struct profile *const *profiles, size_t count,
					  const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(profiles[i]->name, name))
			return profiles[i];
	return NULL;
}

/* The classes that the other profile has for the socket types. */
static void fill_classes(const struct profile_rpc *rpc, const struct profile *over,
			 struct tm_rpc_rule *out)
{
	size_t count = 0;

	for (size_t i = 0; over && i < rpc->type_count; i++) {
		for (size_t k = 0; k < over->object.class_count; k++) {
			const struct profile_label_value *class = &over->object.classes[k];

			if (strcmp(class->to, rpc->types[i].name) != 0 || count == TM_RPC_CLASSES ||
			    strlen(class->from) >= sizeof(out->classes[0].name))
				continue;
			strcpy(out->classes[count].name, class->from);
			out->classes[count++].side = rpc->types[i].side;
		}
	}
}

static int fill_rule(const struct profile_rpc *rpc, const struct profile *over,
		     const struct rpc_choice *choice, struct tm_rpc_rule *out)
{
	size_t table = rpc->table;

	if (choice->table) {
		int chosen = profile_rpc_table(rpc, choice->table);

		if (chosen < 0)
			return -EINVAL;
		table = (size_t)chosen;
	}
	fill_classes(rpc, over, out);
	memcpy(out->ports, rpc->ports, sizeof(out->ports));
	memcpy(out->prefixes, rpc->prefixes, sizeof(out->prefixes));
	if (choice->port_count) {
		memset(out->ports, 0, sizeof(out->ports));
		memset(out->prefixes, 0, sizeof(out->prefixes));
	}
	for (size_t i = 0; i < choice->port_count; i++)
		out->ports[i] = (uint16_t)choice->ports[i];
	memcpy(out->methods, rpc->tables[table].methods, sizeof(out->methods));
	return 0;
}

int rpc_rules_fill(const struct profile *const *profiles, size_t count,
		   const struct rpc_choice *choice, char *err, size_t err_len,
		   struct rpc_rules *out)
{
	memset(out, 0, sizeof(*out));
	if (choice->port_count > TM_RPC_PORTS) {
		snprintf(err, err_len, "--rpc.port: found %zu ports, expected at most %d",
			 choice->port_count, TM_RPC_PORTS);
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		const struct profile_rpc *rpc = profiles[i]->rpc;

		if (!rpc)
			continue;
		if (out->count == TM_RPC_RULES) {
			snprintf(err, err_len, "%s: expected at most %d profiles of kind 'rpc'",
				 profiles[i]->file, TM_RPC_RULES);
			return -EINVAL;
		}
		if (fill_rule(rpc, find_profile(profiles, count, rpc->over), choice,
			      &out->rules[out->count])) {
			snprintf(
				err, err_len,
				"--rpc.table: profile %s has no table %s, `tapmeter profiles show %s` "
				"has all",
				profiles[i]->name, quote(choice->table).text, profiles[i]->name);
			return -EINVAL;
		}
		out->profiles[out->count++] = profiles[i];
	}
	return 0;
}

uint8_t rpc_rules_over(const struct profile *const *profiles, size_t count,
		       const struct profile *over)
{
	unsigned rule = 0, mask = 0;

	for (size_t i = 0; i < count; i++) {
		if (!profiles[i]->rpc)
			continue;
		if (!strcmp(profiles[i]->rpc->over, over->name))
			mask |= 1u << rule;
		rule++;
	}
	return (uint8_t)mask;
}

static int has_side(const struct profile_rpc *rpc, const char *socket_type)
{
	for (size_t i = 0; i < rpc->type_count; i++)
		if (!strcmp(rpc->types[i].name, socket_type))
			return 1;
	return 0;
}

int rpc_rule_matches(const struct rpc_rules *rules, size_t rule, const char *socket_type,
		     const char *endpoint)
{
	const struct tm_rpc_rule *r = &rules->rules[rule];
	size_t length = strlen(endpoint);

	if (rule >= rules->count || !has_side(rules->profiles[rule]->rpc, socket_type))
		return 0;
	if (length >= 8 && !strncmp(endpoint, "tcp:", 4)) {
		uint32_t port = rpc_port(endpoint + length - 8);

		for (size_t i = 0; port && i < TM_RPC_PORTS; i++)
			if (r->ports[i] == port)
				return 1;
	}
	for (size_t i = 0; i < TM_RPC_PREFIXES; i++)
		if (r->prefixes[i][0] && !strncmp(endpoint, r->prefixes[i], strlen(r->prefixes[i])))
			return 1;
	return 0;
}

uint64_t rpc_name_hash(const char *name)
{
	uint64_t hash = RPC_NAME_HASH;

	for (; *name && hash; name++)
		hash = rpc_name_add(hash, (unsigned char)*name);
	return hash;
}
