/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_MAPPED_FILE_H
#define TAPMETER_TAP_MAPPED_FILE_H
/*
 * A file that a process maps, opened and read. Both are done aside: who serves the file may take long, or never answer, and
 * the process may hold the lock of its memory. One thread.
 */
#include <limits.h>
#include <stdint.h>
#include <tapmeter/abi.h>
#include "tap/analysis.h"

struct aside;

struct mapped_file {
	int fd; /* -1 = none */
	char path[PATH_MAX]; /* as the process names it */
	struct analysis analysis;
	uint64_t cpu_ns; /* that reading it took, in another thread */
};

/*
 * Opens the mapped file itself, whatever has become of its path, which is filled in. Never opens devices: that could have
 * effects. With `profiles` (not NULL) it is analysed, too. 0 and a file to be closed; -ENOENT, -ESTALE when the mapping has gone
 * meanwhile; -ENOEXEC for what is no file; -ENOMEM; -ETIMEDOUT: it took too long; -EBUSY: an earlier question about the
 * process, or about a file on the same device, is not answered yet.
 */
int mapped_file__open(struct aside *aside, const struct tm_mapping *m,
		      const struct analysis_profiles *profiles, struct mapped_file *out);
void mapped_file__close(struct mapped_file *file);

#endif
