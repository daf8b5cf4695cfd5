/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PROFILE_H
#define TAPMETER_TAP_PROFILE_H
/*
 * A profile is a YAML description of one library or server: which functions to tap and how to read
 * their arguments. docs/profiles.md describes the language. Read once at start, then constant.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/expr.h"
#include "tap/payload.h"
#include "tap/profile_rpc.h"
#include "util/yaml.h"

#define PROFILE_MAX_OPERATIONS TM_MAX_OPERATIONS
#define PROFILE_MAX_FUNCTIONS 1024
#define PROFILE_MAX_CONSTANTS 64
#define PROFILE_MAX_VARIANTS 64 /* of one constant */
#define PROFILE_MAX_COMMANDS 1024

enum profile_kind {
	PROFILE_MESSAGE, /* feeds tapmeter_message_* */
	PROFILE_CACHE, /* feeds tapmeter_cache_* */
	PROFILE_RPC, /* feeds tapmeter_rpc_*; has no functions of its own */
	PROFILE_EVENT, /* feeds tapmeter_tap_* */
};

enum operation_direction {
	OPERATION_NO_DIRECTION,
	OPERATION_SEND,
	OPERATION_RECEIVE,
};

/* What is counted: streams are told apart by (process, operation, object). */
struct operation {
	const char *name; /* "send" */
	enum operation_direction direction;
};

/* A value in a function: an expression of the language, parsed. */
struct profile_value {
	struct tm_value value; /* base NONE = not given */
	/* base STACK: the local variable whose address is passed as argument `local_arg` in the
	 * first call to `local_callee`; `value.offset` counts from its start. Where it lies is
	 * found per file. NULL and 0 for the other bases. */
	const char *local_callee;
	unsigned local_arg;
	/* By enum expr_place: index + 1 into the profile's constants, 0 = the number stands in
	 * `value`; to be negated if the place's bit is set in `negative`. */
	uint8_t constants[EXPR_PLACES];
	uint8_t negative;
};

/* A number that differs by build: the first variant that fits the file. */
struct profile_variant {
	int64_t value;
	const char *symbol; /* the file has this function; NULL = any */
	const char *build_id; /* the file's begins so; NULL = any */
};

struct profile_constant {
	const char *name;
	size_t variant_count;
	const struct profile_variant *variants;
};

/* A counter that the process keeps: where it lies is found in the code of a function that adds 1 to it. */
struct profile_counter {
	const char *object; /* the variable it is part of; NULL = there is no such counter */
	const char *function;
	unsigned nth, of; /* the nth (from 1, by address) of so many that the function adds to */
	int sums; /* it adds amounts; else 1 each time */
};

/* kind cache: bytes, as the sum of two values. */
struct profile_amount {
	struct profile_value value[2]; /* base NONE = not given */
	enum tm_amount_at at;
};

/* A name or number that a call carries, and the operation that it is then. */
struct profile_name {
	const char *text; /* NULL: `number` */
	int64_t number;
	int operation;
};

#define PROFILE_THROWS_BY_NAME (-1) /* it may if its name in the file is a C++ one: of patterns */

struct profile_function {
	const char *symbol;
	enum tm_action action; /* COUNT is RESULT for kind cache */
	int operation; /* index into operations; -1 for close and relabel; if chosen: for all others */
	/* kind event: `object` is the address of the name, `bytes` the value */
	struct profile_value object, bytes, more, failed[2], nonblocking;
	/* Where the message's bytes are: in the message object `message`, or `size` bytes at `data`. */
	struct profile_value message, data, size;
	int has_errno; /* a failure sets errno */
	/* Whether a C++ exception may pass through: then it must not be tapped; or PROFILE_THROWS_BY_NAME */
	int may_throw;
	/* kind cache */
	struct profile_value when[2], hits, misses, evictions, expirations, failed_growth;
	struct profile_amount sent, received;
	struct profile_value name; /* chooses the operation by name_kind */
	enum tm_name_kind name_kind;
	size_t number_count; /* NUMBER; texts are looked up in the profile's commands */
	const struct profile_name *numbers;
	enum tm_nested nested;
	unsigned counters; /* bit per enum tm_counter */
	uint64_t lookups; /* bit per operation that hits and misses are of, 0 = all */
};

/* Which files and processes a profile is meant for; each list may be empty: any. Patterns as in fnmatch(3). */
struct profile_match {
	size_t symbol_count, without_count, comm_count, exe_count, kernel_count, endpoint_count;
	const char *const *symbols; /* functions or variables that the file must have, all of them */
	const char *const *without; /* and must not have, any of them */
	const char *const *comms;
	const char *const *exes;
	const char *const *kernels;
	const char *const *endpoints;
};

struct profile_label_value {
	const char *from; /* mangled class name */
	const char *to; /* label value */
};

/* How a profile's object looks in memory (optional). */
struct profile_object {
	int given;
	const char *class_prefix; /* "" = no check */
	uint32_t tag; /* 0 = none */
	uint32_t within; /* bytes to scan for the tag and the text, <= TM_OBJECT_HEAD */
	size_t class_count; /* socket_type from the class name */
	const struct profile_label_value *classes;
	size_t prefix_count; /* endpoint: std::string that starts with one of these */
	const char *const *prefixes;
};

struct profile {
	const char *name;
	const char *file; /* where it came from, "built-in" for ours */
	const char *description;
	enum profile_kind kind;
	const char *system; /* label */
	const char *side; /* cache: client, server; "" otherwise */
	struct profile_object object;
	struct profile_message message;
	struct profile_rpc *rpc; /* kind rpc; NULL otherwise */
	size_t operation_count;
	const struct operation *operations;
	size_t function_count;
	const struct profile_function *functions;
	struct profile_match match;
	size_t constant_count;
	const struct profile_constant *constants;
	struct profile_counter counters[TM_COUNTERS];
	size_t command_count;
	const struct profile_name *commands;
	int background; /* operation for counters that grow outside of calls; -1 = none */
	/* endpoint prefixes of traffic that the library makes for itself, left out of live-stat */
	size_t internal_count;
	const char *const *internal_endpoints;
};

/*
 * Reads a profile from text; `file` names it in errors. Returns 0 and *out, -EINVAL with all errors
 * found in *errors (not only the first), -ENOMEM. *out is NULL on error. The profile does not point
 * into `text` or `file`.
 */
int profile__parse(const char *file, const char *text, size_t size, struct profile **out,
		   struct yaml_errors *errors);
/* From a file (at most YAML_MAX_SIZE). Also -errno of the file, which *errors then says. */
int profile__load(const char *path, struct profile **out, struct yaml_errors *errors);
void profile__free(struct profile *profile);
/* Whether any of its functions or counters tells of evictions or expirations. */
int profile_counts_removals(const struct profile *profile);
/* Whether a symbol is a name of C++ (or of older Rust, whose panics are exceptions too). */
int profile_is_mangled(const char *symbol);

#endif
