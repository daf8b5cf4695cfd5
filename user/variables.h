/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_VARIABLES_H
#define TAPMETER_VARIABLES_H
/*
 * The gauges that are variables of running programs: those that the user declares (util/gauge_spec.h), and those that
 * cooperating programs register (tapmeter/tap.h). Knows which processes have which, and reads them when a snapshot is
 * taken; store/gauges.h makes families of them. The agent's thread.
 */
#include <stdint.h>
#include "store/gauges.h"
#include "subject/process.h"
#include "tap/variable.h"
#include "util/gauge_spec.h"
#include "whose.h"

#define VARIABLES_MAX_PROCESSES 1024 /* read at a time */
#define VARIABLES_MAX_NAMES 1024 /* of gauges that programs register, since start */
#define VARIABLES_MAX_VALUES 16384 /* of those, in one snapshot */

struct aside;
struct variables;

struct variables_config {
	const char *proc_root; /* "/proc" */
	struct aside *aside; /* NULL: processes are waited for */
	const struct gauge_specs *specs;
	struct gauges *gauges;
	struct whose *whose; /* NULL: the cgroup alone tells whose a process is */
	/* Whether the user lets the process be looked into. NULL: any. */
	int (*allowed)(void *arg, const struct process *process);
	/* Lists where the process maps files that may be opened. NULL: all may. */
	int (*may_open)(void *arg, uint32_t tgid, struct variable_ranges *out);
	void *arg;
};

/* All in `config` is borrowed. -ENOMEM. */
int variables__new(const struct variables_config *config, struct variables **out);
/* Accepts NULL. `gauges` must still be there. */
void variables__free(struct variables *variables);

enum variables_look {
	VARIABLES_TAPPED = 1, /* one of its files is tapped: it may have registered gauges */
	VARIABLES_MAPPED = 2, /* it may have mapped another file since it was looked at */
};
/* A process that may be new. `what`: enum variables_look. */
void variables__look(struct variables *variables, uint32_t tgid, unsigned what, uint64_t now_ns);
/* Looks at all processes of the host, if gauges are declared at all. */
void variables__sweep(struct variables *variables, unsigned what, uint64_t now_ns);
/* More is known of containers. */
void variables__update_subjects(struct variables *variables);
/* Reads all: before gauges__read(). */
void variables__read(struct variables *variables);

/* How often a variable could not be read, and how many processes or gauges there was no room for. */
uint64_t variables__unreadable(const struct variables *variables);
uint64_t variables__refused(const struct variables *variables);

#endif
