/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_TAPS_H
#define TAPMETER_TAP_TAPS_H
/*
 * Which files are tapped: finds every mapped ELF file that has functions of a profile, sets the probes, and
 * removes them when no process maps the file any more. A file is known by its real device, inode and
 * generation, whatever the mounts it is seen through. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/calibrate.h"
#include "tap/probes.h"
#include "tap/profile.h"

struct aside;
struct taps;

/* A function's probe, up or not. */
struct tap_info {
	const struct profile *profile;
	const char *path; /* as the first process that mapped the file names it */
	const char *function;
	uint64_t offset; /* of the probe in the file */
	uint64_t function_offset;
	const char *instruction; /* at the probe, "" = not known */
	const char *placement; /* why there */
	int up;
	int adopted; /* 1: up by a link of a former agent, which runs that one's programs */
	const char *reason; /* why it is down, "" when up */
	uint32_t processes; /* that mapped the file at the last sweep */
};

/* Why files are not tapped that should be. */
struct taps_passed_over {
	uint64_t late; /* times that mappings were not looked at: their owner has used up its time for now */
	uint64_t full; /* times that there was no room for a file: all functions, or its owner's quarter, are taken */
	uint64_t unsafe; /* files on a FUSE filesystem that the host has not mounted: who serves it may never answer */
	/* times that a sweep could not look at a process, or a file not be read: the lock of its memory was held, or who serves it did not answer */
	uint64_t busy;
};

#define TAPS_MAX_PROCESSES 8 /* with links of their own; many on one file cost each call */

struct taps_callbacks {
	/*
	 * May this process be tapped? Called for each process that maps a file with functions of a profile. -errno: that cannot
	 * be told now.
	 */
	int (*selected)(void *arg, const struct tm_process_id *process);
	/*
	 * Whom the process belongs to, who may take only a part of the agent's time and of what can be tapped. -errno: it
	 * has gone.
	 */
	int (*owner)(void *arg, uint32_t tgid, char *name, size_t size);
	/* On a sweep, at most every INTAKE_TELL_NS: what of this owner's was passed over since. May be NULL. */
	void (*passed_over)(void *arg, const char *owner, const struct taps_passed_over *more);
	/* The process maps a tapped file. On a sweep, every such process is named again. */
	void (*process)(void *arg, const struct tm_process_id *process, const char *path);
	/* A file was tapped, could not be (reason not ""), or is not any more. `file` as in struct tm_slot. */
	void (*attached)(void *arg, const char *path, size_t functions, const char *reason);
	void (*detached)(void *arg, const char *path, uint32_t file, const char *reason);
	/* A look goes on: so many of the mappings not seen before have been looked at. Often called; may be NULL. */
	void (*progress)(void *arg, size_t done, size_t all);
	void *arg;
	const char *
		host_mountinfo; /* of the host's mount namespace; NULL: it has no FUSE filesystem. Borrowed. */
	int dry_run; /* 1: finds what would be tapped, sets no probe */
	int transit; /* 1: messages are recognised, to know their delivery times */
	struct aside *aside; /* for what may not come back; NULL: all is waited for. Borrowed. */
	struct pins *pins; /* of a former agent, to go on with; NULL = none. Borrowed. */
	int per_process; /* 1: at most TAPS_MAX_PROCESSES are selected; the others shall pay nothing */
};

/* `profiles` must outlive the object. `cost`: of one run of a probe on this host. */
int taps__new(struct probes *probes, const struct profile *const *profiles, size_t count,
	      const struct probe_cost *cost, const struct taps_callbacks *callbacks,
	      struct taps **out);
void taps__free(struct taps *taps);

/* Looks at one process's mappings, and taps what is new. -errno of reading the mappings. */
int taps__look(struct taps *taps, uint32_t tgid, uint64_t now_ns);
/*
 * Looks at all processes, and removes the probes of files that no process has mapped for linger_ns. Call every few
 * seconds: a tap keeps its file's filesystem busy.
 */
int taps__sweep(struct taps *taps, uint64_t now_ns, uint64_t linger_ns);

/* What all probes have cost the tapped processes since start: runs times the cost of one, nanoseconds. Only grows. */
uint64_t taps__spent(const struct taps *taps);
/*
 * Takes the probes off the file whose probes have cost most since the last call; they come back by themselves, the first
 * time after 30 s, then after twice as long each time (at most 10 min). Returns 1, or 0 if nothing is tapped.
 */
int taps__give_up_dearest(struct taps *taps, uint64_t now_ns);
typedef int (*taps_function_fn)(void *arg, const struct profile *profile, const char *function,
				uint64_t runs, uint64_t cost_ns);
/* Runs and cost of every function that was ever tapped, over all files; stops at the first error, which it returns. */
int taps__each_function(const struct taps *taps, taps_function_fn fn, void *arg);

/*
 * Whether the file of this mapping may be opened, or asked for anything: 0 if it is on a FUSE filesystem that is not
 * mounted in the host's mount namespace, as was read since the last look or sweep began.
 */
int taps__may_open(struct taps *taps, const struct tm_mapping *m);

/* In all. Only grows. */
struct taps_passed_over taps__passed_over(const struct taps *taps);
/* How many functions are tapped now. */
size_t taps__up(const struct taps *taps);
typedef int (*taps_each_fn)(void *arg, const struct tap_info *info);
/* Every function of every file, up or not; stops at the first error, which it returns. */
int taps__each(const struct taps *taps, taps_each_fn fn, void *arg);

/* The operation that a stream's key names; the profile and the operation within it. NULL if out of range. */
const struct profile *taps__operation(const struct taps *taps, uint32_t op,
				      const struct operation **operation);
/* The profile whose object has this class number (struct tm_slot.object_class), NULL for 0. */
const struct profile *taps__class_profile(const struct taps *taps, uint32_t object_class);

#endif
