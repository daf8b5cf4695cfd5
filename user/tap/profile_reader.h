/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PROFILE_READER_H
#define TAPMETER_TAP_PROFILE_READER_H
/*
 * What the parts of the reader of profiles share: profile.c reads the frame and the functions,
 * profile_result.c what is special to caches and builds. Not for others. All that is wrong goes
 * to `errors`; functions go on as far as they can.
 */
#include "tap/profile.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SYMBOL_MAX_LEN 255

struct owned_profile;

struct reader {
	struct owned_profile *owned;
	struct profile *profile;
	struct operation *operations; /* the profile's, while they are being read */
	struct profile_function *functions;
	int kind; /* -1 if it could not be read */
	struct yaml_errors *errors;
};

/* What a value in a function may be. */
enum value_rules {
	IS_VALUE = 1,
	NO_RETVAL = 2, /* wanted when the call begins */
	NO_LOCAL = 4, /* where it lies may not be found; only `more` may be unknown */
	NO_COMPARISON = 8,
	NO_CONSTANT = 16,
};

/* Zeroed memory that lives as long as the profile. NULL with no_memory set. */
void *reader_keep(struct reader *r, size_t count, size_t size);
/* A copy that lives as long; "" with no_memory set. */
const char *reader_text(struct reader *r, const char *s);
/* The value of a key that must be there. */
const struct yaml_node *reader_need(struct reader *r, const struct yaml_node *map, const char *key);
/* "key X does not go with OTHER" */
void reader_refuse(struct reader *r, const struct yaml_node *node, const char *other);
int reader_is_name(const char *s);
const char *reader_name(struct reader *r, const struct yaml_node *node);
int reader_is_symbol(const char *s);
/* A line of 1 to `max` bytes, which `expected` describes. */
const char *reader_line(struct reader *r, const struct yaml_node *node, size_t max,
			const char *expected);
/* The index of a word in a list; -1 if it is none of them or if there is no value. */
int reader_choice(struct reader *r, const struct yaml_node *node, const char *const *words,
		  size_t count);
/* 1 if it is of that kind and has from 1 to `max` values, which `what` names. */
int reader_has_some(struct reader *r, const struct yaml_node *node, enum yaml_kind kind, size_t max,
		    const char *what);
void reader_value(struct reader *r, const struct yaml_node *node, unsigned rules,
		  struct profile_value *out);
/* The index of the operation that the value names, -1 if there is none. */
int reader_operation(struct reader *r, const struct yaml_node *node);

/* ---- profile_result.c ---- */

/* match, constants, counters, commands, background; after operations. */
void reader_tables(struct reader *r, const struct yaml_node *root);
/* `operation` as a map: the operation is chosen by a name or number. */
void reader_chosen(struct reader *r, const struct yaml_node *map, struct profile_function *out);
/* The keys of a function that only caches have. */
void reader_results(struct reader *r, const struct yaml_node *map, struct profile_function *out);
/* Finds the constants that the expression at `node` names. */
void reader_constants(struct reader *r, const struct yaml_node *node, const struct expr *expr,
		      struct profile_value *out);

#endif
