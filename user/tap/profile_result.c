/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "tap/profile_reader.h"
#include "util/quote.h"

static const char *const counter_names[TM_COUNTERS] = {
	[TM_COUNTER_HITS] = "hits",
	[TM_COUNTER_MISSES] = "misses",
	[TM_COUNTER_FAILURES] = "failures",
	[TM_COUNTER_EVICTIONS] = "evictions",
	[TM_COUNTER_EXPIRATIONS] = "expirations",
	[TM_COUNTER_SENT] = "sent",
	[TM_COUNTER_RECEIVED] = "received",
};
static const char *const booleans[] = { "false", "true" };
static const char *const nestings[] = {
	[TM_NESTED_SAME] = "same",
	[TM_NESTED_ANY] = "any",
	[TM_NESTED_COUNT] = "count",
};

static int is_text(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT;
}

static int read_signed(struct reader *r, const struct yaml_node *node, int64_t *out)
{
	const char *text = is_text(node) ? node->text : "";
	int negative = text[0] == '-';
	uint64_t number;
	size_t len = expr_number(text + negative, &number);

	*out = 0;
	if (len && !text[negative + len] && number <= (uint64_t)INT64_MAX) {
		*out = negative ? -(int64_t)number : (int64_t)number;
		return 0;
	}
	yaml_expected(r->errors, node, "an integer (like 8 or 0x8)");
	return -1;
}

static const char *read_symbol(struct reader *r, const struct yaml_node *node)
{
	if (!node)
		return NULL;
	if (is_text(node) && reader_is_symbol(node->text))
		return reader_text(r, node->text);
	yaml_expected(r->errors, node, "a symbol: letters, digits, _, . and $, up to 255");
	return NULL;
}

static void key_error(struct reader *r, const struct yaml_node *node, const char *expected)
{
	yaml_errors_add(r->errors, node->key_line, node->key_column, "found %s, expected %s",
			quote(node->key).text, expected);
}

/* ---- match ------------------------------------------------------------------------------- */

static const char *const match_keys[] = {
	"symbols", "without", "comm", "exe", "kernel", "endpoint"
};

static const char *const *read_patterns(struct reader *r, const struct yaml_node *map,
					const char *key, int symbols, size_t *count)
{
	const struct yaml_node *list = yaml_get(map, key);
	const char **items;

	if (!list)
		return NULL;
	items = reader_keep(r, list->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	if (is_text(list)) {
		items[(*count)++] = symbols ? read_symbol(r, list) :
					      reader_line(r, list, 255, "a pattern like redis-*");
		return items;
	}
	if (!reader_has_some(r, list, YAML_LIST, 64, symbols ? "symbols" : "patterns"))
		return NULL;
	for (const struct yaml_node *node = list->first; node; node = node->next)
		items[(*count)++] = symbols ? read_symbol(r, node) :
					      reader_line(r, node, 255, "a pattern like redis-*");
	return items;
}

static void read_match(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "match");
	struct profile_match *match = &r->profile->match;

	if (!map)
		return;
	if (map->kind != YAML_MAP) {
		yaml_expected(r->errors, map, "a map");
		return;
	}
	yaml_check_keys(r->errors, map, match_keys, COUNT_OF(match_keys));
	match->symbols = read_patterns(r, map, "symbols", 1, &match->symbol_count);
	match->without = read_patterns(r, map, "without", 1, &match->without_count);
	match->comms = read_patterns(r, map, "comm", 0, &match->comm_count);
	match->exes = read_patterns(r, map, "exe", 0, &match->exe_count);
	match->kernels = read_patterns(r, map, "kernel", 0, &match->kernel_count);
	match->endpoints = read_patterns(r, map, "endpoint", 0, &match->endpoint_count);
}

/* ---- constants --------------------------------------------------------------------------- */

static const char *const variant_keys[] = { "value", "symbol", "build_id" };

static const char *read_build_id(struct reader *r, const struct yaml_node *node)
{
	if (!node)
		return NULL;
	if (is_text(node) && strlen(node->text) >= 8 &&
	    strspn(node->text, "0123456789abcdef") == strlen(node->text))
		return reader_text(r, node->text);
	yaml_expected(r->errors, node, "a build id, or its beginning: 8 or more of 0-9 and a-f");
	return NULL;
}

static void read_variant(struct reader *r, const struct yaml_node *node,
			 struct profile_variant *out)
{
	const struct yaml_node *value;

	if (node->kind != YAML_MAP) {
		yaml_expected(r->errors, node, "a map like {value: 8, symbol: NAME}");
		return;
	}
	yaml_check_keys(r->errors, node, variant_keys, COUNT_OF(variant_keys));
	value = reader_need(r, node, "value");
	if (value)
		read_signed(r, value, &out->value);
	out->symbol = read_symbol(r, yaml_get(node, "symbol"));
	out->build_id = read_build_id(r, yaml_get(node, "build_id"));
}

static void read_constant(struct reader *r, const struct yaml_node *node,
			  struct profile_constant *out)
{
	struct profile_variant *variants;
	size_t count = node->kind == YAML_LIST ? node->count : 1;

	out->name = reader_text(r, node->key);
	if (!expr_is_constant_name(node->key))
		key_error(r, node,
			  "a name for a constant: a letter, then letters, digits and _ "
			  "(all lower case, up to 31), and no word of expressions");
	if (node->kind == YAML_LIST &&
	    !reader_has_some(r, node, YAML_LIST, PROFILE_MAX_VARIANTS, "variants"))
		return;
	variants = reader_keep(r, count, sizeof(*variants));
	if (!variants)
		return;
	out->variants = variants;
	out->variant_count = count;
	if (node->kind != YAML_LIST) {
		read_signed(r, node, &variants->value);
		return;
	}
	for (node = node->first; node; node = node->next)
		read_variant(r, node, variants++);
}

static void read_constants(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "constants");
	struct profile_constant *constants;

	if (!map || !reader_has_some(r, map, YAML_MAP, PROFILE_MAX_CONSTANTS, "constants"))
		return;
	constants = reader_keep(r, map->count, sizeof(*constants));
	if (!constants)
		return;
	r->profile->constants = constants;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		read_constant(r, node, &constants[r->profile->constant_count++]);
}

void reader_constants(struct reader *r, const struct yaml_node *node, const struct expr *expr,
		      struct profile_value *out)
{
	for (size_t i = 0; i < EXPR_PLACES; i++) {
		const struct expr_constant *constant = &expr->constants[i];
		size_t k = 0;

		if (!constant->name[0])
			continue;
		while (k < r->profile->constant_count && r->profile->constants[k].name &&
		       strcmp(r->profile->constants[k].name, constant->name) != 0)
			k++;
		if (k == r->profile->constant_count)
			yaml_errors_add(r->errors, node->line,
					node->column + node->quoted + constant->at,
					"found %s, expected a number or the name of a constant",
					quote(constant->name).text);
		out->constants[i] = (uint8_t)(k + 1);
		out->negative |= (uint8_t)(constant->negative << i);
	}
}

/* ---- counters ---------------------------------------------------------------------------- */

static const char *const counter_keys[] = { "object", "function", "nth", "of", "sums" };

static unsigned read_small(struct reader *r, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	int64_t number = 1;

	if (node && !read_signed(r, node, &number) && (number < 1 || number > 16))
		yaml_expected(r->errors, node, "an integer from 1 to 16");
	return (unsigned)number;
}

static void read_counter(struct reader *r, const struct yaml_node *node,
			 struct profile_counter *out)
{
	if (node->kind != YAML_MAP) {
		yaml_expected(r->errors, node, "a map like {object: NAME, function: NAME}");
		return;
	}
	yaml_check_keys(r->errors, node, counter_keys, COUNT_OF(counter_keys));
	out->object = read_symbol(r, reader_need(r, node, "object"));
	out->function = read_symbol(r, reader_need(r, node, "function"));
	out->nth = read_small(r, node, "nth");
	out->of = read_small(r, node, "of");
	out->sums = reader_choice(r, yaml_get(node, "sums"), booleans, COUNT_OF(booleans)) == 1;
	if (out->nth > out->of)
		yaml_errors_add(r->errors, node->line, node->column,
				"found nth %u of %u, expected one of them", out->nth, out->of);
}

static void read_counters(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "counters");

	if (!map)
		return;
	if (r->kind == PROFILE_MESSAGE)
		reader_refuse(r, map, "kind 'message'");
	if (!reader_has_some(r, map, YAML_MAP, TM_COUNTERS, "counters"))
		return;
	yaml_check_keys(r->errors, map, counter_names, TM_COUNTERS);
	for (size_t i = 0; i < TM_COUNTERS; i++) {
		const struct yaml_node *node = yaml_get(map, counter_names[i]);

		if (node)
			read_counter(r, node, &r->profile->counters[i]);
	}
}

/* A list of counters that the profile has. */
static unsigned read_counter_list(struct reader *r, const struct yaml_node *list)
{
	unsigned mask = 0;

	if (!reader_has_some(r, list, YAML_LIST, TM_COUNTERS, "counters"))
		return 0;
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int i = reader_choice(r, node, counter_names, TM_COUNTERS);

		if (i < 0)
			continue;
		if (!r->profile->counters[i].object)
			yaml_expected(r->errors, node,
				      "one that is described under 'counters' of the profile");
		mask |= 1u << i;
	}
	return mask;
}

/* ---- names ------------------------------------------------------------------------------- */

static int is_command(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' || (s[i] >= 'A' && s[i] <= 'Z'))
			return 0;
	/* a longer one, cut to TM_NAME_LEN - 1, must not look like this one */
	return len && len < TM_NAME_LEN - 1;
}

static int find_operation(struct reader *r, const struct yaml_node *node)
{
	for (size_t i = 0; i < r->profile->operation_count; i++)
		if (!strcmp(r->operations[i].name, node->key))
			return (int)i;
	if (r->profile->operation_count)
		key_error(r, node, "the name of an operation");
	return -1;
}

static void add_command(struct reader *r, const struct yaml_node *node, int operation,
			struct profile_name *names)
{
	struct profile_name *name = &names[r->profile->command_count];

	if (!is_text(node) || !is_command(node->text)) {
		yaml_expected(r->errors, node,
			      "a command: 1 to 26 characters, none a blank or upper case");
		return;
	}
	for (size_t i = 0; i < r->profile->command_count; i++)
		if (names[i].text && !strcmp(names[i].text, node->text))
			yaml_errors_add(r->errors, node->line, node->column,
					"command %s was given before", quote(node->text).text);
	name->text = reader_text(r, node->text);
	name->operation = operation;
	r->profile->command_count++;
}

static size_t count_commands(const struct yaml_node *map)
{
	size_t count = 0;

	for (const struct yaml_node *node = map->first; node; node = node->next)
		count += node->kind == YAML_LIST ? node->count : 1;
	return count;
}

/* Operations and the commands that they are made of. */
static void read_commands(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "commands");
	struct profile_name *names;

	if (!map)
		return;
	if (r->kind == PROFILE_MESSAGE)
		reader_refuse(r, map, "kind 'message'");
	if (!reader_has_some(r, map, YAML_MAP, PROFILE_MAX_OPERATIONS, "operations"))
		return;
	if (count_commands(map) > PROFILE_MAX_COMMANDS) {
		yaml_errors_add(r->errors, map->line, map->column,
				"found %zu commands, expected at most %d", count_commands(map),
				PROFILE_MAX_COMMANDS);
		return;
	}
	names = reader_keep(r, count_commands(map), sizeof(*names));
	if (!names)
		return;
	r->profile->commands = names;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		int operation = find_operation(r, node);

		if (node->kind != YAML_LIST) {
			add_command(r, node, operation, names);
			continue;
		}
		for (const struct yaml_node *item = node->first; item; item = item->next)
			add_command(r, item, operation, names);
	}
}

static void read_numbers(struct reader *r, const struct yaml_node *map,
			 struct profile_function *out)
{
	struct profile_name *names;

	if (!map || !reader_has_some(r, map, YAML_MAP, PROFILE_MAX_COMMANDS, "numbers"))
		return;
	names = reader_keep(r, map->count, sizeof(*names));
	if (!names)
		return;
	out->numbers = names;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct profile_name *name = &names[out->number_count++];
		uint64_t number;
		size_t len = expr_number(node->key, &number);

		if (!len || node->key[len])
			key_error(r, node, "an integer (like 8 or 0x8)");
		name->number = (int64_t)number;
		name->operation = reader_operation(r, node);
	}
}

static const char *const chosen_keys[] = { "text", "first_word", "number", "is", "otherwise" };

void reader_chosen(struct reader *r, const struct yaml_node *map, struct profile_function *out)
{
	static const struct {
		const char *key;
		enum tm_name_kind kind;
	} kinds[] = {
		{ "text", TM_NAME_TEXT },
		{ "first_word", TM_NAME_FIRST_WORD },
		{ "number", TM_NAME_NUMBER },
	};
	const struct yaml_node *node, *otherwise = reader_need(r, map, "otherwise");
	const struct yaml_node *numbers = yaml_get(map, "is");

	if (r->kind == PROFILE_MESSAGE)
		yaml_expected(r->errors, map, "the name of an operation (kind 'message')");
	yaml_check_keys(r->errors, map, chosen_keys, COUNT_OF(chosen_keys));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		node = yaml_get(map, kinds[i].key);
		if (!node)
			continue;
		if (out->name_kind)
			reader_refuse(r, node, "another of 'text', 'first_word', 'number'");
		out->name_kind = kinds[i].kind;
		reader_value(r, node, IS_VALUE | NO_RETVAL | NO_LOCAL | NO_COMPARISON | NO_CONSTANT,
			     &out->name);
	}
	if (!out->name_kind)
		yaml_errors_add(r->errors, map->line, map->column,
				"key 'text', 'first_word' or 'number' is missing");
	if (out->name_kind == TM_NAME_NUMBER)
		read_numbers(r, reader_need(r, map, "is"), out);
	else if (numbers)
		reader_refuse(r, numbers, "a text: those are listed under 'commands'");
	if (otherwise)
		out->operation = reader_operation(r, otherwise);
}

/* ---- a function's results ------------------------------------------------------------------ */

/* One value or a list of two. */
static void read_pair(struct reader *r, const struct yaml_node *node, unsigned rules,
		      const char *what, struct profile_value out[2])
{
	size_t i = 0;

	if (node->kind != YAML_LIST) {
		reader_value(r, node, rules, &out[0]);
		return;
	}
	if (!reader_has_some(r, node, YAML_LIST, 2, what))
		return;
	for (const struct yaml_node *item = node->first; item; item = item->next)
		reader_value(r, item, rules, &out[i++]);
}

static const char *const amount_keys[] = { "entry", "growth" };

static void read_amount(struct reader *r, const struct yaml_node *node, struct profile_amount *out)
{
	unsigned rules = IS_VALUE | NO_LOCAL | NO_COMPARISON;
	const struct yaml_node *entry, *growth;

	if (!node)
		return;
	if (node->kind != YAML_MAP) {
		read_pair(r, node, rules, "values", out->value);
		return;
	}
	yaml_check_keys(r->errors, node, amount_keys, COUNT_OF(amount_keys));
	entry = yaml_get(node, "entry");
	growth = yaml_get(node, "growth");
	if (!entry == !growth)
		yaml_expected(r->errors, node, "either 'entry' or 'growth'");
	out->at = entry ? TM_AMOUNT_ENTRY : TM_AMOUNT_GROWTH;
	if (entry || growth)
		read_pair(r, entry ? entry : growth, rules | NO_RETVAL | NO_CONSTANT, "values",
			  out->value);
}

/* `bytes` are sent or received, as the direction of the operation says; without one, a cache gives them. */
static void place_bytes(struct reader *r, struct profile_function *out)
{
	int operation = out->name_kind ? -1 : out->operation;

	if (r->kind != PROFILE_CACHE || !out->bytes.value.base)
		return;
	if (operation >= 0 && r->operations[operation].direction == OPERATION_SEND)
		out->sent.value[0] = out->bytes;
	else
		out->received.value[0] = out->bytes;
	memset(&out->bytes, 0, sizeof(out->bytes));
}

/* The operations that hits and misses are of. */
static void read_lookups(struct reader *r, const struct yaml_node *list,
			 struct profile_function *out)
{
	if (!list || !reader_has_some(r, list, YAML_LIST, PROFILE_MAX_OPERATIONS, "operations"))
		return;
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int operation = reader_operation(r, node);

		if (operation >= 0)
			out->lookups |= 1ull << operation;
	}
}

static void read_failed_growth(struct reader *r, const struct yaml_node *map,
			       struct profile_function *out)
{
	static const char *const keys[] = { "growth" };
	const struct yaml_node *node = reader_need(r, map, keys[0]);

	if (r->kind == PROFILE_MESSAGE)
		yaml_expected(r->errors, map, "an expression, or a list of two (kind 'message')");
	yaml_check_keys(r->errors, map, keys, 1);
	if (node)
		reader_value(r, node, IS_VALUE | NO_RETVAL | NO_LOCAL | NO_COMPARISON | NO_CONSTANT,
			     &out->failed_growth);
	if (node && out->failed_growth.value.base &&
	    (out->failed_growth.value.base != TM_BASE_ARG || out->failed_growth.value.width != 8))
		yaml_expected(r->errors, node, "a counter of 64 bits: u64[…] of an argument");
}

void reader_results(struct reader *r, const struct yaml_node *map, struct profile_function *out)
{
	const struct yaml_node *node = yaml_get(map, "when");
	int choice;

	if (node)
		read_pair(r, node, IS_VALUE | NO_LOCAL | NO_CONSTANT, "conditions", out->when);
	node = yaml_get(map, "failed");
	if (node && node->kind == YAML_MAP)
		read_failed_growth(r, node, out);
	read_lookups(r, yaml_get(map, "lookups"), out);
	read_amount(r, yaml_get(map, "sent"), &out->sent);
	read_amount(r, yaml_get(map, "received"), &out->received);
	place_bytes(r, out);
	node = yaml_get(map, "counters");
	if (node)
		out->counters = read_counter_list(r, node);
	node = yaml_get(map, "sample");
	if (node)
		out->counters = read_counter_list(r, node);
	choice = reader_choice(r, yaml_get(map, "nested"), nestings, COUNT_OF(nestings));
	out->nested = choice < 0 ? TM_NESTED_SAME : (enum tm_nested)choice;
}

void reader_tables(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *background = yaml_get(root, "background");

	read_match(r, root);
	read_constants(r, root);
	read_counters(r, root);
	read_commands(r, root);
	r->profile->background = background ? reader_operation(r, background) : -1;
	if (background && r->kind == PROFILE_MESSAGE)
		reader_refuse(r, background, "kind 'message'");
}

int profile_counts_removals(const struct profile *profile)
{
	const unsigned counters = 1u << TM_COUNTER_EVICTIONS | 1u << TM_COUNTER_EXPIRATIONS;

	for (size_t i = 0; i < profile->function_count; i++) {
		const struct profile_function *function = &profile->functions[i];

		if (function->evictions.value.base || function->expirations.value.base ||
		    function->counters & counters)
			return 1;
	}
	return 0;
}
