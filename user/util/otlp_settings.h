/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_OTLP_SETTINGS_H
#define TAPMETER_UTIL_OTLP_SETTINGS_H
/*
 * What is to be pushed by OTLP, and whereto: from --otlp.endpoint and OpenTelemetry's standard variables, for
 * tapmeter-relay. Among the settings:
 *
 *	otlp.url  otlp.timeout_ms  otlp.interval_ns  otlp.gzip  otlp.ca  otlp.cert  otlp.key
 *	otlp.header.N = "Name: value"	otlp.resource.N = "name=value"		N from 0
 */
#include <stddef.h>
#include <stdint.h>
#include "util/relay_settings.h"

/* What this host and this run of the agent are called; "" = not known. */
struct otlp_host {
	char name[256]; /* host.name */
	char id[64]; /* host.id */
	char instance[40]; /* service.instance.id */
};
/* Asks the system; each call makes another instance. */
void otlp_host_read(struct otlp_host *out);

typedef const char *(*otlp_env_fn)(const char *name);

/*
 * `endpoint` is the flag's value or NULL; `env` gives a variable's value or NULL (secure_getenv). Adds to *settings, if it is not
 * NULL, and says how often. 0; -ENOENT: nothing is to be pushed; -EINVAL with one line in err, without any secret;
 * -E2BIG.
 */
int otlp_settings_add(const char *endpoint, otlp_env_fn env, const struct otlp_host *host,
		      struct relay_settings *settings, uint64_t *interval_ns, char *err,
		      size_t err_len);
/* Whether it is a URL that metrics can be pushed to. */
int otlp_is_url(const char *text);
#define OTLP_URL_EXPECTED "http://HOST[:PORT][/PATH] or https://..., without a password in it"

/*
 * Attribute N that is to go to all resources: copied to `name`, *value points behind it. 0 if there is none.
 */
int otlp_settings_resource(const struct relay_settings *settings, unsigned number,
			   const char **name, size_t *name_len, const char **value);
/* Header N, or NULL. */
const char *otlp_settings_header(const struct relay_settings *settings, unsigned number);

#endif
