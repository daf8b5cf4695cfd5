/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_LOG_H
#define TAPMETER_UTIL_LOG_H
/*
 * The log: lines of named values on stderr, as logfmt or JSON. Without a time, which the journal or
 * the container engine adds. Only for the command line, the agent and the attach path: everything
 * else returns errors.
 *
 *	log_msg(LOG_INFO, "ready", LOG_STR("address", address), LOG_U64("taps", taps));
 *	level=info msg=ready address=127.0.0.1:9752 taps=3
 *	{"level":"info","msg":"ready","address":"127.0.0.1:9752","taps":3}
 */
#include <stdint.h>
#include "util/strbuf.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
};

enum log_format {
	LOG_LOGFMT,
	LOG_JSON,
};

/* Made by LOG_STR() and LOG_U64(). */
struct log_field {
	const char *key; /* letters, digits and '_' only; NULL ends a list */
	const char *text; /* NULL = `number` is the value */
	uint64_t number;
};

/* Text may hold any bytes: control characters are escaped, what is not UTF-8 becomes U+FFFD. */
#define LOG_STR(name, value) log_text((name), (value))
#define LOG_U64(name, value) ((struct log_field){ .key = (name), .number = (value) })

/* Logs a message, a fixed text, with any number of fields. Any thread. */
#define log_msg(level, msg, ...)                                              \
	log_write((level), (const struct log_field[]){ LOG_STR("msg", (msg)), \
						       ##__VA_ARGS__,         \
						       { .key = NULL } })

/*
 * What is logged from now on, `level` and worse, and how; LOG_INFO and LOG_LOGFMT before. Not while
 * other threads log.
 */
void log_setup(enum log_level level, enum log_format format);

/*
 * Writes the line with a single write(2), so that lines of several threads do not mix (in a pipe:
 * up to 4096 bytes). errno stays as it was. Meant for log_msg().
 */
void log_write(enum log_level level, const struct log_field *fields);

/* Adds the line, newline included. Pure. */
void log_format_line(struct strbuf *out, enum log_format format, enum log_level level,
		     const struct log_field *fields);

/* NULL is "". */
static inline struct log_field log_text(const char *key, const char *text)
{
	return (struct log_field){ .key = key, .text = text ? text : "" };
}

#endif
