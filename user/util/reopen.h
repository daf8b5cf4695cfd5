/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_REOPEN_H
#define TAPMETER_UTIL_REOPEN_H

/*
 * What an O_PATH descriptor stands for, for reading, if it is a regular file: to open a device may set something off, to
 * open a FIFO may never come back. The descriptor is closed. -ENOEXEC: it is no regular file; -errno.
 */
int reopen_regular(int handle);

#endif
