/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/profile_rpc.h"
#include <stdlib.h>
#include <string.h>
#include "tap/expr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static const char *const keys[] = { "profile", "description", "kind",	"system", "over",
				    "match",   "table",	      "tables", "names" };
static const char *const match_keys[] = { "socket_type", "port", "endpoint" };
static const char *const sides[] = { "client", "server" };

static const struct yaml_node *need(struct yaml_errors *errors, const struct yaml_node *map,
				    const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node)
		yaml_errors_add(errors, map->line, map->column, "key '%s' is missing", key);
	return node;
}

/* Begins with a letter, goes on with `rest`, and fits into `size` bytes. */
static int is_word(const char *text, const char *rest, size_t size)
{
	return text[0] >= 'a' && text[0] <= 'z' && !text[strspn(text, rest)] && strlen(text) < size;
}

static int is_name(const char *text)
{
	return is_word(text, LETTERS DIGITS "_-", PROFILE_RPC_NAME);
}

static void read_name(struct yaml_errors *errors, const struct yaml_node *node,
		      char out[PROFILE_RPC_NAME])
{
	if (!node)
		return;
	if (node->kind == YAML_TEXT && is_name(node->text))
		strcpy(out, node->text);
	else
		yaml_expected(
			errors, node,
			"a name: a letter, then letters, digits, _ and - (all lower case, up to 31)");
}

static int is_number(const char *text, uint64_t max, uint64_t *out)
{
	size_t len = expr_number(text, out);

	return len && !text[len] && *out && *out <= max;
}

/* One value or a list of them: the first, and how many; 0 if there are too many, which is said. */
static size_t values(struct yaml_errors *errors, const struct yaml_node *node, size_t max,
		     const struct yaml_node **first)
{
	*first = node->kind == YAML_LIST ? node->first : node;
	if (node->kind != YAML_LIST)
		return 1;
	if (node->count && node->count <= max)
		return node->count;
	yaml_errors_add(errors, node->line, node->column, "found %zu values, expected 1 to %zu",
			node->count, max);
	return 0;
}

/* ---- which sockets ------------------------------------------------------------------------ */

static void read_types(struct yaml_errors *errors, const struct yaml_node *map,
		       struct profile_rpc *out)
{
	if (map->kind != YAML_MAP || !map->count || map->count > TM_RPC_CLASSES) {
		yaml_errors_add(errors, map->line, map->column,
				"expected a map of 1 to %d socket types, each client or server",
				TM_RPC_CLASSES);
		return;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct profile_rpc_type *type = &out->types[out->type_count++];
		int side = yaml_choice(errors, node, sides, COUNT_OF(sides));

		type->side = side == 1 ? TM_RPC_SERVER : TM_RPC_CLIENT;
		if (is_name(node->key))
			strcpy(type->name, node->key);
		else
			yaml_errors_add(
				errors, node->key_line, node->key_column,
				"expected a socket type, as the profile under 'over' has it");
	}
}

static void read_ports(struct yaml_errors *errors, const struct yaml_node *list,
		       struct profile_rpc *out)
{
	const struct yaml_node *node;
	size_t count = values(errors, list, TM_RPC_PORTS, &node);

	for (size_t i = 0; i < count; i++, node = node->next) {
		uint64_t port;

		if (node->kind == YAML_TEXT && is_number(node->text, UINT16_MAX, &port))
			out->ports[i] = (uint16_t)port;
		else
			yaml_expected(errors, node, "a port from 1 to 65535");
	}
}

static void read_endpoints(struct yaml_errors *errors, const struct yaml_node *list,
			   struct profile_rpc *out)
{
	const struct yaml_node *node;
	size_t count = values(errors, list, TM_RPC_PREFIXES, &node);

	for (size_t i = 0; i < count; i++, node = node->next) {
		if (node->kind == YAML_TEXT && node->text[0] &&
		    strlen(node->text) < TM_RPC_PREFIX_LEN)
			strcpy(out->prefixes[i], node->text);
		else
			yaml_expected(errors, node, "the beginning of an endpoint, up to 63 bytes");
	}
}

static void read_match(struct yaml_errors *errors, const struct yaml_node *map,
		       struct profile_rpc *out)
{
	const struct yaml_node *types, *ports, *endpoints;

	if (map->kind != YAML_MAP) {
		yaml_expected(errors, map, "a map");
		return;
	}
	yaml_check_keys(errors, map, match_keys, COUNT_OF(match_keys));
	types = need(errors, map, "socket_type");
	ports = yaml_get(map, "port");
	endpoints = yaml_get(map, "endpoint");
	if (types)
		read_types(errors, types, out);
	if (!ports && !endpoints)
		yaml_errors_add(errors, map->line, map->column,
				"key 'port' or 'endpoint' is missing");
	if (ports)
		read_ports(errors, ports, out);
	if (endpoints)
		read_endpoints(errors, endpoints, out);
}

/* ---- operations --------------------------------------------------------------------------- */

/* The name's index, a new one if need be; 0 if it is none. */
static uint8_t read_method(struct yaml_errors *errors, const struct yaml_node *node,
			   struct profile_rpc *out)
{
	if (node->kind != YAML_TEXT ||
	    !is_word(node->text, LETTERS DIGITS "_", sizeof(out->methods[0]))) {
		yaml_expected(
			errors, node,
			"an operation's name: a letter, then letters, digits and _ (all lower "
			"case, up to 63)");
		return 0;
	}
	for (size_t i = 1; i < out->method_count; i++)
		if (!strcmp(out->methods[i], node->text))
			return (uint8_t)i;
	if (out->method_count == TM_RPC_METHODS) {
		yaml_errors_add(errors, node->line, node->column,
				"expected at most %d different names", TM_RPC_METHODS - 1);
		return 0;
	}
	strcpy(out->methods[out->method_count], node->text);
	return (uint8_t)out->method_count++;
}

static void read_table(struct yaml_errors *errors, const struct yaml_node *map,
		       struct profile_rpc *out)
{
	struct profile_rpc_table *table = &out->tables[out->table_count++];

	if (is_name(map->key))
		strcpy(table->name, map->key);
	else
		yaml_errors_add(errors, map->key_line, map->key_column,
				"expected a table's name: a letter, then letters, digits, _ and - "
				"(all lower case, up to 31)");
	if (map->kind != YAML_MAP) {
		yaml_expected(errors, map, "a map of numbers and operations' names");
		return;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		uint64_t number;

		if (is_number(node->key, 127, &number))
			table->methods[number] = read_method(errors, node, out);
		else
			yaml_errors_add(errors, node->key_line, node->key_column,
					"expected an operation's number, 1 to 127");
	}
}

static void read_tables(struct yaml_errors *errors, const struct yaml_node *root,
			struct profile_rpc *out)
{
	const struct yaml_node *map = need(errors, root, "tables");
	const struct yaml_node *table = need(errors, root, "table");
	const char *names[PROFILE_RPC_TABLES];
	int chosen;

	if (!map)
		return;
	if (map->kind != YAML_MAP || !map->count || map->count > PROFILE_RPC_TABLES) {
		yaml_errors_add(errors, map->line, map->column, "expected a map of 1 to %d tables",
				PROFILE_RPC_TABLES);
		return;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next)
		read_table(errors, node, out);
	for (size_t i = 0; i < out->table_count; i++)
		names[i] = out->tables[i].name;
	chosen = table ? yaml_choice(errors, table, names, out->table_count) : 0;
	out->table = chosen > 0 ? (size_t)chosen : 0;
}

static void read_names(struct yaml_errors *errors, const struct yaml_node *list,
		       struct profile_rpc *out)
{
	if (list->kind != YAML_LIST) {
		yaml_expected(errors, list, "a list of operations' names");
		return;
	}
	for (const struct yaml_node *node = list->first; node; node = node->next)
		read_method(errors, node, out);
}

struct profile_rpc *profile_rpc__read(const struct yaml_node *root, struct yaml_errors *errors)
{
	struct profile_rpc *rpc = calloc(1, sizeof(*rpc));
	const struct yaml_node *node;

	if (!rpc) {
		errors->no_memory = 1;
		return NULL;
	}
	strcpy(rpc->methods[0], "unknown");
	rpc->method_count = 1;
	yaml_check_keys(errors, root, keys, COUNT_OF(keys));
	read_name(errors, need(errors, root, "over"), rpc->over);
	node = need(errors, root, "match");
	if (node)
		read_match(errors, node, rpc);
	read_tables(errors, root, rpc);
	node = yaml_get(root, "names");
	if (node)
		read_names(errors, node, rpc);
	return rpc;
}

int profile_rpc_table(const struct profile_rpc *rpc, const char *name)
{
	for (size_t i = 0; i < rpc->table_count; i++)
		if (!strcmp(rpc->tables[i].name, name))
			return (int)i;
	return -1;
}
