/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/payload.h"
#include <string.h>
#include "tap/expr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const message_keys[] = { "type", "forms", "addressed", "fan_out" };
static const char *const form_keys[] = { "behind", "pointer", "inside", "size" };

/* An offset: of a field of so many bytes. */
static uint8_t read_offset(struct yaml_errors *errors, const struct yaml_node *node, unsigned width)
{
	uint64_t number;
	size_t len = node->kind == YAML_TEXT ? expr_number(node->text, &number) : 0;

	if (len && !node->text[len] && number < TM_FORM_BYTES && number % width == 0)
		return (uint8_t)number;
	yaml_expected(errors, node,
		      width == 1 ? "an offset from 0 to 63" : "an offset of a pointer, 0 to 56");
	return 0;
}

/* "u64[8]" */
static void read_size(struct yaml_errors *errors, const struct yaml_node *node, struct tm_form *out)
{
	static const struct {
		const char *name;
		uint8_t width;
	} types[] = { { "u8[", 1 }, { "u16[", 2 }, { "u32[", 4 }, { "u64[", 8 } };
	const char *text = node->kind == YAML_TEXT ? node->text : "";

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		size_t name = strlen(types[i].name), len;
		uint64_t number;

		if (strncmp(text, types[i].name, name) != 0)
			continue;
		len = expr_number(text + name, &number);
		if (!len || number >= TM_FORM_BYTES || number % types[i].width != 0 ||
		    strcmp(text + name + len, "]") != 0)
			break;
		out->size_width = types[i].width;
		out->size_at = (uint8_t)number;
		return;
	}
	yaml_expected(errors, node,
		      "u8[N], u16[N], u32[N] or u64[N], N from 0 to 63 and a multiple of the size");
}

static void read_form(struct yaml_errors *errors, const struct yaml_node *map, struct tm_form *out)
{
	const struct yaml_node *behind = yaml_get(map, "behind"), *size = yaml_get(map, "size");
	const struct yaml_node *pointer = yaml_get(map, "pointer");
	const struct yaml_node *inside = yaml_get(map, "inside");
	size_t len;
	uint64_t type;

	len = expr_number(map->key, &type);
	if (!len || map->key[len] || type > UINT8_MAX)
		yaml_errors_add(errors, map->key_line, map->key_column,
				"expected the value of the type byte, 0 to 255");
	out->type = (uint8_t)type;
	if (map->kind != YAML_MAP) {
		yaml_expected(errors, map, "a map");
		return;
	}
	yaml_check_keys(errors, map, form_keys, COUNT_OF(form_keys));
	if (!pointer == !inside)
		yaml_errors_add(errors, map->line, map->column,
				"expected one of the keys 'pointer' and 'inside'");
	if (behind) {
		out->behind = 1;
		out->behind_at = read_offset(errors, behind, 8);
	}
	out->embedded = inside != NULL;
	if (pointer)
		out->data_at = read_offset(errors, pointer, 8);
	else if (inside)
		out->data_at = read_offset(errors, inside, 1);
	if (size)
		read_size(errors, size, out);
	else
		yaml_errors_add(errors, map->line, map->column, "key 'size' is missing");
}

static void read_forms(struct yaml_errors *errors, const struct yaml_node *map,
		       struct profile_message *out)
{
	if (map->kind != YAML_MAP || !map->count || map->count > TM_FORMS) {
		yaml_errors_add(errors, map->line, map->column,
				"expected a map of 1 to %d values of the type byte", TM_FORMS);
		return;
	}
	for (const struct yaml_node *form = map->first; form; form = form->next)
		read_form(errors, form, &out->forms[out->form_count++]);
}

static void read_classes(struct yaml_errors *errors, const struct yaml_node *list,
			 char out[PROFILE_CLASSES][PROFILE_CLASS_LEN])
{
	size_t count = 0;

	if (list->kind != YAML_LIST || list->count > PROFILE_CLASSES) {
		yaml_errors_add(errors, list->line, list->column,
				"expected a list of at most %d mangled class names",
				PROFILE_CLASSES);
		return;
	}
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		if (node->kind != YAML_TEXT || !node->text[0] ||
		    strlen(node->text) >= PROFILE_CLASS_LEN)
			yaml_expected(errors, node, "a mangled class name of 1 to 23 bytes");
		else
			strcpy(out[count++], node->text);
	}
}

void profile_message_read(const struct yaml_node *map, struct yaml_errors *errors,
			  struct profile_message *out)
{
	const struct yaml_node *type = yaml_get(map, "type"), *forms = yaml_get(map, "forms");
	const struct yaml_node *node;

	if (map->kind != YAML_MAP) {
		yaml_expected(errors, map, "a map");
		return;
	}
	yaml_check_keys(errors, map, message_keys, COUNT_OF(message_keys));
	out->given = 1;
	if (!type != !forms)
		yaml_errors_add(errors, map->line, map->column,
				"keys 'type' and 'forms' go together");
	if (type)
		out->type_at = read_offset(errors, type, 1);
	if (forms)
		read_forms(errors, forms, out);
	node = yaml_get(map, "addressed");
	if (node)
		read_classes(errors, node, out->addressed);
	node = yaml_get(map, "fan_out");
	if (node)
		read_classes(errors, node, out->fan_out);
}
