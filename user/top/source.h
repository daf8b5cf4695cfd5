/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_SOURCE_H
#define TAPMETER_TOP_SOURCE_H
/*
 * Reads again and again, in a thread of its own: keys are answered while a server thinks. All
 * functions: the thread that made it.
 */
#include <stdint.h>
#include "toolkit/api.h"
#include "top/reading.h"

struct source;

/*
 * Begins to read `parts` at once. `api` is borrowed; its fetcher must end its runs when `stop_fd`
 * can be read, and so does this. -errno.
 */
int source__new(const struct api *api, const char *window, uint64_t interval_ns, int stop_fd,
		unsigned parts, struct source **out);
/* `stop_fd` must be readable by now. Accepts NULL. */
void source__free(struct source *source);
/* What is to be read from now on; if it is something else than before, at once. */
void source__want(struct source *source, unsigned parts);
/* Can be read when there is a reading. */
int source__fd(const struct source *source);
/* The newest reading, now the caller's; NULL if there is none. */
struct reading *source__take(struct source *source);

#endif
