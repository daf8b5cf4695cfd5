/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_CLI_LEFTOVERS_H
#define TAPMETER_CLI_LEFTOVERS_H
/*
 * What agents with --bpf.pin-path have left: looks into `dirs` and the directories in /sys/fs/bpf, prints what it finds, and
 * removes it if `fix` and no agent is there. Returns 0, or -errno if one that was named or found could not be removed.
 */
#include <stddef.h>

int leftovers_list(char *const *dirs, size_t count, int fix);

#endif
