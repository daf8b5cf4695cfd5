/* SPDX-License-Identifier: Apache-2.0 */
#include "util/otlp_settings.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#define TIMEOUT_MS 10000
#define INTERVAL_MS 60000
#define MAX_MS 86400000 /* a day */
#define MIN_INTERVAL_MS 100
#define MAX_TEXT 8192 /* of a variable */
#define MAX_PAIRS 64
#define URL_SIZE 1024
#define PATH "/v1/metrics"

/* The work on one set of settings. */
struct reader {
	otlp_env_fn env;
	struct relay_settings *settings;
	char *err;
	size_t err_len;
};

/* A variable that is empty is as one that is not set. */
static const char *variable(const struct reader *reader, const char *name)
{
	const char *value = reader->env(name);

	return value && *value ? value : NULL;
}

/* The one for metrics beats the one for all signals: "OTEL_EXPORTER_OTLP_METRICS_X", "OTEL_EXPORTER_OTLP_X". */
static const char *exporter_variable(const struct reader *reader, const char *what, char *name,
				     size_t size)
{
	const char *value;

	snprintf(name, size, "OTEL_EXPORTER_OTLP_METRICS_%s", what);
	value = variable(reader, name);
	if (value)
		return value;
	snprintf(name, size, "OTEL_EXPORTER_OTLP_%s", what);
	return variable(reader, name);
}

static int invalid(const struct reader *reader, const char *name, const char *expected)
{
	snprintf(reader->err, reader->err_len, "%s: must be %s", name, expected);
	return -EINVAL;
}

/* What is given may be shown: no headers. */
static int invalid_value(const struct reader *reader, const char *name, const char *value,
			 const char *expected)
{
	snprintf(reader->err, reader->err_len, "%s=%.100s: must be %s", name, value, expected);
	return -EINVAL;
}

static int add(const struct reader *reader, const char *name, const char *value)
{
	int err = reader->settings ? relay_settings_add(reader->settings, name, value) : 0;

	if (err)
		snprintf(reader->err, reader->err_len,
			 "the OTEL_ variables are too long all together");
	return err;
}

/* ---- where to ----------------------------------------------------------------------------------------- */

int otlp_is_url(const char *text)
{
	const char *host = !strncmp(text, "http://", 7)	 ? text + 7 :
			   !strncmp(text, "https://", 8) ? text + 8 :
							   NULL;

	if (!host || strlen(text) >= URL_SIZE - sizeof(PATH) || !*host || *host == '/' ||
	    *host == ':')
		return 0;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("@?#\\\"", *c))
			return 0;
	return 1;
}

/* To an endpoint for all signals, the path of this one is added. */
static int add_url(const struct reader *reader, const char *name, const char *value, int base)
{
	char url[URL_SIZE];
	size_t len = strlen(value);

	if (!otlp_is_url(value)) /* a password may be in it */
		return invalid(reader, name, OTLP_URL_EXPECTED);
	while (base && len && value[len - 1] == '/')
		len--;
	snprintf(url, sizeof(url), "%.*s%s", (int)len, value, base ? PATH : "");
	return add(reader, "otlp.url", url);
}

static int add_endpoint(const struct reader *reader, const char *flag)
{
	static const char metrics[] = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
	static const char all[] = "OTEL_EXPORTER_OTLP_ENDPOINT";
	const char *value;

	if (flag)
		return add_url(reader, "--otlp.endpoint", flag, 1);
	value = variable(reader, metrics);
	if (value)
		return add_url(reader, metrics, value, 0);
	value = variable(reader, all);
	return value ? add_url(reader, all, value, 1) : -ENOENT;
}

/* Other programs' settings on this host must not make this one push. */
static int is_off(const struct reader *reader)
{
	const char *disabled = variable(reader, "OTEL_SDK_DISABLED");
	const char *exporter = variable(reader, "OTEL_METRICS_EXPORTER");

	return (disabled && !strcasecmp(disabled, "true")) ||
	       (exporter && strcmp(exporter, "otlp") != 0);
}

static int check_protocol(const struct reader *reader)
{
	char name[64];
	const char *value = exporter_variable(reader, "PROTOCOL", name, sizeof(name));

	if (!value || !strcmp(value, "http/protobuf"))
		return 0;
	return invalid_value(reader, name, value, "http/protobuf, which is what tapmeter speaks");
}

/* ---- how ------------------------------------------------------------------------------------------------ */

static int read_ms(const struct reader *reader, const char *name, const char *value, uint64_t min,
		   uint64_t *ms)
{
	char *end;

	if (!value)
		return 0;
	errno = 0;
	*ms = strtoull(value, &end, 10);
	if (errno || *end || *value < '0' || *value > '9' || *ms < min || *ms > MAX_MS)
		return invalid_value(reader, name, value, "a number of milliseconds, up to a day");
	return 0;
}

static int add_u64(const struct reader *reader, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return add(reader, name, text);
}

static int add_times(const struct reader *reader, uint64_t *interval_ns)
{
	static const char interval[] = "OTEL_METRIC_EXPORT_INTERVAL";
	uint64_t timeout_ms = TIMEOUT_MS, interval_ms = INTERVAL_MS;
	char name[64];
	const char *value = exporter_variable(reader, "TIMEOUT", name, sizeof(name));
	int err = read_ms(reader, name, value, 1, &timeout_ms);

	if (!err)
		err = read_ms(reader, interval, variable(reader, interval), MIN_INTERVAL_MS,
			      &interval_ms);
	if (err)
		return err;
	*interval_ns = interval_ms * 1000000;
	err = add_u64(reader, "otlp.timeout_ms", timeout_ms);
	return err ? err : add_u64(reader, "otlp.interval_ns", *interval_ns);
}

static int add_compression(const struct reader *reader)
{
	char name[64];
	const char *value = exporter_variable(reader, "COMPRESSION", name, sizeof(name));

	if (value && strcmp(value, "gzip") != 0 && strcmp(value, "none") != 0)
		return invalid_value(reader, name, value, "gzip or none");
	return add_u64(reader, "otlp.gzip", !value || !strcmp(value, "gzip"));
}

/* The relay has no working directory to speak of. */
static int add_files(const struct reader *reader)
{
	static const char *const files[][2] = { { "CERTIFICATE", "otlp.ca" },
						{ "CLIENT_CERTIFICATE", "otlp.cert" },
						{ "CLIENT_KEY", "otlp.key" } };
	char name[64];
	int err = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !err; i++) {
		const char *value = exporter_variable(reader, files[i][0], name, sizeof(name));

		if (value && *value != '/')
			err = invalid_value(reader, name, value, "an absolute path");
		else if (value)
			err = add(reader, files[i][1], value);
	}
	return err;
}

/* ---- lists: "name=value,name=value", percent-encoded ------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. 0 if an escape is none, or stands for a control character. */
static int decode(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (*text == '%') {
			int high = digit(text[1]), low = high < 0 ? -1 : digit(text[2]);

			if (low < 0)
				return 0;
			*to = (char)(high << 4 | low);
			text += 2;
		}
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			return 0;
	}
	*to = '\0';
	return 1;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len && strchr(" \t", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* RFC 9110: a header's name. */
static int is_token(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789!#$%&'*+-.^_`|~")];
}

static int add_pair(const struct reader *reader, const char *prefix, unsigned number,
		    const char *name, const char *separator, const char *value)
{
	char key[32], text[MAX_TEXT];

	snprintf(key, sizeof(key), "%s.%u", prefix, number);
	snprintf(text, sizeof(text), "%s%s%s", name, separator, value);
	return add(reader, key, text);
}

/* Adds the pairs under `prefix`, from *number on. The names, but no value, may show up in an error. */
static int add_list(const struct reader *reader, const char *variable_name, const char *list,
		    const char *prefix, const char *separator, unsigned *number)
{
	char *text = strdup(list), *rest = text, *item;
	int err = text ? 0 : -ENOMEM;

	if (text && strlen(text) >= MAX_TEXT / 2)
		err = invalid(reader, variable_name, "shorter than 4 KiB");
	while (!err && (item = strsep(&rest, ","))) {
		char *equals = strchr(item, '='), *name = trim(item), *value;

		if (!*name)
			continue;
		if (equals)
			*equals = '\0';
		name = trim(item);
		value = equals ? trim(equals + 1) : NULL;
		if (!value || !is_token(name) || !decode(value) || *number >= MAX_PAIRS)
			err = invalid(reader, variable_name,
				      "name=value,name=value, at most 64, with %XX for what is not "
				      "plain text");
		else
			err = add_pair(reader, prefix, (*number)++, name, separator, value);
	}
	if (text)
		explicit_bzero(text, strlen(list));
	free(text);
	return err;
}

static int add_headers(const struct reader *reader)
{
	char name[64];
	const char *value = exporter_variable(reader, "HEADERS", name, sizeof(name));
	unsigned number = 0;

	return value ? add_list(reader, name, value, "otlp.header", ": ", &number) : 0;
}

/* ---- resource -------------------------------------------------------------------------------------------- */

/* Whether the list, which is `name=value,…`, has this name. */
static int has_name(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
		list += strspn(list, " \t");
		if (!strncmp(list, name, len) && list[len + strspn(list + len, " \t")] == '=')
			return 1;
	}
	return 0;
}

static int add_resource(const struct reader *reader, const struct otlp_host *host)
{
	static const char attributes[] = "OTEL_RESOURCE_ATTRIBUTES";
	const char *given = variable(reader, attributes);
	const char *service = variable(reader, "OTEL_SERVICE_NAME");
	const char *const own[][2] = { { "service.name", service ? service : "tapmeter" },
				       { "service.instance.id", host->instance },
				       { "host.name", host->name },
				       { "host.id", host->id } };
	unsigned number = 0;
	int err = 0;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && !err; i++)
		/* what is given counts; but the service's name has a variable of its own that does more so */
		if (*own[i][1] && ((!i && service) || !has_name(given, own[i][0])))
			err = add_pair(reader, "otlp.resource", number++, own[i][0], "=",
				       own[i][1]);
	if (!err && given)
		err = add_list(reader, attributes, given, "otlp.resource", "=", &number);
	return err;
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

int otlp_settings_add(const char *endpoint, otlp_env_fn env, const struct otlp_host *host,
		      struct relay_settings *settings, uint64_t *interval_ns, char *err,
		      size_t err_len)
{
	const struct reader reader = { .env = env,
				       .settings = settings,
				       .err = err,
				       .err_len = err_len };
	int ret;

	if (!endpoint && is_off(&reader))
		return -ENOENT;
	ret = add_endpoint(&reader, endpoint);
	if (!ret)
		ret = check_protocol(&reader);
	if (!ret)
		ret = add_times(&reader, interval_ns);
	if (!ret)
		ret = add_compression(&reader);
	if (!ret)
		ret = add_files(&reader);
	if (!ret)
		ret = add_headers(&reader);
	return ret ? ret : add_resource(&reader, host);
}

/* ---- the relay's side ------------------------------------------------------------------------------------- */

const char *otlp_settings_header(const struct relay_settings *settings, unsigned number)
{
	char key[32];

	snprintf(key, sizeof(key), "otlp.header.%u", number);
	return relay_settings_get(settings, key);
}

int otlp_settings_resource(const struct relay_settings *settings, unsigned number,
			   const char **name, size_t *name_len, const char **value)
{
	char key[32];
	const char *equals;

	snprintf(key, sizeof(key), "otlp.resource.%u", number);
	*name = relay_settings_get(settings, key);
	equals = *name ? strchr(*name, '=') : NULL;
	if (!equals)
		return 0;
	*name_len = (size_t)(equals - *name);
	*value = equals + 1;
	return 1;
}

/* ---- the host ------------------------------------------------------------------------------------------------ */

static void read_machine_id(char *out, size_t size)
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, out, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	out[got > 0 ? got : 0] = '\0';
	out[strspn(out, "0123456789abcdef")] = '\0';
}

/* RFC 9562, version 4 */
static void make_instance(char *out, size_t size)
{
	unsigned char b[16];

	*out = '\0';
	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
}

void otlp_host_read(struct otlp_host *out)
{
	*out = (struct otlp_host){ 0 };
	if (gethostname(out->name, sizeof(out->name) - 1))
		out->name[0] = '\0';
	read_machine_id(out->id, sizeof(out->id));
	make_instance(out->instance, sizeof(out->instance));
}
