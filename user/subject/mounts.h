/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_MOUNTS_H
#define TAPMETER_SUBJECT_MOUNTS_H
/*
 * Where the cgroup hierarchies are mounted that account for what containers use, and files in them.
 * One thread.
 */

enum cgroup_hierarchy {
	CGROUP_CPUACCT, /* v1 */
	CGROUP_MEMORY, /* v1 */
	CGROUP_BLKIO, /* v1 */
	CGROUP_UNIFIED, /* v2 */
	CGROUP_HIERARCHIES,
};

struct cgroup_mounts;

/* The v1 controller that makes the hierarchy, "" for v2. */
const char *cgroup_hierarchy_controller(enum cgroup_hierarchy hierarchy);

/*
 * Reads a text like /proc/self/mountinfo; a hierarchy that is not mounted, or not as we can see it,
 * just has no files. -errno of reading it, -ENOMEM.
 */
int cgroup_mounts__new(const char *mountinfo, struct cgroup_mounts **out);
/* Accepts NULL. */
void cgroup_mounts__free(struct cgroup_mounts *mounts);
/*
 * Opens a file of the cgroup that /proc/PID/cgroup names by `path`, for reading. Returns a
 * descriptor that the caller closes, or -errno. Whatever the path holds, the file is in the hierarchy.
 */
int cgroup_mounts__open(const struct cgroup_mounts *mounts, enum cgroup_hierarchy hierarchy,
			const char *path, const char *file);

#endif
