/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_WEB_CONFIG_H
#define TAPMETER_SERVE_WEB_CONFIG_H
/*
 * The file of --web.config.file, in the format that Prometheus' exporters share (exporter-toolkit,
 * docs/web-configuration.md): TLS, client certificates, response headers, users with bcrypt hashes. Read at start and
 * again at SIGHUP; constant in between.
 */
#include <stdbool.h>
#include <stddef.h>
#include "util/yaml.h"

#define WEB_MAX_HEADERS 5

/* As Go's crypto/tls names them. */
enum web_client_auth {
	WEB_NO_CLIENT_CERT,
	WEB_REQUEST_CLIENT_CERT,
	WEB_REQUIRE_ANY_CLIENT_CERT,
	WEB_VERIFY_CLIENT_CERT_IF_GIVEN,
	WEB_REQUIRE_AND_VERIFY_CLIENT_CERT,
};

struct web_user {
	const char *name;
	const char *hash; /* bcrypt, as crypt(5) writes it */
};

struct web_header {
	const char *name;
	const char *value;
};

struct web_config {
	bool tls;
	/* PEM texts; NULL = none. They are checked: the key is the certificate's. */
	char *cert, *key, *client_ca;
	enum web_client_auth client_auth;
	char priorities[128]; /* GnuTLS priority string for the TLS versions allowed */
	size_t header_count;
	struct web_header headers[WEB_MAX_HEADERS];
	size_t user_count;
	struct web_user *users;
	struct yaml_node *document; /* the texts of headers and users belong to it */
};

/*
 * Reads the file and those that it names (relative to its folder). -EINVAL, or -errno of a file, with all that is
 * wrong in *errors; -ENOMEM. `path` must live as long as errors are added. Free *out with web_config__free().
 */
int web_config__load(const char *path, struct web_config **out, struct yaml_errors *errors);
/* Overwrites the key before it is freed. Accepts NULL. */
void web_config__free(struct web_config *config);

#endif
