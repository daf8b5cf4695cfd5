/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_LINKING_H
#define TAPMETER_TAP_LINKING_H
/*
 * Probes that are being set. The Linux kernel waits for the memory's lock of each process that maps the file: it is done
 * aside, and may be done much later. One thread.
 */
#include "tap/probes.h"

struct aside;
struct linking;

/*
 * probes__attach(), with copies of `fd` and `list`. -EINPROGRESS: it is not done yet, and *pending is to be polled, or
 * abandoned. -EALREADY: another one is not done yet.
 */
int linking__start(struct aside *aside, struct probes *probes, int fd, const struct probe *list,
		   size_t count, pid_t pid, struct probe_link **out, struct linking **pending);
/* -EINPROGRESS; else what probes__attach() said, and it is gone. */
int linking__poll(struct linking *linking, struct probe_link **out);
/* When the probes have been set, they are removed. Accepts NULL. */
void linking__abandon(struct linking *linking);

#endif
