/* SPDX-License-Identifier: Apache-2.0 */
#include "util/gauge_spec.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_MAX 0xffffffull

/* In the order of enum gauge_type. */
static const char *const type_names[] = {
	"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "bool",
};
static const uint8_t type_sizes[] = { 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1 };
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == GAUGE_TYPES, "a name for each type");
_Static_assert(sizeof(type_sizes) == GAUGE_TYPES, "a size for each type");

size_t gauge_type_size(enum gauge_type type)
{
	return type_sizes[type];
}

static double signed_value(const void *bytes, size_t size)
{
	int64_t i64;
	int32_t i32;
	int16_t i16;

	switch (size) {
	case 1:
		return *(const int8_t *)bytes;
	case 2:
		memcpy(&i16, bytes, sizeof(i16));
		return i16;
	case 4:
		memcpy(&i32, bytes, sizeof(i32));
		return i32;
	default:
		memcpy(&i64, bytes, sizeof(i64));
		return (double)i64;
	}
}

double gauge_type_value(enum gauge_type type, const void *bytes)
{
	uint64_t u64 = 0;
	double f64;
	float f32;

	if (type == GAUGE_F32) {
		memcpy(&f32, bytes, sizeof(f32));
		return (double)f32;
	}
	if (type == GAUGE_F64) {
		memcpy(&f64, bytes, sizeof(f64));
		return f64;
	}
	if (type <= GAUGE_I64)
		return signed_value(bytes, gauge_type_size(type));
	memcpy(&u64, bytes, gauge_type_size(type)); /* x86-64 is little-endian */
	return type == GAUGE_BOOL ? u64 != 0 : (double)u64;
}

/* ---- names ------------------------------------------------------------------------------------ */

static int is_word(const char *text, int digit_first)
{
	if (!digit_first && *text >= '0' && *text <= '9')
		return 0;
	for (const char *c = text; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && *c != '_')
			return 0;
	return *text != 0;
}

static int ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

int gauge_name_valid(const char *name)
{
	static const char *const others[] = { "_total", "_count",   "_sum",	 "_bucket",
					      "_info",	"_created", "_timestamp" };

	if (!is_word(name, 1) || strlen(name) >= GAUGE_NAME_MAX)
		return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ends_with(name, others[i]) || !strcmp(name, others[i] + 1))
			return 0;
	return 1;
}

int gauge_label_valid(const char *name)
{
	static const char *const ours[] = { "kernel_id", "container", "pod",	 "namespace",
					    "comm",	 "le",	      "quantile" };

	if (!is_word(name, 0) || !strncmp(name, "__", 2))
		return 0;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(name, ours[i]))
			return 0;
	return 1;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct reader {
	struct yaml_errors *errors;
	struct gauge_spec *spec;
};

static char *copy_text(struct reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		r->errors->no_memory = 1;
	return copy;
}

/* The text of a key that is valid, NULL with an error unless it is missing and may be. */
static char *read_text(struct reader *r, const struct yaml_node *map, const char *key, int needed,
		       int (*valid)(const char *), const char *expected)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node && needed)
		yaml_errors_add(r->errors, map->line, map->column, "'%s' is missing, expected %s",
				key, expected);
	if (!node)
		return NULL;
	if (node->kind != YAML_TEXT || !node->text[0] || (valid && !valid(node->text))) {
		yaml_expected(r->errors, node, expected);
		return NULL;
	}
	return copy_text(r, node->text);
}

static int is_symbol(const char *text)
{
	return strlen(text) < GAUGE_SYMBOL_MAX;
}

static void add_pattern(struct reader *r, const struct yaml_node *node, struct option_texts *out)
{
	char **items;

	if (node->kind != YAML_TEXT || !node->text[0]) {
		yaml_expected(r->errors, node, "a pattern, or a list of patterns");
		return;
	}
	items = reallocarray(out->items, out->count + 1, sizeof(*items));
	if (!items) {
		r->errors->no_memory = 1;
		return;
	}
	out->items = items;
	items[out->count] = copy_text(r, node->text);
	if (items[out->count])
		out->count++;
}

static void read_patterns(struct reader *r, const struct yaml_node *map, const char *key,
			  struct option_texts *out)
{
	const struct yaml_node *node = yaml_get(map, key);

	if (!node)
		return;
	if (node->kind != YAML_LIST) {
		add_pattern(r, node, out);
		return;
	}
	if (!node->first)
		yaml_expected(r->errors, node, "a pattern, or a list of patterns");
	for (const struct yaml_node *item = node->first; item; item = item->next)
		add_pattern(r, item, out);
}

static void read_match(struct reader *r, const struct yaml_node *map)
{
	static const char *const keys[] = { "comm", "exe", "kernel_id" };
	const struct yaml_node *match = yaml_get(map, "match");

	if (!match) {
		yaml_errors_add(r->errors, map->line, map->column,
				"'match' is missing, expected a map with comm, exe or kernel_id");
		return;
	}
	if (match->kind != YAML_MAP || !match->first) {
		yaml_expected(r->errors, match, "a map with comm, exe or kernel_id");
		return;
	}
	yaml_check_keys(r->errors, match, keys, sizeof(keys) / sizeof(keys[0]));
	read_patterns(r, match, "comm", &r->spec->comms);
	read_patterns(r, match, "exe", &r->spec->exes);
	read_patterns(r, match, "kernel_id", &r->spec->kernel_ids);
}

static void read_type(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node *node = yaml_get(map, "type");
	int type;

	if (!node) {
		yaml_errors_add(
			r->errors, map->line, map->column,
			"'type' is missing, expected i8, i16, i32, i64, u8, u16, u32, u64, f32, "
			"f64 or bool");
		return;
	}
	type = yaml_choice(r->errors, node, type_names, GAUGE_TYPES);
	if (type >= 0)
		r->spec->type = (enum gauge_type)type;
}

static void read_place(struct reader *r, const struct yaml_node *map)
{
	static const char *const words[] = { "false", "true" };
	const struct yaml_node *pointer = yaml_get(map, "pointer"),
			       *offset = yaml_get(map, "offset");
	char *end = NULL;

	if (pointer)
		r->spec->pointer = yaml_choice(r->errors, pointer, words, 2) == 1;
	if (!offset)
		return;
	errno = 0;
	if (offset->kind == YAML_TEXT && offset->text[0] >= '0' && offset->text[0] <= '9')
		r->spec->offset = strtoull(offset->text, &end, 0);
	if (!end || *end || errno || r->spec->offset > OFFSET_MAX)
		yaml_expected(r->errors, offset, "a number of bytes, 0 to 0xffffff");
}

static void read_label(struct reader *r, const struct yaml_node *node)
{
	struct gauge_spec *spec = r->spec;
	struct gauge_spec_label *labels;

	if (!gauge_label_valid(node->key)) {
		yaml_errors_add(
			r->errors, node->key_line, node->key_column,
			"'%s' cannot be a label here, expected letters, digits and _, no digit "
			"first, none of kernel_id, container, pod, namespace, comm, le, quantile",
			node->key);
		return;
	}
	if (node->kind != YAML_TEXT || !node->text[0]) {
		yaml_expected(r->errors, node, "the label's value, not empty");
		return;
	}
	if (spec->label_count == GAUGE_SPEC_LABELS_MAX) {
		yaml_errors_add(r->errors, node->key_line, node->key_column,
				"too many labels, expected at most %d", GAUGE_SPEC_LABELS_MAX);
		return;
	}
	labels = reallocarray(spec->labels, spec->label_count + 1, sizeof(*labels));
	if (!labels) {
		r->errors->no_memory = 1;
		return;
	}
	spec->labels = labels;
	labels[spec->label_count++] = (struct gauge_spec_label){
		.name = copy_text(r, node->key),
		.value = copy_text(r, node->text),
	};
}

static void read_labels(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node *labels = yaml_get(map, "labels");

	if (labels && labels->kind != YAML_MAP)
		yaml_expected(r->errors, labels, "a map of labels and their values");
	else if (labels)
		for (const struct yaml_node *node = labels->first; node; node = node->next)
			read_label(r, node);
}

static void read_spec(struct reader *r, const struct yaml_node *map)
{
	static const char *const keys[] = { "name", "help",    "match",	 "symbol", "file",
					    "type", "pointer", "offset", "labels" };
	struct gauge_spec *spec = r->spec;

	if (map->kind != YAML_MAP) {
		yaml_expected(r->errors, map, "a map with name, help, match, symbol and type");
		return;
	}
	yaml_check_keys(r->errors, map, keys, sizeof(keys) / sizeof(keys[0]));
	spec->name =
		read_text(r, map, "name", 1, gauge_name_valid,
			  "letters, digits and _, at most 63, without the ending _total, _count, "
			  "_sum, _bucket, _info, _created or _timestamp");
	spec->help = read_text(r, map, "help", 1, NULL, "a sentence that says what it is");
	read_match(r, map);
	spec->symbol = read_text(r, map, "symbol", 1, is_symbol,
				 "a variable's name, shorter than 256 bytes");
	spec->file = read_text(r, map, "file", 0, NULL, "a pattern of a file's path");
	read_type(r, map);
	read_place(r, map);
	read_labels(r, map);
}

void gauge_specs_read(const struct yaml_node *list, struct gauge_specs *out,
		      struct yaml_errors *errors)
{
	struct reader r = { .errors = errors };

	if (list->kind != YAML_LIST) {
		yaml_expected(errors, list, "a list of gauges");
		return;
	}
	if (list->count > GAUGE_SPECS_MAX) {
		yaml_errors_add(errors, list->line, list->column,
				"too many gauges, expected at most %d", GAUGE_SPECS_MAX);
		return;
	}
	if (out->items || !list->count) /* a key that is given twice is an error already */
		return;
	out->items = calloc(list->count, sizeof(*out->items));
	if (!out->items) {
		errors->no_memory = 1;
		return;
	}
	for (const struct yaml_node *map = list->first; map; map = map->next) {
		r.spec = &out->items[out->count++];
		read_spec(&r, map);
	}
}

void gauge_specs_free(struct gauge_specs *specs)
{
	for (size_t i = 0; i < specs->count; i++) {
		struct gauge_spec *spec = &specs->items[i];

		free(spec->name);
		free(spec->help);
		option_texts_free(&spec->comms);
		option_texts_free(&spec->exes);
		option_texts_free(&spec->kernel_ids);
		free(spec->symbol);
		free(spec->file);
		for (size_t k = 0; k < spec->label_count; k++) {
			free(spec->labels[k].name);
			free(spec->labels[k].value);
		}
		free(spec->labels);
	}
	free(specs->items);
	*specs = (struct gauge_specs){ 0 };
}
