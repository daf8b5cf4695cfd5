/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_GAUGE_SPEC_H
#define TAPMETER_UTIL_GAUGE_SPEC_H
/*
 * Gauges that the user declares in the config file, each a variable of a running program; docs/gauges.md has the
 * language. Read once at start, then constant.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/options.h"
#include "util/yaml.h"

#define GAUGE_SPECS_MAX 256
#define GAUGE_SPEC_LABELS_MAX 16
#define GAUGE_NAME_MAX 64 /* bytes, NUL included */
#define GAUGE_SYMBOL_MAX 256 /* the same */

enum gauge_type {
	GAUGE_I8,
	GAUGE_I16,
	GAUGE_I32,
	GAUGE_I64,
	GAUGE_U8,
	GAUGE_U16,
	GAUGE_U32,
	GAUGE_U64,
	GAUGE_F32,
	GAUGE_F64,
	GAUGE_BOOL,
	GAUGE_TYPES,
};

struct gauge_spec_label {
	char *name;
	char *value;
};

struct gauge_spec {
	char *name; /* without "tapmeter_gauge_" */
	char *help;
	/* Patterns as in fnmatch(3); each list may be empty: any. At least one is not. */
	struct option_texts comms, exes, kernel_ids;
	char *symbol;
	char *file; /* pattern of the mapped file's path, NULL = any */
	enum gauge_type type;
	int pointer; /* the variable points to the value, or to the struct that it is in */
	uint64_t offset; /* bytes, in the variable or behind the pointer */
	size_t label_count;
	struct gauge_spec_label *labels;
};

struct gauge_specs {
	struct gauge_spec *items;
	size_t count;
};

/* Adds what the list says to *out, what is wrong with it to *errors. Free *out in any case. */
void gauge_specs_read(const struct yaml_node *list, struct gauge_specs *out,
		      struct yaml_errors *errors);
/* Frees what it holds; it is then empty. */
void gauge_specs_free(struct gauge_specs *specs);

/* Bytes of a value of that type. */
size_t gauge_type_size(enum gauge_type type);
/* The value whose bytes these are. */
double gauge_type_value(enum gauge_type type, const void *bytes);

/* 1 if a family may be named tapmeter_gauge_NAME: shorter than GAUGE_NAME_MAX, no suffix that means another type. */
int gauge_name_valid(const char *name);
/* 1 if a gauge may have a label of this name beside those that all have. */
int gauge_label_valid(const char *name);

#endif
