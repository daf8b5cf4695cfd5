/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_SESSION_H
#define TAPMETER_TOP_SESSION_H
/* What the screen and the batches have in common: whom they ask, and what is known. One thread. */
#include "top/model.h"
#include "top/options.h"
#include "toolkit/api.h"

struct session {
	const struct top_options *options;
	struct api api;
	int stop_fd; /* once it can be read, nothing is asked any more */
	int utf8; /* the terminal understands it */
	struct model model;
};

/* An enum exit_code; the cause is said on stderr. session_close() has to follow. */
int session_open(struct session *session, const struct top_options *options, int stop_fd);
void session_close(struct session *session);
/*
 * Reads, and waits for it. Returns an enum exit_code if that is to be the end, -1 to go on. `first`: there
 * may be nobody to be asked, which is said on stderr and is the end; later on the model knows.
 */
int session_read(struct session *session, unsigned parts, int first);

#endif
