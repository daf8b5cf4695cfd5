/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_TAPFILE_H
#define TAPMETER_TAP_TAPFILE_H
/*
 * One ELF file with functions to tap: which they are, where their probes stand, what they cost, and the links that
 * set the probes. Which files there are, and when to tap them, is taps.c's. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <tapmeter/abi.h>
#include "tap/adopt.h"
#include "tap/calibrate.h"
#include "tap/analysis.h"
#include "tap/intake.h"
#include "tap/linking.h"
#include "tap/mappers.h"
#include "tap/place.h"
#include "tap/probes.h"
#include "tap/profile.h"
#include "tap/taps.h"

/* What all files share: the programs, what to tap, and the numbers that are given out. */
struct tap_shared {
	struct probes *probes;
	struct aside *aside; /* or NULL */
	struct probe_cost cost; /* of one run */
	int transit; /* 1: messages are recognised, to know their delivery times */
	const struct profile *const *profiles;
	size_t profile_count;
	uint32_t *first_op; /* by profile */
	struct adopted *adopted; /* files of a former agent; NULL = none */
	uint32_t next_file, next_spec, next_class;
	uint8_t spec_used[TM_MAX_SPECS];
	const struct profile *class_profile[TM_MAX_OBJECT_CLASSES];
};

/* What a file is known by. Times and size are part of it: a file written anew is looked at again. */
struct file_key {
	uint64_t inode;
	uint64_t size;
	int64_t mtime;
	uint32_t device;
	uint32_t generation;
};

struct tap {
	const struct profile *profile;
	const struct profile_function *function;
	struct elf_symbol symbol;
	uint32_t spec;
	uint64_t first_run; /* of the spec's counter, which its earlier users have moved */
	struct placement placement; /* of the probe */
	/* why it is not tapped though the file is, "" = see `why`; NULL if it is */
	const char *refused;
	char why[128];
};

/* tgid 0: not in use. */
struct process_link {
	uint32_t tgid;
	int seen; /* by the sweep under way */
	struct probe_link *link;
};

struct tap_file {
	struct file_key key;
	struct tap_file *next;
	struct intake_share *share; /* whose numbers it has */
	char *path;
	uint32_t number;
	uint32_t object_class[8]; /* by position of the profile in the file's list; 0 = none */
	const struct profile *class_profiles[8];
	size_t class_count;
	size_t tap_count;
	struct tap *taps;
	struct probe_link *link; /* for all processes */
	uint64_t closing; /* ticket of the link that is being closed, 0 = none */
	struct adopted_file *adopted; /* what it goes on with; NULL: it is new */
	uint32_t link_round; /* counts its links, for their names */
	dev_t link_device; /* of the mount that the link was made through, which it keeps busy */
	struct tm_process_id opener; /* the process whose mount that is */
	int opener_seen; /* by the sweep under way */
	struct tm_mapping last; /* seen by the sweep under way, or when there was one */
	struct process_link links[TAPS_MAX_PROCESSES]; /* or for one each */
	struct linking *linking; /* probes that are being set; NULL = none */
	uint32_t linking_for; /* a process, 0 = all */
	dev_t linking_device; /* as link_device and opener will be */
	struct tm_process_id linking_opener;
	char reason[128];
	uint64_t retry_ns;
	uint64_t given_up_ns; /* how long it was given up for the last time, 0 = never */
	uint64_t spent_before; /* cost at the last call of taps__give_up_dearest() */
	uint64_t last_mapped_ns;
	struct mappers mappers;
	uint32_t processes;
};

/* What its pinned links are named by; round and parts are left 0. */
struct pinned_link tap_file__name(const struct file_key *key, uint32_t number);
/* What a file is known by, from a mapping of it. */
struct file_key tap_file__key(const struct tm_mapping *m);

/*
 * Gives numbers to what has been found in a file (not nothing), and hands the specs to BPF; sets no probe. -ENOMEM, -ENOSPC
 * (too many functions), -EDQUOT (too many of this share, which must outlive the file), or what probes__set_spec() says. A
 * file of a former agent goes on with its link and specs; -ESTALE if these do not fit any more: then adopted__drop() it, and
 * try again.
 */
int tap_file__new(struct tap_shared *shared, const struct file_key *key, struct analysis *analysis,
		  const char *path, struct intake_share *share, struct tap_file **out);
/* Takes the probes off and gives the numbers back; accepts NULL. */
void tap_file__free(struct tap_shared *shared, struct tap_file *file);

/* How many functions of it may be tapped. */
size_t tap_file__functions(const struct tap_file *file);
/*
 * Sets the probes through descriptor fd, for process `tgid`, or for all if 0; then they take the place of those that are there.
 * -errno of probes__attach(), -ENOSPC; -EINPROGRESS: it takes long, and file->linking is to be polled; -EALREADY: another file's do.
 */
int tap_file__link(struct tap_shared *shared, struct tap_file *file, int fd, uint32_t tgid);
/* What has become of it, the same; -EINPROGRESS: nothing yet. */
int tap_file__poll_link(struct tap_shared *shared, struct tap_file *file);
/* Takes all probes off. */
void tap_file__unlink(struct tap_file *file);
int tap_file__is_linked(const struct tap_file *file);
/* The place for a process's own link; a free one with tgid 0. NULL if there is none. */
struct process_link *tap_file__find_link(struct tap_file *file, uint32_t tgid);
void process_link__close(struct process_link *own);

/* Runs and cost since the file was found, nanoseconds; 0 for a function that is refused. */
uint64_t tap__runs(const struct tap_shared *shared, const struct tap *tap);
uint64_t tap__cost(const struct tap_shared *shared, const struct tap *tap);
uint64_t tap_file__cost(const struct tap_shared *shared, const struct tap_file *file);

#endif
