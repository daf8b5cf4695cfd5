/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_USAGES_H
#define TAPMETER_USAGES_H
/*
 * What the containers with tapped processes use. A container's files are opened when its first tapped
 * process is seen, and closed when its last one has ended; in between they are only read. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "store/snapshot.h"
#include "subject/process.h"

struct usages_config {
	const char *proc_root; /* "/proc", or a test's tree; must outlive the object */
	const struct processes *processes; /* of the same tree; not owned */
	uint64_t max_age_ns; /* a reading is used for so long at least … */
	uint64_t interval_ns; /* … and for so long at most */
	size_t max_fds; /* files that may stay open */
	uint64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
};

struct usages;

/* -ENOMEM, -errno of /proc/self/mountinfo. */
int usages__new(const struct usages_config *config, struct usages **out);
/* Accepts NULL. */
void usages__free(struct usages *usages);

/*
 * A tapped process has been seen; opens its container's or unit's files if they are not. Nothing if it
 * was added already.
 */
void usages__add(struct usages *usages, const struct process *process);
/* It has ended, or is tapped no more. Nothing if it was never added. */
void usages__drop(struct usages *usages, const struct tm_process_id *id);
/* Every few seconds, after what has ended was dropped: notices what has changed under the open files. */
void usages__sweep(struct usages *usages);
/*
 * Reads all containers, unless they have just been read: a reading is used for ten times as long as
 * it took, but see the config. So it costs a tenth of a CPU at most, however many there are.
 */
void usages__read(struct usages *usages);
/* The last reading of the subject's container or unit; `mono_ns` is 0 if there is none. */
void usages__find(const struct usages *usages, const struct subject *subject,
		  struct kernel_usage *out);

#endif
