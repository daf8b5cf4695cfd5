/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/intake.h"
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of time that passes, most may be spent waiting: for a CPU on a busy machine, for a disk. */
#define WAITING 4

struct budget {
	struct intake_owner owner; /* first: budgets are found by it */
	int64_t credit_ns;
	uint64_t refilled_ns;
	uint64_t next_told_ns;
};

struct intake {
	void *tree; /* of struct budget */
	uint64_t cpu_ns, clock_ns; /* at intake__begin() */
	uint64_t last_number;
	struct budget *idle; /* one that the sweep under way may forget */
	uint64_t now_ns;
	void (*fn)(void *arg, const struct intake_owner *owner);
	void *arg;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct intake_owner *)a)->name,
		      ((const struct intake_owner *)b)->name);
}

int intake__new(struct intake **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void intake__free(struct intake *intake)
{
	if (!intake)
		return;
	tdestroy(intake->tree, free);
	free(intake);
}

static void refill(struct budget *budget, uint64_t now_ns)
{
	uint64_t more = (now_ns - budget->refilled_ns) / INTAKE_REFILL;

	budget->refilled_ns = now_ns;
	if (more > INTAKE_CREDIT_NS)
		more = INTAKE_CREDIT_NS;
	budget->credit_ns += (int64_t)more;
	if (budget->credit_ns > (int64_t)INTAKE_CREDIT_NS)
		budget->credit_ns = (int64_t)INTAKE_CREDIT_NS;
}

struct intake_owner *intake__owner(struct intake *intake, const char *name, uint64_t now_ns)
{
	struct budget wanted = { .credit_ns = (int64_t)INTAKE_CREDIT_NS, .refilled_ns = now_ns };
	struct budget **found, *budget;

	snprintf(wanted.owner.name, sizeof(wanted.owner.name), "%s", name);
	found = tfind(&wanted, &intake->tree, compare);
	if (found) {
		refill(*found, now_ns);
		return &(*found)->owner;
	}
	budget = malloc(sizeof(*budget));
	if (!budget)
		return NULL;
	*budget = wanted;
	budget->owner.number = ++intake->last_number;
	if (!tsearch(budget, &intake->tree, compare)) {
		free(budget);
		return NULL;
	}
	return &budget->owner;
}

int intake__has_time(const struct intake_owner *owner)
{
	return ((const struct budget *)owner)->credit_ns > 0;
}

static uint64_t clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

void intake__begin(struct intake *intake)
{
	intake->cpu_ns = clock_now(CLOCK_THREAD_CPUTIME_ID);
	intake->clock_ns = clock_now(CLOCK_MONOTONIC);
}

void intake__charge(struct intake *intake, struct intake_owner *owner)
{
	uint64_t cpu = clock_now(CLOCK_THREAD_CPUTIME_ID) - intake->cpu_ns;
	uint64_t passed = (clock_now(CLOCK_MONOTONIC) - intake->clock_ns) / WAITING;

	((struct budget *)owner)->credit_ns -= (int64_t)(cpu > passed ? cpu : passed);
}

void intake__add(struct intake_owner *owner, uint64_t cpu_ns)
{
	((struct budget *)owner)->credit_ns -= (int64_t)cpu_ns;
}

#define BUSY_OFTEN 3 /* now and then a process changes its mappings just when it is looked at */

static int was_passed_over(const struct intake_owner *owner)
{
	return owner->late || owner->full || owner->unsafe || owner->busy >= BUSY_OFTEN;
}

static void visit(const void *node, VISIT which, void *closure)
{
	struct budget *budget = *(struct budget *const *)node;
	struct intake *intake = closure;
	struct intake_owner *owner = &budget->owner;

	if (which != postorder && which != leaf)
		return;
	if (was_passed_over(owner) && intake->now_ns >= budget->next_told_ns) {
		intake->fn(intake->arg, owner);
		owner->late = owner->full = owner->unsafe = owner->busy = 0;
		budget->next_told_ns = intake->now_ns + INTAKE_TELL_NS;
	}
	refill(budget, intake->now_ns);
	if (!owner->share.specs && !owner->share.classes && !was_passed_over(owner) &&
	    budget->credit_ns == (int64_t)INTAKE_CREDIT_NS)
		intake->idle = budget;
}

void intake__sweep(struct intake *intake, uint64_t now_ns,
		   void (*fn)(void *arg, const struct intake_owner *owner), void *arg)
{
	intake->now_ns = now_ns;
	intake->fn = fn;
	intake->arg = arg;
	intake->idle = NULL;
	twalk_r(intake->tree, visit, intake);
	if (!intake->idle)
		return;
	/* one a sweep is enough: they come and go slowly */
	tdelete(intake->idle, &intake->tree, compare);
	free(intake->idle);
}
