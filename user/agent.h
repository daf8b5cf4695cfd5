/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_AGENT_H
#define TAPMETER_AGENT_H
/* The agent: finds, attaches, counts and serves. */
#include <stddef.h>

struct config;
struct profile;

/*
 * Runs until SIGINT or SIGTERM, in the calling thread, which must be the only one. `config` and the
 * profiles are borrowed. Returns the process's enum exit_code (util/exit_code.h): if it is not
 * EXIT_CODE_OK, the cause and the mend have been logged.
 */
int agent_run(const struct config *config, const struct profile *const *profiles, size_t count);

#endif
