/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_LOOKUPS_H
#define TAPMETER_RELAY_LOOKUPS_H
/* Serves the agent: takes look-ups from the link, reads their descriptors, answers. One thread. */

/* Until the agent closes its end: 0. -EPROTO: it says what we do not understand; -errno. */
int lookups_serve(int link);

#endif
