/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_MATCH_H
#define TAPMETER_TAP_MATCH_H
#include "tap/profile.h"

/* What a stream is known by; "" = not known. */
struct match_subject {
	const char *comm;
	const char *exe; /* path of the program */
	const char *kernel_id;
	const char *endpoint;
};

/* Whether a profile is meant for the stream: each list that it gives has a pattern that fits. Pure. */
int match_fits(const struct profile_match *match, const struct match_subject *subject);

#endif
