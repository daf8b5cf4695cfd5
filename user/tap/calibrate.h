/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_CALIBRATE_H
#define TAPMETER_TAP_CALIBRATE_H
#include <stdint.h>
#include "tap/probes.h"

/* What one tapped call costs the tapped process on this host, in nanoseconds. */
struct probe_cost {
	uint64_t emulated_ns; /* probe on an instruction that the Linux kernel emulates */
	uint64_t stepped_ns; /* on one that it has to single-step */
	uint64_t transit_ns; /* as emulated_ns, of a send whose message is remembered (64 bytes) */
};

/*
 * Measures the cost by tapping two small functions of our own in a child process, which runs under a seccomp filter like
 * that of container engines: some Linux kernels (6.11 to 6.14) kill such processes when a tapped function
 * returns. Takes some ten milliseconds; call it before any other use of the streams, and before threads
 * are made. Leaves no stream behind. -ENOTRECOVERABLE: the child was killed, tapping is not safe here;
 * -ETIMEDOUT; or the error of attaching.
 */
int probe_cost_measure(struct probes *probes, struct probe_cost *out);

#endif
