/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_OPTIONS_H
#define TAPMETER_UTIL_OPTIONS_H
/*
 * Options are a table: each has a name, a type, a place in a struct, limits, a default and a help
 * text. The same table reads the command line ("--web.listen-address=X" or
 * "--web.listen-address X") and a YAML file, where "web.listen-address: X" and
 * "web: {listen-address: X}" are the same. The command line beats the file. All functions: one
 * thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/yaml.h"

/* Types, and the type of the field that holds the value. */
enum option_type {
	OPTION_TEXT, /* char *, never empty, NULL = not given */
	OPTION_TEXTS, /* struct option_texts; may be repeated, a list in the file */
	OPTION_NUMBER, /* uint64_t */
	OPTION_NUMBERS, /* struct option_numbers; may be repeated, a list in the file */
	OPTION_DURATION, /* uint64_t, nanoseconds; given as "10s", see duration.h */
	OPTION_SECONDS, /* uint64_t, nanoseconds; given as "0.25" */
	OPTION_PERCENT, /* uint64_t, of one CPU, in nanoseconds per second; given as "2.5%" */
	OPTION_CHOICE, /* unsigned, the place of the word in option_spec.argument, from 0 */
	OPTION_BOOL, /* int; "--name" alone means true */
};

struct option_texts {
	char **items;
	size_t count;
};

struct option_numbers {
	uint64_t *items;
	size_t count;
};

struct option_spec {
	const char *name; /* "web.listen-address"; NULL ends a table */
	enum option_type type;
	size_t offset; /* of the field */
	/* What help shows after the "="; CHOICE: the words, "one|two|three". NULL for BOOL. */
	const char *argument;
	const char *value; /* the default, as if it were given; NULL = empty or 0 */
	uint64_t min, max; /* NUMBER, NUMBERS, DURATION, SECONDS (nanoseconds): what is allowed */
	int (*valid)(const char *text); /* TEXT, TEXTS: one more condition, or NULL */
	const char *expected; /* TEXT, TEXTS: for error messages; NULL = `argument` says it */
	int not_in_file; /* 1: only on the command line */
	char letter; /* 'o': "-o X" means the same; 0 = no such short form */
	const char *
		group; /* help: heading above this option and those that follow; NULL = as before */
	const char *help; /* a sentence or two */
};

#define OPTIONS_MAX 64 /* options in a table */

struct options {
	const struct option_spec *specs;
	void *target;
	uint64_t given; /* bit i: option i was on the command line */
	/* Where arguments that are no options go; NULL = there must be none. Not freed by us. */
	struct option_texts *arguments;
	/* A key of the file that is no option, and who reads its value. NULL = there is none. */
	const char *other_key;
	void (*read_other)(void *arg, const struct yaml_node *node, struct yaml_errors *errors);
	void *other_arg;
};

/*
 * Sets the fields of *target, which must be all zero, to the defaults. `specs` and `target` are
 * borrowed. -ENOMEM; -EINVAL if a default is not valid or the table too long. Whatever it returns,
 * options_free() has to follow.
 */
int options_init(struct options *options, const struct option_spec *specs, void *target);
/* Frees what the fields point to, and makes them NULL. */
void options_free(const struct options *options);
/* Frees a list of texts, and makes it empty. */
void option_texts_free(struct option_texts *texts);

/*
 * Reads argv[1] and those after it: options and, if there is a place for them, other arguments; all
 * that follows "--" is such. Of an option given twice the last counts, unless it is a list. -EINVAL with one line in err (without newline): the option, what was given,
 * what is expected; -ENOMEM.
 */
int options_parse_args(struct options *options, int argc, char *const *argv, char *err,
		       size_t err_len);

/*
 * Reads a YAML file, after the command line. Values of options that the command line gave are
 * checked, too, but not used. -EINVAL with all that is wrong in *errors; -errno of the file, also
 * said there; -ENOMEM.
 */
int options_parse_file(struct options *options, const char *path, struct yaml_errors *errors);

#endif
