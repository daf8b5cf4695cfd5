/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_YAML_H
#define TAPMETER_UTIL_YAML_H
/*
 * A YAML file as a tree of maps, lists and text that remember their places. It is meant for files
 * that people write (profiles, the config file), and for finding all that is wrong in one go. Every
 * scalar is text: what it means is the reader's business. Anchors, aliases, tags and a second
 * document are errors. Nothing here is shared between threads.
 */
#include <stddef.h>

#define YAML_MAX_SIZE (1 << 20) /* bytes of a file */
#define YAML_MAX_DEPTH 16 /* maps and lists inside each other */
#define YAML_MAX_NODES 10000 /* values in a file */

enum yaml_kind {
	YAML_TEXT,
	YAML_MAP,
	YAML_LIST,
};

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column; /* of the value, counted from 1; columns count characters */
	int quoted; /* TEXT: it begins one column further right, after a quote */
	char *text; /* TEXT: its content, which holds no NUL byte; else NULL */
	char *key; /* of a value in a map; else NULL */
	unsigned key_line, key_column;
	size_t count; /* MAP, LIST: values in it */
	struct yaml_node *first; /* MAP, LIST: the values in the order of the file */
	struct yaml_node *next; /* the next value in the same map or list */
};

/* All that is wrong with a file, one line each: "FILE:LINE:COLUMN: what". */
struct yaml_errors {
	size_t count;
	char **lines;
	const char *file; /* named in the lines that are added; borrowed */
	int no_memory; /* 1: lines or values are missing because memory ran out */
};

#define YAML_ERRORS_INIT \
	{                \
		0        \
	}

/* Frees the lines; the list is empty and usable again. */
void yaml_errors_free(struct yaml_errors *errors);
void yaml_errors_add(struct yaml_errors *errors, unsigned line, unsigned column, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));

/*
 * Reads YAML text; `file` names it in errors and must live as long as errors are added. Text without
 * a value (comments only) is an empty map. 0 and *out;
 * -EINVAL with the reasons in *errors; -ENOMEM. On -EINVAL *out is the tree all the same if the
 * text is well-formed (a key was given twice, say), so that the caller can look for more errors,
 * else NULL. Free *out in any case.
 */
int yaml__parse(const char *file, const char *text, size_t size, struct yaml_node **out,
		struct yaml_errors *errors);
/*
 * The same from a file; also -errno of the file, which *errors then says. `path` is borrowed as
 * `file` is.
 */
int yaml__load(const char *path, struct yaml_node **out, struct yaml_errors *errors);
void yaml__free(struct yaml_node *node);

/* The value of a key, NULL if it is not there or if `map` is no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* Adds "found X, expected Y" for a value. */
void yaml_expected(struct yaml_errors *errors, const struct yaml_node *node, const char *expected);
/*
 * The index of the word that a value is, or -1 with an error: "unknown KEY WORD" and the word that
 * was perhaps meant, or all of them.
 */
int yaml_choice(struct yaml_errors *errors, const struct yaml_node *node, const char *const *words,
		size_t count);
/* Adds an error for every key that is none of `keys`, with the key that was perhaps meant. */
void yaml_check_keys(struct yaml_errors *errors, const struct yaml_node *map,
		     const char *const *keys, size_t key_count);

#endif
