/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_VIEW_FASTDEPLOY_H
#define TAPMETER_SERVE_VIEW_FASTDEPLOY_H
/*
 * --view=fastdeploy: FastDeploy's fastdeploy:zmq:* as its dashboards read them, without its debug switch: the
 * endpoint as `address`, milliseconds, its bounds. What it cannot measure, the way of a response, is
 * fastdeploy:zmq:response_latency.
 *
 * Its latency contains encoding and decoding; ours is from the send's call to the receive's return.
 */
#include "serve/exposition.h"
#include "store/snapshot.h"

/* Its bounds, at which BPF then counts: see probes_config.view_bounds_ns. */
#define VIEW_FASTDEPLOY_BOUNDS TM_VIEW_BOUNDS
extern const uint64_t view_fastdeploy_bounds_ns[VIEW_FASTDEPLOY_BOUNDS];

/* Adds the families; errors stay in exposition->out->err. */
void view_fastdeploy_write(struct exposition *exposition, const struct snapshot *snapshot);

#endif
