/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_AUTH_H
#define TAPMETER_SERVE_AUTH_H
/*
 * HTTP basic authentication (RFC 7617) against bcrypt hashes. A hash takes tenths of a second to
 * compute, on purpose: one is computed at a time, and the last verdicts are remembered, as keyed digests.
 */
#include <stdbool.h>
#include "serve/web_config.h"

struct auth;

/* `users` are borrowed. -ENOMEM; -EIO when there are no random numbers. */
int auth__new(const struct web_user *users, size_t count, struct auth **out);
void auth__free(struct auth *auth);
/*
 * Whether the value of an Authorization header (NULL = none) names a user and his password. Any thread. An
 * unknown user takes as long as a wrong password.
 */
bool auth__check(struct auth *auth, const char *authorization);

#endif
