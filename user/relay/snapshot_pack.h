/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_SNAPSHOT_PACK_H
#define TAPMETER_RELAY_SNAPSHOT_PACK_H
/* A page as mlcommons/endpoints sends snapshots: a topic, then msgpack. A function of the page. */
#include <stddef.h>
#include "relay/feed.h"

#define SNAPSHOT_TOPIC "MET"
#define SNAPSHOT_TOPIC_LEN 40 /* padded with NULs */

/* *frame, of *len bytes, is the caller's to free(). -ENOMEM; -EPROTO: the page was not understood. */
int snapshot_pack(const struct feed_page *page, char **frame, size_t *len);

#endif
