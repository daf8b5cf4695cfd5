/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_CGROUP_H
#define TAPMETER_SUBJECT_CGROUP_H
/*
 * Which container a process is in, read off the names of its cgroups: no engine is asked. Known are
 * docker, CRI (containerd, CRI-O), podman and nerdctl, below systemd's slices or without them. Pure
 * functions of text that may hold anything.
 */
#include <stddef.h>
#include <tapmeter/abi.h>

#define CGROUP_CONTAINER_MIN 12 /* hex digits: docker's short form */
#define CGROUP_CONTAINER_MAX 64 /* the full form, a SHA-256 */
#define CGROUP_POD_UID_LEN 36 /* as Kubernetes writes it: 8-4-4-4-12 hex digits */

struct cgroup_identity {
	char container[CGROUP_CONTAINER_MAX + 1]; /* lower-case hex digits */
	/*
	 * Kubernetes pod UID: 8-4-4-4-12, or 32 hex digits (a static pod's hash); "" = none in the
	 * path
	 */
	char pod_uid[CGROUP_POD_UID_LEN + 1];
};

/*
 * The container named by a cgroup path, given as directory names from the leaf up (one hierarchy of
 * struct tm_stream_event; "" is the root, a name fills at most TM_CGROUP_NAME bytes, NUL included).
 * The innermost container wins, and the innermost pod around it. -ENOENT: no container in it;
 * -ENAMETOOLONG: a name may have been cut off before a container was found, so that only /proc can
 * tell. In both cases *out is empty.
 */
int cgroup_container_from_names(const char names[][TM_CGROUP_NAME], size_t n,
				struct cgroup_identity *out);

/*
 * The same from the text of /proc/PID/cgroup: of the v2 hierarchy, or, if that names no container,
 * of the v1 memory controller, or of the first other v1 hierarchy that does. -ENOENT: none; *out is
 * empty.
 */
int cgroup_container_from_text(const char *proc_cgroup, struct cgroup_identity *out);

/*
 * The directory of a container, or of a systemd unit, from the text of /proc/PID/cgroup of a process
 * inside it: in the v1 hierarchy of the controller, or in the v2 hierarchy if that is "". `name` is
 * the container's id or the unit's name. The process may be in a cgroup further down, as below a
 * systemd inside the container. -ENOENT: that hierarchy's path does not name it; -ENAMETOOLONG; *out
 * is untouched. The path begins with '/', and may hold anything else: see util/beneath.h.
 */
int cgroup_container_path(const char *proc_cgroup, const char *controller, const char *name,
			  char *out, size_t size);
#define CGROUP_DELETED \
	" (deleted)" /* the Linux kernel's note behind the path of a removed directory */

/* One line of /proc/PID/cgroup; texts are not NUL-terminated. */
struct cgroup_line {
	const char *path;
	size_t path_len;
	const char *controllers; /* "cpu,cpuacct", "name=systemd"; v2: "" */
	size_t controllers_len;
	int is_v2;
	int has_memory; /* v1's memory controller */
};

/* Each line, until fn returns something other than 0, which is then returned. What is no such line is passed over. */
int cgroup_each_line(const char *proc_cgroup, int (*fn)(void *arg, const struct cgroup_line *line),
		     void *arg);

/*
 * Puts directory names (as above) together to a path, "/" for the root. -ENAMETOOLONG: it does not fit, a name may
 * have been cut off, or the names do not reach up to the root; *path is then "".
 */
int cgroup_path_from_names(const char names[][TM_CGROUP_NAME], size_t n, char *path, size_t size);

#endif
