/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_BENEATH_H
#define TAPMETER_UTIL_BENEATH_H
/*
 * Opens files by paths that others have chosen, without ever leaving a directory: no "..", no
 * symbolic links. Any thread.
 */

/*
 * Opens dir_fd/path, close-on-exec; slashes at the path's ends do not matter. Returns a descriptor
 * that the caller closes, or -errno: -ELOOP for a symbolic link, -EXDEV for a path that leads out,
 * -ENAMETOOLONG.
 */
int beneath_open(int dir_fd, const char *path, int flags);

#endif
