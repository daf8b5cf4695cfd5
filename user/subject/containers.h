/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_CONTAINERS_H
#define TAPMETER_SUBJECT_CONTAINERS_H
/*
 * The containers seen, and what is known of each: which kernel it says it is, its pod, its name. A container is
 * remembered after its end, so that what is heard of it late still gets the same name. One thread.
 *
 * Of the sources that name a kernel the one with the lowest number counts. If two containers that are alive claim one
 * kernel, both are known by their own ids from then on: whose the counts are would be a guess.
 */
#include <stddef.h>
#include <stdint.h>
#include "subject/cgroup.h"
#include "subject/first.h"
#include "subject/process.h"

#define CONTAINERS_MAX 16384

enum claim_source {
	CLAIM_CONFIG,
	CLAIM_LABEL,
	CLAIM_ENVIRONMENT,
	CLAIM_COUNT,
};

struct container {
	char id[CGROUP_CONTAINER_MAX + 1];
	char pod_uid[CGROUP_POD_UID_LEN + 1];
	char claims[CLAIM_COUNT][KERNEL_ID_SIZE]; /* "" = none; set by containers__claim() */
	char name[sizeof(((struct subject *)0)->name)];
	char pod[sizeof(((struct subject *)0)->pod)];
	char namespace[sizeof(((struct subject *)0)->namespace)];
	int contested; /* another living container claims or claimed the same kernel */
	struct first_process first; /* tgid 0 = not known */
	uint32_t unread; /* a process of it, if the environment could not be read; 0 = none */
	struct first_process last; /* the process of it that was seen last; set before a claim */
	uint64_t seen_ns;
	/* look-ups, kept by whose.c */
	uint32_t waiting; /* not yet answered */
	uint32_t tries; /* that failed */
	uint64_t asked_ns; /* the first time */
	uint64_t retry_ns; /* ask again then; 0 = no need */
};

struct aside;
struct containers;

/* `proc_root` is "/proc" or a test's tree; it must outlive the object. */
int containers__new(struct aside *aside, const char *proc_root, struct containers **out);
void containers__free(struct containers *containers);

/* NULL if it is not known. Pointers stay valid until a sweep. */
struct container *containers__find(const struct containers *containers, const char *id);
/* Enters one that is not known. NULL without memory, or with CONTAINERS_MAX of them. */
struct container *containers__add(struct containers *containers, const char *id, uint64_t now_ns);
/* 1 if a process of it is known to be alive. */
int containers__alive(const struct containers *containers, const struct container *container);
/* What `source` says; "" = nothing. Returns 1 if some container's kernel id is now another. */
int containers__claim(struct containers *containers, struct container *container,
		      enum claim_source source, const char *kernel_id);
/* Looks whether another living container claims the same kernel. Returns as above. */
int containers__settle(struct containers *containers, struct container *container);
/* Forgets those that have ended and were not seen for so long. */
void containers__sweep(struct containers *containers, uint64_t now_ns, uint64_t expiry_ns);
void containers__each(struct containers *containers,
		      void (*fn)(void *arg, struct container *container), void *arg);

/* Containers that are known by their own ids because another claimed the same kernel; only grows. */
uint64_t containers__conflicts(const struct containers *containers);

/* Puts what is known of the container into *out. */
void container_subject(const struct container *container, struct subject *out);

#endif
