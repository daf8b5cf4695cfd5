/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_WHOSE_H
#define TAPMETER_WHOSE_H
/*
 * Whose a process or stream is: brings together what cgroups, the first process's environment, the user, the kubelet's
 * files and the container engines say. Engines answer late or never; nobody waits for them longer than
 * WHOSE_HOLD_NS, and then only a new stream does. docs/identity.md. One thread.
 */
#include <stdint.h>
#include "relay_link.h"
#include "subject/process.h"
#include "util/config.h"

#define WHOSE_HOLD_NS 1000000000ull
#define KERNEL_ID_VARIABLE "BACKENDAI_KERNEL_ID" /* the only one ever read */

struct aside;
struct whose;

/*
 * `config` and `relay` (NULL: there is none) are borrowed. `proc_root` is "/proc" and `root` is "/", or both are a test's; the
 * host's files are looked for below `root`, then below proc_root/1/root. -ENOMEM.
 */
int whose__new(const struct config *config, const char *root, const char *proc_root,
	       struct relay_link *relay, struct aside *aside, struct whose **out);
void whose__free(struct whose *whose);

/* A process seen for the first time, with the subject that its cgroup tells: makes that complete. */
void whose__see(struct whose *whose, struct process *process, uint64_t now_ns);
/* Brings the subject of a process up to date. Returns 1 if it changed. */
int whose__update(const struct whose *whose, struct process *process);
/* Whose a stream is of which only the cgroups' names are left (struct tm_stream_event). */
void whose__from_names(struct whose *whose, const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME],
		       uint64_t now_ns, struct subject *out);
/* 1 while more may soon be known of the container, so that its new streams should wait. */
int whose__pending(const struct whose *whose, const char *container, uint64_t now_ns);

/* What the relay has answered; when relay_link__fd() is readable. */
void whose__read(struct whose *whose, uint64_t now_ns);
/* Every few seconds: asks again, forgets what has long ended. */
void whose__sweep(struct whose *whose, uint64_t now_ns);
/* 1 if subjects may have changed since the last call: then whose__update() each process. */
int whose__take_changed(struct whose *whose);
/* Containers that are known by their own ids because another claimed the same kernel. */
uint64_t whose__conflicts(const struct whose *whose);

#endif
