/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "util/log.h"

static struct {
	enum log_level level;
	enum log_format format;
} settings = { LOG_INFO, LOG_LOGFMT };

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

void log_setup(enum log_level level, enum log_format format)
{
	settings.level = level;
	settings.format = format;
}

/*
 * As a JSON string. Terminals also obey DEL and the C1 control characters (U+0080 to U+009F, in
 * UTF-8 c2 80 to c2 9f), so these are escaped, too, though JSON does not ask for it.
 */
static void add_quoted(struct strbuf *out, const char *s)
{
	struct strbuf json = STRBUF_INIT;

	strbuf_add_json(&json, s);
	if (json.err) {
		out->err = json.err;
		strbuf_free(&json);
		return;
	}
	for (const unsigned char *p = (const unsigned char *)json.data; *p; p++) {
		if (*p == 0x7f) {
			strbuf_addstr(out, "\\u007f");
		} else if (*p == 0xc2 && p[1] < 0xa0) {
			strbuf_addf(out, "\\u%04x", p[1]);
			p++;
		} else {
			strbuf_addch(out, (char)*p);
		}
	}
	strbuf_free(&json);
}

/* As it is if it is one plain word, else quoted. */
static void add_word(struct strbuf *out, const char *s)
{
	size_t len = strlen(s), start = out->len;

	add_quoted(out, s);
	if (out->err || !len || strpbrk(s, " ="))
		return;
	/* nothing was escaped: the quotes go */
	if (out->len == start + len + 2 && !memcmp(out->data + start + 1, s, len)) {
		out->len = start;
		strbuf_add(out, s, len);
	}
}

static void add_logfmt_field(struct strbuf *out, const struct log_field *field)
{
	strbuf_addf(out, " %s=", field->key);
	if (field->text)
		add_word(out, field->text);
	else
		strbuf_addu64(out, field->number);
}

static void add_json_field(struct strbuf *out, const struct log_field *field)
{
	strbuf_addf(out, ",\"%s\":", field->key);
	if (field->text)
		add_quoted(out, field->text);
	else
		strbuf_addu64(out, field->number);
}

void log_format_line(struct strbuf *out, enum log_format format, enum log_level level,
		     const struct log_field *fields)
{
	int json = format == LOG_JSON;
	void (*add)(struct strbuf *, const struct log_field *) = json ? add_json_field :
									add_logfmt_field;

	strbuf_addf(out, json ? "{\"level\":\"%s\"" : "level=%s", level_names[level]);
	for (const struct log_field *field = fields; field->key; field++)
		add(out, field);
	strbuf_addstr(out, json ? "}\n" : "\n");
}

static void write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* there is no place left to say so */
		data += n;
		len -= (size_t)n;
	}
}

void log_write(enum log_level level, const struct log_field *fields)
{
	static const char no_memory[] = "level=error msg=\"no memory for a log line\"\n";
	struct strbuf line = STRBUF_INIT;
	int saved = errno;

	if (level < settings.level)
		return;
	log_format_line(&line, settings.format, level, fields);
	if (line.err)
		write_all(no_memory, sizeof(no_memory) - 1);
	else
		write_all(line.data, line.len);
	strbuf_free(&line);
	errno = saved;
}
