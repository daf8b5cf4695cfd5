/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_DURABLE_H
#define TAPMETER_UTIL_DURABLE_H
/* Writing a file so that, whatever happens and when, there is the old one or the new one, whole. Any thread. */
#include <stddef.h>

/* An open folder to write into. -errno. */
int durable_open(const char *folder);
/*
 * Writes NAME.tmp in the folder, has it on the disk, gives it the name, has that on the disk. -errno; then the file is
 * as it was before, unless it was only that last step that failed.
 */
int durable_write(int folder, const char *name, const void *data, size_t len);

#endif
