/* SPDX-License-Identifier: Apache-2.0 */
#include "web.h"
#include <string.h>
#include "util/log.h"

int web_load(const char *path, struct web_config **out)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	int err = 0;

	*out = NULL;
	if (path)
		err = web_config__load(path, out, &errors);
	for (size_t i = 0; i < errors.count; i++)
		log_msg(LOG_ERROR, "wrong web configuration", LOG_STR("error", errors.lines[i]));
	if (err && !errors.count)
		log_msg(LOG_ERROR, "cannot read the web configuration",
			LOG_STR("error", strerror(-err)));
	yaml_errors_free(&errors);
	return err;
}

void web_reload(const char *path, struct http_server *server)
{
	struct web_config *web;
	char text[256];

	if (!path) {
		log_msg(LOG_INFO, "nothing to reload: there is no --web.config.file");
		return;
	}
	if (web_load(path, &web)) {
		log_msg(LOG_ERROR, "the web configuration is not reloaded: the old one stays");
		return;
	}
	if (http_server__reload(server, web, text, sizeof(text))) {
		log_msg(LOG_ERROR, "the web configuration is not reloaded: the old one stays",
			LOG_STR("error", text));
		return;
	}
	log_msg(LOG_INFO, "web configuration reloaded", LOG_STR("path", path));
	web_warn(server);
}

void web_warn(const struct http_server *server)
{
	if (http_server__is_open(server))
		log_msg(LOG_WARN,
			"anybody who reaches the listening address may read: ask for users or client "
			"certificates in --web.config.file");
}
