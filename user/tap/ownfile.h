/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_OWNFILE_H
#define TAPMETER_TAP_OWNFILE_H
#include <stdint.h>

/*
 * Where a function of this very executable lies in its file. Returns a descriptor of the file, which the caller
 * closes, and *offset; -ENOENT or the errno of opening it.
 */
int own_file_open(const void *function, uint64_t *offset);

#endif
