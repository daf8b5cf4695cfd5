/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_KNOWNSTAT_H
#define TAPMETER_UTIL_KNOWNSTAT_H
#include <sys/stat.h>

/*
 * fstat(2), but for files that others serve: what the Linux kernel knows already, without asking who serves the file,
 * who may never answer. Behind an overlay that may be somebody else than who has the file's bytes. Sets st_dev, st_ino,
 * st_mode, st_size, st_mtim, st_ctim. -errno.
 */
int known_stat(int fd, struct stat *out);

#endif
