/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_ADOPT_H
#define TAPMETER_TAP_ADOPT_H
/*
 * The tapped files of a former agent, from what it has pinned: their links, and which specs these use. Files are
 * found again by identity, specs by content; what does not fit is let go. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/pins.h"
#include "tap/probes.h"
#include "tap/profile.h"

struct adopted;

struct adopted_file {
	struct pinned_link name;
	struct probe_link *link; /* NULL once taken over */
	int claimed;
	uint64_t missed; /* the round of taps.c in which it was mapped, but not looked at */
};

/* Lets go what is not whole. -ENOMEM, -errno. */
int adopted__new(struct probes *probes, struct pins *pins, struct adopted **out);
/* Lets go what nobody has claimed, unless probes__leave() was called. Accepts NULL. */
void adopted__free(struct adopted *adopted);

/* The file of this name, its number and parts not looked at; NULL. */
struct adopted_file *adopted__find(struct adopted *adopted, const struct pinned_link *name);
/* Any file that is not claimed, and was not missed in this round; NULL if there is none. */
struct adopted_file *adopted__unclaimed(struct adopted *adopted, uint64_t round);
/* Takes its probes off and forgets it. */
void adopted__drop(struct adopted *adopted, struct adopted_file *file);

/*
 * The number of a spec of the file with this content, each handed out once; -ENOENT. The spec as
 * probes__set_spec() takes it.
 */
int adopted__spec(struct adopted *adopted, const struct adopted_file *file,
		  const struct tm_spec *spec, const struct tm_result_spec *result);
/* How many specs of the file have not been handed out. */
size_t adopted__specs_left(const struct adopted *adopted, const struct adopted_file *file);
/* The class of the file's specs whose operations are first_op up to, not including, end_op; 0 = none. */
uint32_t adopted__class(const struct adopted *adopted, const struct adopted_file *file,
			uint32_t first_op, uint32_t end_op);

/* What all that is pinned depends on, but for the specs, which are compared one by one: a hash of what operations are. */
uint64_t adopted_settings(const struct profile *const *profiles, size_t count);

/* Every spec that some file of the former agent uses. */
typedef void (*adopted_spec_fn)(void *arg, uint32_t index, const struct tm_spec *spec);
void adopted__each_spec(const struct adopted *adopted, adopted_spec_fn fn, void *arg);
/* The highest number of a file that anything pinned knows of. */
uint32_t adopted__last_file(const struct adopted *adopted);

#endif
