/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>
#include "util/nearest.h"
#include "util/quote.h"
#include "util/yaml.h"

/* ---- errors ------------------------------------------------------------------------------ */

void yaml_errors_free(struct yaml_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		free(errors->lines[i]);
	free(errors->lines);
	*errors = (struct yaml_errors)YAML_ERRORS_INIT;
}

/* Takes the line over, which may be NULL when memory ran out. */
static void add_line(struct yaml_errors *errors, char *line)
{
	char **lines = errors->lines;

	/* full when the count is a power of two */
	if (line && (errors->count & (errors->count - 1)) == 0)
		lines = reallocarray(lines, errors->count ? 2 * errors->count : 1, sizeof(*lines));
	if (!line || !lines) {
		errors->no_memory = 1;
		free(line);
		return;
	}
	errors->lines = lines;
	errors->lines[errors->count++] = line;
}

void yaml_errors_add(struct yaml_errors *errors, unsigned line, unsigned column, const char *fmt,
		     ...)
{
	char *message = NULL, *whole = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	if (!message || asprintf(&whole, "%s:%u:%u: %s", errors->file, line, column, message) < 0)
		whole = NULL;
	add_line(errors, whole);
	free(message);
}

void yaml_expected(struct yaml_errors *errors, const struct yaml_node *node, const char *expected)
{
	static const char *const kinds[] = { [YAML_MAP] = "a map", [YAML_LIST] = "a list" };

	if (node->kind != YAML_TEXT)
		yaml_errors_add(errors, node->line, node->column, "found %s, expected %s",
				kinds[node->kind], expected);
	else if (!node->text[0])
		yaml_errors_add(errors, node->line, node->column, "found nothing, expected %s",
				expected);
	else
		yaml_errors_add(errors, node->line, node->column, "found %s, expected %s",
				quote(node->text).text, expected);
}

/* ---- the tree ---------------------------------------------------------------------------- */

/* Recursion is bounded by YAML_MAX_DEPTH. */
void yaml__free(struct yaml_node *node)
{
	while (node) {
		struct yaml_node *next = node->next;

		yaml__free(node->first);
		free(node->text);
		free(node->key);
		free(node);
		node = next;
	}
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (!strcmp(node->key, key))
			return node;
	return NULL;
}

static int index_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

struct word_list {
	char text[512]; /* a longer list ends early */
};

static struct word_list join(const char *const *words, size_t count)
{
	struct word_list list = { "one of: " };

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(list.text);

		snprintf(list.text + len, sizeof(list.text) - len, "%s%s", i ? ", " : "", words[i]);
	}
	return list;
}

static void unknown_word(struct yaml_errors *errors, unsigned line, unsigned column,
			 const char *what, const char *word, const char *const *words, size_t count)
{
	const char *meant = nearest(word, words, count);

	if (meant)
		yaml_errors_add(errors, line, column, "unknown %s %s, did you mean '%s'?", what,
				quote(word).text, meant);
	else
		yaml_errors_add(errors, line, column, "unknown %s %s, expected %s", what,
				quote(word).text, join(words, count).text);
}

int yaml_choice(struct yaml_errors *errors, const struct yaml_node *node, const char *const *words,
		size_t count)
{
	int i = node->kind == YAML_TEXT ? index_of(node->text, words, count) : -1;

	if (i < 0 && node->kind == YAML_TEXT && node->text[0])
		unknown_word(errors, node->line, node->column, node->key ? node->key : "value",
			     node->text, words, count);
	else if (i < 0)
		yaml_expected(errors, node, join(words, count).text);
	return i;
}

void yaml_check_keys(struct yaml_errors *errors, const struct yaml_node *map,
		     const char *const *keys, size_t key_count)
{
	if (map->kind != YAML_MAP)
		return;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (index_of(node->key, keys, key_count) < 0)
			unknown_word(errors, node->key_line, node->key_column, "key", node->key,
				     keys, key_count);
}

/* ---- reading ----------------------------------------------------------------------------- */

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t size;
	size_t nodes;
	struct yaml_errors *errors;
};

/* libyaml says where a syntax error is, but for bad bytes only their offset. */
static void place_of(const struct reader *reader, size_t offset, unsigned *line, unsigned *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < reader->size; i++) {
		if (reader->text[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)reader->text[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

static int syntax_error(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	unsigned line = parser->problem_mark.line + 1, column = parser->problem_mark.column + 1;

	if (parser->error == YAML_MEMORY_ERROR) {
		reader->errors->no_memory = 1;
		return -ENOMEM;
	}
	if (parser->error == YAML_READER_ERROR)
		place_of(reader, parser->problem_offset, &line, &column);
	yaml_errors_add(reader->errors, line, column, "not YAML: %s%s%s", parser->problem,
			parser->context ? " " : "", parser->context ? parser->context : "");
	return -EINVAL;
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
	if (!yaml_parser_parse(&reader->parser, event))
		return syntax_error(reader);
	return 0;
}

static void event_error(struct reader *reader, const yaml_event_t *event, const char *message)
{
	yaml_errors_add(reader->errors, event->start_mark.line + 1, event->start_mark.column + 1,
			"%s", message);
}

/* The text of a scalar event, "" with an error if it has a NUL byte (written "\0" in quotes). */
static char *scalar_text(struct reader *reader, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	char *text;

	if (memchr(value, 0, event->data.scalar.length)) {
		event_error(reader, event, "found a NUL byte in a text");
		value = "";
	}
	text = strdup(value);
	if (!text)
		reader->errors->no_memory = 1;
	return text;
}

static void refuse_anchor_and_tag(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	default:
		break;
	}
	if (anchor || event->type == YAML_ALIAS_EVENT)
		event_error(reader, event, "anchors and aliases (& and *) are not allowed");
	if (tag)
		event_error(reader, event, "tags (!) are not allowed");
}

/* A node of the event's kind without children. NULL: no_memory, or there are too many. */
static struct yaml_node *new_node(struct reader *reader, const yaml_event_t *event)
{
	struct yaml_node *node;

	if (++reader->nodes > YAML_MAX_NODES) {
		yaml_errors_add(reader->errors, event->start_mark.line + 1,
				event->start_mark.column + 1, "found more than %d values",
				YAML_MAX_NODES);
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		reader->errors->no_memory = 1;
		return NULL;
	}
	node->kind = event->type == YAML_MAPPING_START_EVENT  ? YAML_MAP :
		     event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST :
								YAML_TEXT;
	node->line = event->start_mark.line + 1;
	node->column = event->start_mark.column + 1;
	return node;
}

static int read_children(struct reader *reader, struct yaml_node *parent, unsigned depth);

/*
 * Reads the value that begins with `event` into *place, where it is at once, so that freeing the
 * root frees all of it after an error. An error is returned when reading cannot go on.
 */
static int read_value(struct reader *reader, const yaml_event_t *event, unsigned depth,
		      struct yaml_node **place)
{
	struct yaml_node *node = new_node(reader, event);

	if (!node)
		return reader->errors->no_memory ? -ENOMEM : -EINVAL;
	*place = node;
	refuse_anchor_and_tag(reader, event);
	if (event->type == YAML_ALIAS_EVENT) {
		node->text = strdup("");
		return node->text ? 0 : -ENOMEM;
	}
	if (event->type == YAML_SCALAR_EVENT) {
		node->text = scalar_text(reader, event);
		node->quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
			       event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
		return node->text ? 0 : -ENOMEM;
	}
	if (depth >= YAML_MAX_DEPTH) {
		yaml_errors_add(reader->errors, node->line, node->column,
				"found more than %d maps and lists inside each other",
				YAML_MAX_DEPTH);
		return -EINVAL;
	}
	return read_children(reader, node, depth + 1);
}

static void refuse_second(struct reader *reader, const struct yaml_node *map,
			  const yaml_event_t *event, const char *key)
{
	const struct yaml_node *first = yaml_get(map, key);

	if (first)
		yaml_errors_add(reader->errors, event->start_mark.line + 1,
				event->start_mark.column + 1, "key %s was given before, on line %u",
				quote(key).text, first->key_line);
}

/* A key and its value. */
static int read_pair(struct reader *reader, const yaml_event_t *key_event, struct yaml_node *map,
		     unsigned depth, struct yaml_node **place)
{
	yaml_event_t event;
	char *key;
	int err;

	refuse_anchor_and_tag(reader, key_event);
	if (key_event->type != YAML_SCALAR_EVENT) {
		event_error(reader, key_event, "found something else, expected a text as the key");
		return -EINVAL;
	}
	key = scalar_text(reader, key_event);
	if (!key)
		return -ENOMEM;
	refuse_second(reader, map, key_event, key);
	err = next_event(reader, &event);
	if (err) {
		free(key);
		return err;
	}
	err = read_value(reader, &event, depth, place);
	yaml_event_delete(&event);
	if (!*place) {
		free(key);
		return err;
	}
	(*place)->key = key;
	(*place)->key_line = key_event->start_mark.line + 1;
	(*place)->key_column = key_event->start_mark.column + 1;
	return err;
}

static int read_children(struct reader *reader, struct yaml_node *parent, unsigned depth)
{
	struct yaml_node *last = NULL;

	for (;;) {
		struct yaml_node *node = NULL;
		yaml_event_t event;
		int err = next_event(reader, &event);

		if (err)
			return err;
		if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		if (parent->kind == YAML_MAP)
			err = read_pair(reader, &event, parent, depth, &node);
		else
			err = read_value(reader, &event, depth, &node);
		yaml_event_delete(&event);
		if (node) {
			if (last)
				last->next = node;
			else
				parent->first = node;
			last = node;
			parent->count++;
		}
		if (err)
			return err;
	}
}

/* Reads events up to and including one of the given type, or to the value that comes instead. */
static int read_document(struct reader *reader, struct yaml_node **out)
{
	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		int err = next_event(reader, &event);

		if (err)
			return err;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && *out) {
			event_error(reader, &event, "found a second document, expected the end");
			err = -EINVAL;
		} else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
			   type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) {
			err = read_value(reader, &event, 0, out);
		}
		yaml_event_delete(&event);
		if (err || type == YAML_STREAM_END_EVENT)
			return err;
	}
}

/* libyaml compares each %TAG line with all before it: 60 000 of them take it half a minute. */
static int refuse_tag_directives(struct reader *reader)
{
	static const char directive[] = "\n%TAG";
	unsigned line, column;
	size_t at = 0;

	if (reader->size < 4 || memcmp(reader->text, directive + 1, 4) != 0) {
		const char *found = memmem(reader->text, reader->size, directive, 5);

		if (!found)
			return 0;
		at = found + 1 - reader->text;
	}
	place_of(reader, at, &line, &column);
	yaml_errors_add(reader->errors, line, column, "tags (%%TAG) are not allowed");
	return -EINVAL;
}

/* What a file is in which everything has been commented out. */
static struct yaml_node *empty_map(void)
{
	struct yaml_node *node = calloc(1, sizeof(*node));

	if (node) {
		node->kind = YAML_MAP;
		node->line = 1;
		node->column = 1;
	}
	return node;
}

int yaml__parse(const char *file, const char *text, size_t size, struct yaml_node **out,
		struct yaml_errors *errors)
{
	struct reader reader = { .text = text, .size = size, .errors = errors };
	size_t errors_before = errors->count;
	int err;

	*out = NULL;
	errors->file = file;
	if (size > YAML_MAX_SIZE) {
		yaml_errors_add(errors, 1, 1, "found %zu bytes, expected at most %d", size,
				YAML_MAX_SIZE);
		return errors->no_memory ? -ENOMEM : -EINVAL;
	}
	if (!yaml_parser_initialize(&reader.parser)) {
		errors->no_memory = 1;
		return -ENOMEM;
	}
	/* Not guessed from the first bytes: UTF-16 would be let in. So UTF-8's mark is ours. */
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		reader.text += 3;
		reader.size -= 3;
	}
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.text,
				     reader.size);
	err = refuse_tag_directives(&reader);
	if (!err)
		err = read_document(&reader, out);
	yaml_parser_delete(&reader.parser);
	if (!err && !*out) {
		*out = empty_map();
		errors->no_memory |= !*out;
	}
	if (err) {
		yaml__free(*out);
		*out = NULL;
	}
	if (errors->no_memory)
		return -ENOMEM;
	return errors->count > errors_before ? -EINVAL : 0;
}

/* At most `size` bytes; what was read, or -errno. */
static ssize_t read_up_to(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += n;
	}
	return len;
}

static int file_error(struct yaml_errors *errors, const char *path, int err)
{
	char *line;

	if (asprintf(&line, "%s: %s", path, strerror(-err)) < 0)
		line = NULL;
	add_line(errors, line);
	return err;
}

int yaml__load(const char *path, struct yaml_node **out, struct yaml_errors *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	ssize_t size;
	char *text;

	*out = NULL;
	if (fd < 0) {
		err = -errno;
		return file_error(errors, path, err);
	}
	text = malloc(YAML_MAX_SIZE + 1);
	if (!text) {
		close(fd);
		errors->no_memory = 1;
		return -ENOMEM;
	}
	size = read_up_to(fd, text, YAML_MAX_SIZE + 1);
	close(fd);
	err = size < 0 ? file_error(errors, path, size) :
			 yaml__parse(path, text, size, out, errors);
	free(text);
	return err;
}
