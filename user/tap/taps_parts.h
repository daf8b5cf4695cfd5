/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_TAPS_PARTS_H
#define TAPMETER_TAP_TAPS_PARTS_H
/*
 * What is behind taps.h, for its parts alone: scan.c looks at mappings and taps what is new; taps.c knows all files, and lets
 * go of what nobody maps. One thread.
 */
#include "tap/closer.h"
#include "tap/hostmounts.h"
#include "tap/intake.h"
#include "tap/seen.h"
#include "tap/tapfile.h"
#include "tap/taps.h"

/* What functions of files that have gone have cost. */
struct spent {
	uint64_t runs, cost_ns;
};

struct taps {
	struct tap_shared shared;
	struct spent **spent; /* by profile, then function */
	struct taps_callbacks cb;
	struct closer *closer;
	struct intake *intake;
	struct taps_passed_over passed_over;
	/* of the scan under way */
	struct intake_owner *owner; /* of process owner_tgid; NULL: it has gone */
	uint32_t owner_tgid;
	uint64_t round; /* number of scans */
	struct seen_files *seen;
	struct seen_files *unsafe; /* that may not be opened */
	struct host_mounts *host_mounts;
	struct tap_file *files;
	uint64_t now_ns;
	uint32_t spec_of_adopted[TM_MAX_SPECS]; /* the number of its file, 0 = none */
	uint64_t first_sweep_ns; /* 0 = none yet */
	int sweeping;
	int any_busy; /* 1: not all processes could be looked at */
	/* mappings of files not seen before, looked at after the iteration */
	struct tm_mapping *fresh;
	size_t fresh_count, fresh_cap;
};

/* One process's mappings, or with tgid 0 all. -errno: not all could be listed. */
int scan(struct taps *taps, uint32_t tgid);
/* After all processes have been looked at: what a former agent tapped and nobody maps, or nobody wants tapped any more. */
void scan_drop_unclaimed(struct taps *taps);
/* Frees the file; what its functions have cost stays known. Accepts NULL. */
void taps__forget_file(struct taps *taps, struct tap_file *file);
/*
 * 1 if a process that maps the file of this mapping holds the lock of its memory: its probes stay as they are, or all of the
 * host would wait. `reason`, unless NULL, then says so. A file that is open or has probes.
 */
int taps__is_held(struct taps *taps, const struct tm_mapping *m, char *reason, size_t size);

#endif
