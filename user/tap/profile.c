/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tap/expr.h"
#include "tap/pattern.h"
#include "tap/profile_reader.h"
#include "util/quote.h"

#define NAME_MAX_LEN 31
#define DESCRIPTION_MAX_LEN 255

/* All memory of a profile is chained, since strings are shared between its parts. */
struct chunk {
	struct chunk *next;
	max_align_t data[];
};

struct owned_profile {
	struct profile profile; /* first: what the outside has a pointer to */
	struct chunk *chunks;
};

static const char *const profile_keys[] = {
	"profile", "description", "kind",     "system",	  "side",	"match",      "object",
	"message", "constants",	  "counters", "commands", "operations", "background", "functions",
};
static const char *const object_keys[] = { "class_prefix", "tag",      "within",
					   "socket_type",  "endpoint", "internal" };
static const char *const operation_keys[] = { "direction" };
static const char *const
	kinds[] = { [PROFILE_MESSAGE] = "message", [PROFILE_CACHE] = "cache", [PROFILE_RPC] = "rpc" };
static const char *const sides[] = { "client", "server" };
static const char *const directions[] = { "send", "receive" };
static const char *const booleans[] = { "false", "true" };

/* Bit n: with enum tm_action n. */
enum key_actions {
	COUNT = 1 << TM_ACTION_COUNT,
	CLOSE = 1 << TM_ACTION_CLOSE,
	RELABEL = 1 << TM_ACTION_RELABEL,
	SAMPLE = 1 << TM_ACTION_SAMPLE,
	CACHE_ONLY = 1 << 7, /* not for kind message */
};

#define OBJECT_RULES (IS_VALUE | NO_RETVAL | NO_LOCAL | NO_COMPARISON | NO_CONSTANT)
#define VALUE_AT(member) offsetof(struct profile_function, member)

static const struct function_key {
	const char *name;
	unsigned actions; /* enum key_actions: where the key may stand */
	unsigned rules; /* enum value_rules; 0 = not an expression */
	size_t value; /* where in struct profile_function the expression goes */
} function_keys[] = {
	{ "symbol", COUNT | CLOSE | RELABEL | SAMPLE, 0, 0 },
	{ "sample", SAMPLE | CACHE_ONLY, 0, 0 },
	{ "counters", COUNT | CACHE_ONLY, 0, 0 },
	{ "when", COUNT | CACHE_ONLY, 0, 0 },
	{ "nested", COUNT | CACHE_ONLY, 0, 0 },
	{ "lookups", COUNT | CACHE_ONLY, 0, 0 },
	{ "hit", COUNT | CACHE_ONLY, IS_VALUE | NO_LOCAL, VALUE_AT(hits) },
	{ "miss", COUNT | CACHE_ONLY, IS_VALUE | NO_LOCAL, VALUE_AT(misses) },
	{ "evictions", COUNT | CACHE_ONLY, IS_VALUE | NO_LOCAL, VALUE_AT(evictions) },
	{ "expirations", COUNT | CACHE_ONLY, IS_VALUE | NO_LOCAL, VALUE_AT(expirations) },
	{ "sent", COUNT | CACHE_ONLY, 0, 0 },
	{ "received", COUNT | CACHE_ONLY, 0, 0 },
	{ "operation", COUNT, 0, 0 },
	{ "close", CLOSE, OBJECT_RULES, VALUE_AT(object) },
	{ "relabel", RELABEL, OBJECT_RULES, VALUE_AT(object) },
	{ "object", COUNT, OBJECT_RULES, VALUE_AT(object) },
	{ "bytes", COUNT, IS_VALUE | NO_LOCAL | NO_COMPARISON, VALUE_AT(bytes) },
	{ "more", COUNT, IS_VALUE, VALUE_AT(more) },
	{ "failed", COUNT | RELABEL, 0, 0 },
	{ "errno", COUNT, 0, 0 },
	{ "nonblocking", COUNT, IS_VALUE | NO_RETVAL | NO_LOCAL, VALUE_AT(nonblocking) },
	{ "may_throw", COUNT | CLOSE | RELABEL, 0, 0 },
	{ "message", COUNT, OBJECT_RULES, VALUE_AT(message) },
	{ "data", COUNT, OBJECT_RULES, VALUE_AT(data) },
	{ "size", COUNT, IS_VALUE | NO_RETVAL | NO_LOCAL | NO_COMPARISON, VALUE_AT(size) },
};

/* The key that says what a function is tapped for. */
static const struct {
	const char *key;
	enum tm_action action;
} actions[] = {
	{ "operation", TM_ACTION_COUNT },
	{ "close", TM_ACTION_CLOSE },
	{ "relabel", TM_ACTION_RELABEL },
	{ "sample", TM_ACTION_SAMPLE },
};

/* ---- memory ------------------------------------------------------------------------------ */

/* Zeroed memory that lives as long as the profile. NULL with no_memory set. */
void *reader_keep(struct reader *r, size_t count, size_t size)
{
	struct chunk *chunk = NULL;

	if (!__builtin_mul_overflow(count, size, &size) &&
	    !__builtin_add_overflow(size, sizeof(*chunk), &size))
		chunk = calloc(1, size);
	if (!chunk) {
		r->errors->no_memory = 1;
		return NULL;
	}
	chunk->next = r->owned->chunks;
	r->owned->chunks = chunk;
	return chunk->data;
}

const char *reader_text(struct reader *r, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = reader_keep(r, size, 1);

	/* without memory the profile is thrown away in the end; until then nobody need ask */
	return copy ? memcpy(copy, s, size) : "";
}

void profile__free(struct profile *profile)
{
	struct owned_profile *owned = (struct owned_profile *)profile;
	struct chunk *chunk = owned ? owned->chunks : NULL;

	while (chunk) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	if (owned)
		free(owned->profile.rpc);
	free(owned);
}

/* ---- small values ------------------------------------------------------------------------ */

const struct yaml_node *reader_need(struct reader *r, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node)
		yaml_errors_add(r->errors, map->line, map->column, "key '%s' is missing", key);
	return node;
}

void reader_refuse(struct reader *r, const struct yaml_node *node, const char *other)
{
	yaml_errors_add(r->errors, node->key_line, node->key_column, "key '%s' does not go with %s",
			node->key, other);
}

/* Label values and file names are made of names. */
int reader_is_name(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return s[0] >= 'a' && s[0] <= 'z' && !s[len] && len <= NAME_MAX_LEN;
}

const char *reader_name(struct reader *r, const struct yaml_node *node)
{
	if (!node)
		return NULL;
	if (node->kind == YAML_TEXT && reader_is_name(node->text))
		return reader_text(r, node->text);
	yaml_expected(r->errors, node,
		      "a name: a letter, then letters, digits, _ and - (all lower case, up to 31)");
	return NULL;
}

/* Nothing that a terminal obeys: no control characters (those of C1 are c2 80 to c2 9f). */
static int is_printable(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++)
		if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
			return 0;
	return 1;
}

/* A line of 1 to `max` bytes, which `expected` describes. */
const char *reader_line(struct reader *r, const struct yaml_node *node, size_t max,
			const char *expected)
{
	if (node->kind == YAML_TEXT && node->text[0] && strlen(node->text) <= max &&
	    is_printable(node->text))
		return reader_text(r, node->text);
	yaml_expected(r->errors, node, expected);
	return NULL;
}

/* The index of a word in a list; -1 if it is none of them or if there is no value. */
int reader_choice(struct reader *r, const struct yaml_node *node, const char *const *words,
		  size_t count)
{
	return node ? yaml_choice(r->errors, node, words, count) : -1;
}

static uint32_t read_number(struct reader *r, const struct yaml_node *node, uint32_t max,
			    const char *expected)
{
	uint64_t number;
	size_t len = node->kind == YAML_TEXT ? expr_number(node->text, &number) : 0;

	if (len && !node->text[len] && number && number <= max)
		return number;
	yaml_expected(r->errors, node, expected);
	return 0;
}

/* ---- object ------------------------------------------------------------------------------ */

static const char *const *read_prefixes(struct reader *r, const struct yaml_node *list,
					size_t *count)
{
	const char **prefixes;

	*count = 0;
	if (list->kind != YAML_LIST) {
		yaml_expected(r->errors, list, "a list of prefixes like \"tcp://\"");
		return NULL;
	}
	prefixes = reader_keep(r, list->count, sizeof(*prefixes));
	if (!prefixes)
		return NULL;
	for (const struct yaml_node *node = list->first; node; node = node->next)
		prefixes[(*count)++] = reader_line(r, node, TM_TEXT_LEN - 1,
						   "the beginning of an endpoint, up to 255 bytes");
	return prefixes;
}

static void read_socket_types(struct reader *r, const struct yaml_node *map,
			      struct profile_object *object)
{
	struct profile_label_value *classes;

	if (map->kind != YAML_MAP) {
		yaml_expected(r->errors, map, "a map of class names and socket types");
		return;
	}
	classes = reader_keep(r, map->count, sizeof(*classes));
	if (!classes)
		return;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		if (!node->key[0] || strlen(node->key) >= TM_CLASS_LEN)
			yaml_errors_add(r->errors, node->key_line, node->key_column,
					"found %s, expected a mangled class name of 1 to %d bytes",
					quote(node->key).text, TM_CLASS_LEN - 1);
		classes[object->class_count].from = reader_text(r, node->key);
		classes[object->class_count++].to = reader_name(r, node);
	}
	object->classes = classes;
}

static void read_object(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "object"), *node;
	struct profile_object *object = &r->profile->object;

	object->class_prefix = "";
	if (!map)
		return;
	if (map->kind != YAML_MAP) {
		yaml_expected(r->errors, map, "a map");
		return;
	}
	yaml_check_keys(r->errors, map, object_keys, COUNT_OF(object_keys));
	object->given = 1;
	object->within = TM_OBJECT_HEAD;
	node = yaml_get(map, "class_prefix");
	if (node)
		object->class_prefix = reader_line(
			r, node, sizeof(((struct tm_object_class *)0)->class_prefix) - 1,
			"the beginning of a mangled class name, up to 23 bytes");
	node = yaml_get(map, "tag");
	if (node)
		object->tag = read_number(r, node, UINT32_MAX, "a number from 1 to 0xffffffff");
	node = yaml_get(map, "within");
	if (node)
		object->within =
			read_number(r, node, TM_OBJECT_HEAD, "a number of bytes from 1 to 4096");
	node = yaml_get(map, "socket_type");
	if (node)
		read_socket_types(r, node, object);
	node = yaml_get(map, "endpoint");
	if (node)
		object->prefixes = read_prefixes(r, node, &object->prefix_count);
	node = yaml_get(map, "internal");
	if (node)
		r->profile->internal_endpoints =
			read_prefixes(r, node, &r->profile->internal_count);
}

/* ---- operations -------------------------------------------------------------------------- */

static void read_operation(struct reader *r, const struct yaml_node *node, struct operation *out)
{
	const struct yaml_node *direction;

	out->name = reader_text(r, node->key);
	if (!reader_is_name(node->key))
		yaml_errors_add(
			r->errors, node->key_line, node->key_column,
			"found %s, expected a name: a letter, then letters, digits, _ and - "
			"(all lower case, up to 31)",
			quote(node->key).text);
	if (node->kind != YAML_MAP) {
		yaml_expected(r->errors, node, "a map");
		return;
	}
	yaml_check_keys(r->errors, node, operation_keys, COUNT_OF(operation_keys));
	direction = r->kind == PROFILE_MESSAGE ? reader_need(r, node, "direction") :
						 yaml_get(node, "direction");
	/* -1, which is no direction, comes after send and receive too */
	out->direction = reader_choice(r, direction, directions, COUNT_OF(directions)) + 1;
}

/* 1 if it is of that kind and has from 1 to `max` values, which `what` names. */
int reader_has_some(struct reader *r, const struct yaml_node *node, enum yaml_kind kind, size_t max,
		    const char *what)
{
	if (node->kind != kind || !node->count) {
		yaml_errors_add(r->errors, node->line, node->column,
				"found no %s, expected a %s of them", what,
				kind == YAML_MAP ? "map" : "list");
		return 0;
	}
	if (node->count > max) {
		yaml_errors_add(r->errors, node->line, node->column,
				"found %zu %s, expected at most %zu", node->count, what, max);
		return 0;
	}
	return 1;
}

static void read_operations(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = reader_need(r, root, "operations");

	if (!map || !reader_has_some(r, map, YAML_MAP, PROFILE_MAX_OPERATIONS, "operations"))
		return;
	r->operations = reader_keep(r, map->count, sizeof(*r->operations));
	if (!r->operations)
		return;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		read_operation(r, node, &r->operations[r->profile->operation_count++]);
	r->profile->operations = r->operations;
}

/* ---- functions --------------------------------------------------------------------------- */

static void check_rules(struct reader *r, const struct yaml_node *node, unsigned rules,
			const struct expr *expr)
{
	const struct tm_value *value = &expr->value;
	const char *found = NULL, *expected = NULL;

	if (rules & NO_RETVAL && value->base == TM_BASE_RETURN) {
		found = "retval";
		expected = "arguments only";
	} else if (rules & NO_LOCAL && expr->callee[0]) {
		found = "local()";
		expected = rules & NO_RETVAL ? "arguments only" : "arguments or retval";
	} else if (rules & NO_COMPARISON && value->compare) {
		found = "a comparison";
		expected = "a number";
	} else if (rules & NO_CONSTANT && value->base == TM_BASE_CONST) {
		found = "a constant";
		expected = "a value of the call";
	}
	if (found)
		yaml_errors_add(r->errors, node->line, node->column, "found %s, expected %s", found,
				expected);
}

void reader_value(struct reader *r, const struct yaml_node *node, unsigned rules,
		  struct profile_value *out)
{
	struct expr_error error;
	struct expr expr;

	if (node->kind != YAML_TEXT) {
		yaml_expected(r->errors, node, "an expression");
		return;
	}
	if (expr_parse(node->text, &expr, &error)) {
		yaml_errors_add(r->errors, node->line, node->column + node->quoted + error.at, "%s",
				error.text);
		return;
	}
	check_rules(r, node, rules, &expr);
	out->value = expr.value;
	reader_constants(r, node, &expr, out);
	out->local_callee = expr.callee[0] ? reader_text(r, expr.callee) : NULL;
	out->local_arg = expr.local_arg;
}

/* One condition or a list of them. */
static void read_failed(struct reader *r, const struct yaml_node *node,
			struct profile_function *out)
{
	size_t i = 0;

	if (node->kind == YAML_MAP)
		return; /* growth: see reader_results() */
	if (node->kind != YAML_LIST) {
		reader_value(r, node, IS_VALUE | NO_LOCAL, &out->failed[0]);
		return;
	}
	if (!reader_has_some(r, node, YAML_LIST, COUNT_OF(out->failed), "conditions"))
		return;
	for (const struct yaml_node *condition = node->first; condition;
	     condition = condition->next)
		reader_value(r, condition, IS_VALUE | NO_LOCAL, &out->failed[i++]);
}

int reader_operation(struct reader *r, const struct yaml_node *node)
{
	const char *names[PROFILE_MAX_OPERATIONS];
	size_t count = r->profile->operation_count;

	/* without operations, that is said already */
	if (!count || r->errors->no_memory)
		return -1;
	for (size_t i = 0; i < count; i++)
		names[i] = r->operations[i].name;
	return reader_choice(r, node, names, count);
}

/* The action and its key's name; the first one if there are several, none if there is none. */
static const char *find_action(struct reader *r, const struct yaml_node *map,
			       enum tm_action *action)
{
	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (!yaml_get(map, actions[i].key))
			continue;
		*action = actions[i].action;
		return actions[i].key;
	}
	yaml_errors_add(r->errors, map->line, map->column,
			"key 'operation', 'close', 'relabel' or 'sample' is missing");
	return NULL;
}

static void check_function_keys(struct reader *r, const struct yaml_node *map,
				const char *action_key, enum tm_action action)
{
	const char *names[COUNT_OF(function_keys)];

	for (size_t i = 0; i < COUNT_OF(function_keys); i++) {
		const struct yaml_node *node = yaml_get(map, function_keys[i].name);

		names[i] = function_keys[i].name;
		if (node && action_key && !(function_keys[i].actions & 1u << action))
			reader_refuse(r, node, quote(action_key).text);
		else if (node && function_keys[i].actions & CACHE_ONLY &&
			 r->kind == PROFILE_MESSAGE)
			reader_refuse(r, node, "kind 'message'");
	}
	yaml_check_keys(r->errors, map, names, COUNT_OF(names));
}

static void check_payload(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node *message = yaml_get(map, "message"), *data = yaml_get(map, "data");
	const struct yaml_node *size = yaml_get(map, "size");
	const struct yaml_node *first = message ? message : data ? data : size;

	if (first && r->kind == PROFILE_CACHE)
		reader_refuse(r, first, "kind 'cache'");
	if (message && (data || size))
		reader_refuse(r, message, "'data' and 'size'");
	else if (!data != !size)
		yaml_errors_add(r->errors, map->line, map->column,
				"keys 'data' and 'size' go together");
	if (message && !r->profile->message.form_count)
		yaml_errors_add(r->errors, message->key_line, message->key_column,
				"key 'message' needs the profile's section 'message' with 'forms'");
	if (first && !yaml_get(map, "bytes"))
		yaml_errors_add(r->errors, first->key_line, first->key_column,
				"key '%s' needs 'bytes'", first->key);
}

/* Keys that have no meaning without another. */
static void check_needs(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node *more = yaml_get(map, "more"), *error = yaml_get(map, "errno");
	const struct yaml_node *nonblocking = yaml_get(map, "nonblocking");
	int no_errno = !error || (error->kind == YAML_TEXT && !strcmp(error->text, "false"));

	if (more && r->kind == PROFILE_CACHE)
		reader_refuse(r, more, "kind 'cache'");
	if (error && !yaml_get(map, "failed"))
		yaml_errors_add(r->errors, error->key_line, error->key_column,
				"key 'errno' needs 'failed'");
	check_payload(r, map);
	if (nonblocking && no_errno)
		yaml_errors_add(r->errors, nonblocking->key_line, nonblocking->key_column,
				"key 'nonblocking' needs 'errno: true'");
}

int reader_is_symbol(const char *s)
{
	size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$");

	return len && !s[len] && len <= SYMBOL_MAX_LEN && (s[0] < '0' || s[0] > '9');
}

int profile_is_mangled(const char *symbol)
{
	return !strncmp(symbol, "_Z", 2);
}

static void add_function(struct reader *r, const struct yaml_node *node,
			 const struct profile_function *function)
{
	struct profile *profile = r->profile;

	if (node->kind != YAML_TEXT ||
	    (!reader_is_symbol(node->text) && !pattern_is_valid(node->text)) ||
	    strlen(node->text) > SYMBOL_MAX_LEN) {
		yaml_expected(r->errors, node,
			      "a symbol (letters, digits, _, . and $, up to 255), a pattern of "
			      "three or more with *, or a C++ name like Cache::Get");
		return;
	}
	if (pattern_kind(node->text) == 2 && function->may_throw)
		yaml_errors_add(r->errors, node->line, node->column,
				"%s needs 'may_throw: false': an exception through a tapped "
				"function ends the process",
				quote(node->text).text);
	for (size_t i = 0; i < profile->function_count && !r->errors->no_memory; i++)
		if (!strcmp(r->functions[i].symbol, node->text))
			yaml_errors_add(r->errors, node->line, node->column,
					"symbol %s was given before", quote(node->text).text);
	r->functions[profile->function_count] = *function;
	r->functions[profile->function_count].symbol = reader_text(r, node->text);
	if (function->may_throw < 0)
		r->functions[profile->function_count].may_throw =
			pattern_kind(node->text) ? PROFILE_THROWS_BY_NAME :
						   profile_is_mangled(node->text);
	profile->function_count++;
}

/* One function for each symbol. */
static void add_functions(struct reader *r, const struct yaml_node *symbol,
			  const struct profile_function *function)
{
	if (symbol->kind != YAML_LIST) {
		add_function(r, symbol, function);
		return;
	}
	if (!reader_has_some(r, symbol, YAML_LIST, PROFILE_MAX_FUNCTIONS, "symbols"))
		return;
	for (symbol = symbol->first; symbol; symbol = symbol->next)
		add_function(r, symbol, function);
}

static void read_function(struct reader *r, const struct yaml_node *map)
{
	struct profile_function function = { .operation = -1, .may_throw = -1 };
	const char *action_key = find_action(r, map, &function.action);
	const struct yaml_node *symbol = reader_need(r, map, "symbol"), *node;

	check_function_keys(r, map, action_key, function.action);
	check_needs(r, map);
	node = yaml_get(map, "operation");
	if (node && node->kind == YAML_MAP)
		reader_chosen(r, node, &function);
	else if (node)
		function.operation = reader_operation(r, node);
	for (size_t i = 0; i < COUNT_OF(function_keys); i++) {
		node = yaml_get(map, function_keys[i].name);
		if (node && function_keys[i].rules)
			reader_value(r, node, function_keys[i].rules,
				     (void *)((char *)&function + function_keys[i].value));
	}
	node = yaml_get(map, "failed");
	if (node)
		read_failed(r, node, &function);
	node = yaml_get(map, "errno");
	if (node)
		function.has_errno = reader_choice(r, node, booleans, COUNT_OF(booleans)) == 1;
	reader_results(r, map, &function);
	node = yaml_get(map, "may_throw");
	if (node)
		function.may_throw = reader_choice(r, node, booleans, COUNT_OF(booleans)) == 1;
	if (symbol)
		add_functions(r, symbol, &function);
}

static size_t count_symbols(const struct yaml_node *list)
{
	size_t count = 0;

	for (const struct yaml_node *map = list->first; map; map = map->next) {
		const struct yaml_node *symbol = yaml_get(map, "symbol");

		count += symbol && symbol->kind == YAML_LIST ? symbol->count : 1;
	}
	return count;
}

static void read_functions(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *list = reader_need(r, root, "functions");
	size_t count;

	if (!list || !reader_has_some(r, list, YAML_LIST, PROFILE_MAX_FUNCTIONS, "functions"))
		return;
	count = count_symbols(list);
	if (count > PROFILE_MAX_FUNCTIONS) {
		yaml_errors_add(r->errors, list->line, list->column,
				"found %zu symbols, expected at most %d", count,
				PROFILE_MAX_FUNCTIONS);
		return;
	}
	r->functions = reader_keep(r, count, sizeof(*r->functions));
	if (!r->functions)
		return;
	for (const struct yaml_node *map = list->first; map; map = map->next) {
		if (map->kind == YAML_MAP)
			read_function(r, map);
		else
			yaml_expected(r->errors, map, "a map");
	}
	r->profile->functions = r->functions;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void read_side(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "side");
	int side;

	r->profile->side = "";
	if (node && r->kind == PROFILE_MESSAGE)
		reader_refuse(r, node, "kind 'message'");
	if (r->kind != PROFILE_CACHE)
		return;
	side = reader_choice(r, reader_need(r, root, "side"), sides, COUNT_OF(sides));
	if (side >= 0)
		r->profile->side = sides[side];
}

/* It has other keys, which profile_rpc.c knows. */
static int is_rpc(const struct yaml_node *root)
{
	const struct yaml_node *kind = yaml_get(root, "kind");

	return kind && kind->kind == YAML_TEXT && !strcmp(kind->text, kinds[PROFILE_RPC]);
}

static void read_profile(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *description = yaml_get(root, "description");
	struct profile *profile = r->profile;

	if (root->kind != YAML_MAP) {
		yaml_expected(r->errors, root, "a map");
		return;
	}
	if (!is_rpc(root))
		yaml_check_keys(r->errors, root, profile_keys, COUNT_OF(profile_keys));
	profile->name = reader_name(r, reader_need(r, root, "profile"));
	profile->description = "";
	if (description)
		profile->description = reader_line(r, description, DESCRIPTION_MAX_LEN,
						   "one line of text, up to 255 bytes");
	r->kind = reader_choice(r, reader_need(r, root, "kind"), kinds, COUNT_OF(kinds));
	profile->kind = r->kind > 0 ? (enum profile_kind)r->kind : PROFILE_MESSAGE;
	profile->system = reader_name(r, reader_need(r, root, "system"));
	if (r->kind == PROFILE_RPC) {
		profile->side = profile->object.class_prefix = "";
		profile->rpc = profile_rpc__read(root, r->errors);
		return;
	}
	read_side(r, root);
	read_object(r, root);
	if (yaml_get(root, "message"))
		profile_message_read(yaml_get(root, "message"), r->errors, &profile->message);
	read_operations(r, root);
	reader_tables(r, root);
	read_functions(r, root);
}

/* `root` may be NULL: nothing could be read. `err` is what reading the YAML returned. */
static int from_tree(const char *file, const struct yaml_node *root, int err, struct profile **out,
		     struct yaml_errors *errors)
{
	struct reader r = { .owned = calloc(1, sizeof(*r.owned)), .errors = errors };
	size_t errors_before = errors->count;

	*out = NULL;
	if (!r.owned)
		return -ENOMEM;
	r.profile = &r.owned->profile;
	r.profile->file = reader_text(&r, file);
	if (root)
		read_profile(&r, root);
	if (errors->no_memory)
		err = -ENOMEM;
	else if (!err && errors->count > errors_before)
		err = -EINVAL;
	if (err) {
		profile__free(r.profile);
		return err;
	}
	*out = r.profile;
	return 0;
}

int profile__parse(const char *file, const char *text, size_t size, struct profile **out,
		   struct yaml_errors *errors)
{
	struct yaml_node *root;
	int err = yaml__parse(file, text, size, &root, errors);

	err = from_tree(file, root, err, out, errors);
	yaml__free(root);
	return err;
}

int profile__load(const char *path, struct profile **out, struct yaml_errors *errors)
{
	struct yaml_node *root;
	int err = yaml__load(path, &root, errors);

	err = from_tree(path, root, err, out, errors);
	yaml__free(root);
	return err;
}
