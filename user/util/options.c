/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/duration.h"
#include "util/nearest.h"
#include "util/options.h"
#include "util/quote.h"

#define NAME_MAX_LEN 128 /* of an option, with its NUL */

struct expected {
	char text[256];
};

/* ---- the table --------------------------------------------------------------------------- */

static const struct option_spec *find(const struct options *options, const char *name, size_t len)
{
	for (const struct option_spec *spec = options->specs; spec->name; spec++)
		if (strlen(spec->name) == len && !memcmp(spec->name, name, len))
			return spec;
	return NULL;
}

/* The name that was perhaps meant, or NULL. */
static const char *nearest_name(const struct options *options, const char *name)
{
	const char *names[OPTIONS_MAX];
	size_t n = 0;

	for (const struct option_spec *spec = options->specs; spec->name && n < OPTIONS_MAX; spec++)
		names[n++] = spec->name;
	return nearest(name, names, n);
}

static uint64_t bit_of(const struct options *options, const struct option_spec *spec)
{
	return 1ull << (spec - options->specs);
}

static void *field_of(const struct options *options, const struct option_spec *spec)
{
	return (char *)options->target + spec->offset;
}

static int is_list(const struct option_spec *spec)
{
	return spec->type == OPTION_TEXTS || spec->type == OPTION_NUMBERS;
}

/* ---- text to value ----------------------------------------------------------------------- */

/* Decimal digits only. */
static int parse_number(const char *text, uint64_t *number)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -ERANGE;
	}
	*number = v;
	return 0;
}

static int parse_seconds(const char *text, uint64_t *ns)
{
	char duration[32];
	size_t len = strlen(text);

	/* the last character is a digit, so that the unit is ours */
	if (!len || text[len - 1] < '0' || text[len - 1] > '9')
		return -EINVAL;
	if ((size_t)snprintf(duration, sizeof(duration), "%ss", text) >= sizeof(duration))
		return -EINVAL;
	return duration_parse(duration, ns);
}

static int parse_percent(const char *text, uint64_t *value)
{
	size_t len = strlen(text);
	char number[32];
	int err;

	if (!len || len >= sizeof(number) || text[len - 1] != '%')
		return -EINVAL;
	memcpy(number, text, len - 1);
	number[len - 1] = 0;
	err = parse_seconds(number, value);
	*value /= 100;
	return err;
}

/* The place of `text` among the words "one|two|three". */
static int parse_choice(const char *words, const char *text, uint64_t *place)
{
	size_t len = strlen(text);

	for (*place = 0;; ++*place) {
		size_t word = strcspn(words, "|");

		if (word == len && !memcmp(words, text, len))
			return 0;
		if (!words[word])
			return -EINVAL;
		words += word + 1;
	}
}

static int parse_bool(const char *text, uint64_t *value)
{
	*value = !strcmp(text, "true");
	return *value || !strcmp(text, "false") ? 0 : -EINVAL;
}

static int in_range(const struct option_spec *spec, uint64_t value)
{
	return value >= spec->min && value <= spec->max ? 0 : -ERANGE;
}

/* What the text means, unless the option's type is a text. 0, -EINVAL or -ERANGE. */
static int parse_value(const struct option_spec *spec, const char *text, uint64_t *value)
{
	int err;

	switch (spec->type) {
	case OPTION_TEXT:
	case OPTION_TEXTS:
		return *text && (!spec->valid || spec->valid(text)) ? 0 : -EINVAL;
	case OPTION_CHOICE:
		return parse_choice(spec->argument, text, value);
	case OPTION_BOOL:
		return parse_bool(text, value);
	case OPTION_DURATION:
		err = duration_parse(text, value);
		break;
	case OPTION_SECONDS:
		err = parse_seconds(text, value);
		break;
	case OPTION_PERCENT:
		err = parse_percent(text, value);
		break;
	default:
		err = parse_number(text, value);
		break;
	}
	return err ? err : in_range(spec, *value);
}

/* ---- what is expected, in words ---------------------------------------------------------- */

/* In the largest unit that it is a whole number of. */
static void format_duration(char *out, size_t size, uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "h", 3600000000000 },
		{ "m", 60000000000 },
		{ "s", 1000000000 },
		{ "ms", 1000000 },
	};
	size_t i = 0;

	while (i < 3 && (ns < units[i].ns || ns % units[i].ns))
		i++;
	snprintf(out, size, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
}

/* "one|two|three" as "one, two or three". */
static void format_words(char *out, size_t size, const char *words)
{
	size_t len = 0;

	out[0] = '\0';
	while (*words && len < size) {
		size_t word = strcspn(words, "|");
		const char *next = words + word + (words[word] == '|');
		const char *glue = !*next ? "" : strchr(next, '|') ? ", " : " or ";

		len += (size_t)snprintf(out + len, size - len, "%.*s%s", (int)word, words, glue);
		words = next;
	}
}

static struct expected expected_value(const struct option_spec *spec)
{
	struct expected e;
	char min[32], max[32];

	switch (spec->type) {
	case OPTION_TEXT:
	case OPTION_TEXTS:
		snprintf(e.text, sizeof(e.text), "%s",
			 spec->expected ? spec->expected : spec->argument);
		break;
	case OPTION_CHOICE:
		format_words(e.text, sizeof(e.text), spec->argument);
		break;
	case OPTION_BOOL:
		snprintf(e.text, sizeof(e.text), "true or false");
		break;
	case OPTION_DURATION:
		format_duration(min, sizeof(min), spec->min);
		format_duration(max, sizeof(max), spec->max);
		snprintf(e.text, sizeof(e.text), "a duration from %s to %s", min, max);
		break;
	case OPTION_PERCENT:
		snprintf(e.text, sizeof(e.text), "a percentage from %g%% to %g%%",
			 (double)spec->min / 1e7, (double)spec->max / 1e7);
		break;
	case OPTION_SECONDS:
		snprintf(e.text, sizeof(e.text), "a number of seconds from %g to %g",
			 (double)spec->min / 1e9, (double)spec->max / 1e9);
		break;
	default:
		snprintf(e.text, sizeof(e.text), "a whole number from %" PRIu64 " to %" PRIu64,
			 spec->min, spec->max);
		break;
	}
	return e;
}

/* ---- value to field ---------------------------------------------------------------------- */

static int add_text(struct option_texts *texts, const char *text)
{
	char **items = reallocarray(texts->items, texts->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	texts->items = items;
	items[texts->count] = strdup(text);
	if (!items[texts->count])
		return -ENOMEM;
	texts->count++;
	return 0;
}

static int add_number(struct option_numbers *numbers, uint64_t value)
{
	uint64_t *items = reallocarray(numbers->items, numbers->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	numbers->items = items;
	items[numbers->count++] = value;
	return 0;
}

static int set_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* Sets the field, or adds to the list. `value` is what parse_value() made of the text. */
static int store(const struct options *options, const struct option_spec *spec, const char *text,
		 uint64_t value)
{
	void *field = field_of(options, spec);

	switch (spec->type) {
	case OPTION_TEXT:
		return set_text(field, text);
	case OPTION_TEXTS:
		return add_text(field, text);
	case OPTION_NUMBERS:
		return add_number(field, value);
	case OPTION_CHOICE:
		*(unsigned *)field = (unsigned)value;
		return 0;
	case OPTION_BOOL:
		*(int *)field = (int)value;
		return 0;
	default:
		*(uint64_t *)field = value;
		return 0;
	}
}

void option_texts_free(struct option_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct option_texts){ 0 };
}

static void free_field(const struct options *options, const struct option_spec *spec)
{
	struct option_numbers *numbers = field_of(options, spec);
	struct option_texts *texts = field_of(options, spec);
	char **text = field_of(options, spec);

	switch (spec->type) {
	case OPTION_TEXT:
		free(*text);
		*text = NULL;
		break;
	case OPTION_TEXTS:
		option_texts_free(texts);
		break;
	case OPTION_NUMBERS:
		free(numbers->items);
		*numbers = (struct option_numbers){ 0 };
		break;
	default:
		break;
	}
}

int options_init(struct options *options, const struct option_spec *specs, void *target)
{
	*options = (struct options){ .specs = specs, .target = target };
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		uint64_t value = 0;
		int err;

		if (spec - specs >= OPTIONS_MAX)
			return -EINVAL;
		if (!spec->value)
			continue;
		err = parse_value(spec, spec->value, &value);
		if (!err)
			err = store(options, spec, spec->value, value);
		if (err)
			return err == -ENOMEM ? err : -EINVAL;
	}
	return 0;
}

void options_free(const struct options *options)
{
	for (const struct option_spec *spec = options->specs; spec->name; spec++)
		free_field(options, spec);
}

/* ---- the command line -------------------------------------------------------------------- */

/* quote() without the quotes: the name of a flag stands out by itself. */
static void unknown_flag(const struct options *options, const char *arg, char *err, size_t err_len)
{
	struct quoted shown;
	char name[NAME_MAX_LEN];
	const char *meant;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, "="), arg);
	shown = quote(name);
	shown.text[strlen(shown.text) - 1] = '\0';
	meant = nearest_name(options, name + strspn(name, "-"));
	if (meant)
		snprintf(err, err_len, "unknown flag %s, did you mean --%s?", shown.text + 1,
			 meant);
	else
		snprintf(err, err_len, "unknown flag %s, --help lists all", shown.text + 1);
}

static int set_from_arg(struct options *options, const struct option_spec *spec, const char *text,
			char *err, size_t err_len)
{
	uint64_t value = 0;

	if (parse_value(spec, text, &value)) {
		snprintf(err, err_len, "--%s: found %s, expected %s", spec->name,
			 text[0] ? quote(text).text : "nothing", expected_value(spec).text);
		return -EINVAL;
	}
	/* what was given replaces a list's default */
	if (is_list(spec) && !(options->given & bit_of(options, spec)))
		free_field(options, spec);
	options->given |= bit_of(options, spec);
	if (store(options, spec, text, value)) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	return 0;
}

static int add_argument(struct options *options, const char *text, char *err, size_t err_len)
{
	if (!options->arguments) {
		snprintf(err, err_len, "unexpected argument %s, expected flags only",
			 quote(text).text);
		return -EINVAL;
	}
	if (add_text(options->arguments, text)) {
		snprintf(err, err_len, "no memory");
		return -ENOMEM;
	}
	return 0;
}

/* The option that `arg`, which begins with '-', names; *value is what follows its '=', or NULL. */
static const struct option_spec *find_flag(const struct options *options, const char *arg,
					   const char **value)
{
	int is_long = arg[1] == '-';
	const char *name = arg + 1 + is_long;
	size_t len = strcspn(name, "=");

	*value = name[len] ? name + len + 1 : NULL;
	if (is_long)
		return len ? find(options, name, len) : NULL;
	for (const struct option_spec *spec = options->specs; spec->name && len == 1; spec++)
		if (spec->letter && spec->letter == name[0])
			return spec;
	return NULL;
}

int options_parse_args(struct options *options, int argc, char *const *argv, char *err,
		       size_t err_len)
{
	int ret = 0, only_arguments = 0;

	for (int i = 1; i < argc && !ret; i++) {
		const struct option_spec *spec;
		const char *value;

		if (only_arguments || argv[i][0] != '-') {
			ret = add_argument(options, argv[i], err, err_len);
			continue;
		}
		if (options->arguments && !strcmp(argv[i], "--")) {
			only_arguments = 1;
			continue;
		}
		spec = find_flag(options, argv[i], &value);
		if (!spec) {
			unknown_flag(options, argv[i], err, err_len);
			return -EINVAL;
		}
		if (!value && spec->type == OPTION_BOOL)
			value = "true";
		else if (!value && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0)
			value = argv[++i];
		ret = set_from_arg(options, spec, value ? value : "", err, err_len);
	}
	return ret;
}

/* ---- the file ---------------------------------------------------------------------------- */

struct file_reader {
	struct options *options;
	struct yaml_errors *errors;
	unsigned lines[OPTIONS_MAX]; /* where an option was given, 0 = not yet */
};

/* Whether an option's name begins with "NAME.". */
static int is_prefix(const struct options *options, const char *name)
{
	size_t len = strlen(name);

	for (const struct option_spec *spec = options->specs; spec->name; spec++)
		if (!strncmp(spec->name, name, len) && spec->name[len] == '.')
			return 1;
	return 0;
}

/* `use` = 0: only checks. */
static void set_from_text(struct file_reader *reader, const struct option_spec *spec,
			  const struct yaml_node *node, int use)
{
	uint64_t value = 0;

	if (node->kind != YAML_TEXT || parse_value(spec, node->text, &value))
		yaml_expected(reader->errors, node, expected_value(spec).text);
	else if (use && store(reader->options, spec, node->text, value))
		reader->errors->no_memory = 1;
}

static void set_from_node(struct file_reader *reader, const struct option_spec *spec,
			  const struct yaml_node *node)
{
	int use = !(reader->options->given & bit_of(reader->options, spec));
	unsigned *line = &reader->lines[spec - reader->options->specs];

	if (spec->not_in_file) {
		yaml_errors_add(reader->errors, node->key_line, node->key_column,
				"'%s' is only for the command line", spec->name);
		return;
	}
	if (*line) {
		yaml_errors_add(reader->errors, node->key_line, node->key_column,
				"'%s' was given before, on line %u", spec->name, *line);
		return;
	}
	*line = node->key_line;
	if (is_list(spec) && use)
		free_field(reader->options, spec);
	if (!is_list(spec) || node->kind != YAML_LIST) {
		set_from_text(reader, spec, node, use);
		return;
	}
	if (!node->first)
		yaml_errors_add(reader->errors, node->line, node->column,
				"found an empty list, expected %s", expected_value(spec).text);
	for (const struct yaml_node *item = node->first; item; item = item->next)
		set_from_text(reader, spec, item, use);
}

static void unknown_key(struct file_reader *reader, const struct yaml_node *node, const char *name)
{
	const char *meant = nearest_name(reader->options, name);

	if (meant)
		yaml_errors_add(reader->errors, node->key_line, node->key_column,
				"unknown key %s, did you mean '%s'?", quote(name).text, meant);
	else
		yaml_errors_add(reader->errors, node->key_line, node->key_column,
				"unknown key %s, expected the name of a flag without its dashes",
				quote(name).text);
}

/*
 * `prefix` is what the keys of the maps around this one make, "" or "web.". YAML_MAX_DEPTH bounds
 * the recursion.
 */
static void read_map(struct file_reader *reader, const struct yaml_node *map, const char *prefix)
{
	char name[NAME_MAX_LEN];

	if (map->kind != YAML_MAP) {
		yaml_expected(reader->errors, map, "a map");
		return;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct option_spec *spec;

		/* no option's name is as long as to be cut */
		snprintf(name, sizeof(name), "%s%s", prefix, node->key);
		spec = find(reader->options, name, strlen(name));
		if (reader->options->other_key && !strcmp(name, reader->options->other_key)) {
			reader->options->read_other(reader->options->other_arg, node,
						    reader->errors);
		} else if (spec) {
			set_from_node(reader, spec, node);
		} else if (is_prefix(reader->options, name)) {
			strncat(name, ".", sizeof(name) - strlen(name) - 1);
			read_map(reader, node, name);
		} else {
			unknown_key(reader, node, name);
		}
	}
}

int options_parse_file(struct options *options, const char *path, struct yaml_errors *errors)
{
	struct file_reader reader = { .options = options, .errors = errors };
	size_t errors_before = errors->count;
	struct yaml_node *root;
	int err = yaml__load(path, &root, errors);

	/* also of a file with errors: to find all of them at once */
	if (root)
		read_map(&reader, root, "");
	yaml__free(root);
	if (errors->no_memory)
		return -ENOMEM;
	if (err)
		return err;
	return errors->count > errors_before ? -EINVAL : 0;
}
