/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_VIEW_LMCACHE_H
#define TAPMETER_SERVE_VIEW_LMCACHE_H
/*
 * --view=lmcache: what LMCache's multiprocess server has been asked, under lmcache_mp_* (its docs/design/v1/
 * mp_observability/METRICS.md). Of servers on this host only, so that no request is there twice.
 */
#include "serve/exposition.h"
#include "store/snapshot.h"

/* Adds the families; errors stay in exposition->out->err. */
void view_lmcache_write(struct exposition *exposition, const struct snapshot *snapshot);

#endif
