/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/match.h"
#include <fnmatch.h>

/* An empty list leaves the choice open. */
static int fits(const char *const *patterns, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (!fnmatch(patterns[i], text, 0))
			return 1;
	return !count;
}

int match_fits(const struct profile_match *match, const struct match_subject *subject)
{
	return fits(match->comms, match->comm_count, subject->comm) &&
	       fits(match->exes, match->exe_count, subject->exe) &&
	       fits(match->kernels, match->kernel_count, subject->kernel_id) &&
	       fits(match->endpoints, match->endpoint_count, subject->endpoint);
}
