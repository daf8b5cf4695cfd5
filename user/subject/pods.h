/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_PODS_H
#define TAPMETER_SUBJECT_PODS_H
/*
 * What a Kubernetes node's own files say of a container, whatever its engine: names of pods are those of
 * the kubelet's log directories (NAMESPACE_POD_UID), more stands in the runtime's state file.
 */
#include <stddef.h>

#define POD_LOGS "var/log/pods" /* below the host's root directory */

/*
 * Name and namespace of the pod of that UID. `root` is the host's root directory. -ENOENT: not known, both are
 * then ""; -errno.
 */
int pod_find(const char *root, const char *uid, char *pod, size_t pod_size, char *namespace,
	     size_t namespace_size);

/*
 * Opens the runtime's state file (an OCI config.json) of a container of containerd, CRI-O or podman, to be read by
 * somebody else. Returns a descriptor, -ENOENT, -errno.
 */
int state_file_open(const char *root, const char *container);

#endif
