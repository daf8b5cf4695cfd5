/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SHARES_H
#define TAPMETER_SHARES_H
/*
 * Keeps one container from taking all slots: counts the streams of each, and tells BPF, which stops at a quarter.
 * What runs in no container has no limit. One thread.
 */
#include <stdint.h>
#include "tap/probes.h"

struct shares;

int shares__new(struct probes *probes, struct shares **out);
void shares__free(struct shares *shares);
/* A new stream of a container: its cgroup is limited from now on. */
void shares__open(struct shares *shares, const char *container, uint64_t cgroup);
/* A round of counting: begin, then every stream of a container, then end. `container` is its id. */
void shares__begin(struct shares *shares);
void shares__count(struct shares *shares, const char *container, uint64_t cgroup);
void shares__end(struct shares *shares);

#endif
