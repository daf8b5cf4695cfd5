/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_KERNEL_MAP_H
#define TAPMETER_SUBJECT_KERNEL_MAP_H
/*
 * Kernel ids that the user gives, as texts "KEY=KERNEL_ID", parted at the last '='. A KEY that begins with '/' is a
 * pattern (fnmatch(3), '*' also fits '/') of a cgroup path, any other the beginning of a container's id. The first
 * text that fits counts. Pure.
 */
#include <stddef.h>
#include <tapmeter/abi.h>

struct kernel_map {
	char *const *texts; /* borrowed */
	size_t count;
};

/*
 * The kernel id of what has this container id ("" = none) and is in any of the cgroups of `proc_cgroup`, the text of
 * /proc/PID/cgroup ("" = not known). NULL: none.
 */
const char *kernel_map_find(const struct kernel_map *map, const char *container,
			    const char *proc_cgroup);
/* The same with directory names as struct tm_stream_event carries them. */
const char *kernel_map_find_names(const struct kernel_map *map, const char *container,
				  const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME]);

#endif
