/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_ENGINE_H
#define TAPMETER_SUBJECT_ENGINE_H
/*
 * Asks a container engine (docker, podman: HTTP on a unix socket) for one container. Who may write to that
 * socket commands the engine; therefore the question is written here, the socket's sending side is shut down, and
 * only then may others have it, to read the answer.
 */

/*
 * Returns a non-blocking descriptor from which the answer can be read. `container` is hex digits. Never waits. -EINVAL: no
 * such id or path; -EAGAIN: the engine is busy; -errno.
 */
int engine_ask(const char *path, const char *container);

#endif
