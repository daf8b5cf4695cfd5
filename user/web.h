/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_WEB_H
#define TAPMETER_WEB_H
/* The web configuration file from the agent's side: read at start and at SIGHUP, with what is wrong logged. */
#include "serve/http.h"

/* *out is NULL without a file (`path` NULL). Logs all that is wrong and returns -EINVAL, -errno or -ENOMEM. */
int web_load(const char *path, struct web_config **out);
/* Logs how it went; a file that is wrong leaves everything as it was. */
void web_reload(const char *path, struct http_server *server);
/* Logs a warning if anybody on the network may read. */
void web_warn(const struct http_server *server);

#endif
