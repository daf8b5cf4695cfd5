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
#include "tap/payload.h"
#include "util/yaml.h"

#define PROFILE_MAX_OPERATIONS TM_MAX_OPERATIONS
#define PROFILE_MAX_FUNCTIONS 1024

enum profile_kind {
	PROFILE_MESSAGE, /* feeds tapmeter_message_* */
	PROFILE_CACHE, /* feeds tapmeter_cache_* */
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
};

struct profile_function {
	const char *symbol;
	enum tm_action action;
	int operation; /* index into operations; -1 for close and relabel */
	struct profile_value object, bytes, more, failed[2], nonblocking;
	/* Where the message's bytes are: in the message object `message`, or `size` bytes at `data`. */
	struct profile_value message, data, size;
	int has_errno; /* a failure sets errno */
	int may_throw; /* a C++ exception may pass through: must not be tapped */
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
	size_t operation_count;
	const struct operation *operations;
	size_t function_count;
	const struct profile_function *functions;
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

#endif
