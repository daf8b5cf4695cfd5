/* SPDX-License-Identifier: Apache-2.0 */
#include "util/relay_state.h"

static const char *const names[] = {
	[RELAY_INITIALIZE] = "initialize",   [RELAY_LIVE] = "live",
	[RELAY_DRAINING] = "draining",	     [RELAY_COMPLETE] = "complete",
	[RELAY_INTERRUPTED] = "interrupted",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == RELAY_STATE_COUNT, "a name for each state");

const char *relay_state_name(uint32_t state)
{
	return state < RELAY_STATE_COUNT ? names[state] : "";
}

int relay_state_is_final(uint32_t state)
{
	return state == RELAY_COMPLETE || state == RELAY_INTERRUPTED;
}
