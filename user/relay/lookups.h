/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_LOOKUPS_H
#define TAPMETER_RELAY_LOOKUPS_H
/* Serves the link to the agent (util/relay_proto.h). */
#include "util/relay_proto.h"

/* The agent has said what is to be put out; `listener`: where to publish, -1 = nowhere. 0: the descriptors now belong to the function; -errno ends the service. */
typedef int (*settings_fn)(void *arg, const struct relay_settings *settings, int feed,
			   int listener);

/* Until the agent is gone. 0, or -errno. `on_settings` may be NULL: then settings are not understood. */
int lookups_serve(int link, settings_fn on_settings, void *arg);

#endif
