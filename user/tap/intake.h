/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_INTAKE_H
#define TAPMETER_TAP_INTAKE_H
/*
 * Keeps one owner of processes, a container or what else they are named by, from taking all of the agent's time with
 * files to look at, and all numbers for functions to tap. Each has so much time, which comes back slowly, and a quarter
 * of the numbers. One thread.
 */
#include <stddef.h>
#include <stdint.h>

#define INTAKE_OWNER_SIZE 160 /* of a name, NUL included */
#define INTAKE_CREDIT_NS 2000000000ull /* looks at some thousand files */
#define INTAKE_TELL_NS 10000000000ull
#define INTAKE_REFILL 10 /* it comes back in so many times as long */

/* What an owner's files hold; 0 = nothing. */
struct intake_share {
	uint32_t specs, classes;
};

struct intake_owner {
	char name[INTAKE_OWNER_SIZE];
	uint64_t number; /* no other has had it */
	struct intake_share share;
	/* since it was named by a sweep */
	uint64_t late,
		full; /* times that mappings were not looked at, that there was no room for a file */
	uint64_t unsafe; /* files that were not opened, since they may not be */
	uint64_t busy; /* times that a process could not be looked at */
	/* of a scan: its number, and the mappings that wait to be looked at */
	uint64_t round;
	uint32_t fresh;
};

struct intake;

int intake__new(struct intake **out); /* -ENOMEM */
void intake__free(struct intake *intake); /* accepts NULL */

/* Valid until it holds nothing, and a sweep forgets it. NULL: no memory. `now_ns` never goes back. */
struct intake_owner *intake__owner(struct intake *intake, const char *name, uint64_t now_ns);
/* 1 if there is time for more of this owner's files. */
int intake__has_time(const struct intake_owner *owner);
/* The time since intake__begin() was this owner's. */
void intake__begin(struct intake *intake);
void intake__charge(struct intake *intake, struct intake_owner *owner);
/* And so much of another thread's. */
void intake__add(struct intake_owner *owner, uint64_t cpu_ns);
/*
 * Names each owner of which `late`, `full` or `unsafe` is not 0, or `busy` is not small, at most every INTAKE_TELL_NS, and sets them to 0; forgets those that
 * hold nothing.
 */
void intake__sweep(struct intake *intake, uint64_t now_ns,
		   void (*fn)(void *arg, const struct intake_owner *owner), void *arg);

#endif
