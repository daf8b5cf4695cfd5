/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/web_config.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PEM_SIZE (1 << 20)
#define BCRYPT_LEN 60 /* "$2b$10$" and 53 characters of salt and hash: crypt(5) */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct loader {
	const char *path;
	struct web_config *config;
	struct yaml_errors *errors;
};

/* ---- files ---- */

static void file_failed(struct loader *loader, const struct yaml_node *node, const char *why)
{
	yaml_errors_add(loader->errors, node->line, node->column, "%s: %s: %s", node->key,
			node->text, why);
}

/* The path of a file that the configuration names: relative ones are meant from its own folder. */
static int resolve(const struct loader *loader, const char *name, char path[PATH_MAX])
{
	const char *slash = strrchr(loader->path, '/');
	int directory = slash && name[0] != '/' ? (int)(slash - loader->path) + 1 : 0;
	int len = snprintf(path, PATH_MAX, "%.*s%s", directory, loader->path, name);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The file's text, ended with NUL; NULL and *err. */
static char *read_file(const char *path, int *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0;
	struct stat st;
	ssize_t n = 0;

	*err = -errno;
	if (fd < 0)
		return NULL;
	*err = -EINVAL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= MAX_PEM_SIZE) {
		text = calloc(1, (size_t)st.st_size + 1);
		*err = text ? 0 : -ENOMEM;
	}
	while (text && len < (size_t)st.st_size) {
		n = read(fd, text + len, (size_t)st.st_size - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0)
		*err = -errno;
	close(fd);
	if (*err) {
		free(text);
		return NULL;
	}
	return text;
}

static char *load_pem(struct loader *loader, const struct yaml_node *node)
{
	char path[PATH_MAX], *text;
	int err;

	if (!node)
		return NULL;
	if (node->kind != YAML_TEXT || !node->text[0]) {
		yaml_expected(loader->errors, node, "the name of a PEM file");
		return NULL;
	}
	err = resolve(loader, node->text, path);
	text = err ? NULL : read_file(path, &err);
	if (!text)
		file_failed(loader, node, strerror(-err));
	return text;
}

/* ---- TLS ---- */

/* Names of Go's constants, without the "VersionTLS" that nobody writes. */
static const char *const versions[] = { "TLS10", "TLS11", "TLS12", "TLS13" };
static const char *const priorities[] = { "VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2",
					  "VERS-TLS1.3" };
#define DEFAULT_MIN_VERSION 2 /* exporter-toolkit's, too */

static void read_versions(struct loader *loader, const struct yaml_node *tls)
{
	const struct yaml_node *min = yaml_get(tls, "min_version"),
			       *max = yaml_get(tls, "max_version");
	int from = DEFAULT_MIN_VERSION, to = COUNT(versions) - 1;
	size_t len;

	if (min)
		from = yaml_choice(loader->errors, min, versions, COUNT(versions));
	if (max)
		to = yaml_choice(loader->errors, max, versions, COUNT(versions));
	if (from < 0 || to < 0)
		return;
	if (max && from > to)
		yaml_errors_add(loader->errors, max->line, max->column,
				"max_version is below min_version");
	len = (size_t)snprintf(loader->config->priorities, sizeof(loader->config->priorities),
			       "NORMAL:-VERS-ALL");
	for (int i = to; i >= from; i--)
		len += (size_t)snprintf(loader->config->priorities + len,
					sizeof(loader->config->priorities) - len, ":+%s",
					priorities[i]);
}

static void read_client_auth(struct loader *loader, const struct yaml_node *tls)
{
	static const char *const names[] = {
		[WEB_NO_CLIENT_CERT] = "NoClientCert",
		[WEB_REQUEST_CLIENT_CERT] = "RequestClientCert",
		[WEB_REQUIRE_ANY_CLIENT_CERT] = "RequireAnyClientCert",
		[WEB_VERIFY_CLIENT_CERT_IF_GIVEN] = "VerifyClientCertIfGiven",
		[WEB_REQUIRE_AND_VERIFY_CLIENT_CERT] = "RequireAndVerifyClientCert",
	};
	const struct yaml_node *type = yaml_get(tls, "client_auth_type");
	const struct yaml_node *ca = yaml_get(tls, "client_ca_file");
	int choice = WEB_NO_CLIENT_CERT;

	if (type && (type->kind != YAML_TEXT || type->text[0]))
		choice = yaml_choice(loader->errors, type, names, COUNT(names));
	loader->config->client_ca = load_pem(loader, ca);
	if (choice < 0)
		return;
	loader->config->client_auth = (enum web_client_auth)choice;
	if (ca && choice == WEB_NO_CLIENT_CERT)
		yaml_errors_add(
			loader->errors, ca->line, ca->column,
			"client_ca_file without a client_auth_type that asks for certificates");
	if (!ca && choice >= WEB_REQUIRE_ANY_CLIENT_CERT)
		yaml_errors_add(loader->errors, type->line, type->column,
				"%s needs a client_ca_file", names[choice]);
}

/* Whether GnuTLS can use them, found out now and not at the first connection. */
static void check_pems(struct loader *loader, const struct yaml_node *cert,
		       const struct yaml_node *ca)
{
	const struct web_config *config = loader->config;
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t cert_pem = { (unsigned char *)config->cert, 0 };
	gnutls_datum_t key_pem = { (unsigned char *)config->key, 0 };
	gnutls_datum_t ca_pem = { (unsigned char *)config->client_ca, 0 };
	int ret;

	if (gnutls_certificate_allocate_credentials(&credentials)) {
		loader->errors->no_memory = 1;
		return;
	}
	if (config->cert && config->key) {
		cert_pem.size = (unsigned)strlen(config->cert);
		key_pem.size = (unsigned)strlen(config->key);
		ret = gnutls_certificate_set_x509_key_mem(credentials, &cert_pem, &key_pem,
							  GNUTLS_X509_FMT_PEM);
		if (ret < 0)
			yaml_errors_add(loader->errors, cert->line, cert->column,
					"cert_file and key_file: %s", gnutls_strerror(ret));
	}
	if (config->client_ca) {
		ca_pem.size = (unsigned)strlen(config->client_ca);
		ret = gnutls_certificate_set_x509_trust_mem(credentials, &ca_pem,
							    GNUTLS_X509_FMT_PEM);
		if (ret <= 0)
			file_failed(loader, ca,
				    ret < 0 ? gnutls_strerror(ret) : "no certificate in it");
	}
	gnutls_certificate_free_credentials(credentials);
}

static void refuse_unsupported(struct loader *loader, const struct yaml_node *map,
			       const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *node = yaml_get(map, keys[i]);

		if (node)
			yaml_errors_add(loader->errors, node->key_line, node->key_column,
					"%s is not supported", keys[i]);
	}
}

static void read_tls(struct loader *loader, const struct yaml_node *tls)
{
	static const char *const keys[] = {
		"cert_file",	       "key_file",	    "client_auth_type",
		"client_ca_file",      "min_version",	    "max_version",
		"cipher_suites",       "curve_preferences", "prefer_server_cipher_suites",
		"client_allowed_sans",
	};
	static const char *const unsupported[] = { "cipher_suites", "curve_preferences",
						   "client_allowed_sans" };
	const struct yaml_node *cert, *key;

	if (!tls)
		return;
	if (tls->kind != YAML_MAP) {
		yaml_expected(loader->errors, tls, "a map");
		return;
	}
	yaml_check_keys(loader->errors, tls, keys, COUNT(keys));
	refuse_unsupported(loader, tls, unsupported, COUNT(unsupported));
	cert = yaml_get(tls, "cert_file");
	key = yaml_get(tls, "key_file");
	if (!cert || !key)
		yaml_errors_add(loader->errors, tls->line, tls->column,
				"cert_file and key_file are both needed");
	loader->config->cert = load_pem(loader, cert);
	loader->config->key = load_pem(loader, key);
	read_client_auth(loader, tls);
	read_versions(loader, tls);
	check_pems(loader, cert, yaml_get(tls, "client_ca_file"));
	loader->config->tls = true;
}

/* ---- headers and users ---- */

/* A header's value must not begin another header. */
static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && *text != '\t')
			return false;
	return true;
}

static void read_headers(struct loader *loader, const struct yaml_node *headers)
{
	static const char *const names[WEB_MAX_HEADERS] = {
		"Strict-Transport-Security", "X-Content-Type-Options",	"X-Frame-Options",
		"X-XSS-Protection",	     "Content-Security-Policy",
	};
	struct web_config *config = loader->config;

	if (!headers)
		return;
	if (headers->kind != YAML_MAP) {
		yaml_expected(loader->errors, headers, "a map");
		return;
	}
	yaml_check_keys(loader->errors, headers, names, WEB_MAX_HEADERS);
	for (const struct yaml_node *node = headers->first; node; node = node->next) {
		if (node->kind != YAML_TEXT || !is_one_line(node->text))
			yaml_expected(loader->errors, node, "one line of text");
		else if (config->header_count < WEB_MAX_HEADERS)
			config->headers[config->header_count++] =
				(struct web_header){ node->key, node->text };
	}
}

static void read_http(struct loader *loader, const struct yaml_node *http)
{
	static const char *const keys[] = { "http2", "headers" };

	if (!http)
		return;
	if (http->kind != YAML_MAP) {
		yaml_expected(loader->errors, http, "a map");
		return;
	}
	yaml_check_keys(loader->errors, http, keys, COUNT(keys));
	read_headers(loader, yaml_get(http, "headers"));
}

static bool is_bcrypt(const char *hash)
{
	static const char alphabet[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	if (strlen(hash) != BCRYPT_LEN || hash[0] != '$' || hash[1] != '2' ||
	    !strchr("aby", hash[2]) || hash[3] != '$' || hash[6] != '$')
		return false;
	return strspn(hash + 4, "0123456789") == 2 && strspn(hash + 7, alphabet) == BCRYPT_LEN - 7;
}

static void read_users(struct loader *loader, const struct yaml_node *users)
{
	struct web_config *config = loader->config;

	if (!users)
		return;
	if (users->kind != YAML_MAP) {
		yaml_expected(loader->errors, users, "a map of names to bcrypt hashes");
		return;
	}
	config->users = calloc(users->count + 1, sizeof(config->users[0]));
	if (!config->users) {
		loader->errors->no_memory = 1;
		return;
	}
	for (const struct yaml_node *node = users->first; node; node = node->next) {
		/* the message must not show what was written there: it may be a password */
		if (node->kind != YAML_TEXT || !is_bcrypt(node->text))
			yaml_errors_add(
				loader->errors, node->line, node->column,
				"expected a bcrypt hash, such as `htpasswd -nB USER` prints");
		else if (!node->key[0] || strchr(node->key, ':'))
			yaml_errors_add(loader->errors, node->key_line, node->key_column,
					"a user's name must not be empty or hold a colon");
		else
			config->users[config->user_count++] =
				(struct web_user){ node->key, node->text };
	}
}

/* ---- the whole ---- */

static void read_root(struct loader *loader, const struct yaml_node *root)
{
	static const char *const keys[] = { "tls_server_config", "http_server_config",
					    "basic_auth_users", "rate_limit" };
	static const char *const unsupported[] = { "rate_limit" };

	if (root->kind != YAML_MAP) {
		yaml_expected(loader->errors, root, "a map");
		return;
	}
	yaml_check_keys(loader->errors, root, keys, COUNT(keys));
	refuse_unsupported(loader, root, unsupported, COUNT(unsupported));
	read_tls(loader, yaml_get(root, "tls_server_config"));
	read_http(loader, yaml_get(root, "http_server_config"));
	read_users(loader, yaml_get(root, "basic_auth_users"));
}

int web_config__load(const char *path, struct web_config **out, struct yaml_errors *errors)
{
	struct loader loader = { .path = path, .errors = errors };
	size_t errors_before = errors->count;
	int err;

	loader.config = calloc(1, sizeof(*loader.config));
	if (!loader.config)
		return -ENOMEM;
	err = yaml__load(path, &loader.config->document, errors);
	if (!err)
		read_root(&loader, loader.config->document);
	if (!err && errors->no_memory)
		err = -ENOMEM;
	if (!err && errors->count > errors_before)
		err = -EINVAL;
	if (err) {
		web_config__free(loader.config);
		return err;
	}
	*out = loader.config;
	return 0;
}

void web_config__free(struct web_config *config)
{
	if (!config)
		return;
	if (config->key)
		explicit_bzero(config->key, strlen(config->key));
	free(config->key);
	free(config->cert);
	free(config->client_ca);
	free(config->users);
	yaml__free(config->document);
	free(config);
}
